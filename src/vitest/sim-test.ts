/** A test that is a simulation: it fails with the verdict's own words and the seed that repeats it. */
import { test } from 'vitest';
import { checkIterable } from '../kernel/argument-check.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Scenario, SimulateOptions } from '../simulation/simulate-options.ts';
import { SimulationFailedError } from '../simulation/simulation-failed-error.ts';

/** How a {@link simTest} is run. */
export interface SimTestOptions extends Omit<SimulateOptions, 'scenario' | 'name' | 'seed'> {
  /** Each is a simulation of its own; default 1 to 20. */
  readonly seeds?: readonly (string | number)[];
}

const DEFAULT_SEEDS: readonly number[] = Array.from({ length: 20 }, (_, index) => index + 1);

/**
 * Declares a test that runs a scenario in virtual time, once per seed, and fails at the first seed whose verdict does not hold.
 *
 * @example
 * ```ts
 * import { createSimulatedRunner, finalStatus } from 'dryrunner';
 * import { simTest } from 'dryrunner/vitest';
 * simTest('a build of an hour ends', async (sim) => {
 *   const runner = createSimulatedRunner(sim.world);
 *   const { runId } = await runner.run({ argv: ['sleep 3600000', 'complete 0'] });
 *   await finalStatus(runner, runId);
 *   await runner.release();
 * });
 * ```
 */
export function simTest(name: string, scenario: Scenario, options: SimTestOptions = {}): void {
  test(name, () => holdForSeeds(name, scenario, options));
}

/**
 * Runs a scenario once per seed.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) unless `seeds` is a list.
 *
 * Rejects with a {@link SimulationFailedError} for the first seed whose verdict does not hold.
 */
export async function holdForSeeds(
  name: string,
  scenario: Scenario,
  { seeds = DEFAULT_SEEDS, ...options }: SimTestOptions = {},
): Promise<void> {
  checkIterable('seeds', seeds);
  for (const seed of seeds) {
    const verdict = await simulate({ ...options, name, seed, scenario });
    if (verdict.held) continue;
    const again = `To see it again: simTest(…, { seeds: [${JSON.stringify(verdict.seed)}] })`;
    throw new SimulationFailedError(verdict, again);
  }
}
