/**
 * The poorer process tree of machines without /proc: the leader's process group and nothing else. A descendant that leaves the
 * group escapes, and memory cannot be measured. Invariant: once the group was found empty its number is never signalled again.
 */
import type { ProcessEntry } from './process-table.ts';
import type { ProcessTree, TreeCensus } from './process-tree.ts';
import { sendSignal } from './process-signal.ts';

const EMPTY: TreeCensus = Object.freeze({ members: [], unreaped: [], suspects: [], exact: true });

/** The group of a process that was just started as its leader. */
export function createGroupProcessTree(leader: number): ProcessTree {
  return new GroupProcessTree(leader);
}

class GroupProcessTree implements ProcessTree {
  readonly #leader: number;
  #reaped = false;
  #empty = false;

  constructor(leader: number) {
    this.#leader = leader;
  }

  leaderReaped(): void {
    this.#reaped = true;
  }

  leaderLives(): boolean {
    return !this.#reaped;
  }

  census(): TreeCensus {
    if (this.#empty) return EMPTY;
    if (sendSignal(-this.#leader, 0)) {
      return { members: [memberOf(this.#leader)], unreaped: [], suspects: [], exact: true };
    }
    this.#empty = this.#reaped;
    return EMPTY;
  }

  terminate(signal: NodeJS.Signals = 'SIGTERM'): void {
    if (this.census().members.length > 0) sendSignal(-this.#leader, signal);
  }

  kill(): TreeCensus {
    const found = this.census();
    if (found.members.length > 0) sendSignal(-this.#leader, 'SIGKILL');
    return found;
  }

  usage(): never {
    throw new Error('the memory of processes is only measured on Linux');
  }

  killNow(): TreeCensus {
    return this.kill();
  }

  dispose(): boolean {
    return true;
  }
}

/** All that is known of the group's members is the group. */
function memberOf(group: number): ProcessEntry {
  return {
    pid: group,
    parent: 0,
    group,
    session: group,
    alive: true,
    stopped: false,
    kernel: false,
    name: '',
    startTicks: 0,
  };
}
