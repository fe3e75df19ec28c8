/**
 * Raft, as in "In Search of an Understandable Consensus Algorithm" (Ongaro and Ousterhout, 2014, https://raft.github.io/raft.pdf): three
 * servers elect a leader, which puts the commands of clients into a log that all of them keep; what a majority has stored is committed and
 * applied to a register. Term, vote and log are on the disk of the server, and nothing is said before they are. Reads ask a majority whether
 * the leader still leads (Ongaro's dissertation, 6.4), repeated commands are applied once (6.3).
 *
 * An observer from outside states the properties of figure 3 of the paper after every event, and that the register is linearizable.
 * Each mistake is the same program with one rule left out.
 */
import {
  checkLinearizable,
  createHistory,
  formatContradiction,
  registerModel,
  type History,
  type RegisterCall,
  type RegisterReply,
  type ScenarioDefinition,
  type Simulation,
  type Timer,
} from 'dryrunner';
import {
  createNetwork,
  isCallLost,
  type ClusterNode,
  type Network,
  type NodeContext,
  type Stub,
} from 'dryrunner/cluster';
import { Journal, type Journaled } from './journal.ts';
import { defineProgram, settles } from './program.ts';

/** What a server can get wrong. */
type Mistake =
  | 'votes-twice'
  | 'forgets-its-term'
  | 'stale-read'
  | 'commits-an-old-term'
  | 'answers-before-sync'
  | 'skips-the-log-check'
  | 'votes-for-anybody'
  | 'applies-twice';

const SERVERS = ['n1', 'n2', 'n3'];
const MAJORITY = 2;
const HEARTBEAT_MS = 60;
const ELECTION_MS = 150;
const ELECTION_STEP_MS = 40;
const ELECTION_STEPS = 4;
const CLIENT_TIMEOUT_MS = 250;
const CLIENT_PAUSE_MS = 40;

/** What a client asks for; `serial` distinguishes its commands. */
interface Command {
  readonly client: string;
  readonly serial: number;
  readonly value: number;
}

/** One place of the log; a leader puts one without a command into it to commit what came before. */
interface Entry {
  readonly term: number;
  readonly command: Command | undefined;
}

class AskForVote {
  readonly type = 'ask for vote';
  readonly term: number;
  readonly candidate: string;
  readonly lastIndex: number;
  readonly lastTerm: number;

  constructor(term: number, candidate: string, lastIndex: number, lastTerm: number) {
    this.term = term;
    this.candidate = candidate;
    this.lastIndex = lastIndex;
    this.lastTerm = lastTerm;
  }

  describe(): string {
    const { term, candidate, lastIndex, lastTerm } = this;
    return `the request of ${candidate} for a vote in term ${term}, its log ends with ${lastIndex} of term ${lastTerm}`;
  }
}

class Vote {
  readonly type = 'vote';
  readonly term: number;
  readonly voter: string;
  readonly candidate: string;
  readonly isGranted: boolean;

  constructor(term: number, voter: string, candidate: string, isGranted: boolean) {
    this.term = term;
    this.voter = voter;
    this.candidate = candidate;
    this.isGranted = isGranted;
  }

  describe(): string {
    return `the ${this.isGranted ? 'vote' : 'refusal'} of ${this.voter} for ${this.candidate} in term ${this.term}`;
  }
}

class Append {
  readonly type = 'append';
  readonly term: number;
  readonly leader: string;
  /** The entry before the first of `entries`. */
  readonly previousIndex: number;
  readonly previousTerm: number;
  readonly entries: readonly Entry[];
  readonly commitIndex: number;
  /** Comes back with the answer, so that the leader knows when it was sent. */
  readonly round: number;

  constructor(server: Server, previousIndex: number, round: number) {
    const { name, term, log, commitIndex } = server;
    this.term = term;
    this.leader = name;
    this.previousIndex = previousIndex;
    this.previousTerm = log[previousIndex]?.term ?? 0;
    this.entries = log.slice(previousIndex + 1);
    this.commitIndex = commitIndex;
    this.round = round;
  }

  describe(): string {
    const { leader, term, previousIndex, entries, commitIndex } = this;
    const list = entries.map((entry, nth) => `${previousIndex + nth + 1}: ${entryText(entry)}`).join(', ');
    const what = list === '' ? 'the heartbeat' : `entry ${list}`;
    return `${what} of ${leader} in term ${term}, committed up to ${commitIndex}`;
  }
}

class Appended {
  readonly type = 'appended';
  readonly term: number;
  readonly follower: string;
  readonly isStored: boolean;
  /** Up to here its log is that of the leader; if it has not stored it, the leader tries from here. */
  readonly index: number;
  readonly round: number;

  constructor(term: number, follower: string, isStored: boolean, index: number, round: number) {
    this.term = term;
    this.follower = follower;
    this.isStored = isStored;
    this.index = index;
    this.round = round;
  }

  describe(): string {
    const { follower, isStored, index, term } = this;
    return `the answer of ${follower} in term ${term}: its log ${isStored ? 'fits' : 'does not fit'} up to ${index}`;
  }
}

type Message = AskForVote | Vote | Append | Appended;

/** What a client gets: a value, or another server to ask. */
type Answer = { readonly value: number } | { readonly ask: string };

function entryText({ term, command }: Entry): string {
  return command === undefined ? `nothing of term ${term}` : `write(${command.value}) of term ${term}`;
}

function termLine(term: number, vote: string): string {
  return `term ${term} ${vote}`;
}

function entryLine(index: number, entry: Entry): string {
  return `entry ${index} ${JSON.stringify(entry)}`;
}

/** Term, vote and log as lines of a journal. */
class Memory implements Journaled {
  term = 0;
  vote = '';
  readonly log: Entry[] = [];

  constructor() {
    this.clear();
  }

  clear(): void {
    this.term = 0;
    this.vote = '';
    this.log.length = 0;
    this.log.push({ term: 0, command: undefined });
  }

  read(line: string): void {
    const [kind, number, rest = ''] = line.split(' ');
    if (kind === 'term') {
      this.term = Number(number);
      this.vote = rest;
      return;
    }
    this.log.length = Number(number);
    this.log.push(JSON.parse(rest) as Entry);
  }

  lines(): string[] {
    const entries = this.log.slice(1).map((entry, before) => entryLine(before + 1, entry));
    return [termLine(this.term, this.vote), ...entries];
  }
}

/** What others see of a server. */
interface ServerView {
  readonly name: string;
  readonly role: 'follower' | 'candidate' | 'leader';
  readonly term: number;
  /** Index 0 is there from the beginning and the same for all. */
  readonly log: readonly Entry[];
  readonly commitIndex: number;
}

interface Read {
  readonly index: number;
  readonly round: number;
  readonly resolve: (answer: Answer) => void;
}

/** What a leader knows of a follower. */
interface Follower {
  /** Entries up to here are stored. */
  matchIndex: number;
  nextIndex: number;
  /** The last round that it has answered. */
  round: number;
}

/** One process of a server. */
class Server implements ServerView {
  readonly name: string;
  role: ServerView['role'] = 'follower';
  commitIndex = 0;
  readonly #node: NodeContext;
  readonly #mistake: Mistake | undefined;
  readonly #memory: Memory;
  readonly #journal: Journal;
  readonly #peers: readonly string[];
  #leader = '';
  #votes = new Set<string>();
  #followers = new Map<string, Follower>();
  #round = 0;
  #reads: Read[] = [];
  /** Clients that wait for an entry of this leader. */
  readonly #writes = new Map<number, (answer: Answer) => void>();
  #value = 0;
  readonly #serials = new Map<string, number>();
  #electionMs = 0;
  /** Of a leader: entries up to here are on its own disk. */
  #durableIndex = 0;
  #timer: Timer | undefined;

  constructor(node: NodeContext, memory: Memory, journal: Journal, mistake: Mistake | undefined) {
    this.name = node.name;
    this.#node = node;
    this.#memory = memory;
    this.#journal = journal;
    this.#mistake = mistake;
    this.#peers = SERVERS.filter((name) => name !== node.name);
    const ms = (answer: number): number => ELECTION_MS + answer * ELECTION_STEP_MS;
    // Who is first is worth exploring; later the random part of a timeout ends what would be split votes for ever.
    this.#electionMs = ms(node.world.choices.choose(`${this.name} election timeout`, ELECTION_STEPS, ms));
    this.#expectLeader();
  }

  get term(): number {
    return this.#memory.term;
  }

  get log(): readonly Entry[] {
    return this.#memory.log;
  }

  get #lastIndex(): number {
    return this.#memory.log.length - 1;
  }

  get #lastTerm(): number {
    return this.log[this.#lastIndex]?.term ?? 0;
  }

  /** For clients: sets the register. */
  write(command: Command): Answer | Promise<Answer> {
    if (this.role !== 'leader') return { ask: this.#leader };
    const index = this.#put(command);
    return new Promise((resolve) => {
      this.#writes.set(index, resolve);
      this.#replicate();
    });
  }

  /** For clients: what the register holds. */
  read(): Answer | Promise<Answer> {
    if (this.role !== 'leader') return { ask: this.#leader };
    if (this.#mistake === 'stale-read') return { value: this.#value };
    const { log } = this.#memory;
    // Until something of its own term is committed, a leader does not know how far others have committed.
    const isCurrent = log[this.commitIndex]?.term === this.term;
    const hasOwn = log[this.#lastIndex]?.term === this.term;
    if (!isCurrent && !hasOwn) this.#put(undefined);
    const index = isCurrent ? this.commitIndex : this.#lastIndex;
    return new Promise((resolve) => {
      this.#replicate();
      this.#reads.push({ index, round: this.#round, resolve });
    });
  }

  receive(message: Message): void {
    if (message.term > this.term) {
      this.#remember(message.term, '');
      this.#follow('');
    }
    switch (message.type) {
      case 'ask for vote': {
        this.#consider(message);
        return;
      }
      case 'vote': {
        this.#count(message);
        return;
      }
      case 'append': {
        this.#append(message);
        return;
      }
      case 'appended': {
        this.#learn(message);
        return;
      }
    }
  }

  // Elections

  #setTimer(what: string, ms: number, act: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#node.clock.timer({ owner: this.name, what }, ms, act);
  }

  #remember(term: number, vote: string): void {
    this.#memory.term = term;
    this.#memory.vote = vote;
    if (this.#mistake === 'forgets-its-term') return;
    this.#journal.add(termLine(term, this.#mistake === 'votes-twice' ? '' : vote));
  }

  #follow(leader: string): void {
    if (this.role === 'leader') this.#stepDown();
    this.role = 'follower';
    this.#leader = leader;
    this.#expectLeader();
  }

  #expectLeader(): void {
    this.#setTimer('starts an election', this.#electionMs, () => this.#startElection());
  }

  #stepDown(): void {
    this.#node.note(`leads term ${this.term} no more`);
    // What was asked for may yet be committed by another leader, and is done once even if it is asked for again.
    for (const resolve of this.#writes.values()) resolve({ ask: '' });
    for (const { resolve } of this.#reads) resolve({ ask: '' });
    this.#writes.clear();
    this.#reads = [];
  }

  #startElection(): void {
    this.role = 'candidate';
    this.#leader = '';
    this.#remember(this.term + 1, this.name);
    this.#votes = new Set([this.name]);
    this.#electionMs = ELECTION_MS + this.#node.random.int(ELECTION_MS);
    this.#expectLeader();
    const message = new AskForVote(this.term, this.name, this.#lastIndex, this.#lastTerm);
    for (const peer of this.#peers) this.#send(peer, message);
  }

  #consider({ term, candidate, lastIndex, lastTerm }: AskForVote): void {
    const { term: ownTerm, vote } = this.#memory;
    const isAsLong = lastTerm === this.#lastTerm && lastIndex >= this.#lastIndex;
    const isComplete = lastTerm > this.#lastTerm || isAsLong || this.#mistake === 'votes-for-anybody';
    const isGranted = term === ownTerm && (vote === '' || vote === candidate) && isComplete;
    if (isGranted && vote === '') {
      this.#remember(term, candidate);
      this.#expectLeader();
    }
    this.#send(candidate, new Vote(ownTerm, this.name, candidate, isGranted));
  }

  #count({ term, voter, isGranted }: Vote): void {
    if (term !== this.term || this.role !== 'candidate' || !isGranted) return;
    this.#votes.add(voter);
    if (this.#votes.size < MAJORITY) return;
    this.#node.note(`leads term ${term}`);
    this.role = 'leader';
    this.#leader = this.name;
    const nextIndex = this.#lastIndex + 1;
    // It had to be durable before anybody was asked for a vote.
    this.#durableIndex = this.#lastIndex;
    this.#followers = new Map(this.#peers.map((peer) => [peer, { matchIndex: 0, nextIndex, round: 0 }]));
    this.#replicate();
  }

  // The log

  /** Adds an entry of this leader; gives its index. */
  #put(command: Command | undefined): number {
    const index = this.#lastIndex + 1;
    this.#store(index, { term: this.term, command });
    this.#onceDurable(() => {
      this.#durableIndex = Math.max(this.#durableIndex, index);
      this.#commit();
    });
    return index;
  }

  #store(index: number, entry: Entry): void {
    const { log } = this.#memory;
    log.length = index;
    log.push(entry);
    this.#journal.add(entryLine(index, entry));
  }

  #replicate(): void {
    this.#round += 1;
    for (const [peer, follower] of this.#followers) this.#sendLog(peer, follower);
    this.#setTimer('heartbeat', HEARTBEAT_MS, () => this.#replicate());
  }

  #sendLog(peer: string, follower: Follower): void {
    this.#send(peer, new Append(this, follower.nextIndex - 1, this.#round));
    follower.nextIndex = this.#lastIndex + 1;
  }

  #append({ term, leader, previousIndex, previousTerm, entries, commitIndex, round }: Append): void {
    const { log } = this.#memory;
    const answer = (isStored: boolean, index: number): void =>
      this.#send(leader, new Appended(this.term, this.name, isStored, index, round));
    if (term < this.term) {
      answer(false, 0);
      return;
    }
    this.#follow(leader);
    const previous = log[previousIndex];
    if (previous === undefined) {
      answer(false, this.#lastIndex);
      return;
    }
    const fits = previous.term === previousTerm || this.#mistake === 'skips-the-log-check';
    if (!fits) {
      answer(false, previousIndex - 1);
      return;
    }
    entries.forEach((entry, nth) => {
      const index = previousIndex + 1 + nth;
      if (log[index]?.term !== entry.term) this.#store(index, entry);
    });
    const lastIndex = previousIndex + entries.length;
    answer(true, lastIndex);
    this.#apply(Math.min(commitIndex, lastIndex));
  }

  #learn({ term, follower: name, isStored, index, round }: Appended): void {
    const follower = this.#followers.get(name);
    if (term !== this.term || this.role !== 'leader' || follower === undefined) return;
    follower.round = Math.max(follower.round, round);
    if (isStored) follower.matchIndex = Math.max(follower.matchIndex, index);
    else {
      const nextIndex = Math.min(index + 1, follower.nextIndex - 1);
      follower.nextIndex = Math.max(follower.matchIndex + 1, nextIndex);
      this.#sendLog(name, follower);
    }
    this.#commit();
    this.#answerReads();
  }

  #commit(): void {
    if (this.role !== 'leader') return;
    const matching = [...this.#followers.values()].map(({ matchIndex }) => matchIndex);
    const index = ofMajority([this.#durableIndex, ...matching]);
    // One of an earlier term can be on a majority and still be overwritten (figure 8); one of this term commits it as well.
    const isOwn = this.log[index]?.term === this.term;
    if (isOwn || this.#mistake === 'commits-an-old-term') this.#apply(index);
  }

  #apply(index: number): void {
    while (this.commitIndex < index) {
      this.commitIndex += 1;
      const command = this.log[this.commitIndex]?.command;
      if (command !== undefined) this.#do(command);
      this.#writes.get(this.commitIndex)?.({ value: this.#value });
      this.#writes.delete(this.commitIndex);
    }
    this.#answerReads();
  }

  #do({ client, serial, value }: Command): void {
    const isNew = serial > (this.#serials.get(client) ?? 0);
    if (!isNew && this.#mistake !== 'applies-twice') return;
    this.#serials.set(client, serial);
    this.#value = value;
  }

  #answerReads(): void {
    if (this.#reads.length === 0) return;
    const rounds = [...this.#followers.values()].map(({ round }) => round);
    const confirmed = ofMajority([Infinity, ...rounds]);
    const isDue = ({ index, round }: Read): boolean => round <= confirmed && index <= this.commitIndex;
    const due = this.#reads.filter(isDue);
    if (due.length === 0) return;
    this.#reads = this.#reads.filter((read) => !isDue(read));
    for (const { resolve } of due) resolve({ value: this.#value });
  }

  /** Nothing is said that a crash could make untrue. */
  #send(to: string, message: Message): void {
    this.#onceDurable(() => this.#node.send(to, message));
  }

  #onceDurable(act: () => void): void {
    if (this.#mistake !== 'answers-before-sync') {
      this.#journal.whenDurable(act);
      return;
    }
    this.#journal.whenDurable(() => undefined);
    act();
  }
}

/** The greatest number that a majority has or exceeds. */
function ofMajority(numbers: readonly number[]): number {
  let greatest = 0;
  for (const number of numbers) {
    let count = 0;
    for (const other of numbers) if (other >= number) count += 1;
    if (count >= MAJORITY && number > greatest) greatest = number;
  }
  return greatest;
}

/** The program of a server. */
async function startServer(node: NodeContext, mistake: Mistake | undefined): Promise<Server> {
  const memory = new Memory();
  const journal = await Journal.open(node.disk, memory);
  const server = new Server(node, memory, journal, mistake);
  node.onMessage((message: Message) => server.receive(message));
  return server;
}

// What is observed from outside

interface Placed {
  readonly entry: Entry;
  /** The term of the entry before it. */
  readonly previousTerm: number;
  readonly by: string;
}

interface Committed {
  readonly entry: Entry;
  /** The term in which a leader was the first to apply it. */
  readonly term: number;
  readonly by: string;
}

/** What of a process has been looked at. */
interface Seen {
  readonly log: Entry[];
  commitIndex: number;
  leadsTerm: number;
}

/** Looks at all servers after every event, and remembers what must never change. */
class Observer {
  readonly #nodes: readonly ClusterNode<Server>[];
  readonly #leaders = new Map<number, string>();
  /** By index and term. */
  readonly #placed = new Map<string, Placed>();
  readonly #committed: Committed[] = [];
  readonly #seen = new Map<ServerView, Seen>();

  constructor(nodes: readonly ClusterNode<Server>[]) {
    this.#nodes = nodes;
  }

  /** True, or throws what is wrong. */
  look(): true {
    for (const { object: server, incarnation } of this.#nodes) {
      if (server === undefined) continue;
      let seen = this.#seen.get(server);
      if (seen === undefined) {
        seen = { log: [], commitIndex: 0, leadsTerm: 0 };
        this.#seen.set(server, seen);
      }
      const { role, term, log, commitIndex } = server;
      if (log.length !== seen.log.length || log[log.length - 1] !== seen.log[seen.log.length - 1]) {
        this.#lookAtLog(server, seen);
      }
      if (role === 'leader' && term !== seen.leadsTerm) {
        this.#lookAtLeader(server, `${server.name} (process ${incarnation})`);
        seen.leadsTerm = term;
      }
      while (seen.commitIndex < commitIndex) {
        seen.commitIndex += 1;
        this.#lookAtCommitted(server, seen.commitIndex);
      }
    }
    return true;
  }

  /** If two logs have an entry with the same index and term, they are the same up to there. */
  #lookAtLog({ name, log }: ServerView, seen: Seen): void {
    let same = Math.min(log.length, seen.log.length);
    while (same > 0 && log[same - 1] !== seen.log[same - 1]) same -= 1;
    seen.log.length = same;
    for (const entry of log.slice(same)) {
      const index = seen.log.length;
      seen.log.push(entry);
      const previousTerm = log[index - 1]?.term ?? 0;
      const key = `${index} ${entry.term}`;
      const other = this.#placed.get(key);
      if (other === undefined) this.#placed.set(key, { entry, previousTerm, by: name });
      else if (!isSame(other.entry, entry)) {
        throw new Error(
          `log matching: entry ${index} is ${entryText(entry)} at ${name} and ${entryText(other.entry)} at ${other.by}`,
        );
      } else if (other.previousTerm !== previousTerm) {
        throw new Error(
          `log matching: before entry ${index} of term ${entry.term} there is one of term ${previousTerm} at ${name} and of term ${other.previousTerm} at ${other.by}`,
        );
      }
    }
  }

  #lookAtLeader(server: ServerView, process: string): void {
    const { term } = server;
    const other = this.#leaders.get(term);
    if (other !== undefined) {
      throw new Error(`election safety: ${other} and ${process} both lead term ${term}`);
    }
    this.#leaders.set(term, process);
    this.#committed.forEach((_, index) => this.#lookAtCompleteness(server, index));
  }

  /** What is committed in a term is in the log of the leader of every later one. */
  #lookAtCompleteness({ name, term, log }: ServerView, index: number): void {
    const committed = this.#committed[index];
    if (committed === undefined || committed.term >= term) return;
    const entry = log[index];
    if (entry !== undefined && isSame(entry, committed.entry)) return;
    const has = entry === undefined ? 'nothing' : entryText(entry);
    throw new Error(
      `leader completeness: ${name} leads term ${term} and has ${has} at ${index}, where ${entryText(committed.entry)} was committed in term ${committed.term}`,
    );
  }

  #lookAtCommitted({ name, term, log }: ServerView, index: number): void {
    const entry = log[index];
    if (entry === undefined) throw new Error(`${name} has committed ${index}, which is not in its log`);
    const other = this.#committed[index];
    if (other === undefined) {
      this.#committed[index] = { entry, term, by: name };
      for (const { object } of this.#nodes) {
        if (object?.role === 'leader') this.#lookAtCompleteness(object, index);
      }
    } else if (!isSame(other.entry, entry)) {
      throw new Error(
        `state machine safety: ${name} applies ${entryText(entry)} at ${index}, where ${other.by} has applied ${entryText(other.entry)}`,
      );
    }
  }
}

function isSame(one: Entry, other: Entry): boolean {
  const { client, serial } = one.command ?? {};
  return one.term === other.term && client === other.command?.client && serial === other.command?.serial;
}

// Clients and scenarios

type RegisterHistory = History<RegisterCall<number>, RegisterReply<number>>;

/** Asks one server after another until it gets an answer; a command that is repeated keeps its number. */
class Client {
  readonly #sim: Simulation;
  readonly #servers: ReadonlyMap<string, Stub<Server>>;
  readonly #name: string;
  #server: string;
  #serial = 0;

  constructor(sim: Simulation, net: Network, name: string, server: string) {
    this.#sim = sim;
    this.#name = name;
    this.#server = server;
    this.#servers = new Map(
      SERVERS.map((each) => [each, net.connect<Server>(each, { timeoutMs: CLIENT_TIMEOUT_MS })]),
    );
  }

  async run(history: RegisterHistory, calls: readonly RegisterCall<number>[]): Promise<void> {
    for (const call of calls) await history.call(this.#name, call, () => this.#do(call));
  }

  async #do(call: RegisterCall<number>): Promise<RegisterReply<number>> {
    this.#serial += 1;
    for (;;) {
      const answer = await this.#ask(call);
      if ('value' in answer) return call.kind === 'read' ? answer.value : undefined;
      const next = SERVERS[(SERVERS.indexOf(this.#server) + 1) % SERVERS.length] ?? '';
      this.#server = answer.ask === '' ? next : answer.ask;
      await this.#sim.sleep(CLIENT_PAUSE_MS, `${this.#name} tries ${this.#server}`);
    }
  }

  async #ask(call: RegisterCall<number>): Promise<Answer> {
    const server = this.#servers.get(this.#server) as Stub<Server>;
    try {
      if (call.kind === 'read') return await server.read();
      const value = call.kind === 'write' ? call.value : 0;
      return await server.write({ client: this.#name, serial: this.#serial, value });
    } catch (error) {
      if (!isCallLost(error)) throw error;
      return { ask: '' };
    }
  }
}

const READ: RegisterCall<number> = { kind: 'read' };

function write(value: number): RegisterCall<number> {
  return { kind: 'write', value };
}

async function rehearse(sim: Simulation, mistake: Mistake | undefined): Promise<void> {
  const net = createNetwork(sim, {
    latencyMs: [1, 15],
    latencySteps: 4,
    faults: {
      ...{ lose: 48, duplicate: 48, reorder: 48, delay: 48, partition: 128, hold: 128 },
      ...{ delayMs: 200, reorderMs: 100, outageMs: 500, strikesMax: 6 },
    },
    nodes: {
      faults: {
        crash: 64,
        pause: 64,
        slow: 128,
        downMsMax: 400,
        pauseMsMax: 400,
        slowMsMax: 400,
        strikesMax: 2,
      },
      disk: {
        faults: { short: 128, noSpace: 128, sync: 128, slow: 128, slowMs: 100, reorder: true, strikesMax: 1 },
      },
      skew: true,
    },
  });
  const observer = new Observer(SERVERS.map((name) => net.node(name, (node) => startServer(node, mistake))));
  sim.always('Raft is safe', () => observer.look());
  const history: RegisterHistory = createHistory(sim.world.clock);
  let waiting = 2;
  const run = async (name: string, server: string, calls: readonly RegisterCall<number>[]): Promise<void> => {
    await new Client(sim, net, name, server).run(history, calls);
    waiting -= 1;
  };
  const clients = Promise.all([
    run('a', 'n1', [write(1), READ, write(2), READ, write(3)]),
    run('b', 'n2', [READ, write(4), READ, write(5), READ]),
  ]);
  await settles(sim, 'all clients are answered', () => waiting === 0);
  await clients;
  const result = checkLinearizable(history, registerModel(0));
  if (result.linearizable === false) sim.check(false, formatContradiction(result.contradiction));
}

const { correct, mistaken } = defineProgram<Mistake>({
  name: 'raft',
  description:
    'three servers with disks elect leaders and keep one log through crashes, pauses, partitions and lost messages, and clients see one register',
  mistakes: {
    'votes-twice': 'a server does not write down whom it has voted for',
    'forgets-its-term': 'a server does not write down its term and its vote',
    'stale-read': 'a leader answers reads without asking whether it still leads',
    'commits-an-old-term': 'an entry of an earlier term is committed as soon as a majority has it (figure 8)',
    'answers-before-sync': 'a server answers before its disk has what it says',
    'skips-the-log-check': 'a follower appends without a look at the entry before',
    'votes-for-anybody': 'a server votes for a candidate whose log is behind its own',
    'applies-twice': 'a command that a client repeats is applied again',
  },
  run: rehearse,
});

export const raft: ScenarioDefinition = correct;
/** The same with one mistake each, for explorations to find. */
export const raftMistakes: readonly ScenarioDefinition[] = mistaken;
