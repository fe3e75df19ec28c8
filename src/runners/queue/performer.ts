/**
 * The contract of what is behind a queue: it performs one accepted command at a time. The invoker is one performer, the
 * fake runner's script another.
 */
import type { Command } from '../../model/command.ts';
import type { RunID, RunStatus } from '../../model/run-status.ts';

/**
 * Gets the statuses of a run as they occur: RUNNING at most once, then one terminal status (R87). A status with a
 * `checkout` ends a row of an undisturbed run with that checkout, none of which is traced yet (`undisturbed-run.ts`).
 */
export type StatusListener = (status: RunStatus, checkout?: string) => void;

/** A run in progress. */
export interface Performance {
  /** Requests that the run be stopped; its terminal status still goes to the listener. Further calls are no-ops. */
  abort(): void;
}

/** Performs commands, one at a time. */
export interface Performer {
  /** Starts a run; the listener may be called before this returns. */
  perform(command: Command, runId: RunID, onStatus: StatusListener): Performance;
  /** Throws for a command that can never start, when it is submitted (R66, R121). */
  check?(command: Command): void;
}
