/**
 * The entry point `dryrunner/cluster`: nodes of your own, the network between them, and what they stand on. Names only,
 * no code.
 *
 * @module dryrunner/cluster
 */
export {
  createMemoryDisk,
  type DiskFaults,
  type MemoryDisk,
  type MemoryDiskOptions,
} from '../disks/memory-disk.ts';
export type { Disk, DiskData } from '../model/disk.ts';
export { createNetwork, type Network, type NetworkOptions, type NodeNames } from './network.ts';
export type { ClusterNode, ClusterNodeOptions, NodeCrashOptions, NodeDiskOptions } from './node.ts';
export type { Chance, LinkFaults, LinkOptions } from './link-settings.ts';
export { isCallLost } from './sent-error.ts';
export { withCallOptions } from './stub.ts';
export type {
  CallOptions,
  Mailbox,
  MailboxOptions,
  NodeContext,
  NodeProgram,
  ReceiveOptions,
  Stub,
} from '../model/node-context.ts';
export { type Channel, type ChannelOptions, createChannel } from '../locks/channel.ts';
export {
  type Condition,
  type ConditionOptions,
  type ConditionWait,
  createCondition,
} from '../locks/condition.ts';
export { createDeferred, type Deferred, type DeferredOptions } from '../locks/deferred.ts';
export { createMutex, type Mutex, type MutexOptions } from '../locks/mutex.ts';
export { type LockWorld, type NotedWait, noteWait } from '../locks/noted-wait.ts';
export type { LockedTask, LockHold } from '../locks/permit-lock.ts';
export {
  createSemaphore,
  type PermitOptions,
  type Semaphore,
  type SemaphoreOptions,
} from '../locks/semaphore.ts';
export type { WaitOptions } from '../locks/wait-line.ts';
export { type TimeoutOptions, withTimeout } from '../locks/with-timeout.ts';
