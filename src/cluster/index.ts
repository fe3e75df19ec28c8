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
