/** R206: where the output of a run can be read is never forgotten. */
import type { RunRule } from './run-rule.ts';

/** A ref that is known stays known; it may be replaced, as an upload does (R52). */
export const keptRefs: RunRule = {
  rule: 'R206',
  beforeStatus(run, { state, stdoutRef, stderrRef }) {
    const old = run.status;
    if (old === undefined) return undefined;
    if (stdoutRef === '' && old.stdoutRef !== '') {
      return `${run.title} became ${state} and lost its stdoutRef ${old.stdoutRef}`;
    }
    if (stderrRef === '' && old.stderrRef !== '') {
      return `${run.title} became ${state} and lost its stderrRef ${old.stderrRef}`;
    }
    return undefined;
  },
};
