/**
 * Loads gRPC, an optional package. If it is missing, the error names both packages that its users need, so that one
 * `npm install` suffices.
 */
import type * as grpcJs from '@grpc/grpc-js';
import { loadPeer } from '../../kernel/package-files.ts';

/** Rejects with `RUNNER_MISSING_PACKAGE` if it is not installed; `neededBy` is the function that needs it. */
export function loadGrpc(neededBy: string): Promise<typeof grpcJs> {
  return loadPeer('@grpc/grpc-js', neededBy, () => import('@grpc/grpc-js'), { beside: ['protobufjs'] });
}
