/** The model-based property: any sequence of commands, under any schedule, leaves a runner within its contract. */
import fc from 'fast-check';
import { checkOptions } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Service } from '../model/service.ts';
import { ALL_MASK } from '../model/state-mask.ts';
import type { World } from '../model/world.ts';
import { createChaosRunner } from '../runners/chaos-runner.ts';
import {
  runnerCommandArbitraries,
  type RunnerCommand,
  type RunnerCommandConstraints,
} from './runner-commands.ts';
import { RunnerModel } from './runner-model.ts';
import { simulationProperty, type SimulationPropertyOptions } from './simulation-property.ts';

/** The runner under test, and what may be done to it. */
export interface RunnerPropertyOptions extends RunnerCommandConstraints, SimulationPropertyOptions {
  /** Makes the runner in a simulated world; it must hold `capacity` runs and remember all of them. */
  readonly create: (world: World) => Service;
  /** Default 1. */
  readonly capacity?: number;
  /** Most commands per sequence; default 30. */
  readonly maxCommands?: number;
}

/**
 * A property for `fc.assert`: no sequence of run, abort, query, wait, release, passing time and faults makes the runner break its
 * contract, and nothing is left of it at the end.
 *
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { createSimulatedRunner } from 'dryrunner';
 * import { runnerProperty } from 'dryrunner/check';
 * await fc.assert(
 *   runnerProperty({ capacity: 2, create: (world) => createSimulatedRunner(world, { capacity: 2 }) }),
 *   { numRuns: 20 },
 * );
 * ```
 */
export function runnerProperty(
  options: RunnerPropertyOptions,
): fc.IAsyncProperty<[[RunnerCommand[]], number]> {
  checkOptions(options);
  if (typeof options.create !== 'function') throw invalidArgument('create', 'a function', options.create);
  const { create, capacity = 1, maxCommands = 30, faults = [], ...rest } = options;
  // A plain array: `fc.commands` shrinks by what was run before, which no path can repeat without a `replayPath`.
  const commands = fc.array(fc.oneof(...runnerCommandArbitraries({ ...rest, faults })), {
    maxLength: maxCommands,
  });
  return simulationProperty<[RunnerCommand[]]>(
    [commands],
    async (sim, sequence) => {
      const inner = create(sim.world);
      const chaos = faults.length > 0 ? createChaosRunner(sim.world, inner) : undefined;
      const service = chaos ?? inner;
      const model = new RunnerModel(capacity);
      const background: Promise<void>[] = [];
      const real = { sim, service, background, ...(chaos === undefined ? {} : { chaos }) };
      await fc.asyncModelRun(() => ({ model, real }), sequence);
      chaos?.heal();
      model.releaseAsked();
      await service.release();
      await Promise.all(background);
      const { statuses } = await inner.queryNow({ allRuns: true, states: ALL_MASK });
      if (chaos === undefined) statuses.forEach((status) => model.saw(status));
      if (chaos === undefined) model.allOver();
    },
    rest,
  );
}
