/**
 * Maps errors of handlers to the status that a caller gets. Invariant: every error becomes a status, with a message
 * that says what happened.
 */
import { isRunnerError, messageOf, type RunnerErrorCode } from '../kernel/errors.ts';
import type { RpcCodeName } from '../model/action.ts';
import { isOutOfFiles, isOutOfRoom, missingBlobsOf, violationsOf } from '../model/content-store.ts';
import { digestKey, type Digest } from '../model/digest.ts';
import { counted } from '../model/plural.ts';
import { RpcError } from './rpc.ts';

const CODES: Partial<Readonly<Record<RunnerErrorCode, RpcCodeName>>> = {
  RUNNER_BAD_MESSAGE: 'INVALID_ARGUMENT',
  RUNNER_INVALID_ARGUMENT: 'INVALID_ARGUMENT',
  RUNNER_WRONG_DIGEST: 'INVALID_ARGUMENT',
  RUNNER_BUSY: 'RESOURCE_EXHAUSTED',
  RUNNER_INITIALIZING: 'UNAVAILABLE',
  RUNNER_BROKEN: 'UNAVAILABLE',
  RUNNER_UNHEALTHY: 'UNAVAILABLE',
  RUNNER_RELEASED: 'UNAVAILABLE',
  RUNNER_INJECTED_FAULT: 'UNAVAILABLE',
  RUNNER_DISK_FAILED: 'UNAVAILABLE',
  RUNNER_CANCELLED: 'CANCELLED',
  RUNNER_WAIT_CANCELLED: 'CANCELLED',
};

/** The error as the caller of a remote method gets it. */
export function rpcFailure(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const missing = missingBlobsOf(error);
  if (missing !== undefined) return new RpcError('NOT_FOUND', messageOf(error), { cause: error });
  const known = isRunnerError(error) ? CODES[error.code] : undefined;
  const code = known ?? (isOutOfRoom(error) || isOutOfFiles(error) ? 'RESOURCE_EXHAUSTED' : undefined);
  return new RpcError(code ?? 'INTERNAL', messageOf(error), { cause: error });
}

/** An action cannot run because it is missing itself, if `action` is among the digests, or blobs that it names. */
export function missingInputs(digests: readonly Digest[], action?: Digest): RpcError {
  const violations = violationsOf(digests);
  const names = digests.slice(0, 3).map(digestKey).join(', ');
  const key = action && digestKey(action);
  if (digests.some((digest) => digestKey(digest) === key)) {
    const what =
      digests.length === 1
        ? 'itself is'
        : `itself and ${counted(digests.length - 1, 'blob')} that it names are`;
    return new RpcError('FAILED_PRECONDITION', `the action ${what} not there: ${names}`, { violations });
  }
  const which =
    digests.length > 3
      ? `${digests.length} blobs that are not there, such as ${names}`
      : `blobs that are not there: ${names}`;
  return new RpcError('FAILED_PRECONDITION', `the action names ${which}`, { violations });
}
