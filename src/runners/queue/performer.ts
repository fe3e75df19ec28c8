/** What stands behind a queue: something that carries one accepted command out. The invoker is one, the fake runner's script another. */
import type { Command } from '../../model/command.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';

/**
 * Takes the statuses of a run as they come: RUNNING at most once, then one terminal status (R87). One with a `checkout` ends a row of
 * an undisturbed run with that checkout, none of which is traced yet (`undisturbed-run.ts`).
 */
export type StatusListener = (status: RunStatus, checkout?: string) => void;

/** A run at work. */
export interface Performance {
  /** Asks for the run to be stopped; its terminal status still comes through the listener. Asking again does nothing. */
  abort(): void;
}

/** Carries commands out, one at a time. */
export interface Performer {
  /** Starts a run; the listener may be called before this returns. */
  perform(command: Command, runId: RunID, onStatus: StatusListener): Performance;
  /** Refuses a command that can never start, when it is offered (R66, R121). */
  check?(command: Command): void;
}
