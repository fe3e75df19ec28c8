/**
 * What a server gives at the end of an execution, and whether that calls for another one. Invariant: blobs that nobody
 * has are never a reason to try again.
 */
import { rpcStatusOf } from '../cas/action-messages.ts';
import { type ExecuteResponseMessage, MESSAGES, type OperationMessage, unpackAny } from '../cas/codec.ts';
import {
  RPC_CODES,
  type ActionOutcome,
  type RpcCode,
  type RpcStatus,
  type RpcViolation,
} from '../model/action.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import type { BuiltAction } from './built-action.ts';
import { isPassing } from './remote-client.ts';
import { rpcCodeName, rpcCodeOf, RpcError } from './rpc.ts';

/** The final answer of a server. */
export interface RemoteResult {
  readonly response: ExecuteResponseMessage;
}

/** An operation that the server ended without a response, because it was cancelled. */
export class FailedOperation extends RpcError {
  constructor({ code, message, violations = [] }: RpcStatus) {
    super(rpcCodeOf(code), message || `the server ended the operation as ${rpcCodeName(code)}`, {
      violations,
    });
  }
}

/** The result of an operation that has ended; throws if there is none. */
export function resultOf(message: OperationMessage): RemoteResult {
  const response = unpackAny(MESSAGES.ExecuteResponse, message.response);
  if (response !== undefined) return { response };
  const { error } = message;
  if (error !== undefined && error.code !== RPC_CODES.OK) throw new FailedOperation(rpcStatusOf(error));
  throw new RpcError('INTERNAL', 'the server gave a result that is none');
}

/**
 * Why a result should be retried (the worker died, or blobs that the action needs are gone); undefined if it should
 * not.
 */
export function transientFailure(result: RemoteResult, action: BuiltAction): string | undefined {
  const status = statusOf(result);
  const { code, message } = status;
  if (lackedText(action, status) !== '') return undefined;
  return lacksBlobs(result) || isLostWork(code) ? `${rpcCodeName(code)}: ${message}` : undefined;
}

/** True if the server returned the output of an action. */
export function hasPrinted(outcome: ActionOutcome | undefined): outcome is ActionOutcome {
  const { stdoutDigest, stderrDigest, stdoutRaw, stderrRaw } = outcome ?? {};
  return [stdoutDigest, stderrDigest, stdoutRaw, stderrRaw].some((each) => each !== undefined);
}

/** True if an execution that ended with this code may succeed on another worker. */
function isLostWork(code: RpcCode): boolean {
  return code === RPC_CODES.UNAVAILABLE || code === RPC_CODES.ABORTED;
}

/** True if the action, or the failed call, may succeed another time. */
export function isRetryable(failure: RpcError, action: BuiltAction): boolean {
  const { status } = failure;
  if (status.violations !== undefined) return lackedText(action, status) === '';
  return (failure instanceof FailedOperation ? isLostWork : isPassing)(status.code);
}

/** True if blobs that the action needs are gone. */
export function lacksBlobs(result: RemoteResult): boolean {
  return statusOf(result).violations !== undefined;
}

/** True if the action lacked blobs, or the server's runner could not prepare it: its command was not started (R19). */
export function isUnstarted(result: RemoteResult): boolean {
  const { exitCode = 0 } = result.response.result ?? {};
  const isUnprepared = exitCode >= EXIT_CODES.PREPROCESSING && exitCode <= EXIT_CODES.POSTPROCESSING;
  return isUnprepared || lacksBlobs(result);
}

/** The status that comes with a result. */
export function statusOf({ response: { status } }: RemoteResult): RpcStatus {
  return status === null ? { code: RPC_CODES.OK, message: '' } : rpcStatusOf(status);
}

const BLOB_PREFIX = 'blobs/';

/**
 * What to add to the status of a server that lacks blobs of the action which are not here either: nothing can upload
 * them. Empty if there are none.
 */
export function lackedText({ blobs }: BuiltAction, { violations = [] }: RpcStatus): string {
  const isHere = ({ subject }: RpcViolation): boolean =>
    !subject.startsWith(BLOB_PREFIX) || blobs.has(subject.slice(BLOB_PREFIX.length));
  const lacked = violations.filter((violation) => !isHere(violation));
  const [first] = lacked;
  if (first === undefined) return '';
  if (lacked.length === violations.length) {
    return `; content lacks ${lacked.length === 1 ? 'it' : 'them'} too`;
  }
  const name = first.subject.slice(BLOB_PREFIX.length);
  return `; content lacks ${lacked.length === 1 ? name : `${lacked.length} of them, such as ${name},`} too`;
}

/** A failure with what {@link lackedText} adds. */
export function withLacked(failure: RpcError, action: BuiltAction): RpcError {
  const { status } = failure;
  const lacked = lackedText(action, status);
  if (lacked === '') return failure;
  const message = `${failure.message}${lacked}`;
  if (failure instanceof FailedOperation) return new FailedOperation({ ...status, message });
  const { code, violations = [] } = status;
  return new RpcError(rpcCodeOf(code), message, { cause: failure, violations });
}
