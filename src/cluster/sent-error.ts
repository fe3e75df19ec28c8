/**
 * Errors that are sent from one node to another, and errors of the network itself. Invariant: whatever was thrown, the
 * caller gets an error with the same class, name, message, code and plain fields.
 */
import { isRunnerError, messageOf, RunnerError, shownText, type RunnerErrorCode } from '../kernel/errors.ts';
import { NOT_PLAIN, plainCopyOf } from '../kernel/plain-copy.ts';

/** An error that a method threw, in the form in which it is sent. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly cause?: SentError;
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
export function sentError(error: unknown, causes: number = CAUSES_MAX): SentError {
  try {
    const sent = errorData(error, causes);
    origins.set(sent, originOf(error));
    return sent;
  } catch {
    // Anything may be thrown, including objects whose properties throw.
    return { name: 'Error', message: messageOf(error) };
  }
}

function errorData(error: unknown, causes: number): SentError {
  const { name, code, cause } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as Partial<SentError>;
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: messageOf(error),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(cause === undefined || causes === 0 ? {} : { cause: sentError(cause, causes - 1) }),
    ...fieldsOf(error),
  };
}

function fieldsOf(error: unknown): Pick<SentError, 'fields'> {
  if (typeof error !== 'object' || error === null) return {};
  const fields: Record<string, unknown> = {};
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(error))) {
    const copy = NO_FIELDS.has(key) || value === undefined ? NOT_PLAIN : plainCopyOf(value);
    if (copy !== NOT_PLAIN) fields[key] = copy;
  }
  return Object.keys(fields).length === 0 ? {} : { fields };
}

/** The error that a caller gets: same class, name, message, code and plain fields, with a stack of the caller's. */
export function receivedError(sent: SentError): Error {
  const { name, message, code, cause, fields } = sent;
  const options = cause === undefined ? {} : { cause: receivedError(cause) };
  const Kind = (Object.hasOwn(KINDS, name) ? KINDS[name] : undefined) ?? Error;
  const error =
    name === 'RunnerError'
      ? new RunnerError(code as RunnerErrorCode, message, options)
      : new Kind(shownText(message), options);
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true });
  if (origins.has(sent)) origins.set(error, origins.get(sent));
  return Object.assign(error, fields, code === undefined ? {} : { code });
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
