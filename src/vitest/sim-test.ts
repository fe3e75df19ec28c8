/**
 * A test that is a simulation. What a failing seed leaves its author with: the verdict's own words, the line where it went wrong, how to see it
 * again, and, if asked for, why.
 */
import { test } from 'vitest';
import { linesOfFailure } from '../explore/explain/explanation.ts';
import { formatExplanation } from '../explore/explain/explanation-text.ts';
import type { Executor } from '../explore/executor.ts';
import { failingExecution } from '../explore/failing-execution.ts';
import { settleFailure } from '../explore/shrink-and-explain.ts';
import { checkIterable, checkOptions } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { checkScenario, type ScenarioDefinition } from '../simulation/scenario.ts';
import { simulate } from '../simulation/simulate.ts';
import type { Scenario, SimulateOptions } from '../simulation/simulate-options.ts';
import { formatCount } from '../model/plural.ts';
import { defaultOracles } from '../oracles/default-oracles.ts';
import { SimulationFailedError } from '../simulation/simulation-failed-error.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';

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
/** Milliseconds of the machine's time. */
const SHRINK_MS = 30_000;
const EXPLAIN_MS = 10_000;
/** Vitest's own limit would be too short to explain anything. */
const EXPLAIN_TIMEOUT_MS = 120_000;
/** Failures without an error that says where; another look at the execution may. */
const PLACELESS: ReadonlySet<Failure['kind']> = new Set(['deadlock', 'leftovers', 'stall']);
/** Nothing that the scenario does is wrong. */
const INEXPLICABLE: ReadonlySet<Failure['kind']> = new Set(['interrupted', 'abandoned']);

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
 * that noticed the failure; where only a second look can find the line, as for a deadlock, the seed is run once more.
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

/** The error for a verdict that does not hold; `simulation` is how it came about. */
async function failedSimulation(
  verdict: Verdict,
  simulation: SimulateOptions & { readonly name: string },
  explains: boolean,
): Promise<SimulationFailedError> {
  const seeds = `seeds: [${JSON.stringify(verdict.seed)}]`;
  const again = `To see it again: simTest(…, { ${seeds} })`;
  const { failure } = verdict;
  if (failure === undefined || INEXPLICABLE.has(failure.kind)) {
    return new SimulationFailedError(verdict, again);
  }
  const more = explains
    ? ['', ...(await explanationOf(verdict, failure, simulation))]
    : [`To have it made small and explained: simTest(…, { ${seeds}, explain: true })`];
  const error = new SimulationFailedError(verdict, [again, ...more].join('\n'));
  if (!PLACELESS.has(failure.kind)) return error;
  const lines = new Set(await linesOfFailure(executorOf(simulation), verdict.decisions()));
  const frames = [...lines].map((line) => `    at ${line}`);
  if (frames.length > 0) error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n');
  return error;
}

async function explanationOf(
  verdict: Verdict,
  failure: Failure,
  simulation: SimulateOptions & { readonly name: string },
): Promise<string[]> {
  const { name: scenario, signal } = simulation;
  const failing = failingExecution(verdict, failure, {
    ...{ scenario, seed: verdict.seed, index: 0, executions: 1 },
  });
  const { shrunk, explanation, cutShort } = await settleFailure(executorOf(simulation), failing, {
    ...{ shrinkMs: SHRINK_MS, explainMs: EXPLAIN_MS },
    mustStop: () => signal?.aborted === true,
    now: () => performance.now(),
  });
  if (shrunk?.flakiness !== undefined) {
    return [`It cannot be explained, for it does not repeat: ${shrunk.flakiness}`];
  }
  if (explanation === undefined) {
    const why =
      cutShort?.by === 'events'
        ? `has more than the ${formatCount(cutShort.eventsMax)} events that can be watched`
        : 'does not fail again';
    return [`It cannot be explained, for it ${why}`];
  }
  // A token names a file, and this scenario is in none that can be loaded by itself.
  return formatExplanation(explanation)
    .slice(0, -2)
    .map(({ text }) => text);
}

function executorOf({
  oracles = defaultOracles(),
  ...simulation
}: SimulateOptions & { readonly name: string }): Executor {
  return {
    scenario: simulation.name,
    execute: ({ watchers = [], ...request }) =>
      simulate({ ...simulation, ...request, oracles: [...oracles, ...watchers] }),
  };
}
