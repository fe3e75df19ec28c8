// A process tree that shows what it is given.
import type { ProcessEntry } from '../../../src/host/process/process-table.ts';
import type { ProcessTree, TreeCensus } from '../../../src/host/process/process-tree.ts';

export const LEADER = 100;

export interface FakeTree extends ProcessTree {
  /** How often it was looked at, with or without a kill. */
  readonly looks: () => number;
  /** Calls in their order. */
  readonly calls: string[];
}

export function entry(pid: number, startTicks = 1): ProcessEntry {
  return {
    pid,
    startTicks,
    parent: 1,
    group: LEADER,
    session: LEADER,
    alive: true,
    stopped: false,
    kernel: false,
    name: 'fake',
  };
}

export function census(pids: number[], exact = true): TreeCensus {
  return { members: pids.map((pid) => entry(pid)), unreaped: [], suspects: [], exact };
}

/** Shows one census after the other, the last one again and again; an error is thrown. */
export function fakeTree(shows: (TreeCensus | Error)[], leaderLives: () => boolean = () => true): FakeTree {
  const calls: string[] = [];
  let looks = 0;
  const show = (call: string): TreeCensus => {
    calls.push(call);
    const shown = shows[Math.min(looks++, shows.length - 1)]!;
    if (shown instanceof Error) throw shown;
    return shown;
  };
  return {
    leaderReaped: () => calls.push('leaderReaped'),
    leaderLives,
    terminate: () => void calls.push('terminate'),
    usage: () => [],
    census: () => show('census'),
    kill: () => show('kill'),
    killNow: () => show('killNow'),
    dispose: () => calls.push('dispose') > 0,
    looks: () => looks,
    calls,
  };
}
