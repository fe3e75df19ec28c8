/**
 * The contracts of what holds blobs and results by digest: a content store, an action cache, and the two as a runner of the Bazel path sees
 * them. What no store has is a {@link MissingBlobsError}, never an empty blob; a write whose bytes do not fit the digest leaves nothing.
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
import { DIGEST, digestKey, type Digest } from './digest.ts';
import type { MaybePromise } from './maybe-promise.ts';
import type { Output } from './output.ts';

const MANY_DIGESTS = is.listOf(DIGEST, 'a list of digests');

/**
 * Blobs that a content store does not hold: code `RUNNER_MISSING_BLOBS`, and which they are. A content store of your own throws it, so that
 * runners and servers know what to ask for again.
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
  readonly digests: readonly Digest[];

  constructor(digests: readonly Digest[]) {
    check('digests', digests, MANY_DIGESTS);
    super('RUNNER_MISSING_BLOBS', `missing blobs: ${digests.map(digestKey).join(', ')}`, { actual: digests });
    this.digests = digests;
  }
}

/**
 * The blobs that an error says are missing, also one from another copy of the package; undefined for all other errors.
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

/** What is missing as violations of a precondition, one for each digest (R188). */
export function violationsOf(digests: readonly Digest[]): readonly RpcViolation[] {
  return digests.map((digest) => ({ type: 'MISSING', subject: `blobs/${digestKey(digest)}` }));
}

const OUT_OF_ROOM: ReadonlySet<unknown> = new Set([
  'RUNNER_STORE_FULL',
  'RUNNER_DISK_NO_SPACE',
  // As the system says it.
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
]);

/** Bounds the walk along causes. */
const CAUSES_MAX = 10;

/** Whether something failed because there is no room for it: in a store, or on the disk. */
export function isOutOfRoom(error: unknown): boolean {
  let cause = error;
  for (let depth = 0; depth < CAUSES_MAX && cause instanceof Error; depth += 1) {
    if (OUT_OF_ROOM.has((cause as { readonly code?: unknown }).code)) return true;
    ({ cause } = cause);
  }
  return false;
}

/** A blob that was given up half written cannot be finished: `RUNNER_INVALID_ARGUMENT`. */
export function givenUp(digest: Digest): RunnerError {
  const message = `expected a blob that was not discarded, got ${digestKey(digest)}`;
  return new RunnerError('RUNNER_INVALID_ARGUMENT', message, { actual: digest });
}

/** Which bytes of a blob. */
export interface BlobRange {
  /** The first one. Default 0. */
  readonly offset?: number;
  /** How many at most. Default: to the end. */
  readonly limit?: number;
}

/** A blob on its way in, which may be written in several goes. Nobody sees it before it is finished. */
export interface BlobWriter {
  /** How many bytes have been taken: where to go on. */
  readonly committedBytes: number;
  /** Appends; `offset` must be {@link committedBytes}. */
  write(offset: number, chunk: Uint8Array): MaybePromise<void>;
  /** Makes it a blob, if hash and size are those of its digest, and else gives it up. A second call does nothing; after `discard` it is refused. */
  finish(): MaybePromise<void>;
  /** Gives the blob up: what was written is forgotten, and no more is taken. Does nothing after `finish`. */
  discard(): MaybePromise<void>;
}

/** Blobs that somebody needs. */
export interface BlobHold {
  /** They may go again, unless others hold them. A second call does nothing. */
  release(): void;
}

/** Blobs by digest. The empty blob is always there. */
export interface ContentStore {
  /** Within this many milliseconds a cancelled call has ended (R199). */
  readonly cancelBoundMs: number;
  /** Those that are not there, in the order asked, each once. What is there is used by that, so that it goes later than others. */
  findMissing(digests: readonly Digest[], cancel?: Cancellable): MaybePromise<readonly Digest[]>;
  /** The bytes of a blob, the caller's own. Rejects with `RUNNER_MISSING_BLOBS`, or `RUNNER_WRONG_DIGEST` if they were damaged. */
  read(digest: Digest, range?: BlobRange, cancel?: Cancellable): MaybePromise<Uint8Array>;
  /** The same in parts. */
  readStream(digest: Digest, range?: BlobRange, cancel?: Cancellable): AsyncIterable<Uint8Array>;
  /** Keeps bytes. Rejects with `RUNNER_WRONG_DIGEST` if they are others, with `RUNNER_STORE_FULL` if there is no room. */
  write(digest: Digest, bytes: Uint8Array, cancel?: Cancellable): MaybePromise<void>;
  /** Takes a blob in parts. */
  openWrite(digest: Digest): BlobWriter;
  /** What is held is not evicted until it is released, also what comes in later. */
  hold(digests: readonly Digest[]): BlobHold;
  /**
   * Holds blobs for as long as somebody holds `held`: what an action makes, for as long as its server needs the action. Does nothing if nobody
   * holds that. A store that evicts nothing need not have it.
   */
  holdAlong?(held: Digest, digests: readonly Digest[]): void;
}

/** Results by action. */
export interface ActionCache {
  /** Within this many milliseconds a cancelled call has ended (R199). */
  readonly cancelBoundMs: number;
  get(instanceName: string, action: Digest, cancel?: Cancellable): MaybePromise<ActionOutcome | undefined>;
  put(instanceName: string, action: Digest, outcome: ActionOutcome, cancel?: Cancellable): MaybePromise<void>;
}

/** What the Bazel path of a runner asks of the outside (R186–R192). A call that is cancelled fails. */
export interface ActionStore {
  /** Within this many milliseconds a cancelled call has ended (R199). */
  readonly cancelBoundMs: number;
  /** The cached result, if all that it names is there. */
  cachedOutcome(request: ExecuteRequest, cancel: Cancellable): MaybePromise<ActionOutcome | undefined>;
  action(digest: Digest, cancel: Cancellable): MaybePromise<Action>;
  command(digest: Digest, cancel: Cancellable): MaybePromise<ActionCommand>;
  /** Makes what must be there before the command starts (R190): parents of its outputs, and the link to a JDK if it asks for one. */
  prepareOutputs(dir: string, command: ActionCommand, cancel: Cancellable): MaybePromise<void>;
  /** Stores the outputs that the command has made in its directory, those that are there (R191). */
  storeOutputs(
    dir: string,
    command: ActionCommand,
    cancel: Cancellable,
    /** Whose outputs they are: they are held for as long as their action is. */
    request?: ExecuteRequest,
  ): MaybePromise<ActionOutputs>;
  /** Stores what a log holds; see {@link storeOutputs}. */
  storeLog(log: Output, cancel: Cancellable, request?: ExecuteRequest): MaybePromise<Digest>;
  /** Puts a result in the cache (R192). */
  keep(request: ExecuteRequest, outcome: ActionOutcome, cancel: Cancellable): MaybePromise<void>;
}
