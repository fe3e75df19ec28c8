/** The writing half of the store's contract. */
import type { LogTags } from './command.ts';
import type { RunStatus } from './run-status.ts';
import type { ServiceStatus } from './service-status.ts';

/** What became of a write: `'dropped'` if the run was terminal already (R51). */
export type WriteOutcome = 'accepted' | 'dropped';

/** Writes statuses. All calls take effect before they return. */
export interface StatusWriter {
  /** Creates the next run in state PENDING with these tags and wakes the waiters that match (R44, R46). */
  newRun(tags?: LogTags): RunStatus;
  /**
   * Writes a status over the run's old one (R50–R54).
   *
   * @throws RunnerError `RUNNER_UNKNOWN_RUN`; `RUNNER_ILLEGAL_MOVE` for a move that R4 refuses.
   */
  update(status: RunStatus): WriteOutcome;
  /** Replaces the service status as a whole (R56). */
  updateService(service: ServiceStatus): void;
}
