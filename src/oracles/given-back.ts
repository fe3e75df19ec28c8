/** R204: a run that is over holds nothing. */
import { isTerminal } from '../model/run-state.ts';
import type { RunRule } from './run-rule.ts';
import { OWNED_KINDS, type WatchedRun } from './watched-run.ts';

/**
 * No process, open output, checkout, temporary directory or upload of a run outlives its terminal status. What its collaborator did
 * not give back within its bound is exempt (R106), waiters belong to callers, and timers are counted by the simulation itself.
 */
export const givenBack: RunRule = {
  rule: 'R204',
  beforeStatus(run, { state }) {
    if (run.held === 0 || !isTerminal(state)) return undefined;
    return `${run.title} is over, but holds ${heldBy(run)}`;
  },
  onAcquired(run, resource, name) {
    if (!run.isTerminal || run.abandoned?.has(resource) === true) return undefined;
    return `${run.title} is over and has taken ${resource} ${name}`;
  },
};

function heldBy(run: WatchedRun): string {
  const counts = OWNED_KINDS.map((kind) => [kind, run.heldOf(kind)] as const);
  return counts.flatMap(([kind, count]) => (count === 0 ? [] : [`${count} × ${kind}`])).join(', ');
}
