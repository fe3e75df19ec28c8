/** R201: the states of a run follow the one table of moves. */
import { canMove } from '../model/run-state.ts';
import type { RunRule } from './run-rule.ts';

/** The observed state sequence of a run is a path of R4's graph; where it begins is up to who observes. */
export const statePath: RunRule = {
  rule: 'R201',
  beforeStatus(run, { state }) {
    const old = run.status?.state;
    if (old === undefined || canMove(old, state)) return undefined;
    return `${run.title} cannot go from ${old} to ${state}${run.hintAt(state)}`;
  },
};
