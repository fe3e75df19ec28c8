/** R199: who aborts a run does not wait longer than the collaborators promised. */
import { checkRecord } from '../kernel/argument-check.ts';
import type { InvocationPhase } from '../model/trace-event.ts';
import type { PhaseBounds } from './phase-bounds.ts';
import type { Complaint, RunRule } from './run-rule.ts';
import type { WatchedRun } from './watched-run.ts';

const PHASES: readonly InvocationPhase[] = [
  'preprocess',
  'checkout',
  'outputs',
  'exec',
  'wait',
  'measure',
  'upload',
  'close',
  'release',
  'postprocess',
  'end',
];

/** Every bound is rounded to a microsecond. */
const ROUNDING_MS = 0.01;

/**
 * Every run that is aborted, or whose runner is released, is terminal within the bounds of the phase that this hit and of those that
 * may follow; one that waits in the queue at once (R71). The rule is not among the default ones, because a trace does not say what
 * the collaborators promised: state it with `phaseBounds`.
 *
 * @example
 * ```ts
 * import { createSimExecer, createSimulatedRunner, phaseBounds, promptness, simulate, watchRuns } from 'dryrunner';
 * const verdict = await simulate({
 *   oracles: [watchRuns([promptness(phaseBounds({ execer: { cancelBoundMs: 2_000 } }))])],
 *   scenario: async ({ world }) => {
 *     const execer = createSimExecer({ clock: world.clock, graceMs: 2_000 });
 *     const runner = createSimulatedRunner(world, { execer });
 *     const { runId } = await runner.run({ argv: ['ignore-term', 'hang'] });
 *     await runner.abort(runId);
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function promptness(bounds: PhaseBounds): RunRule {
  checkRecord('bounds', 'the bound of each phase', bounds);
  const leftMs = new Map<InvocationPhase, number>();
  let sum = 0;
  for (const phase of [...PHASES].reverse()) {
    sum += bounds[phase];
    leftMs.set(phase, sum);
  }
  const late = (run: WatchedRun, atMs: number, what: string): Complaint => {
    if (run.stoppedAtMs === undefined || run.isTerminal) return undefined;
    const tookMs = atMs - run.stoppedAtMs;
    const boundMs = leftMs.get(run.stoppedIn) ?? 0;
    if (tookMs <= boundMs + ROUNDING_MS) return undefined;
    return `${run.title} was to stop and ${what} after ${tookMs} ms; ${boundMs} ms are promised`;
  };
  return {
    rule: 'R199',
    beforeStatus: (run, { state }, atMs) => late(run, atMs, `became ${state}`),
    onEnd: (run, atMs) => late(run, atMs, 'has not ended'),
  };
}
