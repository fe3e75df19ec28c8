/**
 * The tree of a command on Linux (`process-membership.ts` says who belongs to it). Invariant: a signal goes to a process or group
 * only if it was found to be a member in the same slice of time, so that a reused pid is never hit.
 */
import { invariant } from '../../kernel/invariant.ts';
import { ProcessMembership } from './process-membership.ts';
import { measureMember, type MemberMemory } from './process-memory.ts';
import { sendSignal } from './process-signal.ts';
import { readProcess, type ProcessEntry, readProcesses } from './process-table.ts';
import type { ProcessTree, TreeCensus } from './process-tree.ts';
import type { ProcessCgroup } from './process-cgroup.ts';
import { readEnvironment } from './process-environment.ts';

/** The tree of a process that was just started as leader of its own session, with a cookie of that token, in that control group. */
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
    await doSoon(errand);
    return errand.census();
  }

  terminate(name: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    // Without a look at the table, for want of file descriptors say, the group has been asked all the same.
    return doSoon(new TerminateErrand(this.#membership, name)).catch(() => undefined);
  }

  async kill(): Promise<TreeCensus> {
    const errand = new KillErrand(this.#membership, this.#cgroup);
    await doSoon(errand);
    return errand.census();
  }

  killNow(): TreeCensus {
    const errand = new KillErrand(this.#membership, this.#cgroup);
    doTogether([errand]);
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

/** Looks, and touches nobody. */
class CensusErrand implements Errand {
  readonly membership: ProcessMembership;
  /** What the last look found. */
  protected latest: TreeCensus | undefined;

  constructor(membership: ProcessMembership) {
    this.membership = membership;
  }

  begin(): void {
    // Nothing comes before the look.
  }

  see(_member: ProcessEntry): void {
    // Nobody is touched.
  }

  looked(exact: boolean): boolean {
    this.latest = this.membership.endLook(exact);
    return false;
  }

  end(): void {
    // Nothing comes after the look.
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
    if (this.latest === undefined) signalGroup(this.membership, this.#name);
    else askToEnd(this.latest.members, this.#name);
  }
}

/** Halts members as they come into sight, and kills them when no more do. */
class KillErrand extends CensusErrand {
  readonly #cgroup: ProcessCgroup | undefined;
  readonly #halted = new Map<number, ProcessEntry>();
  #haltedBefore = -1;

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

  /** A member halted late may have forked after the table was read, so a look that halted somebody is not the last one. */
  override looked(exact: boolean): boolean {
    super.looked(exact);
    const isNewcomer = this.#halted.size > Math.max(0, this.#haltedBefore);
    this.#haltedBefore = this.#halted.size;
    return isNewcomer;
  }

  override end(): void {
    signalGroup(this.membership, 'SIGKILL');
    for (const member of this.#halted.values()) signal(member, 'SIGKILL');
    this.#cgroup?.kill();
  }

  /** Everybody who was alive when the first look found him. */
  override census(): TreeCensus {
    return { ...super.census(), members: [...this.#halted.values()] };
  }
}

function askToEnd(members: readonly ProcessEntry[], name: NodeJS.Signals): void {
  const led = new Set(members.filter(leadsGroup).map(({ pid }) => pid));
  for (const member of members) {
    if (leadsGroup(member) || !led.has(member.group)) signal(member, name);
  }
  // A halted process would sleep through its grace.
  for (const member of members) if (member.stopped) signal(member, 'SIGCONT');
}

function leadsGroup({ pid, group }: ProcessEntry): boolean {
  return pid === group;
}

/** Reaches the leader's whole group at one instant, which no fork can slip through. */
function signalGroup(membership: ProcessMembership, name: NodeJS.Signals): void {
  if (membership.ownsGroup()) sendSignal(-membership.leader, name);
}

/** Signals a member, if it is still the process that was seen; one that leads a group together with its group. */
function signal(member: ProcessEntry, name: NodeJS.Signals): void {
  if (readProcess(member.pid)?.startTicks !== member.startTicks) return;
  sendSignal(leadsGroup(member) ? -member.pid : member.pid, name);
}

/** What one tree wants. */
export interface Errand {
  readonly membership: ProcessMembership;
  /** Comes before the first look. */
  begin(): void;
  /** A living member has come into sight; again in each look. */
  see(member: ProcessEntry): void;
  /** A look is over. True if another one has to follow at once. */
  looked(exact: boolean): boolean;
  /** Comes last, also if a look failed. */
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
 * What trees want of the table of processes, done for all that ask in one turn of the event loop with the same looks: a look takes
 * as long as the machine has processes, and hundreds of commands may end at once. Invariant: from the first look of an errand to
 * its end nothing else runs, so that a pid that was seen cannot have become somebody else's through us.
 *
 * Does the errand with the next look that is taken; all that are asked for in one turn share it. Rejects if a look fails.
 */
function doSoon(errand: Errand): Promise<void> {
  return new Promise((done, failed) => {
    if (waiting.push({ errand, done, failed }) === 1) nextTurn(doWaiting);
  });
}

function doWaiting(): void {
  const all = waiting;
  waiting = [];
  try {
    doTogether(all.map(({ errand }) => errand));
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
function doTogether(errands: readonly Errand[]): void {
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
      // Nobody's errand stays undone because another one's failed.
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
export type SeeMember = (of: ProcessMembership, member: ProcessEntry) => void;

/**
 * One look at the table of processes on behalf of many commands. Invariant: each process is read once, however many commands look
 * for their members, and is offered to those alone that it shows something in common with.
 *
 * Finds the members of all. What was found is asked of each membership's `endLook`.
 *
 * @returns whether none can have been missed because processes were born faster than they could be read.
 * @throws Error if the table cannot be read.
 */
function lookForMembers(seekers: readonly ProcessMembership[], see: SeeMember): boolean {
  for (const seeker of seekers) seeker.beginLook();
  return new Look(seekers, see).run();
}

class Look {
  readonly #seekers: readonly ProcessMembership[];
  readonly #see: SeeMember;
  /** Who takes an interest in a pid: it was or is a member's, or a leader's and so the name of a group and a session. */
  readonly #byPid = new Map<number, ProcessMembership[]>();
  readonly #byToken = new Map<string, ProcessMembership[]>();
  readonly #firstStart: number;
  /** Those that show no variable of the environment they were started with. */
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
    if (isNobodys(entry) || entry.startTicks < this.#firstStart) return;
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

  /** One command asks for its own token alone; for many it is quicker to look up what the environment holds. */
  #tokensIn(environment: ReturnType<typeof readEnvironment>): Iterable<string> {
    return this.#byToken.size === 1 ? this.#byToken.keys() : new Set(environment.tokens());
  }

  #take(seeker: ProcessMembership, entry: ProcessEntry): void {
    const interested = this.#byPid.get(entry.pid);
    if (interested?.includes(seeker) !== true) add(this.#byPid, entry.pid, seeker);
    if (entry.alive) this.#see(seeker, entry);
  }

  /** A child may have been read before its parent. */
  #followAncestry(entries: ReadonlyMap<number, ProcessEntry>): void {
    for (let goesOn = true; goesOn;) {
      goesOn = false;
      for (const entry of entries.values()) {
        if (isNobodys(entry)) continue;
        if (this.#offerTo(this.#byPid.get(entry.parent), entry)) goesOn = true;
      }
    }
  }
}

/** Process 1, this process and the kernel's threads belong to no command. */
function isNobodys({ pid, kernel }: ProcessEntry): boolean {
  return pid <= 1 || pid === process.pid || kernel;
}

function add<K>(map: Map<K, ProcessMembership[]>, key: K, seeker: ProcessMembership): void {
  const seekers = map.get(key);
  if (seekers === undefined) map.set(key, [seeker]);
  else seekers.push(seeker);
}
