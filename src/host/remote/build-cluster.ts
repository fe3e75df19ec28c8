/**
 * This machine as a build cluster: stores on the disk, workers, and the server in front of them. Invariant: once it is
 * closed, no action is still running, and nothing is left on the disk except the stores in a folder that the caller
 * named.
 */
import * as is from '../../kernel/shape.ts';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { createSimExecer } from '../../execers/sim-execer.ts';
import { parseSimScript } from '../../execers/sim-script.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument, messageOf, RunnerError } from '../../kernel/errors.ts';
import { errorsOfSteps } from '../../kernel/errors-of-steps.ts';
import { type Question, topicOf } from '../../kernel/question.ts';
import { randomDecisions } from '../../kernel/random-decisions.ts';
import type { ActionCommand } from '../../model/action.ts';
import { METRICS } from '../../model/argument-shapes.ts';
import type { ActionCache, ActionStore, ContentStore } from '../../model/content-store.ts';
import type { Digest } from '../../model/digest.ts';
import type { Execer } from '../../model/execer.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { Service } from '../../model/service.ts';
import type { World } from '../../model/world.ts';
import { type RemoteFaults, withRemoteFaults } from '../../remote/remote-faults.ts';
import {
  createRemoteService,
  type RemoteServer,
  type RemoteServiceOptions,
} from '../../remote/remote-service.ts';
import { sharedMetrics } from '../../metrics/shared-metrics.ts';
import { createExecRunner, type ExecRunner } from '../exec-runner.ts';
import { createLocalOutputs, type LocalOutputs, type OutputRetention } from '../outputs/local-output.ts';
import { realWorld } from '../real-world.ts';
import { meaningOf } from '../../model/system-error.ts';
import { makeTempFolder, type TempFolder } from '../temp-folder.ts';
import { BLOB_COMPRESSION } from './blob-compression.ts';
import { casFilerIn } from './cas-filer.ts';
import { createDiskActionCache } from './disk-action-cache.ts';
import { createDiskActions } from './disk-actions.ts';
import {
  createDiskContentStore,
  createUnsharedContentStore,
  type DiskContentStore,
} from './disk-content-store.ts';
import { guardCallback, sayingHourly } from '../guard-callback.ts';
import { refuseGrpcInSimulation } from './load-grpc.ts';
import { PrivateActionCache } from './private-action-cache.ts';
import { PrivateContentStore } from './private-content-store.ts';
import { storeFile } from './stored-tree.ts';
import { WorkFolder } from './work-folder.ts';
import { WorkLogs } from './work-logs.ts';
import type { RemoteService } from '../../remote/rpc.ts';
import {
  checkServing,
  type RemoteEndpoint,
  SERVING_FIELDS,
  serveRemote,
  type ServeRemoteOptions,
} from './grpc-server.ts';

/** How actions are carried out: `exec` runs commands on the machine, `simulated` only pretends to. */
export type WorkerKind = 'exec' | 'simulated';

/** Options of {@link serveBuildCluster}. */
export interface BuildClusterOptions extends Omit<ServeRemoteOptions, 'service'> {
  /**
   * The folder of the content store and the action cache; it is kept. Default: a new temporary folder, removed on
   * close.
   */
  readonly cas?: string | undefined;
  /** How many bytes of blobs are kept; the least recently used go first. Default 10 GiB. */
  readonly casBytesMax?: number;
  /** How many actions run concurrently, 1,024 at most. Default: one per core. */
  readonly jobs?: number;
  /**
   * How many bytes are kept of what an action prints to each of stdout and stderr. What comes after them is cut: the
   * log says so where it ends, the response has a message, and the result is not cached. Default 256 MiB.
   */
  readonly logBytesMax?: number;
  /**
   * `exec` (default) runs commands on this machine. `simulated` runs none: each takes up to 50 ms, its outputs are
   * placeholders, and it succeeds; a command whose arguments are a script of steps, such as `sleep 100` and `complete
   * 3`, follows that script.
   */
  readonly workers?: WorkerKind;
  /** Aborts an action when all of its clients have been gone for this long. Default 10,000. */
  readonly abandonedAfterMs?: number;
  /**
   * Called with each action that is aborted because all its clients have gone, and the instance that it was requested
   * of. What it throws, or rejects with, is a warning of the process, and changes nothing else.
   */
  readonly onAbandoned?: (action: Digest, instance: string) => void;
  /** Gives up an upload that receives no data for this long. Default 60,000. */
  readonly uploadIdleMs?: number;
  /** Injects faults as real clusters show them, decided by this seed. Default: no faults. */
  readonly chaosSeed?: string | undefined;
  /** Which faults, and how often; only with a `chaosSeed`. */
  readonly faults?: RemoteFaults;
  /** Receives the metrics of all workers; a gauge such as `runningTask` is the sum over them. */
  readonly metrics?: Metrics | undefined;
  /**
   * Gets a sentence, the same one once an hour, about trouble that clients can do nothing about: the folder `cas` was
   * removed and cannot be made again, its disk is full below `casBytesMax`, no folder can be made for actions, their logs
   * cannot be kept, or a worker takes no more actions. What it throws, or rejects with, is a warning of the process, and
   * changes nothing else.
   */
  readonly onTrouble?: (text: string) => void;
}

/** As many as the command line takes. */
const JOBS_MAX = 1_024;
const OPTIONS = is.optionsOf<BuildClusterOptions>(
  {},
  {
    ...SERVING_FIELDS,
    cas: is.text('a path', /^[^\0]+$/),
    casBytesMax: is.limit(),
    jobs: is.integer(1, JOBS_MAX),
    logBytesMax: is.limit(),
    workers: is.oneOf('exec', 'simulated'),
    chaosSeed: is.text('a text that is not empty', /./s),
    metrics: METRICS,
    onTrouble: is.FUNCTION,
    onAbandoned: is.FUNCTION,
    // Validated by the parts that receive them.
    ...is.each(['faults', 'abandonedAfterMs', 'uploadIdleMs'], is.ANY),
  },
);

/** A running build cluster. */
export interface BuildCluster extends RemoteEndpoint {
  readonly service: RemoteServer;
  readonly content: DiskContentStore;
  readonly cache: ActionCache;
  /** How many actions run concurrently. */
  readonly jobs: number;
}

/** Bytes of blobs that a cluster with a folder of its own keeps, unless its options say otherwise. */
export const CAS_BYTES_MAX: number = 10 * 1024 ** 3;
/** Bytes of each of stdout and stderr of an action that are kept, unless the options say otherwise. */
export const LOG_BYTES_MAX: number = 256 * 1024 ** 2;
/** The longest that a simulated action without a script takes. */
const PRETENDED_MS = 50;

/** An execer that runs nothing: a script is simulated, any other command takes a moment and succeeds. */
function pretendingExecer(world: World): Execer {
  const execer = createSimExecer({ clock: world.clock });
  const lengths = world.random.fork('actions');
  return {
    cancelBoundMs: execer.cancelBoundMs,
    exec: (command) =>
      execer.exec(
        isScript(command.argv)
          ? command
          : { ...command, argv: [`sleep ${lengths.int(PRETENDED_MS)}`, 'complete 0'] },
      ),
  };
}

function isScript(argv: readonly string[]): boolean {
  try {
    parseSimScript(argv);
    return true;
  } catch {
    return false;
  }
}

/** Writes placeholders for the outputs of commands that do not run. */
function withPlaceholders(actions: ActionStore): ActionStore {
  const prepareOutputs = async (
    dir: string,
    command: ActionCommand,
    cancel: Parameters<ActionStore['prepareOutputs']>[2],
  ): Promise<void> => {
    await actions.prepareOutputs(dir, command, cancel);
    const top = join(dir, command.workingDirectory);
    const { outputFiles, outputDirectories, outputPaths } = command;
    for (const path of outputDirectories) mkdirSync(join(top, path), { recursive: true });
    for (const path of new Set(outputPaths.length > 0 ? outputPaths : outputFiles)) {
      // Newer clients list directories in both fields, or only files inside them.
      if (existsSync(join(top, path))) continue;
      writeFileSync(join(top, path), `a placeholder for ${path}\n`);
    }
  };
  return {
    cancelBoundMs: actions.cancelBoundMs,
    cachedOutcome: (request, cancel) => actions.cachedOutcome(request, cancel),
    action: (digest, cancel) => actions.action(digest, cancel),
    command: (digest, cancel) => actions.command(digest, cancel),
    prepareOutputs,
    storeOutputs: (...given) => actions.storeOutputs(...given),
    storeLog: (...given) => actions.storeLog(...given),
    keep: (...given) => actions.keep(...given),
  };
}

/** The folder of one cluster, and the stores in it. */
interface Stores {
  readonly content: DiskContentStore;
  readonly cache: ActionCache;
}

function openStores(
  { cas, casBytesMax = CAS_BYTES_MAX, onTrouble }: BuildClusterOptions,
  temporary: TempFolder,
): Stores {
  const dir = cas === undefined ? temporary.path : resolve(cas);
  const heard = onTrouble === undefined ? {} : { onTrouble };
  let content: DiskContentStore | undefined;
  try {
    const options = { dir: join(dir, 'cas'), maxBytes: casBytesMax, ...heard };
    content = cas === undefined ? createUnsharedContentStore(options) : createDiskContentStore(options);
    const cache = createDiskActionCache({ dir: join(dir, 'ac'), ...heard });
    if (cas !== undefined) return { content, cache };
    return {
      content: new PrivateContentStore(content, temporary),
      cache: new PrivateActionCache(cache, temporary),
    };
  } catch (error) {
    content?.close();
    if (error instanceof RunnerError) throw error;
    if (cas === undefined) {
      const message = `the temporary folder ${dir} of a build cluster cannot be used: ${messageOf(error)}`;
      throw new RunnerError('RUNNER_OUTPUT_FAILED', message, { cause: error });
    }
    const message = `cas: ${cas} cannot be used: ${messageOf(error)}`;
    const expected = 'a folder that can be written to';
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, { expected, actual: cas, cause: error });
  }
}

const NO_OUTPUTS: OutputRetention = { maxCount: 0 };

/** The log files of each worker. */
function makeLogs(
  { jobs = availableParallelism() }: BuildClusterOptions,
  { path }: TempFolder,
  say: (text: string) => void,
): LocalOutputs[] {
  const options = {
    dir: join(path, 'logs'),
    // Drops logs that nobody has dropped: those of a run whose worker has not said how it ended.
    retention: NO_OUTPUTS,
    onFailure: (error: RunnerError) =>
      say(`not all that actions print can be kept in ${path}: ${meaningOf(error.cause ?? error)}`),
  };
  return Array.from({ length: jobs }, () => new WorkLogs(createLocalOutputs(options), say));
}

function makeWorkers(
  world: World,
  options: BuildClusterOptions,
  stores: Stores,
  logs: readonly LocalOutputs[],
  folders: WorkFolder,
): ExecRunner[] {
  const { content, cache } = stores;
  const { workers = 'exec', logBytesMax = LOG_BYTES_MAX, metrics } = options;
  const real = createDiskActions({ content, cache });
  const actions = workers === 'exec' ? real : withPlaceholders(real);
  const filers = new Map([['bazel', { filer: casFilerIn(content, folders) }] as const]);
  const metricsOfWorker = metrics === undefined ? () => undefined : sharedMetrics(metrics);
  return logs.map((outputs, index) =>
    createExecRunner({
      world,
      name: `worker-${index + 1}`,
      outputs,
      logBytesMax,
      actions,
      filers,
      metrics: metricsOfWorker(),
      watchdog: true,
      ...(workers === 'exec' ? {} : { execer: pretendingExecer(world) }),
    }),
  );
}

function checkOptions(options: BuildClusterOptions): void {
  check('options', options, OPTIONS);
  const { chaosSeed, faults } = options;
  if (faults !== undefined && chaosSeed === undefined) {
    throw invalidArgument('faults', 'a chaosSeed beside them', faults);
  }
}

/**
 * Makes this machine a build cluster of the Remote Execution API, for clients such as Bazel. The command `dryrunner
 * serve --reapi` uses it.
 *
 * Rejects with `RUNNER_INVALID_ARGUMENT` for invalid options and a folder that cannot be used, `RUNNER_MISSING_PACKAGE`
 * without @grpc/grpc-js or protobufjs, `RUNNER_RPC_FAILED` if it cannot listen there, and `RUNNER_OUTPUT_FAILED` if no
 * temporary folder can be made, or used.
 *
 * @example
 * ```ts
 * import { serveBuildCluster } from 'dryrunner/host';
 * const cluster = await serveBuildCluster({ jobs: 2 });
 * console.log(cluster.endpoint.startsWith('grpc://127.0.0.1:')); // true
 * await cluster.close();
 * ```
 */
export async function serveBuildCluster(options: BuildClusterOptions = {}): Promise<BuildCluster> {
  refuseGrpcInSimulation('serveBuildCluster');
  checkOptions(options);
  const { chaosSeed, faults, abandonedAfterMs, uploadIdleMs } = options;
  const serving = is.only<Omit<ServeRemoteOptions, 'service'>>(SERVING_FIELDS, options);
  // Before anything is made in the folder of `cas`.
  await checkServing(serving);
  const world = realWorld(chaosSeed === undefined ? {} : { seed: chaosSeed });
  const temporary = makeTempFolder('serve');
  // In reverse order of creation.
  const ends: (() => unknown)[] = [() => temporary.remove()];
  try {
    const stores = openStores(options, temporary);
    const { content, cache } = stores;
    ends.unshift(() => content.close());
    const say = sayingHourly('onTrouble of a build cluster', options.onTrouble);
    const logs = makeLogs(options, temporary, say);
    // What cannot be removed of them is left to the removal of the folder, which says what stays.
    ends.unshift(() => Promise.allSettled(logs.map((outputs) => outputs.dispose())));
    const runners = makeWorkers(world, options, stores, logs, new WorkFolder(temporary, say));
    ends.unshift(() => allOf(runners.map((runner) => runner.release())));
    const service = createRemoteService(world, {
      runner: runners,
      content,
      cache,
      compression: BLOB_COMPRESSION,
      storeLog: (ref, store) => storeLogAt(ref, store, logs),
      dropLogs: (runner) => dropLogsOf(logs[runners.indexOf(runner as ExecRunner)]),
      ...(abandonedAfterMs === undefined ? {} : { abandonedAfterMs }),
      ...listenersOf(options, runners, say),
      ...(uploadIdleMs === undefined ? {} : { uploadIdleMs }),
    });
    const served = withSeededFaults(chaosSeed, world, service, faults);
    const { endpoint, port, close } = await serveRemote({ ...serving, service: served });
    return {
      endpoint,
      port,
      service,
      content,
      cache,
      jobs: runners.length,
      close: async (graceMs) => {
        service.close();
        await inOrder([() => close(graceMs), ...ends]);
      },
    };
  } catch (error) {
    await inOrder(ends);
    throw error;
  }
}

/** The callbacks of the service, which pass on to those of the cluster. */
function listenersOf(
  { onAbandoned }: BuildClusterOptions,
  runners: readonly Service[],
  say: (text: string) => void,
): Pick<RemoteServiceOptions, 'onAbandoned' | 'onWorkerLost'> {
  return {
    onAbandoned: (action, instance) =>
      guardCallback('onAbandoned of a build cluster', () => onAbandoned?.(action, instance)),
    onWorkerLost(runner, reason) {
      const worker = `worker ${runners.indexOf(runner) + 1} of ${runners.length}`;
      say(`${worker} takes no more actions: ${reason}`);
    },
  };
}

/** Drops the logs of a worker's last run: it runs one action at a time. */
async function dropLogsOf(worker: LocalOutputs | undefined): Promise<void> {
  await worker?.prune(NO_OUTPUTS);
}

/** Stores the log at a ref. */
async function storeLogAt(
  ref: string,
  store: ContentStore,
  logs: readonly LocalOutputs[],
): Promise<Digest | undefined> {
  const output = logs.map((outputs) => outputs.find(ref)).find((each) => each !== undefined);
  return output === undefined
    ? undefined
    : (await storeFile(store, output.asFile(), undefined, 'the log')).digest;
}

/** Runs all steps one by one, even after a failure, and then throws what failed: of several an AggregateError. */
async function inOrder(steps: readonly (() => unknown)[]): Promise<void> {
  throwAll(await errorsOfSteps(steps));
}

/** Waits until all have settled, and then throws what failed: of several an AggregateError. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  const settled = await Promise.allSettled(work);
  throwAll(settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : [])));
}

function throwAll(errors: readonly unknown[]): void {
  if (errors.length > 1) throw new AggregateError(errors, errors.map(messageOf).join('; '));
  if (errors.length > 0) throw errors[0];
}

function withSeededFaults(
  seed: string | undefined,
  world: World,
  service: RemoteService,
  faults: RemoteFaults | undefined,
): RemoteService {
  if (seed === undefined) return service;
  const source = randomDecisions(seed);
  // Keeps no log, which would grow for as long as the cluster runs; the seed is enough to repeat the answers.
  const asked = new Map<string, number>();
  const choose = (question: Question | string, n: number): number => {
    const about = typeof question === 'string' ? topicOf(question).asks('choice') : question;
    // By its words: the object that stands for a question changes as caches of topics are cleared.
    const occurrence = asked.get(about.key) ?? 0;
    asked.set(about.key, occurrence + 1);
    return source.decide(about, n, occurrence);
  };
  return withRemoteFaults(service, { ...world, choices: { choose } }, faults);
}
