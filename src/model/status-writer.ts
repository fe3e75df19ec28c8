/** The writing half of the store's contract. */
import type { LogTags } from './command.ts';
import type { RunType } from './run-type.ts';
import type { RunStatus } from './run-status.ts';
import type { ServiceStatus } from './service-status.ts';

/** Result of a write: `'dropped'` if the run was already terminal (R51). */
export type WriteOutcome = 'accepted' | 'dropped';

/** Writes statuses. Every call takes effect before it returns. */
export interface StatusWriter {
  /**
   * Creates the next run in state PENDING with these tags and wakes the matching waiters (R44, R46). The run type,
   * `scoot` by default, decides whether the run may have an `actionResult` (R11).
   */
  newRun(tags?: LogTags, runType?: RunType): RunStatus;
  /**
   * Replaces a run's status (R50–R54).
   *
   * @throws RunnerError `RUNNER_UNKNOWN_RUN`; `RUNNER_ILLEGAL_MOVE` for a move that R4 forbids;
   * `RUNNER_INVALID_ARGUMENT` for a field that R11 does not allow.
   */
  update(status: RunStatus): WriteOutcome;
  /** Replaces the service status as a whole (R56). */
  updateService(service: ServiceStatus): void;
}
