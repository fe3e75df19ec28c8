/**
 * The door `dryrunner/remote`: the Bazel path. Blobs and results by digest, and what carries actions out through the Remote Execution API.
 *
 * @module dryrunner/remote
 */
export { encodeAction, encodeCommand } from '../cas/action-messages.ts';
export { type Init, type MessageCodec } from '../cas/codec.ts';
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
  MissingBlobsError,
  missingBlobsOf,
} from '../model/content-store.ts';
export { formatDigest, parseDigest, snapshotOfDigest } from '../model/digest.ts';
export { type ActionStoreOptions, createActionStore } from './action-store.ts';
export { type BlobCompression } from './blobs.ts';
export { type ContentFilerOptions, createContentFiler, type TreeTarget } from './content-filer.ts';
export { createRemoteRunner, type RemoteRunnerOptions } from './remote-runner.ts';
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
export {
  REMOTE_FAULT_KINDS,
  type RemoteFaultKind,
  type RemoteFaults,
  withRemoteFaults,
} from './remote-faults.ts';
