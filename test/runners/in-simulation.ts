// Runs a test's body inside a simulation that watches for leftovers and broken rules, and fails the test if the verdict does not hold.
import { simulate } from '../../src/simulation/simulate.ts';
import type { SimulateOptions } from '../../src/simulation/simulate-options.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';

/** The verdict, which held; otherwise throws what the scenario threw, or the failure in words. */
export async function inSimulation(
  scenario: (sim: Simulation) => Promise<void> | void,
  options: Partial<SimulateOptions> = {},
): Promise<Verdict> {
  const verdict = await simulate({ keepTrace: true, ...options, scenario });
  const { failure } = verdict;
  if (failure === undefined) return verdict;
  if (failure.cause instanceof Error) throw failure.cause;
  throw new Error([`${failure.kind}: ${failure.message}`, ...failure.details].join('\n'));
}
