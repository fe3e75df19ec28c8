/**
 * The tree of a command on Linux. Members are found by process group, session, ancestry and environment cookie. Only that escapes
 * which clears its environment, leaves session and group and has lost its parent before anybody looked. Invariant: a signal goes
 * to a process or group only if it was found to be a member in the same slice of time, so that a reused pid is never hit.
 */
import { carriesCookie } from './process-cookie.ts';
import { pageBytes } from './process-memory.ts';
import { sendSignal } from './process-signal.ts';
import { readProcess, readProcesses, readResidentPages, type ProcessEntry } from './process-table.ts';
import type { ProcessTree, TreeCensus } from './process-tree.ts';

/** The tree of a process that was just started as leader of its own session, with a cookie of that token. */
export function createLinuxProcessTree(leader: number, token: string): ProcessTree {
  return new LinuxProcessTree(leader, token);
}

/** How long a number last seen in use cannot have been given to anybody else: pids are handed out in a circle. */
const NUMBER_TRUST_MS = 250;
const KILL_ROUNDS_MAX = 10;

class LinuxProcessTree implements ProcessTree {
  readonly #leader: number;
  readonly #token: string;
  readonly #leaderStart: number;
  /** Members seen before, pid → start: they stay members whatever they change about themselves. */
  #known: ReadonlyMap<number, number> = new Map();
  /** True if the last look met a process that could not be told to be a member or not. */
  #undecided = false;
  #reaped = false;
  /** When the leader's number was last seen to be this tree's; −Infinity once a stranger has it. */
  #numberSeenMs = 0;

  constructor(leader: number, token: string) {
    this.#leader = leader;
    this.#token = token;
    this.#leaderStart = tryReading(leader)?.startTicks ?? 0;
  }

  leaderReaped(): void {
    this.#reaped = true;
    this.#numberSeenMs = performance.now();
  }

  leaderLives(): boolean {
    return !this.#reaped && tryReading(this.#leader)?.alive !== false;
  }

  census(): TreeCensus {
    return this.#look(() => undefined);
  }

  terminate(): void {
    try {
      this.#askToEnd();
    } catch {
      // Without a look at the table, for want of file descriptors say, there is still the group.
      this.#signalNumber('SIGTERM');
    }
  }

  kill(): TreeCensus {
    const halted = new Map<number, ProcessEntry>();
    const halt = (member: ProcessEntry): void => {
      if (halted.get(member.pid)?.startTicks === member.startTicks) return;
      signal(member, 'SIGSTOP');
      halted.set(member.pid, member);
    };
    this.#witnessNumber();
    this.#signalNumber('SIGSTOP');
    try {
      // A member halted late may have forked after the table was read, so a look that halted somebody is not the last one.
      let exact = false;
      for (let round = 0, before = -1; before !== halted.size && round < KILL_ROUNDS_MAX; round++) {
        before = halted.size;
        exact = this.#look(halt).exact;
      }
      return { members: [...halted.values()], exact };
    } finally {
      this.#signalNumber('SIGKILL');
      for (const member of halted.values()) signal(member, 'SIGKILL');
    }
  }

  residentBytes(): number {
    const { members } = this.census();
    return members.reduce((sum, { pid }) => sum + readResidentPages(pid), 0) * pageBytes();
  }

  #askToEnd(): void {
    const { members } = this.census();
    const led = new Set(members.filter(leadsGroup).map(({ pid }) => pid));
    for (const member of members) {
      if (leadsGroup(member) || !led.has(member.group)) signal(member, 'SIGTERM');
    }
    // A halted process would sleep through its grace.
    for (const member of members) if (member.stopped) signal(member, 'SIGCONT');
  }

  #look(see: (member: ProcessEntry) => void): TreeCensus {
    this.#witnessNumber();
    this.#undecided = false;
    const found = new Map<number, ProcessEntry>();
    const claim = (entry: ProcessEntry): void => {
      if (found.has(entry.pid) || !this.#claims(entry, found)) return;
      found.set(entry.pid, entry);
      if (entry.alive) see(entry);
    };
    const { entries, exact } = readProcesses(claim);
    // A child may have been read before its parent, so ancestry is followed until nothing changes.
    for (let before = -1; before !== found.size;) {
      before = found.size;
      for (const entry of entries.values()) if (found.has(entry.parent)) claim(entry);
    }
    this.#known = new Map([...found.values()].map(({ pid, startTicks }) => [pid, startTicks]));
    const members = [...found.values()].filter(({ alive }) => alive);
    return { members, exact: exact && !this.#undecided };
  }

  #claims(entry: ProcessEntry, found: ReadonlyMap<number, ProcessEntry>): boolean {
    if (entry.pid <= 1 || entry.pid === process.pid || entry.kernel) return false;
    if (entry.startTicks < this.#leaderStart) return false;
    if (this.#known.get(entry.pid) === entry.startTicks || found.has(entry.parent)) return true;
    if (this.#hasNumber(entry)) return true;
    const carries = entry.alive && carriesCookie(entry.pid, this.#token);
    if (carries === undefined) this.#undecided = true;
    return carries === true;
  }

  /** In the leader's group or session. The kernel reuses no number that still names a group or a session. */
  #hasNumber({ pid, group, session }: ProcessEntry): boolean {
    if (pid === this.#leader && this.#reaped) this.#numberSeenMs = -Infinity;
    if ((group !== this.#leader && session !== this.#leader) || !this.#ownsNumber()) return false;
    this.#numberSeenMs = Math.max(this.#numberSeenMs, performance.now());
    return true;
  }

  #ownsNumber(): boolean {
    return !this.#reaped || performance.now() - this.#numberSeenMs < NUMBER_TRUST_MS;
  }

  /** A member seen before that is still in the leader's group or session proves the number, however long ago that was. */
  #witnessNumber(): void {
    if (this.#ownsNumber()) return;
    for (const [pid, startTicks] of this.#known) {
      const entry = readProcess(pid);
      if (entry?.startTicks !== startTicks) continue;
      if (entry.group !== this.#leader && entry.session !== this.#leader) continue;
      this.#numberSeenMs = performance.now();
      return;
    }
  }

  /** Reaches the leader's whole group at one instant, which no fork can slip through. */
  #signalNumber(name: NodeJS.Signals): void {
    if (this.#reaped && readProcess(this.#leader) !== undefined) this.#numberSeenMs = -Infinity;
    if (this.#ownsNumber()) sendSignal(-this.#leader, name);
  }
}

/** Undefined also if it cannot be read now; the caller then goes by what it knows of the process. */
function tryReading(pid: number): ProcessEntry | undefined {
  try {
    return readProcess(pid);
  } catch {
    return undefined;
  }
}

function leadsGroup({ pid, group }: ProcessEntry): boolean {
  return pid === group;
}

/** Signals a member, if it is still the process that was seen; one that leads a group together with its group. */
function signal(member: ProcessEntry, name: NodeJS.Signals): void {
  if (readProcess(member.pid)?.startTicks !== member.startTicks) return;
  sendSignal(leadsGroup(member) ? -member.pid : member.pid, name);
}
