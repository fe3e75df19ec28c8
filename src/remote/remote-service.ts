/**
 * A server of the Remote Execution API over any runner: maps methods to handlers, and defines what every answer must
 * satisfy. Invariants: a call ends with a message of its method or an {@link RpcError}, whatever the request contains;
 * a result in the action cache names only blobs that are stored.
 */
import * as is from '../kernel/shape.ts';
import {
  badField,
  decodeAction,
  decodeCommand,
  type MessageKind,
  outcomeMessage,
  outcomeOf,
  soundDigest,
  readMessage,
} from '../cas/action-messages.ts';
import {
  DIGEST_FUNCTION_SHA256,
  type GetActionResultRequest,
  type ActionResultMessage,
  type Init,
  type OperationMessage,
  type ServerCapabilities,
  SYMLINKS_DISALLOWED,
  type UpdateActionResultRequest,
} from '../cas/codec.ts';
import { requireProtobuf } from '../cas/protocol-types.ts';
import { check } from '../kernel/argument-check.ts';
import type { Clock } from '../kernel/clock.ts';
import { isRunnerError } from '../kernel/errors.ts';
import { counted } from '../model/plural.ts';
import { ACTION_CACHE, CONTENT_STORE } from '../model/argument-shapes.ts';
import { type ActionCache, type ContentStore, missingBlobsOf } from '../model/content-store.ts';
import { digestKey, type Digest } from '../model/digest.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import { checkWorld, type World } from '../model/world.ts';
import { holdingFor, missingOf } from './action-store.ts';
import { BATCH_BYTES_MAX, type BlobCompression, Blobs, COMPRESSOR_OF } from './blobs.ts';
import { requireShortNames } from './bounded-text.ts';
import { Executions, type PreparedAction } from './execution.ts';
import { TreeIndex } from './input-tree.ts';
import { REMOTE_METHODS as M } from './methods.ts';
import { missingInputs, rpcFailure } from './rpc-failure.ts';
import { markServer, type RemoteService, type RpcContext, RpcError, type RpcMethod } from './rpc.ts';
import { PAGE_BYTES } from './sent-bytes.ts';
import { below, linkRefusal, linksOfTree, type PlacedLink } from './stored-tree.ts';

/** Collaborators and limits of a server. */
export interface RemoteServiceOptions {
  /**
   * Executes the actions: one runner that queues them by itself, or several that each get one at a time. Their invokers
   * must use the same content store and action cache, through an `ActionStore`. The server does not release them.
   */
  readonly runner: Service | readonly Service[];
  readonly content: ContentStore;
  readonly cache: ActionCache;
  /**
   * Name in questions and operations; unique among the servers of a simulation. Operation names also contain the
   * server's start, so that they are not reused after a restart. Default `remote`.
   */
  readonly name?: string;
  /**
   * Maximum size of all blobs in one batch, in bytes. Its fields make a message at most 194,304 B longer. Default
   * 4,000,000, because most clients accept messages of 4 MiB.
   */
  readonly batchBytesMax?: number;
  /** Maximum size of one blob, in bytes. Default 16 GiB. */
  readonly blobBytesMax?: number;
  /** Maximum timeout of an action, in milliseconds. Default a day. */
  readonly timeoutMsMax?: number;
  /**
   * An action is aborted this many milliseconds after all its clients have gone. The blobs of a result are held until
   * its clients have fetched it, but no longer than this. Default 10,000.
   */
  readonly abandonedAfterMs?: number;
  /**
   * Called with each action that is aborted because all its clients have gone, and the instance that it was requested
   * of. What it throws, or rejects with, is recorded in the trace and, in `realWorld()`, a warning of the process; it
   * changes nothing else.
   */
  readonly onAbandoned?: (action: Digest, instance: string) => void;
  /**
   * With several runners: called with each that refuses an action because it is unhealthy, broken or released, or turns
   * out to be so while actions wait for it, and why.
   * What it throws is treated as that of `onAbandoned`.
   */
  readonly onWorkerLost?: (runner: Service, reason: string) => void;
  /**
   * How many operations that have ended can still be queried. Default 1,000. The oldest go earlier
   * once the results that are kept exceed 64 MiB in all.
   */
  readonly endedMax?: number;
  /**
   * With several runners: how many actions may wait for one; one more fails with RESOURCE_EXHAUSTED. Default 10,000.
   */
  readonly queueMax?: number;
  /**
   * An upload that receives nothing for this many milliseconds is discarded and its space freed, whether its client is
   * silent or it was interrupted and not resumed. Default 60,000.
   */
  readonly uploadIdleMs?: number;
  /**
   * Stores the log at `ref` of a status in `content`; undefined if the ref is unknown. If given, the answer contains what
   * was printed also for an action that was stopped at its timeout, next to DEADLINE_EXCEEDED, and for one whose outputs
   * could not be stored, next to INTERNAL. Default: none.
   */
  readonly storeLog?: (ref: string, content: ContentStore) => MaybePromise<Digest | undefined>;
  /**
   * Called with each run that has ended and its runner, when its answer contains all that it needs of the logs: they may be
   * removed. The answer waits for that. What it throws or rejects with is recorded in the trace, and changes nothing else.
   */
  readonly dropLogs?: (runner: Service, status: RunStatus) => MaybePromise<void>;
  /** Compresses blobs in transit. Default: no compression. */
  readonly compression?: BlobCompression | undefined;
}

const RUNNER = is.withMethods('run', 'query', 'abort');
const OPTIONS = is.optionsOf<RemoteServiceOptions>(
  {
    runner: is.anyOf('a runner, or a list of at least one', RUNNER, is.listOf(RUNNER, 'a list', 1)),
    content: CONTENT_STORE,
    cache: ACTION_CACHE,
  },
  {
    name: is.TEXT,
    batchBytesMax: is.COUNT,
    blobBytesMax: is.COUNT,
    timeoutMsMax: is.DURATION_MS,
    abandonedAfterMs: is.DURATION_MS,
    onAbandoned: is.FUNCTION,
    onWorkerLost: is.FUNCTION,
    endedMax: is.COUNT,
    queueMax: is.COUNT,
    uploadIdleMs: is.DURATION_MS,
    compression: is.withMethods('compress', 'decompress'),
    storeLog: is.FUNCTION,
    dropLogs: is.FUNCTION,
  },
);

const GIB = 1024 ** 3;
const DAY_MS = 86_400_000;
const NOT_IMPLEMENTED = (path: string): RpcError => new RpcError('UNIMPLEMENTED', `no such method: ${path}`);

type UnaryHandler = (request: never, context: RpcContext) => unknown;
type StreamHandler = (request: never, context: RpcContext) => AsyncIterable<unknown>;

/** A server from the perspective of its owner. */
export interface RemoteServer extends RemoteService {
  /** Number of operations in progress, including those that wait for a runner. */
  readonly activeOperations: number;
  /** Number of actions that wait for one of several runners. Each may have several operations. */
  readonly queuedOperations: number;
  /** Number of actions that a runner has, or is about to get. */
  readonly runningActions: number;
  /** Number of unfinished uploads, including interrupted ones. */
  readonly openUploads: number;
  /** Aborts actions in progress, discards unfinished uploads, and accepts nothing new. */
  close(): void;
}

/** Number of servers started per clock: two in one world may start in the same millisecond. */
const STARTS = new WeakMap<Clock, number>();

/** A name that differs for each start of a server: random on a real machine, derived from the seed in a simulation. */
function incarnation({ clock, random }: World): string {
  const startedAt = Math.floor(clock.epochMs + clock.now());
  const nth = (STARTS.get(clock) ?? 0) + 1;
  STARTS.set(clock, nth);
  const chance = random.fork(`remote server ${nth} started at ${startedAt}`).uint32();
  return `${startedAt.toString(36)}-${chance.toString(36)}`;
}

const NO_ANSWERS: AsyncIterator<never> = { next: async () => ({ done: true, value: undefined }) };

/** The answers of a handler, which begins with the first one that is asked for, and fails with an {@link RpcError}. */
class Answers<A> implements AsyncIterableIterator<A> {
  readonly #begin: () => AsyncIterable<A>;
  #answers: AsyncIterator<A> | undefined;

  constructor(begin: () => AsyncIterable<A>) {
    this.#begin = begin;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<A>> {
    try {
      this.#answers ??= this.#begin()[Symbol.asyncIterator]();
      return await this.#answers.next();
    } catch (error) {
      throw rpcFailure(error);
    }
  }

  async return(): Promise<IteratorResult<A>> {
    const answers = this.#answers;
    this.#answers = NO_ANSWERS;
    try {
      await answers?.return?.();
      return { done: true, value: undefined };
    } catch (error) {
      throw rpcFailure(error);
    }
  }
}

class ActionServer implements RemoteServer {
  readonly #content: ContentStore;
  readonly #cache: ActionCache;
  readonly #timeoutMsMax: number;
  readonly #batchBytesMax: number;
  readonly #compression: BlobCompression | undefined;
  readonly #trees: TreeIndex;
  readonly #blobs: Blobs;
  readonly #executions: Executions;
  readonly #unary: ReadonlyMap<string, UnaryHandler>;
  readonly #streams: ReadonlyMap<string, StreamHandler>;
  #isClosed = false;

  constructor(world: World, options: RemoteServiceOptions) {
    const {
      runner,
      content,
      cache,
      name = 'remote',
      compression,
      storeLog,
      dropLogs,
      onAbandoned,
      onWorkerLost,
    } = options;
    const { batchBytesMax = BATCH_BYTES_MAX, blobBytesMax = 16 * GIB, timeoutMsMax = DAY_MS } = options;
    const { abandonedAfterMs = 10_000, endedMax = 1_000, queueMax = 10_000, uploadIdleMs = 60_000 } = options;
    this.#content = content;
    this.#cache = cache;
    this.#timeoutMsMax = timeoutMsMax;
    this.#batchBytesMax = batchBytesMax;
    this.#compression = compression;
    this.#trees = new TreeIndex(content);
    const limits = { batchBytesMax, blobBytesMax, uploadIdleMs };
    this.#blobs = new Blobs({ content, clock: world.clock, name, compression, ...limits });
    const prepare = (action: Digest, context: RpcContext): Promise<PreparedAction> =>
      this.#prepare(action, context);
    const series = `${name}-${incarnation(world)}`;
    const bounds = { abandonedAfterMs, onAbandoned, onWorkerLost, endedMax, queueMax, dropLogs };
    const stored =
      storeLog === undefined
        ? undefined
        : async (ref: string, action: Digest) => storeLog(ref, holdingFor(content, action));
    this.#executions = new Executions(world, { runner, name, series, ...bounds, prepare, storeLog: stored });
    this.#unary = this.#unaryHandlers();
    this.#streams = this.#streamHandlers();
  }

  get activeOperations(): number {
    return this.#executions.active;
  }

  get runningActions(): number {
    return this.#executions.running;
  }

  get queuedOperations(): number {
    return this.#executions.queued;
  }

  get openUploads(): number {
    return this.#blobs.uploads;
  }

  close(): void {
    this.#isClosed = true;
    this.#executions.close();
    this.#blobs.close();
  }

  async unary<Q, A>(method: RpcMethod<Q, A, 'unary'>, request: Q, context: RpcContext): Promise<A> {
    try {
      this.#checkOpen();
      requireShortNames(request);
      const handler = this.#unary.get(method.path);
      if (handler === undefined) throw NOT_IMPLEMENTED(method.path);
      return (await handler(request as never, context)) as A;
    } catch (error) {
      throw rpcFailure(error);
    }
  }

  serverStream<Q, A>(
    method: RpcMethod<Q, A, 'serverStream'>,
    request: Q,
    context: RpcContext,
  ): AsyncIterableIterator<A> {
    return new Answers(() => {
      this.#checkOpen();
      requireShortNames(request);
      const handler = this.#streams.get(method.path);
      if (handler === undefined) throw NOT_IMPLEMENTED(method.path);
      return handler(request as never, context) as AsyncIterable<A>;
    });
  }

  async clientStream<Q, A>(
    method: RpcMethod<Q, A, 'clientStream'>,
    requests: AsyncIterable<Q>,
    context: RpcContext,
  ): Promise<A> {
    try {
      this.#checkOpen();
      if (method.path !== M.write.path) throw NOT_IMPLEMENTED(method.path);
      return (await this.#blobs.write(requests as AsyncIterable<never>, context)) as A;
    } catch (error) {
      throw rpcFailure(error);
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new RpcError('UNAVAILABLE', 'the server is going down');
  }

  #unaryHandlers(): ReadonlyMap<string, UnaryHandler> {
    const handlers = new Map<string, UnaryHandler>();
    const on = <Q, A>(
      { path }: RpcMethod<Q, A, 'unary'>,
      handler: (request: Q, context: RpcContext) => Init<A> | Promise<Init<A>>,
    ): void => {
      handlers.set(path, handler);
    };
    on(M.getCapabilities, () => this.#capabilities());
    on(M.getActionResult, (request, context) => this.#cachedResult(request, context));
    on(M.updateActionResult, (request, context) => this.#updateResult(request, context));
    on(M.findMissingBlobs, (request, context) => this.#blobs.findMissing(request, context));
    on(M.batchUpdateBlobs, (request, context) => this.#blobs.batchUpdate(request, context));
    on(M.batchReadBlobs, (request, context) => this.#blobs.batchRead(request, context));
    on(M.queryWriteStatus, ({ resourceName }, context) =>
      this.#blobs.queryWriteStatus(resourceName, context),
    );
    on(M.getOperation, ({ name }) => this.#executions.get(name));
    on(M.listOperations, (request) => listed(this.#executions.list(), request));
    on(M.cancelOperation, async ({ name }) => {
      await this.#executions.cancel(name);
      return {};
    });
    on(M.deleteOperation, ({ name }) => {
      this.#executions.delete(name);
      return {};
    });
    return handlers;
  }

  #streamHandlers(): ReadonlyMap<string, StreamHandler> {
    const handlers = new Map<string, StreamHandler>();
    const on = <Q, A>(
      { path }: RpcMethod<Q, A, 'serverStream'>,
      handler: (request: Q, context: RpcContext) => AsyncIterable<A>,
    ): void => {
      handlers.set(path, handler as StreamHandler);
    };
    on(M.getTree, (request, context) => this.#blobs.getTree(request, context));
    on(M.read, (request, context) => this.#blobs.read(request, context));
    on(M.execute, (request, context) => this.#executions.execute(request, context));
    on(M.waitExecution, ({ name }, context) => this.#executions.wait(name, context));
    return handlers;
  }

  #capabilities(): Init<ServerCapabilities> {
    const compressors = (this.#compression?.names ?? []).map((name) => COMPRESSOR_OF[name]);
    return {
      cacheCapabilities: {
        digestFunction: [DIGEST_FUNCTION_SHA256],
        actionCacheUpdateCapabilities: { updateEnabled: true },
        maxBatchTotalSizeBytes: this.#batchBytesMax,
        symlinkAbsolutePathStrategy: SYMLINKS_DISALLOWED,
        supportedCompressors: compressors,
        supportedBatchUpdateCompressors: compressors,
      },
      executionCapabilities: { digestFunction: DIGEST_FUNCTION_SHA256, execEnabled: true },
      lowApiVersion: { major: 2 },
      highApiVersion: { major: 2, minor: 2 },
    };
  }

  async #cachedResult(
    { instanceName, actionDigest }: GetActionResultRequest,
    context: RpcContext,
  ): Promise<Init<ActionResultMessage>> {
    const digest = soundDigest('action_digest', actionDigest);
    const outcome = await this.#cache.get(instanceName, digest, context);
    if (outcome === undefined) throw new RpcError('NOT_FOUND', `no cached result for action ${digest.hash}`);
    const missing = await missingOf(this.#content, outcome, context);
    if (missing.length > 0) {
      throw new RpcError(
        'NOT_FOUND',
        `the cached result for action ${digest.hash} has lost ${counted(missing.length, 'blob')}`,
      );
    }
    return outcomeMessage(outcome);
  }

  async #updateResult(
    { instanceName, actionDigest, actionResult }: UpdateActionResultRequest,
    context: RpcContext,
  ): Promise<Init<ActionResultMessage>> {
    const digest = soundDigest('action_digest', actionDigest);
    if (actionResult === null) throw badField('action_result', 'a result', null);
    const outcome = outcomeOf(actionResult);
    if (outcome.exitCode !== 0) {
      throw badField('action_result.exit_code', '0, as failures are not cached', outcome.exitCode);
    }
    const links: PlacedLink[] = [...outcome.outputSymlinks];
    const missing = await missingOf(this.#content, outcome, context, (path, tree) => {
      for (const link of linksOfTree(tree, path)) links.push(link);
    });
    await this.#checkLinks(digest, links, context);
    if (missing.length > 0) throw missingInputs(missing);
    await this.#cache.put(instanceName, digest, outcome, context);
    return outcomeMessage(outcome);
  }

  /** @throws RpcError (rejects) `INVALID_ARGUMENT` for a link that an action here could not have made (R191). */
  async #checkLinks(action: Digest, links: readonly PlacedLink[], context: RpcContext): Promise<void> {
    if (links.length === 0) return;
    const dir = await this.#workingDirectoryOf(action, context);
    for (const { path, target } of links) {
      const refusal = linkRefusal(below(dir, path), target);
      if (refusal !== undefined) throw new RpcError('INVALID_ARGUMENT', refusal);
    }
  }

  /** Where the paths of its outputs begin: at the input root if the key of the result names no action that is stored. */
  async #workingDirectoryOf(action: Digest, context: RpcContext): Promise<string> {
    try {
      const content = this.#content;
      const { commandDigest } = await readMessage(content, 'action', action, decodeAction, context);
      const command = await readMessage(content, 'command', commandDigest, decodeCommand, context);
      return command.workingDirectory;
    } catch (error) {
      const isNoAction = isRunnerError(error, 'RUNNER_BAD_MESSAGE');
      if (!isNoAction && missingBlobsOf(error) === undefined) throw error;
      return '';
    }
  }

  /** Reads a blob that an action needs. A missing one is a failed precondition, not a NOT_FOUND of the request. */
  async #needed<T>(
    kind: MessageKind,
    digest: Digest,
    context: RpcContext,
    decode: (bytes: Uint8Array) => T,
  ): Promise<T> {
    try {
      return await readMessage(this.#content, kind, digest, decode, context);
    } catch (error) {
      const missing = missingBlobsOf(error);
      throw missing === undefined ? error : missingInputs(missing, kind === 'action' ? digest : undefined);
    }
  }

  /** Checks that everything an action needs is stored and valid, and holds it until the action has ended. */
  async #prepare(digest: Digest, context: RpcContext): Promise<PreparedAction> {
    const action = await this.#needed('action', digest, context, decodeAction);
    const { commandDigest, inputRootDigest, timeoutMs = 0, doNotCache } = action;
    if (timeoutMs > this.#timeoutMsMax) {
      throw badField('action.timeout', `${this.#timeoutMsMax} ms at most`, timeoutMs);
    }
    const command = await this.#needed('command', commandDigest, context, decodeCommand);
    if (command.arguments.length === 0) throw badField('command.arguments', 'a program', command.arguments);
    const { blobs, missing } = await this.#trees.blobsOf(inputRootDigest, context);
    const needed = [digest, commandDigest, ...blobs];
    const hold = this.#content.hold(needed);
    try {
      // Any of them may have been evicted before they were held.
      const lost = [...missing, ...(await this.#content.findMissing(needed, context))];
      if (lost.length > 0) {
        throw missingInputs([...new Map(lost.map((one) => [digestKey(one), one])).values()], digest);
      }
      return { hold, argv: command.arguments, isShared: !doNotCache };
    } catch (error) {
      hold.release();
      throw error;
    }
  }
}

const PAGE_SIZE_MAX = 500;

function listed(
  all: readonly OperationMessage[],
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string },
): { readonly operations: readonly OperationMessage[]; readonly nextPageToken: string } {
  const from = pageToken === '' ? 0 : Number(pageToken);
  if (!Number.isSafeInteger(from) || from < 0) throw badField('page_token', 'one of this server', pageToken);
  const size = pageSize > 0 ? Math.min(pageSize, PAGE_SIZE_MAX) : PAGE_SIZE_MAX;
  const operations: OperationMessage[] = [];
  let bytes = 0;
  for (const operation of all.slice(from, from + size)) {
    bytes += M.getOperation.response.encode(operation).length;
    if (operations.length > 0 && bytes > PAGE_BYTES) break;
    operations.push(operation);
  }
  const to = from + operations.length;
  return { operations, nextPageToken: to < all.length ? String(to) : '' };
}

/**
 * Creates a server of the Remote Execution API v2 that executes actions on `runner`. It does no I/O: pass it to a gRPC
 * server (`serveRemote` of `dryrunner/host`), or in a simulation to a client as its transport.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options, `RUNNER_MISSING_PACKAGE` without protobufjs.
 * @example
 * ```ts
 * import { createFakeRunner, simulate } from 'dryrunner';
 * import { createMemoryActionCache, createMemoryContentStore, createRemoteService, overWire } from 'dryrunner/remote';
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const runner = createFakeRunner(sim.world);
 *     const content = createMemoryContentStore();
 *     const server = createRemoteService(sim.world, { runner, content, cache: createMemoryActionCache() });
 *     const transport = overWire(server);
 *     if (typeof transport.unary !== 'function') throw new Error('expected what a client calls');
 *     server.close();
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function createRemoteService(world: World, options: RemoteServiceOptions): RemoteServer {
  checkWorld(world);
  check('options', options, OPTIONS);
  requireProtobuf('createRemoteService');
  const server = new ActionServer(world, options);
  markServer(server);
  return server;
}
