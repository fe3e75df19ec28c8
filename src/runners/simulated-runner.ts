/** The simulated runner: the real queue and invoker on the sim execer, so that commands are scripts and time is virtual. */
import * as is from '../kernel/shape.ts';
import { checkWorld, type World } from '../model/world.ts';
import { createSimExecer, ScriptExecer, type SimExecer } from '../execers/sim-execer.ts';
import { createVirtualFiler } from '../filers/fake-filer.ts';
import { watchedService } from '../model/service.ts';
import type { IsolatedPart } from '../model/isolation.ts';
import type { RunTypeMap } from '../model/run-type.ts';
import { createMemoryOutputs, MemoryOutputFolder, type MemoryOutputs } from '../outputs/memory-output.ts';
import { Invoker } from './invocation/invoker.ts';
import type { InvokerOptions } from './invocation/invoker-parts.ts';
import type { PlainParts } from './invocation/undisturbed-invocation.ts';
import { isolateRunner } from './queue/isolated-part.ts';
import type { QueueOptions, QueueParts } from './queue/queue-options.ts';
import { QueueRunner } from './queue/queue-runner.ts';
import { createInstruments } from './queue/runner-instruments.ts';
import { PrivateTempDirs } from './virtual-temp-dirs.ts';
import { check } from '../kernel/argument-check.ts';
import { QUEUE_FIELDS } from './queue/queue-options.ts';
import { INVOKER_PARTS, INVOKER_EXTRAS } from './invocation/invoker-parts.ts';

/** Everything has a default: a virtual filer, outputs in memory, temporary directories in name only. */
export interface SimulatedRunnerOptions
  extends QueueOptions, Partial<Omit<InvokerOptions, 'execer' | 'outputs'>> {
  /** Default: a sim execer on the world's clock with 10 s of grace. */
  readonly execer?: SimExecer;
  /** Default: outputs in memory, those of the newest 100 runs. */
  readonly outputs?: MemoryOutputs;
}

const OUTPUTS_KEPT = 300;
const NO_FILERS: RunTypeMap = new Map();

const SIMULATED_RUNNER_OPTIONS = is.optionsOf<SimulatedRunnerOptions>(
  {},
  { ...QUEUE_FIELDS, ...INVOKER_PARTS, ...INVOKER_EXTRAS },
);

/** A runner in a simulated world, with its insides at hand. */
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

  /** Hands out the execer, which resumes paused commands and says what is alive. */
  shareExecer(): SimExecer {
    // Its holder can run processes of their own on it.
    this.#part?.dissolve();
    return this.#execer;
  }
}

/**
 * Makes a simulated runner.
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
    execer = createSimExecer({ clock: home.clock }),
    outputs = createMemoryOutputs({ maxOutputs: OUTPUTS_KEPT }),
    tempDirs = new PrivateTempDirs(),
  } = options;
  // Each made of all of its fields: one shape, whatever the options are.
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
  };
  const parts: QueueParts = {
    name,
    // The default filer never asks for an update and is ready at once, so that there is nothing for the queue to look after.
    filers: options.filers === undefined && options.updateLimitMs === undefined ? NO_FILERS : filers,
    performer: new Invoker(home, invoker, plainParts(invoker)),
    instruments: createInstruments(options.metrics),
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

/** The collaborators, if each of them answers at once, traces nothing and fails in nothing. */
function plainParts(options: InvokerOptions): PlainParts | undefined {
  const { execer, outputs, tempDirs, filers } = options;
  const hasMore = [
    options.preprocessors,
    options.postprocessors,
    options.uploader,
    options.dirMonitor,
    options.metrics,
  ].some((part) => part !== undefined);
  if (hasMore || options.ingestLogs === true || !filers.has('scoot')) return undefined;
  // Whose methods were replaced is not plain any more.
  if (!(execer instanceof ScriptExecer) || execer.exec !== ScriptExecer.prototype.exec) return undefined;
  if (!(outputs instanceof MemoryOutputFolder)) return undefined;
  if (outputs.create !== MemoryOutputFolder.prototype.create) return undefined;
  if (execer.isTraced || !outputs.isPlain) return undefined;
  return tempDirs instanceof PrivateTempDirs ? { execer, outputs, tempDirs } : undefined;
}
