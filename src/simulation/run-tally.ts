/** Counts what a verdict reports: runs, end states, faults. */
import { isTerminal, type RunState } from '../model/run-state.ts';
import type { TraceEvent } from '../model/trace-event.ts';

/** Watches a trace. */
export class RunTally {
  runs = 0;
  faults = 0;
  /** Grows with each run that is accepted or gets another status. */
  progress = 0;
  readonly endStates: Partial<Record<RunState, number>> = {};

  watch(event: TraceEvent): void {
    if (event.type === 'accepted') {
      this.runs += 1;
      this.progress += 1;
    } else if (event.type === 'fault') this.faults += 1;
    else if (event.type === 'status') {
      this.progress += 1;
      if (!isTerminal(event.status.state)) return;
      const { state } = event.status;
      this.endStates[state] = (this.endStates[state] ?? 0) + 1;
    }
  }
}
