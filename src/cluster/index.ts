/**
 * The door `dryrunner/cluster`: nodes of your own, the network between them, and what they stand on. Names only, no code.
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
export { createNetwork, type Network, type NetworkOptions } from './network.ts';
export type { ClusterNode, ClusterNodeOptions } from './node.ts';
export type { Chance, LinkFaults, LinkOptions } from './link-settings.ts';
export { isCallLost } from './copy.ts';
export { withCallOptions } from './stub.ts';
export type {
  CallOptions,
  Mailbox,
  MailboxOptions,
  NodeContext,
  NodeProgram,
  Stub,
} from '../model/node-context.ts';
