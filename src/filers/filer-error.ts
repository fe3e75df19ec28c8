/**
 * Errors of filers: each has a stable code, and errors of the machinery carry an exit code that runners use (R81, R93).
 */
import { RunnerError } from '../kernel/errors.ts';
import { isCancelled } from '../model/cancellation.ts';
import type { Cancellable } from '../model/cancellation.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import type { ExitCode } from '../model/exit-code.ts';

/** The machinery of a filer failed: `RUNNER_FILER_FAILED` with an exit code, 212 by default (R19). */
export class FilerError extends RunnerError {
  readonly exitCode: ExitCode;

  constructor(message: string, options: { readonly cause?: unknown; readonly exitCode?: ExitCode } = {}) {
    super('RUNNER_FILER_FAILED', message, 'cause' in options ? { cause: options.cause } : {});
    this.exitCode = options.exitCode ?? EXIT_CODES.CHECKOUT;
  }
}

/**
 * The error `No snapshot with id: X` (R174), code `RUNNER_UNKNOWN_SNAPSHOT`; a mistake of the caller, so without exit
 * code.
 */
export function unknownSnapshot(snapshotId: string): RunnerError {
  return new RunnerError('RUNNER_UNKNOWN_SNAPSHOT', `No snapshot with id: ${snapshotId}`, {
    actual: snapshotId,
  });
}

/**
 * The error if a directory that was checked out is no longer there, or another one is: `RUNNER_DISK_FAILED`. Without
 * its path, which concerns no client.
 */
export function goneCheckout(cause?: unknown): RunnerError {
  const message = 'the folder of the action was removed or replaced meanwhile';
  return new RunnerError('RUNNER_DISK_FAILED', message, cause === undefined ? {} : { cause });
}

/** The error of a cancelled operation: `RUNNER_CANCELLED`. */
export function cancelledOperation(what: string): RunnerError {
  return new RunnerError('RUNNER_CANCELLED', `${what} was cancelled`);
}

/**
 * Throws if an operation has been asked to stop, even before it began (R173).
 *
 * @throws RunnerError `RUNNER_CANCELLED`.
 */
export function throwIfCancelled(cancel: Cancellable | undefined, what: string): void {
  if (isCancelled(cancel)) throw cancelledOperation(what);
}
