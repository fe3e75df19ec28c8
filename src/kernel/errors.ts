/**
 * The one error type that this package throws for wrong use, rejected requests and broken invariants. Callers
 * distinguish cases by `code`, which never changes its meaning; the message is for people and may be reworded.
 */

/** Every code a {@link RunnerError} can carry. Each has a heading in `docs/errors.md`. */
export type RunnerErrorCode =
  /** An argument or option is not what the function accepts. */
  | 'RUNNER_INVALID_ARGUMENT'
  /** An invariant of this package is broken: a bug here, never in the caller. */
  | 'RUNNER_INVARIANT'
  /** A run id that the store does not know, or has evicted (R26, R49). */
  | 'RUNNER_UNKNOWN_RUN'
  /** A write that the transition table does not allow (R4). */
  | 'RUNNER_ILLEGAL_MOVE'
  /** The signal of a wait was aborted before anything matched (R34). */
  | 'RUNNER_WAIT_CANCELLED'
  /** The awaited state can no longer occur (R36). */
  | 'RUNNER_CANNOT_HAPPEN'
  /** A single status was requested from an empty list (R42). */
  | 'RUNNER_NO_STATUS'
  /** `run` before initialization is over (R63). */
  | 'RUNNER_INITIALIZING'
  /** `run` after a failed initialization (R63). */
  | 'RUNNER_BROKEN'
  /** `run` while unhealthy (R64). */
  | 'RUNNER_UNHEALTHY'
  /** `run` while full (R64). */
  | 'RUNNER_BUSY'
  /** A call on a released runner, or a wait ended by a release (R84). */
  | 'RUNNER_RELEASED'
  /** A chaos runner without a delegate had to pass a call on (R152). */
  | 'RUNNER_NO_DELEGATE'
  /** An error that a chaos runner or a fault plan injected. */
  | 'RUNNER_INJECTED_FAULT'
  /** An execer could not start a command (R98, R136). */
  | 'RUNNER_EXEC_FAILED'
  /** An output could not be created, written or read. */
  | 'RUNNER_OUTPUT_FAILED'
  /** A filer could not check out, ingest or update. */
  | 'RUNNER_FILER_FAILED'
  /** The filer holds no snapshot with that id (R174). */
  | 'RUNNER_UNKNOWN_SNAPSHOT'
  /** A content store does not hold all requested blobs. */
  | 'RUNNER_MISSING_BLOBS'
  /** Bytes do not have the digest that was given for them. */
  | 'RUNNER_WRONG_DIGEST'
  /** A content store has no room for a blob. */
  | 'RUNNER_STORE_FULL'
  /** A disk has no file of that name. */
  | 'RUNNER_DISK_NOT_FOUND'
  /** A disk has no space for a write. */
  | 'RUNNER_DISK_NO_SPACE'
  /** An operation of a disk failed. */
  | 'RUNNER_DISK_FAILED'
  /** A call on a disk after its close, or after the crash of the process that used it. */
  | 'RUNNER_DISK_CLOSED'
  /** A collaborator was cancelled on request. */
  | 'RUNNER_CANCELLED'
  /**
   * Bytes are not the message of the Remote Execution API that was expected, or a field of it is not what the protocol
   * allows.
   */
  | 'RUNNER_BAD_MESSAGE'
  /** A remote call failed; `status` says how. */
  | 'RUNNER_RPC_FAILED'
  /** A file is not a trace, log, recording or workload that this version reads. */
  | 'RUNNER_TRACE_FORMAT'
  /** A replay reached an entry that does not match. */
  | 'RUNNER_REPLAY_DIVERGED'
  /**
   * A simulation was started inside another one or used after its end, a world of fake timers was used after its end,
   * or a state was declared late or twice.
   */
  | 'RUNNER_SIMULATION_MISUSE'
  /**
   * Code of a simulation called something that no simulation can repeat: a build cluster over the network, and in ambient
   * time also a file, any other network, a process, a real timer.
   */
  | 'RUNNER_OUTSIDE_CALL'
  /** Code of a simulation in ambient time called `process.nextTick` endlessly. */
  | 'RUNNER_ENDLESS_TICKS'
  /** A value cannot be copied to another node. */
  | 'RUNNER_NOT_CLONEABLE'
  /** The other node has no such method. */
  | 'RUNNER_NO_METHOD'
  /** A call on another node was not answered in time; whether it was executed is unknown. */
  | 'RUNNER_CALL_TIMED_OUT'
  /**
   * A call on another node will never be answered, because the node went down or a message was lost; whether it was
   * executed is unknown.
   */
  | 'RUNNER_CALL_LOST'
  /** The called node is down, has left, or never existed: the call was not executed. */
  | 'RUNNER_NODE_DOWN'
  /** An optional package that a function needs is not installed. */
  | 'RUNNER_MISSING_PACKAGE'
  /** A wait, a task, or the leaving of a node of a real network took longer than its limit. */
  | 'RUNNER_TIMED_OUT'
  /** A lock was released by an owner that does not hold it. */
  | 'RUNNER_LOCK_NOT_HELD'
  /** A hold of a lock was released a second time. */
  | 'RUNNER_LOCK_RELEASED'
  /** `wait` of a condition was called without a hold of its mutex, or with one that was released. */
  | 'RUNNER_MUTEX_REQUIRED'
  /** A value was sent to a closed channel, or requested from one that is closed and empty. */
  | 'RUNNER_CHANNEL_CLOSED';

/** Details of a {@link RunnerError} in addition to its message. */
export interface RunnerErrorDetails {
  /** What was expected, in words. */
  readonly expected?: string;
  /** The actual value. */
  readonly actual?: unknown;
  /** The underlying error, if there is one. */
  readonly cause?: unknown;
}

/**
 * Codes of wrong use. Their stack shows the faulty line, so they always have one. Most errors with another code are
 * answers of simulated collaborators; all of them have none while such stacks are suppressed.
 */
const PLACED: ReadonlySet<RunnerErrorCode> = new Set([
  ...(['RUNNER_INVALID_ARGUMENT', 'RUNNER_SIMULATION_MISUSE', 'RUNNER_INVARIANT'] as const),
  ...(['RUNNER_OUTSIDE_CALL', 'RUNNER_ENDLESS_TICKS', 'RUNNER_ILLEGAL_MOVE', 'RUNNER_NO_STATUS'] as const),
  ...(['RUNNER_LOCK_NOT_HELD', 'RUNNER_LOCK_RELEASED', 'RUNNER_MUTEX_REQUIRED'] as const),
  ...(['RUNNER_NOT_CLONEABLE', 'RUNNER_NO_DELEGATE', 'RUNNER_MISSING_PACKAGE'] as const),
]);

/** How stacks are suppressed: errors made between `omit` and `restore`, which takes the result of `omit`, have none. */
export interface StackOmission {
  omit(): PropertyDescriptor | undefined;
  restore(before: PropertyDescriptor | undefined): void;
}

/** One entry for each simulation that has requested it. */
const omissions: StackOmission[] = [];

/**
 * Until the returned function is called, a {@link RunnerError} has no stack unless its code is one of wrong use, even
 * if user code creates it: capturing the place of a fault costs more than injecting it. All other errors keep theirs,
 * since code under test may read it, and must behave the same when its log is replayed.
 */
export function omitStacksOfAnswers(omission: StackOmission): () => void {
  omissions.push(omission);
  return () => void omissions.pop();
}

/**
 * An error with a stable `code`.
 *
 * @example
 * ```ts
 * import { RunnerError } from 'dryrunner';
 * const error = new RunnerError('RUNNER_UNKNOWN_RUN', 'unknown run id 7', { actual: '7' });
 * if (error.code !== 'RUNNER_UNKNOWN_RUN') throw error;
 * ```
 */
export class RunnerError extends Error {
  readonly code: RunnerErrorCode;
  readonly expected: string | undefined;
  readonly actual: unknown;

  constructor(code: RunnerErrorCode, message: string, details?: RunnerErrorDetails) {
    const text = shownText(message);
    const options = errorOptions(details);
    const [omission] = omissions;
    if (omission === undefined || PLACED.has(code)) super(text, options);
    else {
      const before = omission.omit();
      super(text, options);
      omission.restore(before);
    }
    this.name = 'RunnerError';
    this.code = code;
    this.expected = detailOf(details, 'expected') as string | undefined;
    this.actual = detailOf(details, 'actual');
  }
}

/** True if `error` is a {@link RunnerError} (with `code`, if given), even one of another copy of the package. */
export function isRunnerError(error: unknown, code?: RunnerErrorCode): error is RunnerError {
  try {
    if (!(error instanceof Error) || error.name !== 'RunnerError') return false;
    return code === undefined || (error as RunnerError).code === code;
  } catch {
    // Anything may be thrown, even an object that throws when it is read.
    return false;
  }
}

const GENERATOR_FUNCTIONS: ReadonlyMap<unknown, string> = new Map([
  ['GeneratorFunction', 'a generator function'],
  ['AsyncGeneratorFunction', 'an async generator function'],
]);

/** Shows a wrong value in one short line, for messages. Never throws, whatever the value is. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return describeFunction(value);
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return describeObject(value);
  } catch {
    // A proxy or a getter of the value threw; nothing more can be said about it.
    return 'an object';
  }
}

/** True if the value must be called with `new`. A prototype that cannot be replaced is what only a class has. */
export function isClass(value: unknown): boolean {
  try {
    if ((value as { readonly prototype?: unknown } | undefined)?.prototype === undefined) return false;
    return Reflect.getOwnPropertyDescriptor(value as object, 'prototype')?.writable === false;
  } catch {
    // A trap of a proxy threw.
    return false;
  }
}

/** True for a generator function and an async one: a call of it runs nothing of its body. */
export function isGeneratorFunction(value: unknown): boolean {
  return GENERATOR_FUNCTIONS.has(tagOf(value));
}

/** What a function calls itself in its own realm, which may be another one. */
function tagOf(value: unknown): unknown {
  try {
    return typeof value === 'function' ? Reflect.get(value, Symbol.toStringTag) : undefined;
  } catch {
    // A trap of a proxy threw.
    return undefined;
  }
}

function describeFunction(value: unknown): string {
  return GENERATOR_FUNCTIONS.get(tagOf(value)) ?? (isClass(value) ? 'a class' : 'a function');
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const name = classOf(value)?.name;
  return name === undefined ? 'an object' : `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
}

/**
 * The class of an object, or what it calls itself if it has none, as `Math` and generators do; undefined for plain
 * objects, also those of another realm and what inherits from plain objects alone, for modules, and for a class without a
 * name, as that of `process.env` is. Throws what a proxy throws.
 */
export function classOf(value: object): { readonly name: string } | undefined {
  const prototype = Object.getPrototypeOf(value) as {
    readonly constructor?: { readonly name?: unknown };
  } | null;
  const type = prototype?.constructor;
  const name = type?.name;
  if (typeof name === 'string' && name !== '' && name !== 'Object') return type as { readonly name: string };
  const { [Symbol.toStringTag]: tag } = value as { readonly [Symbol.toStringTag]?: unknown };
  return typeof tag === 'string' && tag !== '' && tag !== 'Module' ? { name: tag } : undefined;
}

/** Creates the error for a wrong argument: `timeoutMs: expected a number ≥ 0, got -1`. */
export function invalidArgument(name: string, expected: string, actual: unknown): RunnerError {
  const message = `${shownText(name)}: expected ${shownText(expected)}, got ${describeValue(actual)}`;
  return new RunnerError('RUNNER_INVALID_ARGUMENT', message, { expected, actual });
}

/**
 * A text unchanged, anything else in words: for messages of errors, since an error that cannot be created would hide
 * what went wrong.
 */
export function shownText(value: unknown): string {
  return typeof value === 'string' ? value : describeValue(value);
}

/** Also undefined if the details are not an object, or throw when they are read. */
function detailOf(details: RunnerErrorDetails | undefined, key: keyof RunnerErrorDetails): unknown {
  if (details === undefined) return undefined;
  try {
    return details[key];
  } catch {
    return undefined;
  }
}

/** The `cause` as error options, if there is one that can be read. */
export function errorOptions(details: ErrorOptions | undefined): ErrorOptions | undefined {
  if (details === undefined) return undefined;
  try {
    return 'cause' in details ? { cause: details.cause } : undefined;
  } catch {
    return undefined;
  }
}

/** The message of any thrown value, for people; the name of an error that has no message. Never throws. */
export function messageOf(error: unknown): string {
  if (typeof error === 'string') return error;
  try {
    // The message of an error may be a value of any type.
    return (isError(error) ? textOf(error) : undefined) ?? describeValue(error);
  } catch {
    return describeValue(error);
  }
}

/** The name of an error, if it has one. Never throws. */
export function errorNameOf(error: { readonly name: unknown }): string | undefined {
  try {
    const { name } = error;
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    // A proxy or a getter threw.
    return undefined;
  }
}

/** The cause of an error, if it has one. Never throws. */
export function causeOf(error: unknown): unknown {
  try {
    return isError(error) ? error.cause : undefined;
  } catch {
    // A proxy or a getter threw.
    return undefined;
  }
}

/** Also true for an error of another context of `node:vm`, whose class is different. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** The stack of any thrown value, if it has one. Never throws. */
export function stackOf(error: unknown): string | undefined {
  try {
    return stackIn(error);
  } catch {
    // A proxy or a getter threw.
    return stackWithoutMessage(error);
  }
}

function stackIn(error: unknown): string | undefined {
  const { stack } = (error ?? {}) as { readonly stack?: unknown };
  return typeof stack === 'string' ? stack : undefined;
}

/** The engine reads the message when the stack is first read, and a getter of it may throw. */
function stackWithoutMessage(error: unknown): string | undefined {
  try {
    const own = Object.getOwnPropertyDescriptor(error, 'message');
    Object.defineProperty(error, 'message', { value: '', configurable: true });
    try {
      return stackIn(error);
    } finally {
      if (own === undefined) Reflect.deleteProperty(error as object, 'message');
      else Object.defineProperty(error, 'message', own);
    }
  } catch {
    // It cannot be changed, or something else threw.
    return undefined;
  }
}

function textOf(error: { readonly message: unknown; readonly name: unknown }): string | undefined {
  const { message } = error;
  return typeof message === 'string' && message !== '' ? message : errorNameOf(error);
}
