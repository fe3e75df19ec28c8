/**
 * This machine as a build cluster: stores on the disk, workers, and the server in front of them. Invariant: once it is closed, no action is left
 * running and nothing of it is left on the disk but the stores of a folder that was named.
 */
import * as is from '../../kernel/shape.ts';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { createSimExecer } from '../../execers/sim-execer.ts';
import { parseSimScript } from '../../execers/sim-script.ts';
import { check } from '../../kernel/argument-check.ts';
import { type Question, topicOf } from '../../kernel/question.ts';
import { randomDecisions } from '../../kernel/random-decisions.ts';
import type { ActionCommand } from '../../model/action.ts';
import type { ActionCache, ActionStore } from '../../model/content-store.ts';
import type { Execer } from '../../model/execer.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { World } from '../../model/world.ts';
import { type RemoteFaults, withRemoteFaults } from '../../remote/remote-faults.ts';
import { createRemoteService, type RemoteServer } from '../../remote/remote-service.ts';
import { createExecRunner, type ExecRunner } from '../exec-runner.ts';
import { createLocalOutputs, type LocalOutputs } from '../outputs/local-output.ts';
import { realWorld } from '../real-world.ts';
import { makeTempFolder, type TempFolder } from '../temp-folder.ts';
import { BLOB_COMPRESSION } from './blob-compression.ts';
import { createCasFiler } from './cas-filer.ts';
import { createDiskActionCache } from './disk-action-cache.ts';
import { createDiskActions } from './disk-actions.ts';
import { createDiskContentStore, type DiskContentStore } from './disk-content-store.ts';
import { storeFile } from './stored-tree.ts';
import type { RemoteService } from '../../remote/rpc.ts';
import { type RemoteEndpoint, SERVING_FIELDS, serveRemote, type ServeRemoteOptions } from './grpc-server.ts';

/** What carries the actions out: the machine, or nothing that only says that it has. */
export type WorkerKind = 'exec' | 'simulated';

/** Options of {@link serveBuildCluster}. */
export interface BuildClusterOptions extends Omit<ServeRemoteOptions, 'service'> {
  /** The folder of content store and action cache, kept. Default: a new one among the machine's temporary files, removed at the end. */
  readonly cas?: string | undefined;
  /** How many bytes of blobs are kept; what was not used for longest goes first. Default 10 GiB. */
  readonly casBytesMax?: number;
  /** How many actions run at the same time. Default: one per core. */
  readonly jobs?: number;
  /**
   * `exec` (default) runs commands on this machine. `simulated` runs none: each takes a moment, its outputs are placeholders, and it ends well; one
   * whose arguments are a script of steps, such as `sleep 100` and `complete 3`, does what that says.
   */
  readonly workers?: WorkerKind;
  /** An action whose clients have all gone is aborted after this time. Default 10,000. */
  readonly abandonedAfterMs?: number;
  /** An upload of which nothing comes for so long is given up. Default 60,000. */
  readonly uploadIdleMs?: number;
  /** Lies as clusters do, by decisions of this seed. Default: it is honest. */
  readonly chaosSeed?: string | undefined;
  /** Which lies, and how often; only with a `chaosSeed`. */
  readonly faults?: RemoteFaults;
  readonly metrics?: Metrics | undefined;
}

const OPTIONS = is.optionsOf<BuildClusterOptions>(
  {},
  {
    ...SERVING_FIELDS,
    cas: is.text('a path', /^[^\0]+$/),
    casBytesMax: is.limit(),
    jobs: is.integer(1, 10_000),
    workers: is.oneOf('exec', 'simulated'),
    chaosSeed: is.TEXT,
    // The parts that get them look at them.
    ...is.each(['faults', 'metrics', 'abandonedAfterMs', 'uploadIdleMs'], is.ANY),
  },
);

/** A cluster that listens. */
export interface BuildCluster extends RemoteEndpoint {
  readonly service: RemoteServer;
  readonly content: DiskContentStore;
  readonly cache: ActionCache;
  /** How many actions run at the same time. */
  readonly jobs: number;
}

const GIB = 1024 ** 3;
/** How long a simulated action takes, at most. */
const PRETENDED_MS = 50;

/** An execer that runs nothing: what is a script is one, all else takes a moment and ends well. */
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

/** Makes the outputs of commands that nobody runs. */
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
      // Newer clients name directories in both lists, or only what is in them.
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
    keep: (request, outcome, cancel) => actions.keep(request, outcome, cancel),
  };
}

/** The machine's folder for one cluster, and what is in it. */
interface Stores {
  readonly content: DiskContentStore;
  readonly cache: ActionCache;
}

function openStores({ cas, casBytesMax = 10 * GIB }: BuildClusterOptions, temporary: TempFolder): Stores {
  const dir = cas === undefined ? temporary.path : resolve(cas);
  const content = createDiskContentStore({ dir: join(dir, 'cas'), maxBytes: casBytesMax });
  return { content, cache: createDiskActionCache({ dir: join(dir, 'ac') }) };
}

function makeWorkers(
  world: World,
  options: BuildClusterOptions,
  stores: Stores,
  outputs: LocalOutputs,
  { path }: TempFolder,
): ExecRunner[] {
  const { content, cache } = stores;
  const { workers = 'exec', jobs = availableParallelism(), metrics } = options;
  const real = createDiskActions({ content, cache });
  const actions = workers === 'exec' ? real : withPlaceholders(real);
  const filers = new Map([['bazel', { filer: createCasFiler({ content, root: path }) }] as const]);
  return Array.from({ length: jobs }, (_, index) =>
    createExecRunner({
      world,
      name: `worker-${index + 1}`,
      outputs,
      actions,
      filers,
      metrics,
      watchdog: true,
      ...(workers === 'exec' ? {} : { execer: pretendingExecer(world) }),
    }),
  );
}

/**
 * Makes this machine a build cluster of the Remote Execution API, for Bazel and its like: what `dryrunner serve --reapi` does.
 *
 * Rejects with `RUNNER_INVALID_ARGUMENT` for options that make no sense, `RUNNER_MISSING_PACKAGE` without @grpc/grpc-js,
 * `RUNNER_RPC_FAILED` if nothing can listen there, and `RUNNER_OUTPUT_FAILED` if no temporary folder can be made.
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
  check('options', options, OPTIONS);
  const { chaosSeed, faults, abandonedAfterMs, uploadIdleMs } = options;
  const world = realWorld(chaosSeed === undefined ? {} : { seed: chaosSeed });
  const temporary = makeTempFolder('serve');
  // What is made last ends first.
  const ends: (() => unknown)[] = [() => temporary.remove()];
  try {
    const stores = openStores(options, temporary);
    const { content, cache } = stores;
    ends.unshift(() => content.close());
    const outputs = createLocalOutputs({
      dir: join(temporary.path, 'logs'),
      retention: { maxCount: 100 },
    });
    ends.unshift(() => outputs.dispose());
    const runners = makeWorkers(world, options, stores, outputs, temporary);
    ends.unshift(() => allOf(runners.map((runner) => runner.release())));
    const service = createRemoteService(world, {
      runner: runners,
      content,
      cache,
      compression: BLOB_COMPRESSION,
      storeLog: async (ref, store) => {
        const output = outputs.find(ref);
        return output === undefined ? undefined : (await storeFile(store, output.asFile())).digest;
      },
      ...(abandonedAfterMs === undefined ? {} : { abandonedAfterMs }),
      ...(uploadIdleMs === undefined ? {} : { uploadIdleMs }),
    });
    const served = lyingBy(chaosSeed, world, service, faults);
    const serving = is.only<Omit<ServeRemoteOptions, 'service'>>(SERVING_FIELDS, options);
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

/** Does each, also after one that failed, and then throws what was thrown first. */
async function inOrder(steps: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** Waits for all, also after one that failed. */
async function allOf(work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work);
  await Promise.all(work);
}

function lyingBy(
  seed: string | undefined,
  world: World,
  service: RemoteService,
  faults: RemoteFaults | undefined,
): RemoteService {
  if (seed === undefined) return service;
  const source = randomDecisions(seed);
  // Without a log, which would grow for as long as the cluster is up: the seed repeats the answers.
  const asked = new Map<Question, number>();
  const choose = (question: Question | string, n: number): number => {
    const about = typeof question === 'string' ? topicOf(question).asks('choice') : question;
    const occurrence = asked.get(about) ?? 0;
    asked.set(about, occurrence + 1);
    return source.decide(about, n, occurrence);
  };
  return withRemoteFaults(service, { ...world, choices: { choose } }, faults);
}
