/**
 * One look at the table of processes on behalf of many commands. Invariant: each process is read once, however many commands look
 * for their members, and is offered to those alone that it shows something in common with.
 */
import { readEnvironment } from './process-environment.ts';
import type { ProcessMembership } from './process-membership.ts';
import { readProcesses, type ProcessEntry } from './process-table.ts';

/** Told of each living member as soon as it has been read, while the table is still growing. */
export type SeeMember = (of: ProcessMembership, member: ProcessEntry) => void;

/**
 * Finds the members of all. What was found is asked of each membership's `endLook`.
 *
 * @returns whether none can have been missed because processes were born faster than they could be read.
 * @throws Error if the table cannot be read.
 */
export function lookForMembers(seekers: readonly ProcessMembership[], see: SeeMember): boolean {
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
