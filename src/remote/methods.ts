/** The methods of the Remote Execution API v2 and of the two services that it uses, by name. */
import { MESSAGES, type Messages } from '../cas/codec.ts';
import type { RpcKind, RpcMethod } from './rpc.ts';

function method<Q extends keyof Messages, A extends keyof Messages, K extends RpcKind>(
  kind: K,
  path: string,
  request: Q,
  response: A,
): RpcMethod<Messages[Q], Messages[A], K> {
  return {
    path,
    kind,
    request: MESSAGES[request],
    response: MESSAGES[response],
  };
}

/** A method with one request and one answer. `Q` and `A` name its messages. */
export type UnaryMethod<Q extends keyof Messages, A extends keyof Messages> = RpcMethod<
  Messages[Q],
  Messages[A],
  'unary'
>;
/** A method with one request and a stream of answers. `Q` and `A` name its messages. */
export type ServerStreamMethod<Q extends keyof Messages, A extends keyof Messages> = RpcMethod<
  Messages[Q],
  Messages[A],
  'serverStream'
>;
/** A method with a stream of requests and one answer. `Q` and `A` name its messages. */
export type ClientStreamMethod<Q extends keyof Messages, A extends keyof Messages> = RpcMethod<
  Messages[Q],
  Messages[A],
  'clientStream'
>;

const V2 = '/build.bazel.remote.execution.v2';
const OPERATIONS = '/google.longrunning.Operations';
const BYTES = '/google.bytestream.ByteStream';

/** Every method that a server of this package implements. */
export interface RemoteMethods {
  readonly getCapabilities: UnaryMethod<'GetCapabilitiesRequest', 'ServerCapabilities'>;
  readonly getActionResult: UnaryMethod<'GetActionResultRequest', 'ActionResult'>;
  readonly updateActionResult: UnaryMethod<'UpdateActionResultRequest', 'ActionResult'>;
  readonly findMissingBlobs: UnaryMethod<'FindMissingBlobsRequest', 'FindMissingBlobsResponse'>;
  readonly batchUpdateBlobs: UnaryMethod<'BatchUpdateBlobsRequest', 'BatchUpdateBlobsResponse'>;
  readonly batchReadBlobs: UnaryMethod<'BatchReadBlobsRequest', 'BatchReadBlobsResponse'>;
  readonly getTree: ServerStreamMethod<'GetTreeRequest', 'GetTreeResponse'>;
  readonly execute: ServerStreamMethod<'ExecuteRequest', 'Operation'>;
  readonly waitExecution: ServerStreamMethod<'WaitExecutionRequest', 'Operation'>;
  readonly getOperation: UnaryMethod<'GetOperationRequest', 'Operation'>;
  readonly listOperations: UnaryMethod<'ListOperationsRequest', 'ListOperationsResponse'>;
  readonly cancelOperation: UnaryMethod<'CancelOperationRequest', 'Empty'>;
  readonly deleteOperation: UnaryMethod<'DeleteOperationRequest', 'Empty'>;
  readonly read: ServerStreamMethod<'ReadRequest', 'ReadResponse'>;
  readonly write: ClientStreamMethod<'WriteRequest', 'WriteResponse'>;
  readonly queryWriteStatus: UnaryMethod<'QueryWriteStatusRequest', 'QueryWriteStatusResponse'>;
}

/**
 * The methods that a client calls, by name.
 *
 * @example
 * ```ts
 * import { createFakeRunner, simulate } from 'dryrunner';
 * import { createMemoryActionCache, createMemoryContentStore, createRemoteService, overWire, REMOTE_METHODS } from 'dryrunner/remote';
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const runner = createFakeRunner(sim.world);
 *     const content = createMemoryContentStore();
 *     const server = createRemoteService(sim.world, { runner, content, cache: createMemoryActionCache() });
 *     const { signal } = new AbortController();
 *     const { getCapabilities } = REMOTE_METHODS;
 *     const { highApiVersion } = await overWire(server).unary(getCapabilities, { instanceName: '' }, { signal });
 *     sim.check(highApiVersion?.major === 2, 'version 2 of the protocol');
 *     server.close();
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export const REMOTE_METHODS: RemoteMethods = {
  getCapabilities: method(
    'unary',
    `${V2}.Capabilities/GetCapabilities`,
    'GetCapabilitiesRequest',
    'ServerCapabilities',
  ),
  getActionResult: method(
    'unary',
    `${V2}.ActionCache/GetActionResult`,
    'GetActionResultRequest',
    'ActionResult',
  ),
  updateActionResult: method(
    'unary',
    `${V2}.ActionCache/UpdateActionResult`,
    'UpdateActionResultRequest',
    'ActionResult',
  ),
  findMissingBlobs: method(
    'unary',
    `${V2}.ContentAddressableStorage/FindMissingBlobs`,
    'FindMissingBlobsRequest',
    'FindMissingBlobsResponse',
  ),
  batchUpdateBlobs: method(
    'unary',
    `${V2}.ContentAddressableStorage/BatchUpdateBlobs`,
    'BatchUpdateBlobsRequest',
    'BatchUpdateBlobsResponse',
  ),
  batchReadBlobs: method(
    'unary',
    `${V2}.ContentAddressableStorage/BatchReadBlobs`,
    'BatchReadBlobsRequest',
    'BatchReadBlobsResponse',
  ),
  getTree: method(
    'serverStream',
    `${V2}.ContentAddressableStorage/GetTree`,
    'GetTreeRequest',
    'GetTreeResponse',
  ),
  execute: method('serverStream', `${V2}.Execution/Execute`, 'ExecuteRequest', 'Operation'),
  waitExecution: method('serverStream', `${V2}.Execution/WaitExecution`, 'WaitExecutionRequest', 'Operation'),
  getOperation: method('unary', `${OPERATIONS}/GetOperation`, 'GetOperationRequest', 'Operation'),
  listOperations: method(
    'unary',
    `${OPERATIONS}/ListOperations`,
    'ListOperationsRequest',
    'ListOperationsResponse',
  ),
  cancelOperation: method('unary', `${OPERATIONS}/CancelOperation`, 'CancelOperationRequest', 'Empty'),
  deleteOperation: method('unary', `${OPERATIONS}/DeleteOperation`, 'DeleteOperationRequest', 'Empty'),
  read: method('serverStream', `${BYTES}/Read`, 'ReadRequest', 'ReadResponse'),
  write: method('clientStream', `${BYTES}/Write`, 'WriteRequest', 'WriteResponse'),
  queryWriteStatus: method(
    'unary',
    `${BYTES}/QueryWriteStatus`,
    'QueryWriteStatusRequest',
    'QueryWriteStatusResponse',
  ),
};
