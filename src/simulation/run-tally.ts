/** Counts what a verdict reports: runs, end states, faults. */
import { isTerminal, type RunState } from '../model/run-state.ts';
import type { TraceEvent } from '../model/trace-event.ts';

/** Watches a trace. */
export class RunTally {
  runs = 0;
  faults = 0;
  readonly endStates: Partial<Record<RunState, number>> = {};

  watch(event: TraceEvent): void {
    if (event.type === 'accepted') this.runs += 1;
    else if (event.type === 'fault') this.faults += 1;
    else if (event.type === 'status' && isTerminal(event.status.state)) {
      const { state } = event.status;
      this.endStates[state] = (this.endStates[state] ?? 0) + 1;
    }
  }
}
