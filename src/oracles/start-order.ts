/** R202: runs start in the order in which they were accepted, one at a time. */
import type { RunRule } from './run-rule.ts';

/**
 * A run starts with its first phase, or with RUNNING if its runner has no phases. It must have been accepted, all that were accepted
 * before it must have started or ended, and no other may be active (R67).
 */
export const startOrder: RunRule = {
  rule: 'R202',
  onStart(run, runner) {
    const { active } = runner;
    if (!run.isAccepted && run.status === undefined) return `${run.title} has started and was never accepted`;
    if (active !== undefined) return `${run.title} has started while run ${active.runId} is active`;
    const head = runner.head();
    if (head === run || run.isTerminal) return undefined;
    return `${run.title} has started before run ${head?.runId}, which was accepted earlier`;
  },
};
