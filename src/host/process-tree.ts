/**
 * The contract of a process tree: who belongs to a command, who of them is alive, and how all of them are ended. Linux finds
 * members everywhere (`process-tree-linux.ts`), other systems have the process group only (`process-tree-group.ts`).
 */
import type { ProcessEntry } from './process-table.ts';

/** Who of a tree is alive. */
export interface TreeCensus {
  /** Living members, the leader included; zombies are not alive. */
  readonly members: readonly ProcessEntry[];
  /** False if somebody may have been missed, because processes were born faster than they could be read. */
  readonly exact: boolean;
}

/** A command's leader and its descendants. */
export interface ProcessTree {
  /** Must be called when the leader has been reaped: from then on its pid may become somebody else's. */
  leaderReaped(): void;
  /** False if the leader has ended, reaped or not. */
  leaderLives(): boolean;
  /** Looks without touching. Throws if the table of processes cannot be read. */
  census(): TreeCensus;
  /** Asks every member once to end, with SIGTERM. Does what it can if the table cannot be read. */
  terminate(): void;
  /** Halts members as they come into sight, so that none forks away, then kills them all; gives those that were alive. Throws as `census`. */
  kill(): TreeCensus;
  /** Resident memory of all members. Throws if it cannot be measured. */
  residentBytes(): number;
}
