/** R208: what is counted adds up. */
import { plural } from '../model/plural.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunRule } from './run-rule.ts';
import { COUNTER_NAMES, RUNNING_TASK } from './watched-metrics.ts';

/**
 * Counters only grow; at every status the gauge `runningTask` is the number of active runs, if it is in the trace; and runs accepted
 * are runs terminal, queued and active. Where nothing says what was accepted, as in the trace of a bare store, there is no account.
 */
export const runAccounts: RunRule = {
  rule: 'R208',
  afterStatus(run, { state }, runner) {
    const { accepted, ended, queued, working, runningTask } = runner;
    if (runningTask !== undefined && runningTask !== working) {
      const moment = isTerminal(state) ? 'was over' : `became ${state}`;
      return `${RUNNING_TASK} of ${runner.name} is ${runningTask} with ${working} active when run ${run.runId} ${moment}`;
    }
    if (accepted === 0 || !isTerminal(state) || accepted === ended + queued + working) return undefined;
    return `${runner.name} has accepted ${accepted} ${plural(accepted, 'run')}, but ${ended} are terminal, ${queued} queued and ${working} active`;
  },
  onMetric({ name: runner, counters }, name, value) {
    if (!COUNTER_NAMES.has(name)) return undefined;
    const old = counters?.get(name) ?? 0;
    return value < old ? `counter ${name} of ${runner} fell from ${old} to ${value}` : undefined;
  },
};
