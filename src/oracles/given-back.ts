/** R204: a run that is over holds nothing. */
import { isTerminal } from '../model/run-state.ts';
import type { RunRule } from './run-rule.ts';
import { OWNED_KINDS, type OwnedKind, type WatchedRun } from './watched-run.ts';

/**
 * No process, open output, checkout, temporary directory or upload of a run outlives its terminal status. What its collaborator did
 * not give back within its bound is exempt (R106), waiters belong to callers, and timers are counted by the simulation itself.
 */
export const givenBack: RunRule = {
  rule: 'R204',
  ignoresUndisturbed: true,
  beforeStatus(run, { state }) {
    if (run.held === 0 || !isTerminal(state)) return undefined;
    return `${run.title} is over, but holds ${heldBy(run)}`;
  },
  onAcquired(run, resource, name) {
    if (!run.isTerminal || run.abandoned?.has(resource) === true) return undefined;
    return `${run.title} is over and has taken ${resource} ${name}`;
  },
};

/** A simulated machine counts its processes, and the run that it has one: their number would mislead. */
function heldText(kind: OwnedKind, count: number): string {
  return kind === 'process' ? 'a process that goes on' : `${count} × ${kind}`;
}

function heldBy(run: WatchedRun): string {
  const counts = OWNED_KINDS.map((kind) => [kind, run.heldOf(kind)] as const);
  return counts.flatMap(([kind, count]) => (count === 0 ? [] : [heldText(kind, count)])).join(', ');
}
