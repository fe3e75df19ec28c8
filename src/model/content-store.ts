/**
 * The contracts of stores that hold blobs and results by digest: a content store, an action cache, and the two combined
 * as a runner of the Bazel path sees them. Reading a blob that is not there fails with a {@link MissingBlobsError} and
 * never yields an empty blob; a write whose bytes do not match the digest leaves nothing behind.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { isRunnerError, RunnerError } from '../kernel/errors.ts';
import type {
  Action,
  ActionCommand,
  ActionOutcome,
  ActionOutputs,
  ExecuteRequest,
  RpcViolation,
} from './action.ts';
import type { Cancellable } from './cancellation.ts';
import { checkDigests, digestKey, type Digest } from './digest.ts';
import type { MaybePromise } from './maybe-promise.ts';
import type { Output } from './output.ts';
import { OUT_OF_QUOTA } from './system-error.ts';

/**
 * Thrown if a content store does not hold some blobs: code `RUNNER_MISSING_BLOBS`, with their digests. Throw it from a
 * content store of your own, so that runners and servers know which blobs to ask for again.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a list of digests.
 * @example
 * ```ts
 * import { digestOf, MissingBlobsError, missingBlobsOf } from 'dryrunner/remote';
 * const blobs = new Map<string, Uint8Array>();
 * function read(digest: ReturnType<typeof digestOf>): Uint8Array {
 *   const bytes = blobs.get(digest.hash);
 *   if (bytes === undefined) throw new MissingBlobsError([digest]);
 *   return bytes;
 * }
 * try {
 *   read(digestOf('never written'));
 * } catch (error) {
 *   console.log(missingBlobsOf(error)?.length); // 1
 * }
 * ```
 */
export class MissingBlobsError extends RunnerError {
  /** All of them; the message names the first ten. */
  readonly digests: readonly Digest[];

  /** `cause` says why they are missing, and `what` what they are of, if that is known. */
  constructor(digests: readonly Digest[], cause?: unknown, what = '') {
    checkDigests('digests', digests);
    check('what', what, is.TEXT);
    super('RUNNER_MISSING_BLOBS', `${what === '' ? '' : `${what}: `}missing blobs: ${namesOf(digests)}`, {
      actual: digests,
      ...(cause === undefined ? {} : { cause }),
    });
    this.digests = digests;
  }
}

/** How many missing blobs a message names: one of all of a large tree's could not be read, nor sent as a status. */
const NAMED_MAX = 10;

function namesOf(digests: readonly Digest[]): string {
  const names = digests.slice(0, NAMED_MAX).map(digestKey).join(', ');
  const more = digests.length - NAMED_MAX;
  return more > 0 ? `${names} and ${more} more` : names;
}

/**
 * The blobs that an error reports missing; undefined for all other errors. Also recognizes an error from another copy
 * of the package.
 *
 * @example
 * ```ts
 * import { createMemoryContentStore, digestOf, missingBlobsOf } from 'dryrunner/remote';
 * try {
 *   createMemoryContentStore().read(digestOf('never written'));
 * } catch (error) {
 *   console.log(missingBlobsOf(error)?.length); // 1
 * }
 * ```
 */
export function missingBlobsOf(error: unknown): readonly Digest[] | undefined {
  return isRunnerError(error, 'RUNNER_MISSING_BLOBS') ? (error as MissingBlobsError).digests : undefined;
}

/** The missing blobs as precondition violations, one for each digest (R188). */
export function violationsOf(digests: readonly Digest[]): readonly RpcViolation[] {
  return digests.map((digest) => ({ type: 'MISSING', subject: `blobs/${digestKey(digest)}` }));
}

const OUT_OF_ROOM: ReadonlySet<unknown> = new Set([
  'RUNNER_STORE_FULL',
  'RUNNER_DISK_NO_SPACE',
  // System error codes.
  'ENOSPC',
  ...OUT_OF_QUOTA,
  'EFBIG',
]);

const OUT_OF_FILES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE']);

const PASSING: ReadonlySet<unknown> = new Set(['RUNNER_DISK_FAILED', 'RUNNER_INJECTED_FAULT']);

/** Limits how many nested causes are examined. */
const CAUSES_MAX = 10;

/** True if an operation failed for lack of space, in a store or on a disk. */
export function isOutOfRoom(error: unknown): boolean {
  return hasCode(error, OUT_OF_ROOM);
}

/** True if an operation failed because the process, or the machine, has as many open files as it may have. */
export function isOutOfFiles(error: unknown): boolean {
  return hasCode(error, OUT_OF_FILES);
}

/** True if an operation failed because of a disk of the server, which may be repaired, or of a fault that strikes one call. */
export function isPassingFailure(error: unknown): boolean {
  return hasCode(error, PASSING);
}

function hasCode(error: unknown, codes: ReadonlySet<unknown>): boolean {
  let cause = error;
  for (let depth = 0; depth < CAUSES_MAX && cause instanceof Error; depth += 1) {
    if (codes.has((cause as { readonly code?: unknown }).code)) return true;
    ({ cause } = cause);
  }
  return false;
}

/** The error for bytes that do not match their digest: `RUNNER_WRONG_DIGEST`. `actual` is what they have, in words. */
export function wrongDigest(expected: Digest, actual: string): RunnerError {
  const message = `expected bytes with digest ${digestKey(expected)}, got ${actual}`;
  return new RunnerError('RUNNER_WRONG_DIGEST', message, { expected: digestKey(expected), actual });
}

/** The error of finishing a blob that was discarded half written: `RUNNER_INVALID_ARGUMENT`. */
export function givenUp(digest: Digest): RunnerError {
  const message = `expected a blob that was not discarded, got ${digestKey(digest)}`;
  return new RunnerError('RUNNER_INVALID_ARGUMENT', message, { actual: digest });
}

/**
 * Refuses what can never be a blob of that store, before it is read to find out its digest.
 *
 * @throws RunnerError `RUNNER_STORE_FULL`.
 */
export function requireRoom({ blobBytesMax = Infinity }: ContentStore, bytes: number, what: string): void {
  if (bytes <= blobBytesMax) return;
  const message = `expected at most ${blobBytesMax} B, which the content store can hold, got ${bytes} B: ${what}`;
  throw new RunnerError('RUNNER_STORE_FULL', message, { expected: String(blobBytesMax), actual: bytes });
}

/** The part of a blob to read. */
export interface BlobRange {
  /** Offset of the first byte. Default 0. */
  readonly offset?: number;
  /** Maximum number of bytes. Default: to the end. */
  readonly limit?: number;
}

export const BLOB_RANGE: is.Shape = is.objectOf<BlobRange>(
  'an object with offset and limit',
  {},
  is.each(['offset', 'limit'], is.COUNT),
);
export const BLOB_BYTES: is.Shape = is.instanceOf('a Uint8Array', Uint8Array);

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an offset beyond the end of a blob. */
export function checkOffset(offset: number, blobBytes: number): void {
  if (offset <= blobBytes) return;
  const message = `expected an offset of at most ${blobBytes}, got ${offset}`;
  throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, { actual: offset });
}

/** Writes a blob, possibly in several attempts. The blob is invisible until it is finished. */
export interface BlobWriter {
  /** Number of bytes accepted so far: the offset at which to resume. */
  readonly committedBytes: number;
  /** Appends; `offset` must be {@link committedBytes}. */
  write(offset: number, chunk: Uint8Array): MaybePromise<void>;
  /**
   * Publishes the blob if its hash and size match the digest, and otherwise discards it. A second call is a no-op;
   * after `discard` it fails.
   */
  finish(): MaybePromise<void>;
  /** Discards the blob: drops what was written and accepts no more. A no-op after `finish`. */
  discard(): MaybePromise<void>;
}

/** Keeps blobs from being evicted. */
export interface BlobHold {
  /** Allows the blobs to be evicted again, unless another hold covers them. A second call is a no-op. */
  release(): void;
}

/** Stores blobs by digest. The empty blob is always present. */
export interface ContentStore {
  /** A cancelled call ends within this many milliseconds (R199). */
  readonly cancelBoundMs: number;
  /** The size of the largest blob that it can ever hold. Default: no limit. */
  readonly blobBytesMax?: number;
  /**
   * The digests that are not present, in the order given, without repeats. Those that are present count as used and are
   * evicted later.
   */
  findMissing(digests: readonly Digest[], cancel?: Cancellable): MaybePromise<readonly Digest[]>;
  /**
   * The bytes of a blob, as a copy for the caller. Rejects with `RUNNER_MISSING_BLOBS`, also if they were damaged: the
   * blob has to be written again.
   */
  read(digest: Digest, range?: BlobRange, cancel?: Cancellable): MaybePromise<Uint8Array>;
  /** As `read`, in chunks. */
  readStream(digest: Digest, range?: BlobRange, cancel?: Cancellable): AsyncIterable<Uint8Array>;
  /**
   * Stores a blob. Rejects with `RUNNER_WRONG_DIGEST` if the bytes do not match the digest, and with
   * `RUNNER_STORE_FULL` if there is no room.
   */
  write(digest: Digest, bytes: Uint8Array, cancel?: Cancellable): MaybePromise<void>;
  /** Starts to write a blob in chunks. */
  openWrite(digest: Digest): BlobWriter;
  /** Blobs that are held are not evicted until the hold is released, also those that are stored only later. */
  hold(digests: readonly Digest[]): BlobHold;
  /**
   * Holds `digests` for as long as `held` is held: the outputs of an action for as long as its server needs the action.
   * A no-op if nobody holds `held`. Stores that never evict need not implement it.
   */
  holdAlong?(held: Digest, digests: readonly Digest[]): void;
}

/** Stores results by action. */
export interface ActionCache {
  /** A cancelled call ends within this many milliseconds (R199). */
  readonly cancelBoundMs: number;
  get(instanceName: string, action: Digest, cancel?: Cancellable): MaybePromise<ActionOutcome | undefined>;
  put(instanceName: string, action: Digest, outcome: ActionOutcome, cancel?: Cancellable): MaybePromise<void>;
}

/** What the Bazel path of a runner needs from outside (R186–R192). A cancelled call fails. */
export interface ActionStore {
  /** A cancelled call ends within this many milliseconds (R199). */
  readonly cancelBoundMs: number;
  /** The cached result, provided that everything it refers to is still stored. */
  cachedOutcome(request: ExecuteRequest, cancel: Cancellable): MaybePromise<ActionOutcome | undefined>;
  action(digest: Digest, cancel: Cancellable): MaybePromise<Action>;
  command(digest: Digest, cancel: Cancellable): MaybePromise<ActionCommand>;
  /**
   * Creates what the command expects before it starts (R190): the parent directories of its outputs, and the link to a
   * JDK if it asks for one.
   */
  prepareOutputs(dir: string, command: ActionCommand, cancel: Cancellable): MaybePromise<void>;
  /** Stores those declared outputs that the command has created in its directory (R191). */
  storeOutputs(
    dir: string,
    command: ActionCommand,
    cancel: Cancellable,
    /** The action whose outputs they are; they are held for as long as the action is. */
    request?: ExecuteRequest,
  ): MaybePromise<ActionOutputs>;
  /** Stores the content of a log; see {@link storeOutputs}. */
  storeLog(log: Output, cancel: Cancellable, request?: ExecuteRequest): MaybePromise<Digest>;
  /** Stores a result in the cache (R192). Rejects instead if the directory of the action may have lost outputs. */
  keep(
    request: ExecuteRequest,
    outcome: ActionOutcome,
    cancel: Cancellable,
    executed?: ExecutedAction,
  ): MaybePromise<void>;
}

/** An action whose command has ended, and the directory in which it ran. */
export interface ExecutedAction {
  readonly dir: string;
  readonly action: Action;
  readonly command: ActionCommand;
}
