/**
 * The entry point `dryrunner/remote`: the Bazel path. Blobs and results by digest, and execution of actions through the
 * Remote Execution API.
 *
 * @module dryrunner/remote
 */
export { encodeAction, encodeCommand } from '../cas/action-messages.ts';
export {
  type ActionMessage,
  type ActionResultMessage,
  type AnyMessage,
  type BatchReadBlobsRequest,
  type BatchReadBlobsResponse,
  type BatchUpdateBlobsRequest,
  type BatchUpdateBlobsResponse,
  type Codecs,
  type CommandMessage,
  type DirectoryMessage,
  type DirectoryNode,
  type EmptyMessage,
  type ExecutedActionMetadata,
  type ExecuteOperationMetadata,
  type ExecuteRequestMessage,
  type ExecuteResponseMessage,
  EXECUTION_STAGES,
  type FileNode,
  type FindMissingBlobsRequest,
  type FindMissingBlobsResponse,
  type GetActionResultRequest,
  type GetCapabilitiesRequest,
  type GetTreeRequest,
  type GetTreeResponse,
  type Init,
  type ListOperationsRequest,
  type ListOperationsResponse,
  type MessageCodec,
  type Messages,
  MESSAGES,
  type NameMessage,
  type OperationMessage,
  type OutputDirectoryMessage,
  type OutputFileMessage,
  type OutputSymlinkMessage,
  packAny,
  type PlatformMessage,
  type PreconditionFailure,
  type PriorityCapabilities,
  type PriorityMessage,
  type PropertyMessage,
  type QueryWriteStatusResponse,
  type ReadRequest,
  type ReadResponse,
  type ResourceMessage,
  type SemVer,
  type ServerCapabilities,
  type StatusMessage,
  type SymlinkNode,
  type TimeMessage,
  type TreeMessage,
  unpackAny,
  type UpdateActionResultRequest,
  type WriteRequest,
  type WriteResponse,
} from '../cas/codec.ts';
export { digestOf } from '../cas/digest-of.ts';
export {
  createMemoryActionCache,
  type MemoryActionCache,
  type MemoryActionCacheOptions,
} from '../cas/memory-action-cache.ts';
export {
  createMemoryContentStore,
  type MemoryContentStore,
  type MemoryContentStoreOptions,
} from '../cas/memory-content-store.ts';
export { RPC_CODES, type RpcCodeName } from '../model/action.ts';
export {
  type ActionCache,
  type ActionStore,
  type BlobHold,
  type BlobRange,
  type BlobWriter,
  type ContentStore,
  type ExecutedAction,
  MissingBlobsError,
  missingBlobsOf,
} from '../model/content-store.ts';
export { formatDigest, parseDigest, snapshotOfDigest } from '../model/digest.ts';
export { type ActionStoreOptions, createActionStore } from './action-store.ts';
export { type BlobCompression } from './blobs.ts';
export { type ContentFilerOptions, createContentFiler, type TreeTarget } from './content-filer.ts';
export {
  REMOTE_METHODS,
  type RemoteMethods,
  type UnaryMethod,
  type ServerStreamMethod,
  type ClientStreamMethod,
} from './methods.ts';
export { readOutputs, type ReadOutputsOptions } from './read-outputs.ts';
export { createRemoteRunner } from './remote-runner.ts';
export type { RemoteOperation, RemoteRetry, RemoteRunnerOptions } from './remote-runner-options.ts';
export { createRemoteService, type RemoteServer, type RemoteServiceOptions } from './remote-service.ts';
export { type Compression } from './resource-name.ts';
export {
  type CacheFaultKind,
  type ContentFaultKind,
  createSimActionCache,
  createSimContentStore,
  type StoreFaults,
} from './sim-stores.ts';
export { createWritingExecer } from './writing-execer.ts';
export {
  overWire,
  type RemoteService,
  type RpcContext,
  RpcError,
  type RpcErrorDetails,
  type RpcKind,
  type RpcMethod,
} from './rpc.ts';
export { type RemoteFaultKind } from '../model/faults.ts';
export { REMOTE_FAULT_KINDS, type RemoteFaults, withRemoteFaults } from './remote-faults.ts';
