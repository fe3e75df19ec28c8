/**
 * The contract of a process tree: which processes belong to a command, which of them are alive, and how all of them are
 * ended. Linux finds members everywhere (`process-tree-linux.ts`), other systems only in the process group
 * (`os-execer.ts`). Methods that read the process table may be asynchronous, because all trees that ask for a look
 * share it.
 */
import type { MaybePromise } from '../../model/maybe-promise.ts';
import type { MemberMemory } from './process-memory.ts';
import type { ProcessEntry } from './process-table.ts';

/** What a look found of a tree: who lives, who was left as a zombie, and who may belong to it. */
export interface TreeCensus {
  /** Living members, the leader included; zombies are not alive. */
  readonly members: readonly ProcessEntry[];
  /** Members that ended as children of this process, which did not start them: they stay zombies until it ends. */
  readonly unreaped: readonly ProcessEntry[];
  /** Processes that may be members and are left alone, because nothing shows where they belong. */
  readonly suspects: readonly ProcessEntry[];
  /** False if a process may have been missed, because processes were born faster than they could be read. */
  readonly exact: boolean;
}

/** A command's leader and its descendants. */
export interface ProcessTree {
  /** Must be called when the leader has been reaped: from then on its pid may be reused. */
  leaderReaped(): void;
  /** False if the leader has ended, reaped or not. */
  leaderLives(): boolean;
  /** Looks without signalling. Rejects or throws if the table of processes cannot be read. */
  census(): MaybePromise<TreeCensus>;
  /** Sends every member the signal once (default SIGTERM). Does what it can if the table cannot be read. */
  terminate(signal?: NodeJS.Signals): MaybePromise<void>;
  /**
   * Stops members as they are found, so that none forks away, then kills them all; resolves with those that were alive.
   * Rejects like `census`.
   */
  kill(): MaybePromise<TreeCensus>;
  /** The synchronous `kill`, for a process that is about to exit. */
  killNow(): TreeCensus;
  /** The memory of each member. Rejects or throws if it cannot be measured. */
  usage(): MaybePromise<readonly MemberMemory[]>;
  /**
   * Frees the tree's resources on the machine, such as its control group; false while a process left in it prevents
   * that.
   */
  dispose(): boolean;
}
