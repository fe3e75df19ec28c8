/** An execution that a client has requested from a server, and what its failure says about it. */
import { EXECUTION_STAGES } from '../cas/codec.ts';
import { RPC_CODES, type RpcCode } from '../model/action.ts';
import { notStartedText } from '../model/end-text.ts';
import type { RpcError } from './rpc.ts';

/** What is known about an execution that was requested from the server. */
export class RequestedExecution {
  /** The server's name for it, once known. */
  name: string | undefined;
  /** When the server reported that the command is running. */
  executingAtMs: number | undefined;
  /** True once the server has reported that it has ended. */
  hasEnded = false;
  #stage = -1;

  /** True if the stage is a new one; a resumed watch begins with a stage that is already known. */
  reach(stage: number, nowMs: number): boolean {
    if (stage === EXECUTION_STAGES.EXECUTING) this.executingAtMs ??= nowMs;
    const isProgress = stage > this.#stage;
    if (isProgress) this.#stage = stage;
    return isProgress;
  }
}

/**
 * Codes with which a server answers Execute when it has certainly started nothing. Others may also come from the
 * connection.
 */
export const REFUSALS: ReadonlySet<RpcCode> = new Set([
  RPC_CODES.INVALID_ARGUMENT,
  RPC_CODES.NOT_FOUND,
  RPC_CODES.ALREADY_EXISTS,
  RPC_CODES.PERMISSION_DENIED,
  RPC_CODES.UNAUTHENTICATED,
  RPC_CODES.RESOURCE_EXHAUSTED,
  RPC_CODES.FAILED_PRECONDITION,
  RPC_CODES.OUT_OF_RANGE,
  RPC_CODES.UNIMPLEMENTED,
]);

/** Describes a failure and its consequence for the action, which may continue without its client. */
export function failureText(
  { message, status: { code } }: RpcError,
  current: RequestedExecution | undefined,
  last: RequestedExecution | undefined,
  hasRun: boolean,
): string {
  if (last === undefined) {
    return notStartedText(
      isUnreached(code) ? `the server is unavailable: ${message}; the action was not started` : message,
    );
  }
  if (current?.hasEnded === true) return `the action has ended, but its result cannot be used: ${message}`;
  // The same code comes from a server that answers and from a broken connection.
  const why = `the server ${isUnreached(code) ? 'is unavailable' : 'failed'}: ${message}`;
  if (last.name === undefined) {
    return `${why}; whether it has started the action${hasRun ? ' again' : ''} is not known`;
  }
  if (current === undefined) {
    return `${why}; it had accepted the action as ${last.name}, and has given no result`;
  }
  return `${why}; the action may still be under way there as ${last.name}`;
}

/** True for a code after which it is unknown whether the call reached the server. */
function isUnreached(code: RpcCode): boolean {
  return code === RPC_CODES.UNAVAILABLE || code === RPC_CODES.DEADLINE_EXCEEDED;
}
