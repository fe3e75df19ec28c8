/** Names the output that could not be read in the error, which otherwise has only its digest. */
import { isRunnerError, messageOf, RunnerError } from '../kernel/errors.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { MissingBlobsError, missingBlobsOf } from '../model/content-store.ts';
import { rpcFailure } from './rpc-failure.ts';
import { rpcCodeOf, RpcError } from './rpc.ts';

/** The error of a client that could not read an output, with its path: of the same code, and with the same blobs missing. */
export function unreadOutput(path: string, error: unknown): Error {
  const what = `output ${path === '' ? '.' : onOneLine(path)}`;
  const missing = missingBlobsOf(error);
  if (missing !== undefined) return new MissingBlobsError(missing, error, what);
  if (isRunnerError(error, 'RUNNER_BAD_MESSAGE')) {
    return new RunnerError(error.code, `${what}: ${messageOf(error)}`, { cause: error });
  }
  const { code, violations = [] } = rpcFailure(error).status;
  return new RpcError(rpcCodeOf(code), `${what}: ${messageOf(error)}`, { cause: error, violations });
}
