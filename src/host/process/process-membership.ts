/**
 * Who belongs to one command on Linux: all that is in its group or session, descends from a member, carries its cookie, is in its
 * control group, or was a member before. Invariant: the number of a reaped leader counts only while nobody else can have got it.
 */
import type { ProcessEnvironment } from './process-environment.ts';
import { readProcess, type ProcessEntry } from './process-table.ts';
import type { TreeCensus } from './process-tree.ts';
import type { ProcessCgroup } from './process-cgroup.ts';

/** How long a number last seen in use cannot have been given to anybody else: pids are handed out in a circle. */
const NUMBER_TRUST_MS = 250;
const NOBODY: ReadonlySet<number> = new Set();

/** The members of one command, look after look. */
export class ProcessMembership {
  /** Pid of the command's first process, which leads its group and its session. */
  readonly leader: number;
  /** What the command's environment holds and no other. */
  readonly token: string;
  readonly leaderStart: number;
  readonly #cgroup: ProcessCgroup | undefined;
  /** Members seen before, pid → start: they stay members whatever they change about themselves. */
  #known: ReadonlyMap<number, number> = new Map();
  #found = new Map<number, ProcessEntry>();
  #suspects: ProcessEntry[] = [];
  #inCgroup = NOBODY;
  /** True if this look met a process of which it is not known whether it is a member. */
  #undecided = false;
  #reaped = false;
  /** When the leader's number was last seen to be this command's; −Infinity once a stranger has it. */
  #numberSeenMs = 0;

  constructor(leader: number, token: string, cgroup: ProcessCgroup | undefined) {
    this.leader = leader;
    this.token = token;
    this.#cgroup = cgroup;
    this.leaderStart = tryReading(leader)?.startTicks ?? 0;
  }

  /** From now on the leader's pid may become somebody else's. */
  leaderReaped(): void {
    this.#reaped = true;
    this.#numberSeenMs = performance.now();
  }

  /** False if the leader has ended, reaped or not. */
  leaderLives(): boolean {
    return !this.#reaped && tryReading(this.leader)?.alive !== false;
  }

  /** Forgets what the last look found, but for who was a member. */
  beginLook(): void {
    this.#witnessNumber();
    this.#undecided = false;
    this.#found = new Map();
    this.#suspects = [];
    this.#inCgroup = this.#cgroup?.members() ?? NOBODY;
  }

  /** Pids that may be members for what is known of them already. */
  candidates(): Iterable<number> {
    return this.#inCgroup.size === 0 ? this.#known.keys() : [...this.#known.keys(), ...this.#inCgroup];
  }

  /** Takes a process that shows what members have in common; `environment` only if that decides. False if it is none, or known. */
  claim(entry: ProcessEntry, environment?: ProcessEnvironment): boolean {
    if (this.#found.has(entry.pid) || entry.startTicks < this.leaderStart) return false;
    const belongs =
      this.#known.get(entry.pid) === entry.startTicks ||
      this.#found.has(entry.parent) ||
      this.#inCgroup.has(entry.pid) ||
      this.#hasNumber(entry) ||
      environment?.holds(this.token) === true;
    if (belongs) this.#found.set(entry.pid, entry);
    return belongs;
  }

  /** The look did not find out what this process is. */
  doubt(entry: ProcessEntry): void {
    if (entry.startTicks >= this.leaderStart) this.#undecided = true;
  }

  /**
   * A process that shows nothing of where it is from, when all members have been claimed. It may be one: it leads a session, is younger
   * than the command, and its parent is not, as with process 1, which adopts. With a control group there is no need to guess.
   */
  suspect(entry: ProcessEntry, parent: ProcessEntry | undefined): void {
    const { pid, session, startTicks } = entry;
    if (this.#cgroup !== undefined || this.#found.has(pid) || startTicks < this.leaderStart) return;
    const isAdopted = parent === undefined || parent.startTicks < this.leaderStart;
    if (isAdopted && session !== parent?.session) this.#suspects.push(entry);
  }

  /** What the look found; `exact` says whether its table can have missed nobody. */
  endLook(exact: boolean): TreeCensus {
    // Somebody born into the control group while the table was read may show nothing else of where it comes from.
    for (const pid of this.#cgroup?.members() ?? NOBODY) if (!this.#found.has(pid)) this.#undecided = true;
    this.#known = new Map([...this.#found.values()].map(({ pid, startTicks }) => [pid, startTicks]));
    const members = [...this.#found.values()].filter(({ alive }) => alive);
    const unreaped = [...this.#found.values()].filter((entry) => this.#isUnreaped(entry));
    return { members, unreaped, suspects: this.#suspects, exact: exact && !this.#undecided };
  }

  /** Whether the leader's number still names this command's group: looks for a stranger first. */
  ownsGroup(): boolean {
    this.#witnessNumber();
    if (this.#reaped && readProcess(this.leader) !== undefined) this.#numberSeenMs = -Infinity;
    return this.#ownsNumber();
  }

  /** A child that somebody else started in this process's name: nobody here can reap it. */
  #isUnreaped({ alive, parent, pid }: ProcessEntry): boolean {
    return !alive && parent === process.pid && pid !== this.leader;
  }

  /** In the leader's group or session. The kernel reuses no number that still names a group or a session. */
  #hasNumber({ pid, group, session }: ProcessEntry): boolean {
    if (pid === this.leader && this.#reaped) this.#numberSeenMs = -Infinity;
    if ((group !== this.leader && session !== this.leader) || !this.#ownsNumber()) return false;
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
      if (entry.group !== this.leader && entry.session !== this.leader) continue;
      this.#numberSeenMs = performance.now();
      return;
    }
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
