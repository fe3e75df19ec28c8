/** What commands need that serve or call over gRPC: files with secrets and certificates, and a gRPC that leaves the talking to them. */
import { readFileSync } from 'node:fs';
import { messageOf } from '../kernel/errors.ts';
import { loadPeer } from '../kernel/package-files.ts';
import { UsageError } from './exit-status.ts';

/**
 * The content of a file that an option names.
 *
 * @throws UsageError if it cannot be read.
 */
export function readFileOf(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${option}: ${path} cannot be read: ${messageOf(error)}`);
  }
}

/** The token in the file of `--token-file`; undefined if none is named. */
export function readToken(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileOf('--token-file', path).toString().trim();
}

/** What goes wrong is said by the command, in sentences; the log of gRPC itself is for those who ask for it. */
export async function hushGrpc(neededBy: string): Promise<void> {
  if (process.env['GRPC_VERBOSITY'] !== undefined || process.env['GRPC_NODE_VERBOSITY'] !== undefined) return;
  const grpc = await loadPeer('@grpc/grpc-js', neededBy, () => import('@grpc/grpc-js'));
  grpc.setLogVerbosity(grpc.logVerbosity.NONE);
}
