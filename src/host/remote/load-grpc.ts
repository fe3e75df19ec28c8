/** gRPC, an optional package, and what is said if it is not there: with the other package that its users need, so that nobody is told twice. */
import type * as grpcJs from '@grpc/grpc-js';
import { loadPeer } from '../../kernel/package-files.ts';

/** Rejects with `RUNNER_MISSING_PACKAGE` if it is not installed; `neededBy` says what needs it. */
export function loadGrpc(neededBy: string): Promise<typeof grpcJs> {
  return loadPeer('@grpc/grpc-js', neededBy, () => import('@grpc/grpc-js'), { beside: ['protobufjs'] });
}
