/**
 * Finds the work that code of the user has started twice. Invariants: it counts only if the first run had not failed by
 * then, because a scheduler tries failed work again; and only if it has a tag or an action, because different work may
 * have equal command lines.
 */
import { isTerminal } from '../../model/run-state.ts';
import type { RunStatus } from '../../model/run-status.ts';
import type { IsAbout } from './failure-subjects.ts';
import type { KeptStack } from './kept-stack.ts';
import type { ObservedRun } from './observed-run.ts';
import { placeOf, type SourcePlace } from './source-place.ts';
import { type Accepted, workOf } from './struck-jobs.ts';

/** Maximum number of starts whose lines are looked up: an execution that was not shrunk may have thousands. */
const LOCATED_MAX = 100;

interface Start {
  readonly event: Accepted;
  readonly stack: KeptStack;
  /** Its place among the steps. */
  readonly at: number;
}

/**
 * Where the last work was started that was started twice, the first and the second time; empty if there is none. Work
 * that the failure is about comes before other work.
 */
export function placesOfDoubleStart(
  { steps }: Pick<ObservedRun, 'steps'>,
  isAbout: IsAbout,
): readonly SourcePlace[] {
  const byWork = new Map<string, Start[]>();
  const failedAt = new Map<string, number>();
  steps.forEach(({ done, stack }, at) => {
    if (!('type' in done)) return;
    if (done.type === 'accepted') {
      const { names, line } = workOf(done.command);
      for (const name of names) {
        const work = `${name} ${line}`;
        const starts = byWork.get(work) ?? [];
        byWork.set(work, starts);
        starts.push({ event: done, stack, at });
      }
    } else if (done.type === 'status' && isFailed(done.status)) {
      failedAt.set(runKey(done.runner, done.status.runId), at);
    }
  });
  const placeIn = locator();
  const hadNotFailedBy = ({ event: { runner, runId } }: Start, at: number): boolean =>
    (failedAt.get(runKey(runner, runId)) ?? Infinity) > at;
  const later = [...byWork.values()].flatMap((starts) =>
    starts.slice(1).map((second) => ({ second, starts })),
  );
  const rankOf = ({ event }: Start): number => (isAbout(event) ? 0 : 1);
  later.sort((one, other) => rankOf(one.second) - rankOf(other.second) || other.second.at - one.second.at);
  for (const { second, starts } of later.slice(0, LOCATED_MAX)) {
    const place = placeIn(second);
    if (place === undefined) continue;
    const first = starts.findLast(
      (start) => start.at < second.at && hadNotFailedBy(start, second.at) && placeIn(start) !== undefined,
    );
    const earlier = first === undefined ? undefined : placeIn(first);
    if (earlier !== undefined) return [earlier, place];
  }
  return [];
}

/**
 * Looks up the line of a start, each once and only so many, because a stack is slow to read; undefined if no line is the
 * user's.
 */
function locator(): (start: Start) => SourcePlace | undefined {
  const known = new Map<Start, SourcePlace | undefined>();
  return (start) => {
    if (!known.has(start) && known.size < LOCATED_MAX) {
      known.set(start, placeOfStart(start.event, start.stack));
    }
    return known.get(start);
  };
}

/** Where a run was started; undefined if no line of the user led to it. */
export function placeOfStart({ runId, runner }: Accepted, { text }: KeptStack): SourcePlace | undefined {
  return placeOf(`run ${runId} of ${runner} was started`, text)[0];
}

function isFailed({ state }: RunStatus): boolean {
  return isTerminal(state) && state !== 'COMPLETE';
}

function runKey(runner: string, runId: string): string {
  return `${runner} ${runId}`;
}
