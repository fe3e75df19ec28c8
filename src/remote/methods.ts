/** The methods of the Remote Execution API v2 and of the two services that it uses, by name. */
import { MESSAGES, type Messages } from '../cas/codec.ts';
import type { RpcKind, RpcMethod } from './rpc.ts';

type Name = keyof Messages;

function method<Q extends Name, A extends Name, K extends RpcKind>(
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

type Unary<Q extends Name, A extends Name> = RpcMethod<Messages[Q], Messages[A], 'unary'>;
type ServerStream<Q extends Name, A extends Name> = RpcMethod<Messages[Q], Messages[A], 'serverStream'>;
type ClientStream<Q extends Name, A extends Name> = RpcMethod<Messages[Q], Messages[A], 'clientStream'>;

const V2 = '/build.bazel.remote.execution.v2';
const OPERATIONS = '/google.longrunning.Operations';
const BYTES = '/google.bytestream.ByteStream';

/** Every method that a server here has. */
export interface RemoteMethods {
  readonly getCapabilities: Unary<'GetCapabilitiesRequest', 'ServerCapabilities'>;
  readonly getActionResult: Unary<'GetActionResultRequest', 'ActionResult'>;
  readonly updateActionResult: Unary<'UpdateActionResultRequest', 'ActionResult'>;
  readonly findMissingBlobs: Unary<'FindMissingBlobsRequest', 'FindMissingBlobsResponse'>;
  readonly batchUpdateBlobs: Unary<'BatchUpdateBlobsRequest', 'BatchUpdateBlobsResponse'>;
  readonly batchReadBlobs: Unary<'BatchReadBlobsRequest', 'BatchReadBlobsResponse'>;
  readonly getTree: ServerStream<'GetTreeRequest', 'GetTreeResponse'>;
  readonly execute: ServerStream<'ExecuteRequest', 'Operation'>;
  readonly waitExecution: ServerStream<'WaitExecutionRequest', 'Operation'>;
  readonly getOperation: Unary<'GetOperationRequest', 'Operation'>;
  readonly listOperations: Unary<'ListOperationsRequest', 'ListOperationsResponse'>;
  readonly cancelOperation: Unary<'CancelOperationRequest', 'Empty'>;
  readonly deleteOperation: Unary<'DeleteOperationRequest', 'Empty'>;
  readonly read: ServerStream<'ReadRequest', 'ReadResponse'>;
  readonly write: ClientStream<'WriteRequest', 'WriteResponse'>;
  readonly queryWriteStatus: Unary<'QueryWriteStatusRequest', 'QueryWriteStatusResponse'>;
}

/** What a client calls. */
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
