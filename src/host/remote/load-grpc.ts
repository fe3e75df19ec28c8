/**
 * Loads gRPC, an optional package. If it is missing, the error names both packages that its users need, so that one
 * `npm install` suffices.
 */
import type * as grpcJs from '@grpc/grpc-js';
import { requireProtobuf } from '../../cas/protocol-types.ts';
import { loadPeer } from '../../kernel/package-files.ts';
import { refuseInSimulation } from '../../simulation/simulating.ts';

/**
 * Fails a simulation whose code uses the network by gRPC.
 *
 * @throws RunnerError `RUNNER_OUTSIDE_CALL`.
 */
export function refuseGrpcInSimulation(what: string): void {
  refuseInSimulation(
    what,
    'use a server in the simulation, overWire(createRemoteService(…)) of dryrunner/remote, as the transport',
  );
}

/**
 * Rejects with `RUNNER_MISSING_PACKAGE` if it or protobufjs is not installed;
 * `neededBy` is the function that needs it.
 */
export async function loadGrpc(neededBy: string): Promise<typeof grpcJs> {
  const grpc = await loadPeer('@grpc/grpc-js', neededBy, () => import('@grpc/grpc-js'), {
    beside: ['protobufjs'],
  });
  requireProtobuf(neededBy);
  return grpc;
}
