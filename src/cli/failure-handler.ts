/** What happens with a failure once it is found: it is shrunk and explained in a thread of its own, and kept. */
import type { CorpusFolder } from '../host/corpus/corpus-folder.ts';
import type { FailureTask } from '../threads/task.ts';
import { ifRefused, runInThread } from '../threads/thread-supervisor.ts';
import type { FailingExecution } from '../explore/failing-execution.ts';
import { unusualCount } from '../explore/keyed-log.ts';
import type { Decision } from '../kernel/decisions.ts';
import { formatCount } from '../model/plural.ts';
import { EXPLAIN_MS, SHRINK_MS, TIME_MS } from './explore-defaults.ts';
import { LongProgress } from './long-progress.ts';
import { threadLimits, timeFor, type ExploreCommandOptions } from './explore-options.ts';
import type { ScenarioSession } from './scenario-session.ts';

/** Limit for all failures of a scenario, in milliseconds; each gets a share of the rest. */
const SHRINK_TIME_OF_ALL_MS = 120_000;
/** Least time for all failures, however short the exploration, in milliseconds. */
const SHRINK_TIME_OF_ALL_LEAST_MS = 10_000;
/** Least time for one failure, in milliseconds; most need no more. */
const SHRINK_TIME_LEAST_MS = 1_000;

/** Time for shrinking all failures of a scenario: no longer than the exploration itself, within the limits above. */
export function shrinkTimeOfAllMs(options: Pick<ExploreCommandOptions, 'time' | 'executions'>): number {
  const timeMs = timeFor(options) ?? Infinity;
  return Math.min(SHRINK_TIME_OF_ALL_MS, Math.max(SHRINK_TIME_OF_ALL_LEAST_MS, timeMs));
}

/** Time for the next of `count` failures when `leftMs` is left for all of them. */
export function shrinkTimeMs(leftMs: number, count: number): number {
  return Math.min(SHRINK_MS, Math.max(SHRINK_TIME_LEAST_MS, leftMs / count));
}

/**
 * Time for explaining when `timeMs` was typed instead of the default `usualMs`: scaled in proportion, never below the
 * default.
 */
export function explainTimeMs(timeMs: number | undefined, usualMs: number): number {
  return Math.max(EXPLAIN_MS, (EXPLAIN_MS * (timeMs ?? usualMs)) / usualMs);
}

/** Shrinks the failures of an exploration as far as time allows, explains and keeps them. */
export async function handleFailures(
  session: ScenarioSession<ExploreCommandOptions>,
  failures: readonly FailingExecution[],
  corpus: CorpusFolder,
): Promise<FailingExecution[]> {
  const { time, shrink } = session.options;
  const explainMs = explainTimeMs(time, TIME_MS);
  const found: FailingExecution[] = [];
  const deadlineMs = performance.now() + shrinkTimeOfAllMs(session.options);
  for (const failing of failures) {
    const shrinkMs = shrinkTimeMs(deadlineMs - performance.now(), failures.length - found.length);
    const handled = shrink ? await handleFailure(session, { failing, shrinkMs, explainMs }) : failing;
    const file = await corpus.keep(handled);
    found.push(file === undefined ? handled : { ...handled, file });
  }
  return found;
}

/**
 * Shrinks and explains a failure. A hang or crash is returned unchanged, because each attempt would take its thread
 * down; so is the failure of a scenario that does not load any more, as when its file has been edited.
 */
export async function handleFailure(
  { terminal, scenario, options, interruption }: ScenarioSession,
  task: Omit<FailureTask, 'kind'>,
): Promise<FailingExecution> {
  const { failing, maxExecutions, explainMs } = task;
  const { kind, decisions } = failing;
  if (kind === 'hang' || kind === 'crash') return failing;
  const { name } = scenario;
  const before = formatCount(unusualCount(decisions));
  const shown = new LongProgress(terminal, options);
  const progress = (smaller: readonly Decision[]): void =>
    shown.show(
      maxExecutions === 0
        ? `${name}: explaining the failure`
        : `${name}: making the failure small, ${before} decisions → ${formatCount(unusualCount(smaller))}`,
    );
  progress(decisions);
  const { signal } = interruption;
  const run = await runInThread(
    { kind: 'failure', ...task },
    {
      ...threadLimits(options),
      signal,
      onMessage: (message) => {
        const { shrunk } = message.type === 'part' ? message.part : {};
        if (shrunk !== undefined) progress(shrunk.decisions);
      },
    },
  )
    .catch(
      ifRefused(({ message }) => {
        terminal.progress('');
        terminal.note(
          `${name}: the failure is shown as it was found, for the scenario does not load any more: ${message}`,
        );
        return undefined;
      }),
    )
    .finally(() => shown.end());
  if (run === undefined) return failing;
  const { end, ...handled } = run;
  if (end.type === 'lost') {
    terminal.note(`${name}: the failure is shown as small as it got, for then ${end.failing.message}`);
  }
  // After a signal nobody expects an explanation.
  const isCut = end.type === 'stopped' && !signal.aborted;
  return { ...failing, ...handled, ...(isCut ? { cutShort: { by: 'time', timeMs: explainMs } } : {}) };
}
