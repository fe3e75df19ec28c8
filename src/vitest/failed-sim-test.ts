/** What a failing seed of a test leaves its author with: the line where it went wrong, how to see it again, and, if asked for, why. */
import { linesOfFailure } from '../explore/explain/explanation.ts';
import { formatExplanation } from '../explore/explain/explanation-text.ts';
import type { Executor } from '../explore/executor.ts';
import { failingExecution } from '../explore/failing-execution.ts';
import { settleFailure } from '../explore/settle-failure.ts';
import { formatCount } from '../model/plural.ts';
import { defaultOracles } from '../oracles/default-oracles.ts';
import { simulate } from '../simulation/simulate.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';
import { SimulationFailedError } from '../simulation/simulation-failed-error.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';

/** Milliseconds of the machine's time. */
const SHRINK_MS = 30_000;
const EXPLAIN_MS = 10_000;
/** Vitest's own limit would be too short to explain anything. */
export const EXPLAIN_TIMEOUT_MS = 120_000;
/** Failures without an error that says where; another look at the execution may. */
const PLACELESS: ReadonlySet<Failure['kind']> = new Set(['deadlock', 'leftovers', 'stall']);
/** Nothing that the scenario does is wrong. */
const INEXPLICABLE: ReadonlySet<Failure['kind']> = new Set(['interrupted', 'abandoned']);

/** The error for a verdict that does not hold; `simulation` is how it came about. */
export async function failedSimulation(
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
