/**
 * Two-phase commit, as in "Notes on Data Base Operating Systems" (Gray, 1978) and chapter 7 of "Concurrency Control and Recovery in Database
 * Systems" (Bernstein, Hadzilacos and Goodman, 1987): a coordinator asks all participants to prepare; if all of them vote yes it commits, else
 * it aborts. A participant writes its vote down before it gives it, the coordinator its decision before it sends it; who has voted yes waits
 * for the decision however long it takes, and asks for it. A coordinator that finds no decision on its disk after a crash aborts.
 *
 * An observer from outside knows what clients were answered and what each participant has done: all of them do the same, none changes
 * its mind, nothing is committed that one of them refused.
 */
import type { ScenarioDefinition, Simulation } from 'dryrunner';
import { createNetwork, type ClusterNode, type NodeContext, type Stub } from 'dryrunner/cluster';
import { Journal, type Journaled } from './journal.ts';
import { answerOf, defineProgram, DISK, LINKS, settles } from './program.ts';

type Mistake =
  | 'sends-before-sync'
  | 'presumes-commit'
  | 'votes-before-sync'
  | 'aborts-by-itself'
  | 'forgets-who-refused'
  | 'decides-again';

type Outcome = 'commit' | 'abort';

const PARTICIPANTS = ['p1', 'p2'];
const TRANSACTIONS = ['t1', 't2'];
const CALL_TIMEOUT_MS = 80;
const PAUSE_MS = 40;
/** So long a participant that has voted waits before it asks what was decided. */
const DOUBT_MS = 150;

/** What a participant answers to prepare. */
class Vote {
  readonly isYes: boolean;
  readonly by: string;
  readonly transaction: string;

  constructor(by: string, transaction: string, isYes: boolean) {
    this.by = by;
    this.transaction = transaction;
    this.isYes = isYes;
  }

  describe(): string {
    return `the ${this.isYes ? 'yes' : 'no'} of ${this.by} to ${this.transaction}`;
  }
}

/** What was written down of each transaction. */
class Notes<State extends string> implements Journaled {
  readonly states = new Map<string, State>();

  clear(): void {
    this.states.clear();
  }

  read(line: string): void {
    const [transaction = '', state = ''] = line.split(' ');
    this.states.set(transaction, state as State);
  }

  lines(): string[] {
    return [...this.states].map(([transaction, state]) => `${transaction} ${state}`);
  }
}

/** Decides transactions. */
class Coordinator {
  readonly #mistake: Mistake | undefined;
  readonly #notes: Notes<Outcome>;
  readonly #journal: Journal;
  readonly #participants: readonly Stub<Participant>[];
  /** Transactions that this process is about to decide. */
  readonly #deciding = new Map<string, Promise<Outcome>>();

  private constructor(
    node: NodeContext,
    notes: Notes<Outcome>,
    journal: Journal,
    mistake: Mistake | undefined,
  ) {
    this.#notes = notes;
    this.#journal = journal;
    this.#mistake = mistake;
    this.#participants = PARTICIPANTS.map((name) =>
      node.connect<Participant>(name, { timeoutMs: CALL_TIMEOUT_MS }),
    );
  }

  static async start(node: NodeContext, mistake: Mistake | undefined): Promise<Coordinator> {
    const notes = new Notes<Outcome>();
    const journal = await Journal.open(node.disk, notes);
    return new Coordinator(node, notes, journal, mistake);
  }

  /** For clients: commits the transaction if all participants can. */
  run(transaction: string): Promise<Outcome> {
    const known = this.#mistake === 'decides-again' ? undefined : this.#notes.states.get(transaction);
    if (known !== undefined) return this.#durable(known);
    let deciding = this.#deciding.get(transaction);
    if (deciding === undefined) {
      deciding = this.#decide(transaction);
      this.#deciding.set(transaction, deciding);
    }
    return deciding;
  }

  /** For participants in doubt: the outcome, or undefined while it is open. */
  async outcomeOf(transaction: string): Promise<Outcome | undefined> {
    const known = this.#notes.states.get(transaction);
    if (known !== undefined) return this.#durable(known);
    if (this.#deciding.has(transaction)) return undefined;
    // A process before this one has asked for votes and come to no decision that anybody can have seen.
    return this.#write(transaction, 'abort');
  }

  async #decide(transaction: string): Promise<Outcome> {
    const votes = await Promise.all(
      this.#participants.map((participant) => answerOf(participant.prepare(transaction))),
    );
    const isNo = (vote: Pick<Vote, 'isYes'> | undefined): boolean =>
      vote === undefined
        ? this.#mistake !== 'presumes-commit'
        : !vote.isYes && this.#mistake !== 'forgets-who-refused';
    const outcome = await this.#write(transaction, votes.some(isNo) ? 'abort' : 'commit');
    this.#deciding.delete(transaction);
    for (const participant of this.#participants) void answerOf(participant.finish(transaction, outcome));
    return outcome;
  }

  async #write(transaction: string, outcome: Outcome): Promise<Outcome> {
    this.#notes.states.set(transaction, outcome);
    const written = this.#journal.write(`${transaction} ${outcome}`);
    if (this.#mistake !== 'sends-before-sync') await written;
    return outcome;
  }

  async #durable(outcome: Outcome): Promise<Outcome> {
    if (this.#mistake === 'sends-before-sync') return outcome;
    return new Promise((resolve) => {
      this.#journal.whenDurable(() => resolve(outcome));
    });
  }
}

/** `yes` is a vote, the others are ends. */
type Stage = 'yes' | Outcome;

/** Has a part of each transaction. */
class Participant {
  readonly #node: NodeContext;
  readonly #mistake: Mistake | undefined;
  readonly #notes: Notes<Stage>;
  readonly #journal: Journal;
  readonly #coordinator: Stub<Coordinator>;
  /** Of each transaction whether it could do it. */
  readonly #canDo: (transaction: string) => boolean;

  private constructor(
    node: NodeContext,
    notes: Notes<Stage>,
    journal: Journal,
    canDo: (transaction: string) => boolean,
    mistake: Mistake | undefined,
  ) {
    this.#node = node;
    this.#notes = notes;
    this.#journal = journal;
    this.#canDo = canDo;
    this.#mistake = mistake;
    this.#coordinator = node.connect<Coordinator>('coordinator', { timeoutMs: CALL_TIMEOUT_MS });
    for (const [transaction, stage] of notes.states) if (stage === 'yes') void this.#resolve(transaction);
  }

  static async start(
    node: NodeContext,
    canDo: (transaction: string) => boolean,
    mistake: Mistake | undefined,
  ): Promise<Participant> {
    const notes = new Notes<Stage>();
    const journal = await Journal.open(node.disk, notes);
    return new Participant(node, notes, journal, canDo, mistake);
  }

  /** What it has come to, for those who watch. */
  get stages(): ReadonlyMap<string, Stage> {
    return this.#notes.states;
  }

  /** Votes. A yes binds it until it hears the decision. */
  async prepare(transaction: string): Promise<Vote> {
    const { states } = this.#notes;
    const isNew = !states.has(transaction);
    if (isNew) {
      states.set(transaction, this.#canDo(transaction) ? 'yes' : 'abort');
      this.#journal.add(`${transaction} ${states.get(transaction) ?? ''}`);
    }
    const isYes = states.get(transaction) !== 'abort';
    const durable = this.#journal.durable();
    if (this.#mistake !== 'votes-before-sync') await durable;
    if (isNew && isYes) void this.#resolve(transaction);
    return new Vote(this.#node.name, transaction, isYes);
  }

  /** What the coordinator has decided. */
  async finish(transaction: string, outcome: Outcome): Promise<void> {
    const { states } = this.#notes;
    const stage = states.get(transaction);
    // A second message says the same, and one that comes before prepare is an abort.
    if (stage === undefined || stage === 'yes') {
      states.set(transaction, outcome);
      this.#journal.add(`${transaction} ${outcome}`);
    }
    await this.#journal.durable();
  }

  /** Asks again and again: only the coordinator knows. */
  async #resolve(transaction: string): Promise<void> {
    for (;;) {
      await this.#node.sleep(DOUBT_MS, `${this.#node.name} is in doubt about ${transaction}`);
      if (this.#notes.states.get(transaction) !== 'yes') return;
      if (this.#mistake === 'aborts-by-itself') return this.finish(transaction, 'abort');
      const outcome = await answerOf(this.#coordinator.outcomeOf(transaction));
      if (outcome !== undefined) return this.finish(transaction, outcome);
    }
  }
}

/** Looks at all participants after every event, and remembers what they have come to. */
class Observer {
  readonly #participants: readonly ClusterNode<Participant>[];
  /** Who has seen which outcome first. */
  readonly #outcomes = new Map<string, { readonly outcome: Outcome; readonly by: string }>();
  readonly #canDo: (name: string, transaction: string) => boolean;
  /** What each process was seen to have come to. */
  readonly #stages = new Map<Participant, Map<string, Stage>>();
  readonly #answered = new Map<string, Outcome>();

  constructor(
    participants: readonly ClusterNode<Participant>[],
    canDo: (name: string, transaction: string) => boolean,
  ) {
    this.#participants = participants;
    this.#canDo = canDo;
  }

  /** The client knows. */
  answered(transaction: string, outcome: Outcome): void {
    this.#answered.set(transaction, outcome);
  }

  /** True, or throws what is wrong. */
  look(): true {
    for (const { name, object } of this.#participants) if (object !== undefined) this.#lookAt(name, object);
    for (const [transaction, outcome] of this.#answered) this.#see(transaction, outcome, 'the client');
    return true;
  }

  /** All are there, and none of them waits for a decision. */
  get isSettled(): boolean {
    if (this.#answered.size < TRANSACTIONS.length) return false;
    return this.#participants.every(
      ({ object }) => object !== undefined && ![...object.stages.values()].includes('yes'),
    );
  }

  #lookAt(name: string, participant: Participant): void {
    const seen = this.#stages.get(participant);
    const stages = seen ?? new Map<string, Stage>();
    this.#stages.set(participant, stages);
    for (const [transaction, stage] of participant.stages) {
      if (stages.get(transaction) === stage) continue;
      // A process begins with what those before it have come to.
      const isPrepared = seen === undefined || stages.has(transaction);
      if (stage === 'commit' && !isPrepared) {
        throw new Error(`${name} commits ${transaction}, of which it knows nothing`);
      }
      stages.set(transaction, stage);
      if (stage !== 'yes') this.#see(transaction, stage, name);
    }
  }

  #see(transaction: string, outcome: Outcome, by: string): void {
    const seen = this.#outcomes.get(transaction);
    if (seen === undefined) {
      this.#outcomes.set(transaction, { outcome, by });
      const refuser = PARTICIPANTS.find((name) => !this.#canDo(name, transaction));
      if (outcome === 'commit' && refuser !== undefined) {
        throw new Error(`${transaction} is committed at ${by}, and ${refuser} cannot do it`);
      }
    } else if (seen.outcome !== outcome) {
      throw new Error(`${transaction} ends with ${seen.outcome} at ${seen.by} and with ${outcome} at ${by}`);
    }
  }
}

async function rehearse(sim: Simulation, mistake: Mistake | undefined): Promise<void> {
  const net = createNetwork(sim, {
    ...LINKS,
    nodes: {
      faults: {
        crash: 24,
        pause: 48,
        slow: 96,
        downMsMax: 100,
        pauseMsMax: 400,
        slowMsMax: 400,
        strikesMax: 2,
      },
      disk: DISK,
      skew: true,
    },
  });
  const refusals = new Set(
    PARTICIPANTS.flatMap((name) =>
      TRANSACTIONS.map((transaction) => `${name} ${transaction}`).filter(
        (text) => !sim.pick(`${text} can be done`, [true, true, true, false]),
      ),
    ),
  );
  const canDo = (name: string, transaction: string): boolean => !refusals.has(`${name} ${transaction}`);
  net.node('coordinator', (node) => Coordinator.start(node, mistake));
  const participants = PARTICIPANTS.map((name) =>
    net.node(name, (node) => Participant.start(node, (transaction) => canDo(name, transaction), mistake)),
  );
  const observer = new Observer(participants, canDo);
  sim.always('all participants do the same', () => observer.look());
  const coordinator = net.connect<Coordinator>('coordinator', { timeoutMs: CALL_TIMEOUT_MS * 2 });
  const ask = async (transaction: string): Promise<void> => {
    for (;;) {
      const outcome = await answerOf(coordinator.run(transaction));
      if (outcome !== undefined) {
        observer.answered(transaction, outcome);
        return;
      }
      await sim.sleep(PAUSE_MS, `${transaction} is asked for again`);
    }
  };
  const asking = Promise.all(TRANSACTIONS.map(ask));
  await settles(sim, 'all transactions have ended', () => observer.isSettled);
  await asking;
}

const { correct, mistaken } = defineProgram<Mistake>({
  name: 'two-phase-commit',
  description:
    'two participants and a coordinator with disks crash and lose messages: both do the same, and commit only what both can do',
  mistakes: {
    'sends-before-sync': 'the coordinator sends its decision before its disk has it',
    'presumes-commit': 'a participant that does not answer in time counts as a yes',
    'votes-before-sync': 'a participant votes before its disk has the vote',
    'aborts-by-itself': 'a participant that has voted yes aborts when it hears nothing',
    'forgets-who-refused': 'the coordinator commits also if one says no',
    'decides-again': 'a coordinator that is asked again decides again',
  },
  run: rehearse,
});

export const twoPhaseCommit: ScenarioDefinition = correct;
/** The same with one mistake each, for explorations to find. */
export const twoPhaseCommitMistakes: readonly ScenarioDefinition[] = mistaken;
