/** What `simTest` accepts: a scenario, and options for running it. */
import type { TestContext, TestOptions } from 'vitest';
import type { AmbientOptions } from '../ambient/ambient-time.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { Ambience } from '../simulation/ambience.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';
import type { Simulation } from '../simulation/simulation.ts';

/** Vitest 4 has it, Vitest 5 has not. */
type OldOption = 'sequential';

/** The options that Vitest gets; of the others it knows nothing. */
export const VITEST_OPTIONS: readonly string[] = Object.keys({
  timeout: true,
  retry: true,
  repeats: true,
  concurrent: true,
  sequential: true,
  skip: true,
  only: true,
  todo: true,
  fails: true,
  tags: true,
  meta: true,
} satisfies Record<keyof TestOptions | OldOption, true>);

/** Options that simulations do not have. */
type NoSimulations = 'scenario' | 'name' | 'seed' | 'replay' | 'source' | 'ambient' | 'nextTurn';
type SimulationOptions = Omit<SimulateOptions, NoSimulations>;
type InheritedOptions = Omit<TestOptions, 'timeout'> & SimulationOptions;

/** Options of {@link simTest}. */
export interface SimTestOptions extends Omit<TestOptions, 'timeout'>, SimulationOptions {
  /**
   * Number of explored executions after the plain schedule; default 100. Exploring takes at most 40 % of the test's
   * time; if that is too short for all of them, the test fails.
   */
  readonly runs?: number;
  /** Seed of the exploration; default 1. `DRYRUNNER_SEED` in the environment takes precedence. */
  readonly seed?: string | number;
  /**
   * Instead of an exploration, runs one random execution per seed; a number n stands for the seeds 1 to n. As
   * `dryrunner run --seed`.
   */
  readonly seeds?: number | readonly (string | number)[];
  /** Repeats one execution and runs nothing else: the token of a failure, or a list of decisions. */
  readonly replay?: string | readonly Decision[];
  /**
   * Whether to shrink and explain the first failure, within 8 s or the time that the test has left, whichever is less;
   * default true.
   */
  readonly explain?: boolean;
  /**
   * Whether code that uses the machine's global timers, dates and randomness sees those of the simulation: true, false,
   * options of `ambientTime`, or its result. Default true.
   */
  readonly ambient?: boolean | Ambience | AmbientOptions;
  /**
   * Folder in which logs of failures are kept. They are tried first in the next run, and removed once they hold. False
   * keeps none. A relative one is below Vitest's root. Default: `__dryrunner__` beside the test file.
   */
  readonly corpus?: string | false;
  /**
   * Whether a line names what a passing test has not tried: conditions of `sim.sometimes` that no execution met, and
   * executions that decided nothing. Default `warn`.
   */
  readonly neverReached?: 'warn' | 'ignore';
  /**
   * Time limit of the whole test in real milliseconds; default 30,000. Vitest's default of 5,000 is too short to
   * explain a failure while other tests run.
   */
  readonly timeout?: number;
}

/** The options that neither a simulation nor a test of Vitest has in this form. Each needs a shape where it is checked. */
export type OwnOptions = Omit<SimTestOptions, keyof InheritedOptions>;

/**
 * A scenario function, or a scenario definition that needs no files. A function also gets the test context, with its
 * fixtures.
 */
export type TestedScenario<Fixtures = object> =
  ((sim: Simulation, context: TestContext & Fixtures) => Promise<void> | void) | ScenarioDefinition;
