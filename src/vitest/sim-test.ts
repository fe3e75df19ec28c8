/** A test that is a simulation: it fails with the verdict's own words and the seed that repeats it. */
import { test } from 'vitest';
import { checkIterable, checkOptions } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { checkScenario, type ScenarioDefinition } from '../simulation/scenario.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Scenario, SimulateOptions } from '../simulation/simulate-options.ts';
import { EXPLAIN_TIMEOUT_MS, failedSimulation } from './failed-sim-test.ts';

/** How a {@link simTest} is run. */
export interface SimTestOptions extends Omit<SimulateOptions, 'scenario' | 'name' | 'seed'> {
  /** Each is a simulation of its own, a number is for 1 to that; default 20. */
  readonly seeds?: number | readonly (string | number)[];
  /** Real milliseconds for the test with all its seeds; default Vitest's own, or two minutes with `explain`. */
  readonly timeout?: number;
  /**
   * Makes the first failure small and explains it, which runs the scenario some hundred times more, for 40 s at most: what happened, what
   * would have held, and which lines decided. Default false.
   */
  readonly explain?: boolean;
}

/** A scenario, or the definition of one that needs no files. */
export type TestedScenario = Scenario | ScenarioDefinition;

/** Declares a simulation as a test. */
export interface SimTest {
  (name: string, scenario: TestedScenario, options?: SimTestOptions): void;
  /** Runs this test and others that are declared so, and no others of the file. */
  only(name: string, scenario: TestedScenario, options?: SimTestOptions): void;
  /** Declares the test and does not run it. */
  skip(name: string, scenario: TestedScenario, options?: SimTestOptions): void;
}

const DEFAULT_SEEDS = 20;

type Declare = (
  name: string,
  options: { readonly timeout?: number },
  run: (context: { readonly signal: AbortSignal }) => Promise<void>,
) => void;

function declareWith(declare: Declare): SimTest['only'] {
  return (name, scenario, options = {}) => {
    const { timeout = options.explain === true ? EXPLAIN_TIMEOUT_MS : undefined } = options;
    declare(name, timeout === undefined ? {} : { timeout }, ({ signal }) =>
      holdForSeeds(name, scenario, { ...options, signal: eitherOf(signal, options.signal) }),
    );
  };
}

/**
 * Declares a test that runs a scenario in virtual time, once per seed, and fails at the first seed whose verdict does not hold. When the
 * test is aborted, because its time is up or Vitest ends, its simulation ends as well.
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
export const simTest: SimTest = Object.assign(declareWith(test), {
  only: declareWith(test.only),
  skip: declareWith(test.skip),
});

/**
 * Runs a scenario once per seed.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) unless `seeds` is a list or a number ≥ 1, and for a definition with `prepare`.
 *
 * Rejects with a `SimulationFailedError` for the first seed whose verdict does not hold. Its stack begins with the line of the scenario
 * that noticed the failure; where only a later look can tell the line, as for a deadlock, the seed is run once more.
 */
export async function holdForSeeds(
  name: string,
  scenario: TestedScenario,
  given: SimTestOptions = {},
): Promise<void> {
  checkOptions(given);
  const { seeds = DEFAULT_SEEDS, explain = false, ...options } = given;
  if ('seed' in options) throw invalidArgument('options', 'seeds, a list or a number', 'seed');
  if (typeof explain !== 'boolean') throw invalidArgument('explain', 'true or false', explain);
  const tested = simulationOf(scenario);
  for (const seed of seedsOf(seeds)) {
    const simulation = { ...tested, ...options, name, seed };
    const verdict = await simulate(simulation);
    if (!verdict.held) throw await failedSimulation(verdict, simulation, explain);
  }
}

function seedsOf(seeds: unknown): Iterable<string | number> {
  if (typeof seeds !== 'number') {
    checkIterable('seeds', seeds);
    return seeds as Iterable<string | number>;
  }
  if (!(Number.isSafeInteger(seeds) && seeds >= 1)) {
    throw invalidArgument('seeds', 'a list or an integer ≥ 1', seeds);
  }
  return Array.from({ length: seeds }, (_, index) => index + 1);
}

function simulationOf(
  scenario: TestedScenario,
): Pick<SimulateOptions, 'scenario'> & Partial<SimulateOptions> {
  if (typeof scenario === 'function') return { scenario };
  checkScenario(scenario);
  if (scenario.prepare !== undefined) {
    throw invalidArgument('scenario', 'one without prepare, which needs files', scenario.name);
  }
  return { ...scenario.options, scenario: (sim) => scenario.run(sim, undefined) };
}

function eitherOf(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}
