/**
 * The contract of a process tree: who belongs to a command, who of them is alive, and how all of them are ended. Linux finds
 * members everywhere (`process-tree-linux.ts`), other systems have the process group only (`os-execer.ts`). What looks at
 * the table of processes may answer later, because a look is shared by all trees that ask for one.
 */
import type { MaybePromise } from '../../model/maybe-promise.ts';
import type { MemberMemory } from './process-memory.ts';
import type { ProcessEntry } from './process-table.ts';

/** Who of a tree is alive. */
export interface TreeCensus {
  /** Living members, the leader included; zombies are not alive. */
  readonly members: readonly ProcessEntry[];
  /** Members that have ended as children of this process, which did not start them: nobody can reap them before it ends. */
  readonly unreaped: readonly ProcessEntry[];
  /** Those that may be members and are left alone, because nothing shows whose they are. */
  readonly suspects: readonly ProcessEntry[];
  /** False if somebody may have been missed, because processes were born faster than they could be read. */
  readonly exact: boolean;
}

/** A command's leader and its descendants. */
export interface ProcessTree {
  /** Must be called when the leader has been reaped: from then on its pid may become somebody else's. */
  leaderReaped(): void;
  /** False if the leader has ended, reaped or not. */
  leaderLives(): boolean;
  /** Looks without touching. Rejects or throws if the table of processes cannot be read. */
  census(): MaybePromise<TreeCensus>;
  /** Asks every member once to end, with that signal (SIGTERM). Does what it can if the table cannot be read. */
  terminate(signal?: NodeJS.Signals): MaybePromise<void>;
  /** Halts members as they come into sight, so that none forks away, then kills them all; gives those that were alive. Rejects as `census`. */
  kill(): MaybePromise<TreeCensus>;
  /** The same at once, for a process that is about to exit. */
  killNow(): TreeCensus;
  /** The memory of each member. Rejects or throws if it cannot be measured. */
  usage(): MaybePromise<readonly MemberMemory[]>;
  /** Gives back what the tree holds of the machine; false while that cannot be, because somebody is left in it. */
  dispose(): boolean;
}
