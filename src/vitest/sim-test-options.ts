/** What a `simTest` takes: a scenario, and how it is run. */
import type { TestContext, TestOptions } from 'vitest';
import type { AmbientOptions } from '../ambient/ambient-time.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { Ambience } from '../simulation/ambience.ts';
import type { ScenarioDefinition } from '../simulation/scenario.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';
import type { Simulation } from '../simulation/simulation.ts';

/** How a {@link simTest} is run. */
export interface SimTestOptions
  extends
    Omit<TestOptions, 'timeout'>,
    Omit<SimulateOptions, 'scenario' | 'name' | 'seed' | 'replay' | 'source' | 'ambient' | 'nextTurn'> {
  /** Executions that are explored after the plain schedule; default 100. Exploring takes 40 % of the test's time at most; the test
   * fails if some of them had no time. */
  readonly runs?: number;
  /** Decides what is explored; default 1. `DRYRUNNER_SEED` in the environment comes before it. */
  readonly seed?: string | number;
  /** Instead of an exploration, one execution by chance for each seed; a number is for 1 to that. As `dryrunner run --seed`. */
  readonly seeds?: number | readonly (string | number)[];
  /** Repeats one execution and nothing else: the token of a failure, or its decisions. */
  readonly replay?: string | readonly Decision[];
  /** Makes the first failure small and explains it, in 8 s or what the test has left of its time at most; default true. */
  readonly explain?: boolean;
  /**
   * Whether code that takes timers, dates and randomness from the globals of the machine sees those of the simulation: true, false, options of
   * `ambientTime`, or what that returns. Default true.
   */
  readonly ambient?: boolean | Ambience | AmbientOptions;
  /**
   * The folder in which logs of failures are kept, which are tried first the next time and removed once they hold; false keeps none.
   * Default: `__dryrunner__` beside the test file.
   */
  readonly corpus?: string | false;
  /** Real milliseconds for the whole test; default 30,000. Vitest's own 5,000 is too short to explain what fails beside other tests. */
  readonly timeout?: number;
}

/** A scenario, or the definition of one that needs no files. A function gets the context of the test too, with its fixtures. */
export type TestedScenario<Fixtures = object> =
  ((sim: Simulation, context: TestContext & Fixtures) => Promise<void> | void) | ScenarioDefinition;
