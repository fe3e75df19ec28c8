/** The simulated runner: the real queue and invoker on the sim execer, so that commands are scripts and time is virtual. */
import { checkWorld } from '../model/world-check.ts';
import { checkOptions } from '../kernel/argument-check.ts';
import { createSimExecer, type SimExecer } from '../execers/sim-execer.ts';
import { createVirtualFiler } from '../filers/fake-filer.ts';
import type { RunTypeMap } from '../model/run-type.ts';
import type { World } from '../model/world.ts';
import { createMemoryOutputs, type MemoryOutputs } from '../outputs/memory-output.ts';
import { Invoker } from './invoker.ts';
import type { InvokerOptions } from './invoker-parts.ts';
import type { QueueOptions, QueueParts } from './queue-options.ts';
import { QueueRunner } from './queue-runner.ts';
import { createInstruments } from './runner-instruments.ts';
import { virtualTempDirs } from './virtual-temp-dirs.ts';

/** Everything has a default: a virtual filer, outputs in memory, temporary directories in name only. */
export interface SimulatedRunnerOptions
  extends QueueOptions, Partial<Omit<InvokerOptions, 'execer' | 'outputs'>> {
  /** Default: a sim execer on the world's clock with 10 s of grace. */
  readonly execer?: SimExecer;
  /** Default: outputs in memory, those of the newest 100 runs. */
  readonly outputs?: MemoryOutputs;
}

const OUTPUTS_KEPT = 300;

/** A runner in a simulated world, with its insides at hand. */
export class SimulatedRunner extends QueueRunner {
  /** Resumes paused commands and tells what is alive. */
  readonly execer: SimExecer;
  /** What commands wrote: `outputs.find(status.stdoutRef)?.text()`. */
  readonly outputs: MemoryOutputs;

  constructor(world: World, parts: QueueParts, execer: SimExecer, outputs: MemoryOutputs) {
    super(world, parts);
    this.execer = execer;
    this.outputs = outputs;
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
  checkOptions(options);
  const {
    name = 'runner',
    filers = defaultFilers(),
    execer = createSimExecer({ clock: world.clock }),
    outputs = createMemoryOutputs({ maxOutputs: OUTPUTS_KEPT }),
    tempDirs = virtualTempDirs(),
  } = options;
  const performer = new Invoker(world, { ...options, name, filers, execer, outputs, tempDirs });
  const instruments = createInstruments(options.metrics);
  return new SimulatedRunner(world, { ...options, name, filers, performer, instruments }, execer, outputs);
}

function defaultFilers(): RunTypeMap {
  return new Map([['scoot', { filer: createVirtualFiler() }]]);
}
