/** The writing half of the store's contract. */
import type { LogTags } from './command.ts';
import type { RunType } from './run-type.ts';
import type { RunStatus } from './run-status.ts';
import type { ServiceStatus } from './service-status.ts';

/** What became of a write: `'dropped'` if the run was terminal already (R51). */
export type WriteOutcome = 'accepted' | 'dropped';

/** Writes statuses. All calls take effect before they return. */
export interface StatusWriter {
  /**
   * Creates the next run in state PENDING with these tags and wakes the waiters that match (R44, R46). Its type, `scoot` by default,
   * says whether it may have an `actionResult` (R11).
   */
  newRun(tags?: LogTags, runType?: RunType): RunStatus;
  /**
   * Writes a status over the run's old one (R50–R54).
   *
   * @throws RunnerError `RUNNER_UNKNOWN_RUN`; `RUNNER_ILLEGAL_MOVE` for a move that R4 refuses; `RUNNER_INVALID_ARGUMENT` for a field
   *   that R11 does not allow.
   */
  update(status: RunStatus): WriteOutcome;
  /** Replaces the service status as a whole (R56). */
  updateService(service: ServiceStatus): void;
}
