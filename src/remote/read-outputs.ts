/**
 * Reads the files that an action has made from the cluster that has its result. Invariant: bytes match their digests, and
 * no entry leads out of the input root, by name or by link.
 */
import * as is from '../kernel/shape.ts';
import { requireProtobuf } from '../cas/protocol-types.ts';
import { createMemoryTree, type TreeEntries, type TreeEntry } from '../filers/memory-tree.ts';
import { check } from '../kernel/argument-check.ts';
import { isRunnerError } from '../kernel/errors.ts';
import { namedTopic } from '../kernel/question.ts';
import type { ActionOutputs, OutputDirectory, OutputFile, OutputSymlink } from '../model/action.ts';
import { isPathBelow } from '../model/confined-path.ts';
import { type Digest, DIGEST, snapshotOfDigest } from '../model/digest.ts';
import { checkWorld, type World } from '../model/world.ts';
import { CallTrace } from './call-trace.ts';
import { createContentFiler } from './content-filer.ts';
import { FetchedTree } from './fetched-tree.ts';
import { checkLink } from './input-tree.ts';
import { CALL_MS_MAX, RemoteClient, RETRIES_MAX, TRANSPORT } from './remote-client.ts';
import type { RemoteService } from './rpc.ts';
import { below } from './stored-tree.ts';
import { unreadOutput } from './unread-output.ts';

/** Options of {@link readOutputs}. */
export interface ReadOutputsOptions {
  /** The connection to the cluster that ran the action. */
  readonly transport: RemoteService;
  /** The result of the action: `status.actionResult.result`. */
  readonly result: ActionOutputs;
  /**
   * The working directory of the action's command, in which the paths of its outputs begin. Their links may lead out of
   * it, but not out of the input root. Default `''`, the input root.
   */
  readonly workingDirectory?: string;
  /** Selects one of several instances on the server. Default `''`. */
  readonly instanceName?: string;
  /** How many times a call that failed for a transient reason is retried. Default 5. */
  readonly retriesMax?: number;
  /** How long nothing may come, in milliseconds, before a call has failed. Default 60,000. */
  readonly callMsMax?: number;
  /** Ends the reading. */
  readonly signal?: AbortSignal;
}

const PATH = is.satisfying(
  'a path below the outputs',
  (value) => typeof value === 'string' && isPathBelow(value),
);
/** An action may declare all that its command leaves, which is the directory ''. */
const DIR_PATH = is.satisfying(
  "'' or a path below the outputs",
  (value) => value === '' || (typeof value === 'string' && isPathBelow(value)),
);
const RESULT = is.objectOf<ActionOutputs>(
  'the result of an action, such as status.actionResult.result',
  {
    outputFiles: is.listOf(
      is.recordOf<OutputFile>({ path: PATH, digest: DIGEST, isExecutable: is.BOOLEAN }, {}),
      'a list of files',
    ),
    outputDirectories: is.listOf(
      is.recordOf<OutputDirectory>({ path: DIR_PATH, treeDigest: DIGEST }, {}),
      'a list of directories',
    ),
    outputSymlinks: is.listOf(
      is.recordOf<OutputSymlink>({ path: PATH, target: is.TEXT }, {}),
      'a list of links',
    ),
  },
  {},
);
const OPTIONS = is.optionsOf<ReadOutputsOptions>(
  { transport: TRANSPORT, result: RESULT },
  {
    workingDirectory: is.satisfying(
      "'' or a path below the input root",
      (value) => value === '' || (typeof value === 'string' && isPathBelow(value)),
    ),
    instanceName: is.TEXT,
    retriesMax: is.COUNT,
    callMsMax: is.DURATION_MS,
    signal: is.instanceOf('an AbortSignal', AbortSignal),
  },
);

/**
 * Reads the outputs of an action: every file, directory and link by its path, and what is in directories after them.
 * All are held in memory. The trace has the calls, as those of `readOutputs`.
 *
 * @throws RunnerError (rejects) `RUNNER_INVALID_ARGUMENT` for invalid options; `RUNNER_RPC_FAILED` if the cluster cannot
 * be reached; `RUNNER_RPC_FAILED` or `RUNNER_MISSING_BLOBS` if it has lost an output, which is named; `RUNNER_BAD_MESSAGE`
 * for a link that leads out, and for an invalid directory; `RUNNER_MISSING_PACKAGE` without protobufjs.
 * @example
 * ```ts
 * import { createMemoryTree, simulate, virtualTempDirs, createMemoryOutputs, finalStatus } from 'dryrunner';
 * import { createQueueRunner, createSimExecer } from 'dryrunner/kit';
 * import {
 *   createActionStore, createContentFiler, createMemoryActionCache, createMemoryContentStore, createRemoteRunner,
 *   createRemoteService, createWritingExecer, encodeAction, encodeCommand, overWire, readOutputs, snapshotOfDigest,
 * } from 'dryrunner/remote';
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const [content, cache, tree] = [createMemoryContentStore(), createMemoryActionCache(), createMemoryTree()];
 *     const worker = createQueueRunner(sim.world, {
 *       execer: createWritingExecer(createSimExecer({ clock: sim.world.clock }), tree),
 *       outputs: createMemoryOutputs(),
 *       tempDirs: virtualTempDirs(),
 *       filers: new Map([['bazel', { filer: createContentFiler({ content, tree }) }]]),
 *       actions: createActionStore({ content, cache, tree }),
 *     });
 *     const server = createRemoteService(sim.world, { runner: worker, content, cache });
 *     const transport = overWire(server);
 *     const mine = createMemoryContentStore();
 *     const lists = { outputFiles: [], outputDirectories: [], platform: [] };
 *     const command = { arguments: ['write out/a.txt A'], environmentVariables: {}, workingDirectory: '', ...lists };
 *     const commandDigest = mine.add(encodeCommand({ ...command, outputPaths: ['out'] }));
 *     const actionDigest = mine.add(encodeAction({ commandDigest, inputRootDigest: mine.add(''), doNotCache: false }));
 *     const runner = createRemoteRunner(sim.world, { transport, content: mine });
 *     const { runId } = await runner.run({
 *       argv: [], snapshotId: snapshotOfDigest(actionDigest), executeRequest: { actionDigest },
 *     });
 *     const { status } = await finalStatus(runner, runId);
 *     const result = status.actionResult?.result;
 *     if (result === undefined) throw new Error(status.error);
 *     const made = await readOutputs(sim.world, { transport, result });
 *     sim.check([...made.keys()].join(' ') === 'out out/a.txt', 'the directory, and the file in it');
 *     await runner.release();
 *     server.close();
 *     await worker.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export async function readOutputs(world: World, options: ReadOutputsOptions): Promise<TreeEntries> {
  checkWorld(world);
  check('options', options, OPTIONS);
  requireProtobuf('readOutputs');
  const { transport, result, instanceName = '', retriesMax = RETRIES_MAX, callMsMax = CALL_MS_MAX } = options;
  const { workingDirectory = '', signal = new AbortController().signal } = options;
  const limits = { transport, instanceName, retriesMax, callMsMax };
  const { tracer } = world;
  const calls = tracer === undefined ? undefined : new CallTrace(world, tracer, 'readOutputs');
  const client = new RemoteClient(world, limits, namedTopic('outputs', 'read', instanceName), signal, calls);
  const read = async (path: string, digest: Digest): Promise<Uint8Array> => {
    try {
      return await client.read(digest);
    } catch (error) {
      throw unreadOutput(path, error);
    }
  };
  const entries = new Map<string, TreeEntry>();
  for (const { path, digest, isExecutable } of result.outputFiles) {
    entries.set(path, { kind: 'file', bytes: await read(path, digest), executable: isExecutable });
  }
  for (const { path, treeDigest } of result.outputDirectories) {
    const bytes = await read(path, treeDigest);
    const content = new FetchedTree(client);
    if (path !== '') entries.set(path, { kind: 'dir' });
    try {
      const at = below(workingDirectory, path);
      const root = content.addTree(bytes, at, path);
      for (const [name, entry] of await entriesBelow(at, root, content, signal)) {
        entries.set(below(path, name), entry);
      }
    } catch (error) {
      throw isRunnerError(error, 'RUNNER_BAD_MESSAGE') ? unreadOutput(path, error) : content.named(error);
    }
  }
  for (const { path, target } of result.outputSymlinks) {
    checkLink(path, below(workingDirectory, path), target);
    entries.set(path, { kind: 'link', target });
  }
  return entries;
}

/** The entries below a directory of a tree, whose files are fetched. */
async function entriesBelow(
  at: string,
  root: Digest,
  content: FetchedTree,
  signal: AbortSignal,
): Promise<TreeEntries> {
  const tree = createMemoryTree();
  const filer = createContentFiler({ content, tree });
  const { path: dir } = await filer.checkout(snapshotOfDigest(root), { signal });
  return tree.entriesUnder(below(dir, at));
}
