/** What a failing seed of a test leaves its author with: the line where it went wrong, how to see it again, and, if asked for, why. */
import { explain, linesOfFailure } from '../explore/explain/explanation.ts';
import { formatExplanation } from '../explore/explain/explanation-text.ts';
import type { Executor } from '../explore/executor.ts';
import { failureKey } from '../explore/failure-key.ts';
import { shrink } from '../explore/shrink/shrinker.ts';
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
  const kind = verdict.failure?.kind ?? 'error';
  if (INEXPLICABLE.has(kind)) return new SimulationFailedError(verdict, again);
  const more = explains
    ? ['', ...(await explanationOf(verdict, simulation))]
    : [`To have it made small and explained: simTest(…, { ${seeds}, explain: true })`];
  const error = new SimulationFailedError(verdict, [again, ...more].join('\n'));
  if (!PLACELESS.has(kind)) return error;
  const lines = new Set(await linesOfFailure(executorOf(simulation), verdict.decisions()));
  const frames = [...lines].map((line) => `    at ${line}`);
  if (frames.length > 0) error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n');
  return error;
}

async function explanationOf(
  verdict: Verdict,
  simulation: SimulateOptions & { readonly name: string },
): Promise<string[]> {
  const executor = executorOf(simulation);
  const { signal } = simulation;
  const stopAfter = (ms: number): (() => boolean) => {
    const endsAt = performance.now() + ms;
    return () => signal?.aborted === true || performance.now() > endsAt;
  };
  const log = verdict.decisions();
  const key = verdict.failure === undefined ? '' : failureKey(verdict.failure);
  const shrunk = await shrink(executor, log, key, { shouldStop: stopAfter(SHRINK_MS) });
  if (shrunk.flakiness !== undefined) {
    return [`It cannot be explained, for it does not repeat: ${shrunk.flakiness}`];
  }
  const explanation = await explain(executor, shrunk.log, {
    seed: verdict.seed,
    shouldStop: stopAfter(EXPLAIN_MS),
  });
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
