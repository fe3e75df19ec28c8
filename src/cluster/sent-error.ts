/**
 * Errors that are sent from one node to another, and errors of the network itself. Invariants: whatever was thrown, the
 * caller gets an error with the same name, message, code and plain fields, of the same class if that is one of the
 * language or `RunnerError`; its cause, and each error of an aggregate, is the same if it is an error or plain data, else
 * an error that says what it was (`a Map`); causes are followed eight deep, and what is met twice is sent once.
 */
import {
  isError,
  isRunnerError,
  messageOf,
  RunnerError,
  shownText,
  type RunnerErrorCode,
} from '../kernel/errors.ts';
import { NOT_PLAIN, plainCopyOf } from '../kernel/plain-copy.ts';

/** What another error carries: an error, or plain data. */
type SentReason = { readonly error: SentError } | { readonly value: unknown };

/** An error that a method threw, in the form in which it is sent. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly cause?: SentReason;
  /** Those of an `AggregateError`, as of `Promise.any`. */
  readonly errors?: readonly SentReason[];
  /** Its other own properties that can be copied. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Properties that are sent separately or not at all. */
const NO_FIELDS: ReadonlySet<string> = new Set(['name', 'message', 'code', 'cause', 'stack']);

const KINDS: Readonly<Record<string, new (message: string, options?: ErrorOptions) => Error>> = {
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
};
const CAUSES_MAX = 8;

/** Maps errors that were sent within this process to the value that was thrown at the other end. */
const origins = new WeakMap<object, unknown>();

/** The value that was originally thrown, whose stack shows where, if it is known; else the error itself. */
export function originOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && origins.has(error) ? origins.get(error) : error;
}

/** Converts an error, or whatever else was thrown, to the form in which it is sent. */
export function sentError(error: unknown): SentError {
  return new Sending().sent(error, CAUSES_MAX);
}

/** Converts one error and all that it carries. */
class Sending {
  /** What was converted already, by the number of causes that were followed from it. */
  readonly #done = Array.from({ length: CAUSES_MAX + 1 }, () => new Map<unknown, SentError>());

  sent(error: unknown, causes: number): SentError {
    const done = this.#done[causes] as Map<unknown, SentError>;
    const sent = done.get(error) ?? this.#converted(error, causes);
    done.set(error, sent);
    return sent;
  }

  #converted(error: unknown, causes: number): SentError {
    try {
      const sent = this.#data(error, causes);
      origins.set(sent, originOf(error));
      return sent;
    } catch {
      // Anything may be thrown, including objects whose properties throw.
      return { name: 'Error', message: messageOf(error) };
    }
  }

  #data(error: unknown, causes: number): SentError {
    const { name, code, cause } = (
      typeof error === 'object' && error !== null ? error : {}
    ) as Partial<SentError>;
    const errors = causes === 0 ? undefined : errorsOf(error);
    return {
      name: typeof name === 'string' ? name : 'Error',
      message: messageOf(error),
      ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
      ...(cause === undefined || causes === 0 ? {} : { cause: this.#reason(cause, causes - 1) }),
      ...(errors === undefined ? {} : { errors: errors.map((one) => this.#reason(one, causes - 1)) }),
      ...fieldsOf(error, errors === undefined ? [] : ['errors']),
    };
  }

  /** Any value can be a cause, and what a promise rejects with. */
  #reason(reason: unknown, causes: number): SentReason {
    const copy = isError(reason) ? NOT_PLAIN : plainCopyOf(reason);
    return copy === NOT_PLAIN ? { error: this.sent(reason, causes) } : { value: copy };
  }
}

/** The errors of an `AggregateError`; undefined for any other error, whose `errors` are a field like others. */
function errorsOf(error: unknown): readonly unknown[] | undefined {
  if (!(error instanceof AggregateError)) return undefined;
  const { errors } = error as { readonly errors: unknown };
  return Array.isArray(errors) ? (errors as unknown[]) : undefined;
}

/** Without the properties named `apart`, which are sent separately. */
function fieldsOf(error: unknown, apart: readonly string[]): Pick<SentError, 'fields'> {
  if (typeof error !== 'object' || error === null) return {};
  const fields: Record<string, unknown> = {};
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(error))) {
    const isField = !NO_FIELDS.has(key) && !apart.includes(key) && value !== undefined;
    const copy = isField ? plainCopyOf(value) : NOT_PLAIN;
    if (copy !== NOT_PLAIN) fields[key] = copy;
  }
  return Object.keys(fields).length === 0 ? {} : { fields };
}

/** The error that a caller gets, see the top of the file, with a stack of the caller's. */
export function receivedError(sent: SentError): Error {
  return received(sent, new Map());
}

/** What was sent once is one error in `done`. */
function received(sent: SentError, done: Map<SentError, Error>): Error {
  const before = done.get(sent);
  if (before !== undefined) return before;
  const { name, code, fields } = sent;
  const error = newError(sent, done);
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true });
  if (origins.has(sent)) origins.set(error, origins.get(sent));
  done.set(sent, error);
  return Object.assign(error, fields, code === undefined ? {} : { code });
}

function newError({ name, message, code, cause, errors }: SentError, done: Map<SentError, Error>): Error {
  const reasonOf = (reason: SentReason): unknown =>
    'error' in reason ? received(reason.error, done) : reason.value;
  const options = cause === undefined ? {} : { cause: reasonOf(cause) };
  if (name === 'RunnerError') return new RunnerError(code as RunnerErrorCode, message, options);
  const text = shownText(message);
  if (errors !== undefined) return new AggregateError(errors.map(reasonOf), text, options);
  const Kind = (Object.hasOwn(KINDS, name) ? KINDS[name] : undefined) ?? Error;
  return new Kind(text, options);
}

/**
 * True if a call failed in the network rather than in the called method: it timed out, its node was down, or a message
 * was lost.
 *
 * @example
 * ```ts
 * import { simulate } from 'dryrunner';
 * import { createNetwork, isCallLost } from 'dryrunner/cluster';
 * await simulate({
 *   async scenario(sim) {
 *     const net = createNetwork(sim);
 *     net.node('server', () => ({ ping: () => 'pong' })).crash();
 *     try {
 *       await net.connect<{ ping(): string }>('server').ping();
 *     } catch (error) {
 *       if (!isCallLost(error)) throw error;
 *     }
 *   },
 * });
 * ```
 */
export function isCallLost(error: unknown): boolean {
  return (
    isRunnerError(error, 'RUNNER_CALL_LOST') ||
    isRunnerError(error, 'RUNNER_CALL_TIMED_OUT') ||
    isRunnerError(error, 'RUNNER_NODE_DOWN')
  );
}
