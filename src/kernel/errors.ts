/**
 * The one error type that this package throws for wrong use, refused requests and broken invariants. Callers distinguish cases
 * apart by `code`, which never changes its meaning; the message is for people and may be reworded.
 */

/** Every code a {@link RunnerError} can carry. Each has a heading in `docs/errors.md`. */
export type RunnerErrorCode =
  /** An argument or option is not what the function takes. */
  | 'RUNNER_INVALID_ARGUMENT'
  /** An invariant of this package is broken: a bug here, never in the caller. */
  | 'RUNNER_INVARIANT'
  /** A run id that the store does not know, or has evicted (R26, R49). */
  | 'RUNNER_UNKNOWN_RUN'
  /** A write that the transition table does not allow (R4). */
  | 'RUNNER_ILLEGAL_MOVE'
  /** The signal of a wait was aborted before anything matched (R34). */
  | 'RUNNER_WAIT_CANCELLED'
  /** The awaited state can no longer come (R36). */
  | 'RUNNER_CANNOT_HAPPEN'
  /** A single status was asked of an empty list (R42). */
  | 'RUNNER_NO_STATUS'
  /** `run` before initialization is over (R63). */
  | 'RUNNER_INITIALIZING'
  /** `run` after a failed initialization (R63). */
  | 'RUNNER_BROKEN'
  /** `run` while unhealthy (R64). */
  | 'RUNNER_UNHEALTHY'
  /** `run` while full (R64). */
  | 'RUNNER_BUSY'
  /** A call on a runner that was released, or a wait ended by a release (R84). */
  | 'RUNNER_RELEASED'
  /** A chaos runner without delegate was asked to pass a call on (R152). */
  | 'RUNNER_NO_DELEGATE'
  /** An error that a chaos runner or a fault plan injected. */
  | 'RUNNER_INJECTED_FAULT'
  /** An execer could not start a command (R98, R136). */
  | 'RUNNER_EXEC_FAILED'
  /** An output could not be created, written or read. */
  | 'RUNNER_OUTPUT_FAILED'
  /** A filer could not check out, ingest or update. */
  | 'RUNNER_FILER_FAILED'
  /** The filer holds no snapshot of that id (R174). */
  | 'RUNNER_UNKNOWN_SNAPSHOT'
  /** A content store does not hold all blobs that were asked for. */
  | 'RUNNER_MISSING_BLOBS'
  /** Bytes do not have the digest that they are said to have. */
  | 'RUNNER_WRONG_DIGEST'
  /** A content store has no room for a blob. */
  | 'RUNNER_STORE_FULL'
  /** A disk has no file of that name. */
  | 'RUNNER_DISK_NOT_FOUND'
  /** A disk has no space for what was written. */
  | 'RUNNER_DISK_NO_SPACE'
  /** A disk could not do what it was asked for. */
  | 'RUNNER_DISK_FAILED'
  /** A call on a disk after its close, or after the crash of the process that it belonged to. */
  | 'RUNNER_DISK_CLOSED'
  /** A collaborator was cancelled on request. */
  | 'RUNNER_CANCELLED'
  /** Bytes are not the message of the Remote Execution API that was expected, or a field of it is not what the protocol allows. */
  | 'RUNNER_BAD_MESSAGE'
  /** A remote call failed; `status` says how. */
  | 'RUNNER_RPC_FAILED'
  /** A file is not a trace, log, recording or workload that this version reads. */
  | 'RUNNER_TRACE_FORMAT'
  /** A replay met an entry that does not fit. */
  | 'RUNNER_REPLAY_DIVERGED'
  /** A simulation was started inside another one, or used after its end, as was a world of fake timers, or its state was declared late or twice. */
  | 'RUNNER_SIMULATION_MISUSE'
  /** Code of a simulation in ambient time called what no simulation can repeat: a file, a network, a process, a real timer. */
  | 'RUNNER_OUTSIDE_CALL'
  /** Code of a simulation in ambient time called `process.nextTick` without an end. */
  | 'RUNNER_ENDLESS_TICKS'
  /** A value cannot be copied to another node. */
  | 'RUNNER_NOT_CLONEABLE'
  /** The other node has no such method. */
  | 'RUNNER_NO_METHOD'
  /** A call on another node was not answered in time; whether it was done is not known. */
  | 'RUNNER_CALL_TIMED_OUT'
  /** A call on another node will never be answered: it went down meanwhile, or a message was lost; whether it was done is not known. */
  | 'RUNNER_CALL_LOST'
  /** The node that was called is down, has left, or never was: the call was not done. */
  | 'RUNNER_NODE_DOWN'
  /** An optional package that a function needs is not installed. */
  | 'RUNNER_MISSING_PACKAGE'
  /** A wait, a call or a task took longer than its limit. */
  | 'RUNNER_TIMED_OUT'
  /** A lock was released by somebody who does not hold it. */
  | 'RUNNER_LOCK_NOT_HELD'
  /** A hold of a lock was released a second time. */
  | 'RUNNER_LOCK_RELEASED'
  /** A condition was to wait without a hold of its mutex. */
  | 'RUNNER_MUTEX_REQUIRED'
  /** A value was sent to a closed channel, or asked of one that is closed and empty. */
  | 'RUNNER_CHANNEL_CLOSED';

/** What a {@link RunnerError} can say beside its message. */
export interface RunnerErrorDetails {
  /** What was expected, in words. */
  readonly expected?: string;
  /** What came instead. */
  readonly actual?: unknown;
  /** The error underneath, if there is one. */
  readonly cause?: unknown;
}

/** Codes of wrong use. Their stack shows the line that is wrong, so they always have one; all other codes are answers of simulated things. */
const PLACED: ReadonlySet<RunnerErrorCode> = new Set([
  ...(['RUNNER_INVALID_ARGUMENT', 'RUNNER_SIMULATION_MISUSE', 'RUNNER_INVARIANT'] as const),
  ...(['RUNNER_OUTSIDE_CALL', 'RUNNER_ENDLESS_TICKS', 'RUNNER_ILLEGAL_MOVE', 'RUNNER_NO_STATUS'] as const),
  ...(['RUNNER_LOCK_NOT_HELD', 'RUNNER_LOCK_RELEASED', 'RUNNER_MUTEX_REQUIRED'] as const),
  ...(['RUNNER_NOT_CLONEABLE', 'RUNNER_NO_DELEGATE', 'RUNNER_MISSING_PACKAGE'] as const),
]);

/** Stops the taking of stacks until what it gives is called, as `setStackLimit(0)` does. */
type OmitStack = () => () => void;

/** One for each simulation that has asked for it. */
const omitting: OmitStack[] = [];

/**
 * Until what it gives is called, the errors by which simulated things answer have no stack, also where user code makes them: a fault costs more to place than to
 * inject. All other errors have theirs, since code under test may read it, and has to do the same when its log is run again.
 */
export function omitStacksOfAnswers(omit: OmitStack): () => void {
  omitting.push(omit);
  return () => void omitting.pop();
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
    const restore = PLACED.has(code) ? undefined : omitting[0]?.();
    super(text, options);
    restore?.();
    this.name = 'RunnerError';
    this.code = code;
    this.expected = detailOf(details, 'expected') as string | undefined;
    this.actual = detailOf(details, 'actual');
  }
}

/** True if `error` is a {@link RunnerError} (with that code, if one is given); also across two copies of the package. */
export function isRunnerError(error: unknown, code?: RunnerErrorCode): error is RunnerError {
  try {
    if (!(error instanceof Error) || error.name !== 'RunnerError') return false;
    return code === undefined || (error as RunnerError).code === code;
  } catch {
    // Anything may be thrown, also what throws when it is looked at.
    return false;
  }
}

/** Shows a wrong value in one short line, for messages. Never throws, whatever the value is. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return describeObject(value);
  } catch {
    // A proxy or a getter of the value threw; that it is an object is all there is to say.
    return 'an object';
  }
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null)?.constructor
    ?.name;
  if (typeof name !== 'string' || name === 'Object') return 'an object';
  return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
}

/** Makes the error for a wrong argument: `timeoutMs: expected a number ≥ 0, got -1`. */
export function invalidArgument(name: string, expected: string, actual: unknown): RunnerError {
  const message = `${shownText(name)}: expected ${shownText(expected)}, got ${describeValue(actual)}`;
  return new RunnerError('RUNNER_INVALID_ARGUMENT', message, { expected, actual });
}

/** A text as it is, anything else in words: for the messages of errors, since an error that cannot be made hides what went wrong. */
export function shownText(value: unknown): string {
  return typeof value === 'string' ? value : describeValue(value);
}

/** Undefined also where the details are no object, or throw when they are looked at. */
function detailOf(details: RunnerErrorDetails | undefined, key: keyof RunnerErrorDetails): unknown {
  if (details === undefined) return undefined;
  try {
    return details[key];
  } catch {
    return undefined;
  }
}

/** The `cause`, if there is one that can be read. */
export function errorOptions(details: ErrorOptions | undefined): ErrorOptions | undefined {
  if (details === undefined) return undefined;
  try {
    return 'cause' in details ? { cause: details.cause } : undefined;
  } catch {
    return undefined;
  }
}

/** The message of whatever was thrown, for texts that people read; of an error that has none, its name. Never throws. */
export function messageOf(error: unknown): string {
  if (typeof error === 'string') return error;
  try {
    // An error is an object like others: what it says of itself may be anything.
    return (isError(error) ? textOf(error) : undefined) ?? describeValue(error);
  } catch {
    return describeValue(error);
  }
}

/** Also one of another context of `node:vm`, whose class is another one. */
function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

/** The stack of whatever was thrown, if it has one. Never throws. */
export function stackOf(error: unknown): string | undefined {
  try {
    const { stack } = (error ?? {}) as { readonly stack?: unknown };
    return typeof stack === 'string' ? stack : undefined;
  } catch {
    // A proxy or a getter threw.
    return undefined;
  }
}

function textOf({ message, name }: { message: unknown; name: unknown }): string | undefined {
  return [message, name].find((text): text is string => typeof text === 'string' && text !== '');
}
