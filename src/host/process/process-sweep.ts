/**
 * Ending a process tree: kill, look again, and go on until a look that can have missed nobody finds nobody. It always ends within
 * its bound, and says what it could not do.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { ProcessEntry } from './process-table.ts';
import type { ProcessTree, TreeCensus } from './process-tree.ts';
import { pollWithin } from './process-wait.ts';

/** What a sweep did. */
export interface Sweep {
  /** How many living members it found, the leader not counted. */
  readonly descendants: number;
  /** How many were still alive at its end: only what the kernel cannot kill, or will not kill for us. */
  readonly survivors: number;
  /** Members that ended as children of this process, which cannot reap them. */
  readonly unreaped: readonly number[];
  /** Those that may have been members and got away. */
  readonly suspects: readonly number[];
  /** False if the last look may have missed somebody; then there may be more survivors. */
  readonly exact: boolean;
  /** Why the last look failed, if it did; then there may be more survivors. */
  readonly blind?: unknown;
}

/** Kills every member, again and again until none is left, for at most `boundMs`. */
export async function sweepTree(
  clock: Clock,
  tree: ProcessTree,
  leader: number,
  boundMs: number,
): Promise<Sweep> {
  const seen = new Set<string>();
  let last: TreeCensus = { members: [], unreaped: [], suspects: [], exact: false };
  let blind: unknown;
  const isSwept = async (): Promise<true | undefined> => {
    try {
      last = await tree.kill();
      for (const member of last.members) if (member.pid !== leader) seen.add(nameOf(member));
      blind = undefined;
      return (last.exact && last.members.length === 0) || undefined;
    } catch (error) {
      // For want of file descriptors, say: looking again may help.
      blind = error;
      return undefined;
    }
  };
  await pollWithin(clock, 'process sweep', boundMs, isSwept);
  const swept = {
    descendants: seen.size,
    survivors: last.members.length,
    unreaped: last.unreaped.map(({ pid }) => pid),
    suspects: last.suspects.map(({ pid }) => pid),
    exact: last.exact,
  };
  return blind === undefined ? swept : { ...swept, blind };
}

function nameOf({ pid, startTicks }: ProcessEntry): string {
  return `${pid}/${startTicks}`;
}
