/**
 * Decides whether a command is accepted; checks form, release, initialization, health and room, in this order (R63,
 * R64, R66).
 */
import { checkCommand, type Command } from '../../model/command.ts';
import {
  QUEUE_FULL_MSG,
  QUEUE_INITING_MSG,
  QUEUE_INVALID_MSG,
  WORKER_UNHEALTHY_MSG,
} from '../../model/messages.ts';
import { RunRejectedError } from '../../model/run-rejected-error.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import type { Performer } from './performer.ts';

/** The state of the runner on which admission depends. */
export interface AdmissionState {
  readonly isReleased: boolean;
  /** Text of the init error, once initialization has failed. */
  readonly initFailure: string | undefined;
  readonly service: ServiceStatus;
  readonly isFull: boolean;
}

/**
 * Returns if some state of the runner could accept the command. This calls code of the caller and of an execer, which
 * may use the runner at once: read the state for {@link admit} afterwards.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a malformed command, and what the performer throws for one that can
 * never start.
 */
export function checkOffer(command: Command, performer: Performer): void {
  checkCommand(command);
  performer.check?.(command);
}

/**
 * Returns if a command can be accepted now.
 *
 * @throws RunRejectedError with the code and the texts of R23, R63 and R64.
 */
export function admit(state: AdmissionState): void {
  if (state.isReleased) throw new RunRejectedError('RUNNER_RELEASED', 'The runner was released.');
  if (state.initFailure !== undefined) {
    throw new RunRejectedError('RUNNER_BROKEN', QUEUE_INVALID_MSG, state.initFailure);
  }
  if (!state.service.initialized) {
    throw new RunRejectedError('RUNNER_INITIALIZING', QUEUE_INITING_MSG, QUEUE_INITING_MSG);
  }
  if (!state.service.isHealthy) {
    throw new RunRejectedError('RUNNER_UNHEALTHY', WORKER_UNHEALTHY_MSG, state.service.error);
  }
  if (state.isFull) throw new RunRejectedError('RUNNER_BUSY', QUEUE_FULL_MSG);
}
