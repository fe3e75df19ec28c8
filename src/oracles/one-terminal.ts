/** R200: a run ends once, and for good. */
import { isTerminal } from '../model/run-state.ts';
import type { RunRule } from './run-rule.ts';

/**
 * Each accepted run reaches exactly one terminal status, which never changes. That it is reached at all can be told of runs whose
 * runner was released (R85): the others may go on after the end of the trace.
 */
export const oneTerminal: RunRule = {
  rule: 'R200',
  beforeStatus(run, { state }) {
    const old = run.status?.state;
    if (old === undefined || !isTerminal(old)) return undefined;
    return `${run.title} was ${old}, which is terminal, and has become ${state}${run.hintAt(state)}`;
  },
  onEnd(run) {
    if (!run.isReleased || run.isTerminal) return undefined;
    return `${run.title} is ${run.status?.state ?? 'without a status'} at the end, although its runner was released`;
  },
};
