/** Counts what a verdict reports: runs, end states, faults. */
import { isTerminal, type RunState } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';

/** Is told of what counts. */
export class RunTally {
  runs = 0;
  faults = 0;
  /** Grows with each run that is accepted or gets another status. */
  progress = 0;
  readonly endStates: Partial<Record<RunState, number>> = {};

  accepted(): void {
    this.runs += 1;
    this.progress += 1;
  }

  status({ state }: RunStatus): void {
    this.progress += 1;
    if (isTerminal(state)) this.endStates[state] = (this.endStates[state] ?? 0) + 1;
  }

  fault(): void {
    this.faults += 1;
  }
}
