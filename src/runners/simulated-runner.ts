/**
 * The simulated runner: the real queue and invoker on the sim execer, so that commands are scripts and time is virtual.
 */
import * as is from '../kernel/shape.ts';
import { checkWorld, type World } from '../model/world.ts';
import { ScriptExecer, type SimExecer } from '../execers/sim-execer.ts';
import { createVirtualFiler } from '../filers/fake-filer.ts';
import { watchedService } from '../model/service.ts';
import type { IsolatedPart } from '../model/isolation.ts';
import type { RunTypeMap } from '../model/run-type.ts';
import { MemoryOutputFolder, type MemoryOutputs } from '../outputs/memory-output.ts';
import { Invoker } from './invocation/invoker.ts';
import type { InvokerOptions } from './invocation/invoker-parts.ts';
import type { PlainParts } from './invocation/undisturbed-invocation.ts';
import { isolateRunner } from './queue/isolated-part.ts';
import type { QueueOptions, QueueParts } from './queue/queue-options.ts';
import { QueueRunner } from './queue/queue-runner.ts';
import { guardedMetrics } from './queue/guarded-metrics.ts';
import { createInstruments } from './queue/runner-instruments.ts';
import { PrivateTempDirs } from './virtual-temp-dirs.ts';
import { check } from '../kernel/argument-check.ts';
import { QUEUE_FIELDS } from './queue/queue-options.ts';
import { INVOKER_PARTS, INVOKER_EXTRAS } from './invocation/invoker-parts.ts';

/**
 * Options of {@link createSimulatedRunner}. By default filers are virtual, outputs in memory, and temporary directories
 * exist in name only.
 */
export interface SimulatedRunnerOptions
  extends QueueOptions, Partial<Omit<InvokerOptions, 'execer' | 'outputs'>> {
  /** Default: a sim execer on the world's clock with 10 s of grace. */
  readonly execer?: SimExecer;
  /** Default: outputs in memory, those of the newest 100 runs. */
  readonly outputs?: MemoryOutputs;
}

const RUNS_KEPT = 100;
/** The output, the error output and the log. */
const OUTPUTS_PER_RUN = 3;
const NO_FILERS: RunTypeMap = new Map();

const SIMULATED_RUNNER_OPTIONS = is.optionsOf<SimulatedRunnerOptions>(
  {},
  { ...QUEUE_FIELDS, ...INVOKER_PARTS, ...INVOKER_EXTRAS },
);

/** A runner in a simulated world that gives access to its outputs and execer. */
export class SimulatedRunner extends QueueRunner {
  /** What commands wrote: `outputs.find(status.stdoutRef)?.text()`. */
  readonly outputs: MemoryOutputs;
  readonly #execer: SimExecer;
  readonly #part: IsolatedPart | undefined;

  constructor(world: World, parts: QueueParts, execer: SimExecer, outputs: MemoryOutputs) {
    super(world, parts);
    this.#execer = execer;
    this.#part = parts.part;
    this.outputs = outputs;
  }

  /** Returns the execer, which can resume paused commands and count live processes. */
  shareExecer(): SimExecer {
    // Its holder can run other processes on it.
    this.#part?.dissolve();
    return this.#execer;
  }
}

/**
 * Creates a simulated runner.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` as `createQueueRunner` does.
 * @example
 * ```ts
 * import { createSimulatedRunner, simulate } from 'dryrunner';
 * const verdict = await simulate({
 *   seed: 1,
 *   scenario: async (sim) => {
 *     const runner = createSimulatedRunner(sim.world);
 *     await runner.run({ argv: ['sleep 60000', 'complete 0'] });
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function createSimulatedRunner(world: World, options: SimulatedRunnerOptions = {}): SimulatedRunner {
  checkWorld(world);
  check('options', options, SIMULATED_RUNNER_OPTIONS);
  const { name = 'runner' } = options;
  const part = isolateRunner(world, name, options);
  const home = part === undefined ? world : { ...world, clock: part.clock };
  const {
    filers = defaultFilers(),
    execer = new ScriptExecer({ clock: home.clock }),
    outputs = new MemoryOutputFolder({ maxOutputs: RUNS_KEPT * OUTPUTS_PER_RUN }),
    tempDirs = new PrivateTempDirs(),
  } = options;
  // Each literal has all of its fields, so that there is one hidden class for all options.
  const invoker: InvokerOptions = {
    name,
    filers,
    execer,
    outputs,
    tempDirs,
    preprocessors: options.preprocessors,
    postprocessors: options.postprocessors,
    uploader: options.uploader,
    dirMonitor: options.dirMonitor,
    metrics: options.metrics,
    localBoundMs: options.localBoundMs,
    actions: options.actions,
    ingestLogs: options.ingestLogs,
    logBytesMax: options.logBytesMax,
  };
  const parts: QueueParts = {
    name,
    // The default filer never requests an update and is ready at once, so the queue has nothing to do for it.
    filers: options.filers === undefined && options.updateLimitMs === undefined ? NO_FILERS : filers,
    performer: new Invoker(home, invoker, plainParts(invoker)),
    instruments: createInstruments(guardedMetrics(options.metrics, home, name)),
    capacity: options.capacity,
    history: options.history,
    idPrefix: options.idPrefix,
    updateLimitMs: options.updateLimitMs,
    part,
  };
  return watchedService(world, name, new SimulatedRunner(home, parts, execer, outputs));
}

function defaultFilers(): RunTypeMap {
  return new Map([['scoot', { filer: createVirtualFiler() }]]);
}

/** The collaborators, if each of them answers synchronously, traces nothing and never fails. */
function plainParts(options: InvokerOptions): PlainParts | undefined {
  const { execer, outputs, tempDirs, filers } = options;
  const hasMore = [
    options.preprocessors,
    options.postprocessors,
    options.uploader,
    options.dirMonitor,
    options.metrics,
    options.logBytesMax,
  ].some((part) => part !== undefined);
  if (hasMore || options.ingestLogs === true || !filers.has('scoot')) return undefined;
  // A collaborator with replaced methods is not plain.
  if (!(execer instanceof ScriptExecer) || execer.exec !== ScriptExecer.prototype.exec) return undefined;
  if (!(outputs instanceof MemoryOutputFolder)) return undefined;
  if (outputs.create !== MemoryOutputFolder.prototype.create) return undefined;
  if (execer.isTraced || !outputs.isPlain) return undefined;
  return tempDirs instanceof PrivateTempDirs ? { execer, outputs, tempDirs } : undefined;
}
