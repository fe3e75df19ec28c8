/**
 * The tree of a command on Linux. Invariant: a reused pid is never hit. A process is signalled only if it was found to
 * be a member in the same slice of time; the leader's group, also before any look, only while its number is known to
 * name no other, as just after it was seen in use (`NUMBER_TRUST_MS`).
 */
import { type ProcessEnvironment, readEnvironment } from './process-environment.ts';
import { readProcess, readTicks, type ProcessEntry, readProcesses } from './process-table.ts';
import type { TreeCensus, ProcessTree } from './process-tree.ts';
import type { ProcessCgroup } from './process-cgroup.ts';
import { invariant } from '../../kernel/invariant.ts';
import { measureMember, type MemberMemory } from './process-memory.ts';
import { sendSignal } from './process-signal.ts';

/**
 * How long a number that was seen in use cannot have been assigned to another process: pids are assigned in a cycle.
 */
const NUMBER_TRUST_MS = 250;
const NOBODY: ReadonlySet<number> = new Set();

/**
 * The members of one command on Linux: every process that is in its group, session or control group, descends from a
 * member, carries its cookie, or was a member before. Invariant: the number of a reaped leader counts only while no
 * other process can have it, or for a process that is older than any other with that number.
 */
class ProcessMembership {
  /** Pid of the command's first process, which leads its group and its session. */
  readonly leader: number;
  /** The token that only this command's environment contains. */
  readonly token: string;
  readonly leaderStart: number;
  readonly #cgroup: ProcessCgroup | undefined;
  /** Members seen before, pid → start: they stay members whatever they change about themselves. */
  #known: ReadonlyMap<number, number> = new Map();
  #found = new Map<number, ProcessEntry>();
  #suspects: ProcessEntry[] = [];
  #inCgroup = NOBODY;
  /** True if this look met a process that may or may not be a member. */
  #undecided = false;
  #reaped = false;
  /** When the leader's number was last seen to be this command's; −Infinity once another process has it. */
  #numberSeenMs = 0;
  /** The tick in which the leader was reaped. */
  #reapedTicks = -Infinity;

  constructor(leader: number, token: string, cgroup: ProcessCgroup | undefined) {
    this.leader = leader;
    this.token = token;
    this.#cgroup = cgroup;
    this.leaderStart = tryReading(leader)?.startTicks ?? 0;
  }

  /** From now on the leader's pid may be reused. */
  leaderReaped(): void {
    this.#reaped = true;
    this.#numberSeenMs = performance.now();
    this.#reapedTicks = tryTicks();
  }

  /** False if the leader has ended, reaped or not. */
  leaderLives(): boolean {
    return !this.#reaped && tryReading(this.leader)?.alive !== false;
  }

  /** Forgets what the last look found, except for who was a member. */
  beginLook(): void {
    this.#witnessNumber();
    this.#undecided = false;
    this.#found = new Map();
    this.#suspects = [];
    this.#inCgroup = this.#cgroup?.members() ?? NOBODY;
  }

  /** Pids that are probably members, by what is already known. */
  candidates(): Iterable<number> {
    return this.#inCgroup.size === 0 ? this.#known.keys() : [...this.#known.keys(), ...this.#inCgroup];
  }

  /**
   * Takes a process if it shows a mark of a member. `environment` is passed only if that has to decide. False if it
   * shows none, or was taken before.
   */
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

  /** Records that the look could not find out what this process is. */
  doubt(entry: ProcessEntry): void {
    if (entry.startTicks >= this.leaderStart) this.#undecided = true;
  }

  /**
   * Considers a process that shows no trace of its origin, once all members have been claimed. It may be a member if it
   * leads a session, is younger than the command, and its parent is older, such as process 1, which adopts. With a
   * control group there is no need to guess.
   */
  suspect(entry: ProcessEntry, parent: ProcessEntry | undefined): void {
    const { pid, session, startTicks } = entry;
    if (this.#cgroup !== undefined || this.#found.has(pid) || startTicks < this.leaderStart) return;
    const isAdopted = parent === undefined || parent.startTicks < this.leaderStart;
    if (isAdopted && session !== parent?.session) this.#suspects.push(entry);
  }

  /** The result of the look; `exact` says whether its table is known to be complete. */
  endLook(exact: boolean): TreeCensus {
    // A process born into the control group while the table was read may have no other mark.
    for (const pid of this.#cgroup?.members() ?? NOBODY) if (!this.#found.has(pid)) this.#undecided = true;
    this.#known = new Map([...this.#found.values()].map(({ pid, startTicks }) => [pid, startTicks]));
    const members = [...this.#found.values()].filter(({ alive }) => alive);
    const unreaped = [...this.#found.values()].filter((entry) => this.#isUnreaped(entry));
    return { members, unreaped, suspects: this.#suspects, exact: exact && !this.#undecided };
  }

  /** Whether the leader's number still names this command's group; checks first whether another process has it. */
  ownsGroup(): boolean {
    this.#witnessNumber();
    if (this.#reaped && readProcess(this.leader) !== undefined) this.#disown();
    return this.#ownsNumber();
  }

  /** An ended child that this process did not start itself: nothing here can reap it. */
  #isUnreaped({ alive, parent, pid }: ProcessEntry): boolean {
    return !alive && parent === process.pid && pid !== this.leader;
  }

  /**
   * Whether it is in the leader's group or session. The kernel reuses no number that still names a group or a session.
   * Nobody joins a session: all of another one with this number was born after the leader was reaped.
   */
  #hasNumber({ pid, group, session, startTicks }: ProcessEntry): boolean {
    if (pid === this.leader && this.#reaped) this.#disown();
    if (group !== this.leader && session !== this.leader) return false;
    const isOlder = session === this.leader && startTicks < this.#reapedTicks;
    if (!isOlder && !this.#ownsNumber()) return false;
    this.#numberSeenMs = Math.max(this.#numberSeenMs, performance.now());
    return true;
  }

  /** Another process has the leader's number. */
  #disown(): void {
    this.#numberSeenMs = -Infinity;
    this.#reapedTicks = -Infinity;
  }

  #ownsNumber(): boolean {
    return !this.#reaped || performance.now() - this.#numberSeenMs < NUMBER_TRUST_MS;
  }

  /**
   * A known member that is still in the leader's group or session proves that the number is ours, however long ago it
   * was seen.
   */
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

/** The present tick; −∞, which proves nothing, if it cannot be read. */
function tryTicks(): number {
  try {
    return readTicks() ?? -Infinity;
  } catch {
    return -Infinity;
  }
}

/** Undefined also if it cannot be read now; the caller then relies on what it knows of the process. */
function tryReading(pid: number): ProcessEntry | undefined {
  try {
    return readProcess(pid);
  } catch {
    return undefined;
  }
}

/**
 * The tree of a process that was just started as the leader of its own session, with that token in its cookie, in that
 * control group.
 */
export function createLinuxProcessTree(leader: number, token: string, cgroup?: ProcessCgroup): ProcessTree {
  return new LinuxProcessTree(leader, token, cgroup);
}

class LinuxProcessTree implements ProcessTree {
  readonly #membership: ProcessMembership;
  readonly #cgroup: ProcessCgroup | undefined;

  constructor(leader: number, token: string, cgroup: ProcessCgroup | undefined) {
    this.#membership = new ProcessMembership(leader, token, cgroup);
    this.#cgroup = cgroup;
  }

  leaderReaped(): void {
    this.#membership.leaderReaped();
  }

  leaderLives(): boolean {
    return this.#membership.leaderLives();
  }

  async census(): Promise<TreeCensus> {
    const errand = new CensusErrand(this.#membership);
    await runSoon(errand);
    return errand.census();
  }

  terminate(name: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    // If the table cannot be read, for lack of file descriptors for instance, at least the group has been signalled.
    return runSoon(new TerminateErrand(this.#membership, name)).catch(() => undefined);
  }

  async kill(): Promise<TreeCensus> {
    const errand = new KillErrand(this.#membership, this.#cgroup);
    await runSoon(errand);
    return errand.census();
  }

  killNow(): TreeCensus {
    const errand = new KillErrand(this.#membership, this.#cgroup);
    runTogether([errand]);
    return errand.census();
  }

  async usage(): Promise<readonly MemberMemory[]> {
    const { members } = await this.census();
    return members.map(measureMember);
  }

  dispose(): boolean {
    return this.#cgroup?.remove() ?? true;
  }
}

/** Looks, and signals no process. */
class CensusErrand implements Errand {
  readonly membership: ProcessMembership;
  /** The result of the last look. */
  protected latest: TreeCensus | undefined;

  constructor(membership: ProcessMembership) {
    this.membership = membership;
  }

  begin(): void {
    // Nothing to do before the look.
  }

  see(_member: ProcessEntry): void {
    // No process is signalled.
  }

  looked(exact: boolean): boolean {
    this.latest = this.membership.endLook(exact);
    return false;
  }

  end(): void {
    // Nothing to do after the look.
  }

  census(): TreeCensus {
    invariant(this.latest !== undefined, 'expected a look at the table of processes');
    return this.latest;
  }
}

/** Asks every member once to end. */
class TerminateErrand extends CensusErrand {
  readonly #name: NodeJS.Signals;

  constructor(membership: ProcessMembership, name: NodeJS.Signals) {
    super(membership);
    this.#name = name;
  }

  override end(): void {
    if (this.latest !== undefined) {
      askToEnd(this.latest.members, this.#name);
      return;
    }
    signalGroup(this.membership, this.#name);
    // Nothing shows which of them are stopped.
    signalGroup(this.membership, 'SIGCONT');
  }
}

/** Stops members as they are found, and kills them when no more turn up. */
class KillErrand extends CensusErrand {
  readonly #cgroup: ProcessCgroup | undefined;
  readonly #halted = new Map<number, ProcessEntry>();
  #haltedBefore = 0;

  constructor(membership: ProcessMembership, cgroup: ProcessCgroup | undefined) {
    super(membership);
    this.#cgroup = cgroup;
  }

  override begin(): void {
    signalGroup(this.membership, 'SIGSTOP');
  }

  override see(member: ProcessEntry): void {
    if (this.#halted.get(member.pid)?.startTicks === member.startTicks) return;
    signal(member, 'SIGSTOP');
    this.#halted.set(member.pid, member);
  }

  /**
   * A member stopped late may have forked after the table was read, so another look must follow one that stopped a
   * process.
   */
  override looked(exact: boolean): boolean {
    super.looked(exact);
    const isNewcomer = this.#halted.size > this.#haltedBefore;
    this.#haltedBefore = this.#halted.size;
    return isNewcomer;
  }

  override end(): void {
    signalGroup(this.membership, 'SIGKILL');
    for (const member of this.#halted.values()) signal(member, 'SIGKILL');
    this.#cgroup?.kill();
  }

  /** Every member that was alive when it was first found. */
  override census(): TreeCensus {
    return { ...super.census(), members: [...this.#halted.values()] };
  }
}

function askToEnd(members: readonly ProcessEntry[], name: NodeJS.Signals): void {
  const led = new Set(members.filter(leadsGroup).map(({ pid }) => pid));
  for (const member of members) {
    if (leadsGroup(member) || !led.has(member.group)) signal(member, name);
  }
  // A stopped process would not notice the signal within its grace.
  for (const member of members) if (member.stopped) signal(member, 'SIGCONT');
}

function leadsGroup({ pid, group }: ProcessEntry): boolean {
  return pid === group;
}

/** Signals the leader's whole group at once, so that no fork can escape the signal. */
function signalGroup(membership: ProcessMembership, name: NodeJS.Signals): void {
  if (membership.ownsGroup()) sendSignal(-membership.leader, name);
}

/** Signals a member if it is still the process that was seen; if it leads a group, the whole group. */
function signal(member: ProcessEntry, name: NodeJS.Signals): void {
  if (readProcess(member.pid)?.startTicks !== member.startTicks) return;
  sendSignal(leadsGroup(member) ? -member.pid : member.pid, name);
}

/** What one tree has to do with the table of processes. */
interface Errand {
  readonly membership: ProcessMembership;
  /** Called before the first look. */
  begin(): void;
  /** Called for each living member found, again in each look. */
  see(member: ProcessEntry): void;
  /** Called after each look. True if another one has to follow at once. */
  looked(exact: boolean): boolean;
  /** Called last, even if a look failed. */
  end(): void;
}

interface Waiting {
  readonly errand: Errand;
  readonly done: () => void;
  readonly failed: (reason: unknown) => void;
}

const LOOKS_MAX = 10;
const nextTurn = setImmediate;
let waiting: Waiting[] = [];

/**
 * Does the errand with the next look; all errands requested in one turn of the event loop share it, because a look
 * takes longer the more processes the machine has, and hundreds of commands may end at once. Rejects if a look fails.
 * Invariant: from the first look of an errand to its end nothing else runs, so that this process cannot cause the reuse
 * of a pid that was seen.
 */
function runSoon(errand: Errand): Promise<void> {
  return new Promise((done, failed) => {
    if (waiting.push({ errand, done, failed }) === 1) nextTurn(runWaiting);
  });
}

function runWaiting(): void {
  const all = waiting;
  waiting = [];
  try {
    runTogether(all.map(({ errand }) => errand));
    for (const { done } of all) done();
  } catch (reason) {
    for (const { failed } of all) failed(reason);
  }
}

/**
 * Does errands now.
 *
 * @throws Error if the table of processes cannot be read.
 */
function runTogether(errands: readonly Errand[]): void {
  const steps = [
    ...errands.map((errand) => () => errand.begin()),
    () => lookFor(errands),
    ...errands.map((errand) => () => errand.end()),
  ];
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (failure) {
      // A failed errand must not prevent the others.
      failures.push(failure);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function lookFor(errands: readonly Errand[]): void {
  let unfinished = errands;
  for (let looks = 0; unfinished.length > 0 && looks < LOOKS_MAX; looks++) {
    const byMembership = new Map<ProcessMembership, Errand[]>();
    for (const errand of unfinished) {
      const same = byMembership.get(errand.membership);
      if (same === undefined) byMembership.set(errand.membership, [errand]);
      else same.push(errand);
    }
    const exact = lookForMembers([...byMembership.keys()], (membership, member) => {
      for (const errand of byMembership.get(membership) ?? []) errand.see(member);
    });
    unfinished = unfinished.filter((errand) => errand.looked(exact));
  }
}

/** Called with each living member as soon as it has been read, while the table is still growing. */
type SeeMember = (of: ProcessMembership, member: ProcessEntry) => void;

/**
 * Finds the members of many commands in one look at the table of processes; each membership's `endLook` gives its
 * result. Each process is read once, however many commands there are, and offered only to those with which it shows
 * something in common.
 *
 * @returns whether the table is complete; if not, processes were born faster than they could be read.
 * @throws Error if the table cannot be read.
 */
function lookForMembers(seekers: readonly ProcessMembership[], see: SeeMember): boolean {
  for (const seeker of seekers) seeker.beginLook();
  return new Look(seekers, see).run();
}

class Look {
  readonly #seekers: readonly ProcessMembership[];
  readonly #see: SeeMember;
  /**
   * Memberships by the pids that concern them: a pid of a current or former member, or a leader's pid, which also names
   * a group and a session.
   */
  readonly #byPid = new Map<number, ProcessMembership[]>();
  readonly #byToken = new Map<string, ProcessMembership[]>();
  readonly #firstStart: number;
  /** Processes that show no variable of the environment they were started with. */
  readonly #bare: ProcessEntry[] = [];

  constructor(seekers: readonly ProcessMembership[], see: SeeMember) {
    this.#seekers = seekers;
    this.#see = see;
    for (const seeker of seekers) {
      add(this.#byPid, seeker.leader, seeker);
      for (const pid of seeker.candidates()) if (pid !== seeker.leader) add(this.#byPid, pid, seeker);
      add(this.#byToken, seeker.token, seeker);
    }
    this.#firstStart = Math.min(...seekers.map(({ leaderStart }) => leaderStart));
  }

  run(): boolean {
    const { entries, exact } = readProcesses((entry) => this.#offer(entry));
    this.#followAncestry(entries);
    for (const entry of this.#bare) {
      for (const seeker of this.#seekers) seeker.suspect(entry, entries.get(entry.parent));
    }
    return exact;
  }

  #offer(entry: ProcessEntry): void {
    if (isUnowned(entry) || entry.startTicks < this.#firstStart) return;
    const { pid, parent, group, session } = entry;
    let claimed = this.#offerTo(this.#byPid.get(pid), entry);
    claimed = this.#offerTo(this.#byPid.get(parent), entry) || claimed;
    claimed = this.#offerTo(this.#byPid.get(group), entry) || claimed;
    if (session !== group) claimed = this.#offerTo(this.#byPid.get(session), entry) || claimed;
    if (!claimed && entry.alive) this.#offerEnvironment(entry);
  }

  #offerTo(seekers: readonly ProcessMembership[] | undefined, entry: ProcessEntry): boolean {
    if (seekers === undefined) return false;
    let claimed = false;
    for (const seeker of [...seekers]) {
      if (!seeker.claim(entry)) continue;
      claimed = true;
      this.#take(seeker, entry);
    }
    return claimed;
  }

  #offerEnvironment(entry: ProcessEntry): void {
    const environment = readEnvironment(entry.pid);
    if (!environment.isKnown) {
      for (const seeker of this.#seekers) seeker.doubt(entry);
      return;
    }
    if (environment.isBare()) this.#bare.push(entry);
    for (const token of this.#tokensIn(environment)) {
      for (const seeker of this.#byToken.get(token) ?? []) {
        if (seeker.claim(entry, environment)) this.#take(seeker, entry);
      }
    }
  }

  /** A single command looks only for its own token; for many it is faster to look up the tokens in the environment. */
  #tokensIn(environment: ReturnType<typeof readEnvironment>): Iterable<string> {
    return this.#byToken.size === 1 ? this.#byToken.keys() : new Set(environment.tokens());
  }

  #take(seeker: ProcessMembership, entry: ProcessEntry): void {
    const interested = this.#byPid.get(entry.pid);
    if (interested?.includes(seeker) !== true) add(this.#byPid, entry.pid, seeker);
    if (entry.alive) this.#see(seeker, entry);
  }

  /** Repeats, because a child may have been read before its parent. */
  #followAncestry(entries: ReadonlyMap<number, ProcessEntry>): void {
    for (let hasGrown = true; hasGrown;) {
      hasGrown = false;
      for (const entry of entries.values()) {
        if (isUnowned(entry)) continue;
        if (this.#offerTo(this.#byPid.get(entry.parent), entry)) hasGrown = true;
      }
    }
  }
}

/** Process 1, this process and kernel threads belong to no command. */
function isUnowned({ pid, kernel }: ProcessEntry): boolean {
  return pid <= 1 || pid === process.pid || kernel;
}

function add<K>(map: Map<K, ProcessMembership[]>, key: K, seeker: ProcessMembership): void {
  const seekers = map.get(key);
  if (seekers === undefined) map.set(key, [seeker]);
  else seekers.push(seeker);
}
