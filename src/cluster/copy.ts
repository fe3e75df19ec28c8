/**
 * Copies values that one node sends to another, as a wire would. Invariant: the receiver can reach no object of the
 * sender.
 */
import { isError, isRunnerError, messageOf, RunnerError, shownText, stackOf } from '../kernel/errors.ts';
import { isRecord, isUncopyable, NOT_PLAIN, plainCopyOf } from '../kernel/plain-copy.ts';
import { receivedError, sentError, type SentError } from './sent-error.ts';

/**
 * Copies `value` as `structuredClone` does, but for errors, which keep what those that are thrown keep; `what` names it
 * in the error if it cannot be copied.
 *
 * @throws RunnerError `RUNNER_NOT_CLONEABLE`.
 */
export function copyOf<T>(value: T, what: () => string): T {
  try {
    // Most messages are plain data, which `structuredClone` copies ten times more slowly.
    const copy = plainCopyOf(value);
    if (copy !== NOT_PLAIN) return copy as T;
    const survey = new Survey();
    const found = survey.uncloneable(value, '');
    if (found !== undefined) throw refusalOf(found, what(), value);
    return (survey.hasErrors ? copyWithErrors(value) : structuredClone(value)) as T;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_NOT_CLONEABLE')) throw error;
    throw notCloneable(what(), value, messageOf(error), error);
  }
}

function refusalOf({ path, what: kind }: Uncloneable, what: string, value: unknown): RunnerError {
  const where = path === '' ? '' : ` at ${path}`;
  return notCloneable(what, value, `${kind}${where}${INSTEAD[kind] ?? ''}`);
}

function notCloneable(what: string, value: unknown, why: string, cause?: unknown): RunnerError {
  return new RunnerError('RUNNER_NOT_CLONEABLE', `${what} cannot be sent: ${why}`, {
    expected: 'what structured clone can copy',
    actual: value,
    cause,
  });
}

/**
 * Copies all arguments of a call; what two of them share is shared by the copies. The error for one that cannot be
 * copied gives its position.
 */
export function copyOfArguments(args: readonly unknown[], method: string): readonly unknown[] {
  if (args.length === 0) return args;
  try {
    return copyOf(args, () => method);
  } catch {
    // One by one, so that the error names the argument.
    return args.map((arg, index) => copyOf(arg, () => `argument ${index + 1} of ${method}`));
  }
}

/** A part of a value that cannot be copied. */
interface Uncloneable {
  readonly path: string;
  readonly what: string;
}

const AN_ABORT_SIGNAL = 'an AbortSignal';
const A_STUB = 'a stub';
/** What a caller can do instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  [AN_ABORT_SIGNAL]: '; withCallOptions(stub, { signal }) cancels a call',
  [A_STUB]: '; send the name of its node, to which the receiver can connect',
};
/**
 * Classes of the engine and of Node whose objects `structuredClone` copies. It silently turns objects of most others,
 * such as a URL, into an empty object, or shares them with the receiver.
 */
const CLONEABLE: ReadonlySet<string> = new Set([
  ...['Object', 'Array', 'Map', 'Set', 'Date', 'RegExp', 'Boolean', 'Number', 'String', 'BigInt'],
  ...['ArrayBuffer', 'DataView', 'Buffer', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array'],
  ...['Uint16Array', 'Int32Array', 'Uint32Array', 'Float16Array', 'Float32Array', 'Float64Array'],
  ...['BigInt64Array', 'BigUint64Array', 'Blob', 'CryptoKey'],
]);

/** The name of the class of the engine or of Node that `value` is an object of, also through a class that extends it. */
function platformClassOf(value: object): string {
  // Classes of users that are global have no tag of their own.
  if (Object.prototype.toString.call(value) === '[object Object]') return 'Object';
  let prototype = Object.getPrototypeOf(value) as object | null;
  for (; prototype !== null; prototype = Object.getPrototypeOf(prototype) as object | null) {
    const made: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    if (typeof made === 'function' && Reflect.get(globalThis, made.name) === made) return made.name;
  }
  return 'Object';
}

/** Looks through a value that is not plain data. */
class Survey {
  readonly #seen = new Set<object>();
  #hasErrors = false;

  get hasErrors(): boolean {
    return this.#hasErrors;
  }

  /** The first part that cannot be copied; `path` is where `value` is. */
  uncloneable(value: unknown, path: string): Uncloneable | undefined {
    if (typeof value === 'function') return { path, what: 'a function' };
    if (typeof value === 'symbol') return { path, what: 'a symbol' };
    if (typeof value !== 'object' || value === null || this.#seen.has(value)) return undefined;
    this.#seen.add(value);
    if (isUncopyable(value)) return { path, what: A_STUB };
    if (isError(value)) {
      this.#hasErrors = true;
      return undefined;
    }
    const kind = platformClassOf(value);
    if (!CLONEABLE.has(kind)) return { path, what: `${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${kind}` };
    for (const [key, item] of partsOf(value)) {
      const found = this.uncloneable(item, path + key);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function partsOf(value: object): readonly (readonly [string, unknown])[] {
  if (ArrayBuffer.isView(value)) return [['.buffer', value.buffer]];
  if (value instanceof Map) {
    return [...value].flatMap(([key, item]) => [
      ['.keys()', key] as const,
      [`.get(${shownText(key)})`, item] as const,
    ]);
  }
  if (value instanceof Set) return Array.from(value, (item) => ['.values()', item]);
  if (Array.isArray(value)) return Array.from(value as unknown[], (item, index) => [`[${index}]`, item]);
  return Object.entries(value).map(([key, item]) => [`.${key}`, item]);
}

/**
 * Copies a value that contains errors, of which `structuredClone` loses name, code and fields, and those of some classes
 * altogether.
 */
class CopyWithErrors {
  readonly #copyOfError: (error: Error) => object;
  /** By what it is a copy of. */
  readonly #copies: Map<object, object>;

  constructor(copyOfError: (error: Error) => object, copies: Iterable<readonly [object, object]> = []) {
    this.#copyOfError = copyOfError;
    this.#copies = new Map(copies);
  }

  of(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    return this.#copies.get(value) ?? this.#ofObject(value);
  }

  #ofObject(value: object): object {
    if (isError(value)) return this.#keep(value, this.#copyOfError(value));
    if (value instanceof Map) {
      const copy = this.#keep(value, new Map<unknown, unknown>());
      for (const [key, item] of value) copy.set(this.of(key), this.of(item));
      return copy;
    }
    if (value instanceof Set) {
      const copy = this.#keep(value, new Set<unknown>());
      for (const item of value) copy.add(this.of(item));
      return copy;
    }
    if (Array.isArray(value)) return this.#fill(this.#keep(value, new Array<unknown>(value.length)), value);
    if (isRecord(value)) return this.#fill(this.#keep(value, {}), value);
    return this.#keep(value, structuredClone(value));
  }

  #keep<T extends object>(value: object, copy: T): T {
    this.#copies.set(value, copy);
    return copy;
  }

  #fill(copy: object, value: object): object {
    const kind = { writable: true, enumerable: true, configurable: true };
    // Assigning to `__proto__` would set the prototype.
    for (const [key, item] of Object.entries(value)) {
      Object.defineProperty(copy, key, { value: this.of(item), ...kind });
    }
    return copy;
  }
}

/** An error in the form in which it is sent, with its own stack. */
export interface ErrorWithin {
  readonly error: SentError;
  readonly stack: string | undefined;
}

/** Converts an error, or whatever else was thrown. */
export function errorWithin(error: unknown): ErrorWithin {
  return { error: sentError(error), stack: stackOf(error) };
}

/** What a caller would catch if it had been thrown, with the stack of where it was made. */
export function receivedWithin({ error, stack }: ErrorWithin): Error {
  const copy = receivedError(error);
  if (stack === undefined) return copy;
  return Object.defineProperty(copy, 'stack', { value: stack, writable: true, configurable: true });
}

function copyWithErrors(value: unknown): unknown {
  return new CopyWithErrors((error) => receivedWithin(errorWithin(error))).of(value);
}

/** The errors of a value that goes to another thread, by the empty objects that are in their places. */
export type PackedErrors = readonly (readonly [place: object, error: ErrorWithin])[];

/** Takes the errors out of a value that `postMessage` is to copy, which copies them as `structuredClone` does. */
export function packErrors(body: unknown): { readonly body: unknown; readonly errors?: PackedErrors } {
  const survey = new Survey();
  survey.uncloneable(body, '');
  if (!survey.hasErrors) return { body };
  const errors: [place: object, error: ErrorWithin][] = [];
  const copy = new CopyWithErrors((error) => {
    const place = {};
    errors.push([place, errorWithin(error)]);
    return place;
  }).of(body);
  return { body: copy, errors };
}

/** Puts the errors back where they were. */
export function unpackErrors(body: unknown, errors: PackedErrors): unknown {
  const received = errors.map(([place, error]) => [place, receivedWithin(error)] as const);
  return new CopyWithErrors((error) => error, received).of(body);
}
