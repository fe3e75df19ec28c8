/**
 * A work queue with visibility timeouts, as Amazon SQS has them (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html):
 * a job that a worker has received is invisible for a while, and is delivered again unless the worker has acknowledged that delivery by then.
 * After three deliveries it is put aside as dead. What the queue has to remember is in a journal on its disk.
 *
 * An observer from outside knows what clients were answered and what workers did: a job that was added is in the queue until it is done or
 * dead, and no job is delivered more often than three times. Ids are used again, and one job never succeeds.
 */
import type { ScenarioDefinition, Simulation } from 'dryrunner';
import { createNetwork, type ClusterNode, type NodeContext, type Stub } from 'dryrunner/cluster';
import { Journal, type Journaled } from './journal.ts';
import { answerOf, defineProgram, DISK, LINKS, settles } from './program.ts';

type Mistake =
  | 'acks-by-id'
  | 'redelivers-without-counting'
  | 'counts-in-memory'
  | 'adds-before-sync'
  | 'acks-before-it-works';

const WORKERS = ['w1', 'w2'];
/** Added one after the other; the last one never succeeds. */
const JOBS = [
  { id: 'x', round: 1 },
  { id: 'x', round: 2 },
  { id: 'bad', round: 1 },
] as const;
const BAD = 'bad';
const DELIVERIES_MAX = 3;
const INVISIBLE_MS = 120;
const WORK_MS = 40;
const PAUSE_MS = 30;
const CALL_TIMEOUT_MS = 80;

/** An id may come again once its job is over, with the next round. */
interface Job {
  readonly id: string;
  readonly round: number;
}

/** A job as a worker gets it. */
class Delivery {
  readonly job: Job;
  /** Names this delivery; no other one has it. */
  readonly receipt: number;

  constructor(job: Job, receipt: number) {
    this.job = job;
    this.receipt = receipt;
  }

  describe(): string {
    return `delivery ${this.receipt} of job ${jobText(this.job)}`;
  }
}

function jobText({ id, round }: Job): string {
  return `${id}/${round}`;
}

interface QueuedJob extends Job {
  deliveries: number;
  receipt: number;
}

/** The jobs of a queue. What belongs together is in one line, which is there as a whole or not at all. */
class Jobs implements Journaled {
  readonly queued = new Map<string, QueuedJob>();
  readonly dead = new Set<string>();
  /** Of each id the last round that was added. */
  readonly rounds = new Map<string, number>();
  receipt = 0;

  clear(): void {
    this.queued.clear();
    this.dead.clear();
    this.rounds.clear();
    this.receipt = 0;
  }

  read(line: string): void {
    const [kind, id = '', ...numbers] = line.split(' ');
    const [first = 0, second = 0] = numbers.map(Number);
    const job = this.queued.get(id);
    if (kind === 'added' || kind === 'ended') this.rounds.set(id, first);
    if (kind === 'added') this.queued.set(id, { id, round: first, deliveries: 0, receipt: 0 });
    if (kind === 'receipts') this.receipt = first;
    if (kind === 'delivered' && job !== undefined) Object.assign(job, { deliveries: first, receipt: second });
    if (kind === 'delivered') this.receipt = Math.max(this.receipt, second);
    if (kind === 'dead') this.dead.add(jobText({ id, round: first }));
    if (kind === 'dead' || kind === 'done') this.queued.delete(id);
  }

  lines(): string[] {
    return [
      `receipts - ${this.receipt}`,
      ...[...this.dead].map((text) => `dead ${text.replace('/', ' ')}`),
      ...[...this.rounds].map(([id, round]) => `ended ${id} ${round}`),
      ...[...this.queued.values()].flatMap(({ id, round, deliveries, receipt }) => [
        `added ${id} ${round}`,
        `delivered ${id} ${deliveries} ${receipt}`,
      ]),
    ];
  }
}

/** What clients, workers and observers see. Each answer is durable before it is given. */
class Queue {
  readonly #node: NodeContext;
  readonly #mistake: Mistake | undefined;
  readonly #jobs: Jobs;
  readonly #journal: Journal;
  /** When jobs that were delivered are visible again. */
  readonly #visibleAtMs = new Map<string, number>();

  private constructor(node: NodeContext, jobs: Jobs, journal: Journal, mistake: Mistake | undefined) {
    this.#node = node;
    this.#jobs = jobs;
    this.#journal = journal;
    this.#mistake = mistake;
    // Those who have received them may still be at work.
    for (const { id, receipt } of jobs.queued.values()) if (receipt > 0) this.#hide(id);
  }

  static async start(node: NodeContext, mistake: Mistake | undefined): Promise<Queue> {
    const jobs = new Jobs();
    const journal = await Journal.open(node.disk, jobs);
    return new Queue(node, jobs, journal, mistake);
  }

  /** False while a job of that id is there. */
  async add({ id, round }: Job): Promise<boolean> {
    const { queued, rounds } = this.#jobs;
    const isKnown = (rounds.get(id) ?? 0) >= round;
    if (!isKnown && queued.has(id)) return false;
    if (!isKnown) {
      rounds.set(id, round);
      queued.set(id, { id, round, deliveries: 0, receipt: 0 });
      this.#journal.add(`added ${id} ${round}`);
    }
    // Also of one that was asked for before: that it is in memory does not say that it is on the disk.
    const durable = this.#journal.durable();
    if (this.#mistake !== 'adds-before-sync') await durable;
    return true;
  }

  /** The next visible job, if there is one. */
  async receive(): Promise<Delivery | undefined> {
    const now = this.#node.clock.now();
    for (const job of this.#jobs.queued.values()) {
      if ((this.#visibleAtMs.get(job.id) ?? -Infinity) > now) continue;
      if (job.deliveries >= DELIVERIES_MAX) {
        this.#bury(job);
        continue;
      }
      return this.#deliver(job);
    }
    return undefined;
  }

  /** The job of a delivery is done. Of an earlier delivery than the last one it says nothing: the job is somebody else's now. */
  async acknowledge({ job: { id }, receipt }: Pick<Delivery, 'job' | 'receipt'>): Promise<void> {
    const job = this.#jobs.queued.get(id);
    if (job === undefined || (job.receipt !== receipt && this.#mistake !== 'acks-by-id')) return;
    this.#end(id, `done ${id}`);
    await this.#journal.durable();
  }

  has({ id, round }: Job): boolean {
    return this.#jobs.queued.get(id)?.round === round;
  }

  isDead(job: Job): boolean {
    return this.#jobs.dead.has(jobText(job));
  }

  async #deliver(job: QueuedJob): Promise<Delivery> {
    const { id } = job;
    this.#jobs.receipt += 1;
    job.receipt = this.#jobs.receipt;
    const isCounted = job.deliveries === 0 || this.#mistake !== 'redelivers-without-counting';
    if (isCounted) job.deliveries += 1;
    const { receipt, deliveries } = job;
    this.#hide(id);
    this.#journal.add(`delivered ${id} ${this.#mistake === 'counts-in-memory' ? 0 : deliveries} ${receipt}`);
    await this.#journal.durable();
    // While it was written the job may have got a later delivery, or its end.
    return new Delivery({ id, round: job.round }, receipt);
  }

  #hide(id: string): void {
    this.#visibleAtMs.set(id, this.#node.clock.now() + INVISIBLE_MS);
  }

  #bury(job: QueuedJob): void {
    this.#jobs.dead.add(jobText(job));
    this.#end(job.id, `dead ${job.id} ${job.round}`);
    void this.#journal.durable();
  }

  #end(id: string, line: string): void {
    this.#jobs.queued.delete(id);
    this.#visibleAtMs.delete(id);
    this.#journal.add(line);
  }
}

/** Looks at what was added, delivered and done, after every event. */
class Observer {
  readonly #queue: ClusterNode<Queue>;
  readonly #added: Job[] = [];
  readonly #done = new Set<string>();
  readonly #dead = new Set<string>();
  readonly #receipts = new Map<string, Set<number>>();

  constructor(queue: ClusterNode<Queue>) {
    this.#queue = queue;
  }

  added(job: Job): void {
    this.#added.push(job);
  }

  delivered({ job, receipt }: Delivery): void {
    const text = jobText(job);
    let receipts = this.#receipts.get(text);
    if (receipts === undefined) this.#receipts.set(text, (receipts = new Set()));
    receipts.add(receipt);
  }

  done(job: Job): void {
    this.#done.add(jobText(job));
  }

  get isSettled(): boolean {
    return this.#added.length === JOBS.length && this.#added.every((job) => this.#isOver(job));
  }

  /** True, or throws what is wrong. */
  look(): true {
    for (const [text, receipts] of this.#receipts) {
      if (receipts.size > DELIVERIES_MAX) throw new Error(`job ${text} was delivered ${receipts.size} times`);
    }
    const queue = this.#queue.object;
    if (queue === undefined) return true;
    for (const job of this.#added) {
      if (queue.isDead(job)) this.#dead.add(jobText(job));
      if (this.#isOver(job) || queue.has(job)) continue;
      throw new Error(`job ${jobText(job)} was added and is not in the queue, and is neither done nor dead`);
    }
    return true;
  }

  #isOver(job: Job): boolean {
    return this.#done.has(jobText(job)) || this.#dead.has(jobText(job));
  }
}

async function work(node: NodeContext, observer: Observer, mistake: Mistake | undefined): Promise<void> {
  const queue: Stub<Queue> = node.connect<Queue>('queue', { timeoutMs: CALL_TIMEOUT_MS });
  for (;;) {
    const delivery = await answerOf(queue.receive());
    if (delivery === undefined) {
      await node.sleep(PAUSE_MS, `${node.name} waits for work`);
      continue;
    }
    observer.delivered(delivery);
    const { job, receipt } = delivery;
    if (mistake === 'acks-before-it-works') await answerOf(queue.acknowledge({ job, receipt }));
    await node.sleep(WORK_MS, `${node.name} works on ${jobText(job)}`);
    if (job.id === BAD) continue;
    observer.done(job);
    await answerOf(queue.acknowledge({ job, receipt }));
  }
}

async function addJobs(sim: Simulation, queue: Stub<Queue>, observer: Observer): Promise<void> {
  for (const job of JOBS) {
    while ((await answerOf(queue.add(job))) !== true) await sim.sleep(PAUSE_MS, `${jobText(job)} waits`);
    observer.added(job);
  }
}

async function rehearse(sim: Simulation, mistake: Mistake | undefined): Promise<void> {
  const net = createNetwork(sim, {
    ...LINKS,
    nodes: {
      faults: {
        crash: 48,
        pause: 48,
        slow: 96,
        downMsMax: 100,
        pauseMsMax: 400,
        slowMsMax: 400,
        strikesMax: 2,
      },
      disk: DISK,
      skew: { driftPpmMax: 10_000 },
    },
  });
  const node = net.node('queue', (context) => Queue.start(context, mistake));
  const observer = new Observer(node);
  sim.always('no job is lost', () => observer.look());
  for (const name of WORKERS) {
    net.node(name, (context) => {
      void work(context, observer, mistake);
    });
  }
  const adding = addJobs(sim, net.connect<Queue>('queue', { timeoutMs: CALL_TIMEOUT_MS }), observer);
  await settles(sim, 'all jobs are done or dead', () => observer.isSettled);
  await adding;
}

const { correct, mistaken } = defineProgram<Mistake>({
  name: 'work-queue',
  description:
    'a queue delivers jobs again that are not acknowledged in time, three times at most: no job is lost',
  mistakes: {
    'acks-by-id': 'a job ends with the acknowledgement of any delivery',
    'redelivers-without-counting': 'only the first delivery is counted',
    'counts-in-memory': 'a crash of the queue forgets how often a job was delivered',
    'adds-before-sync': 'the queue answers before its disk has the job',
    'acks-before-it-works': 'workers acknowledge jobs before they work on them',
  },
  run: rehearse,
});

export const workQueue: ScenarioDefinition = correct;
/** The same with one mistake each, for explorations to find. */
export const workQueueMistakes: readonly ScenarioDefinition[] = mistaken;
