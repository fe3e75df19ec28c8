/**
 * A build farm: a leader hands jobs to simulated runners on worker nodes, a standby takes over when the leader is away. A store keeps the lease of
 * the leader and the journal of the farm, and gives each leader a greater epoch than the one before, as a lock service does ("The Chubby
 * lock service", Burrows, 2006). What a leader is about to do it writes down first; store and workers refuse leaders of the past; a job stays with
 * its worker until that one has answered, so that a worker that is only slow does not have company.
 *
 * An observer from outside looks at the runners and the journal: no job that was confirmed is lost, and none runs twice at once.
 */
import {
  createSimulatedRunner,
  finalStatus,
  type ScenarioDefinition,
  type Simulation,
  type SimulatedRunner,
} from 'dryrunner';
import { createNetwork, type ClusterNode, type NodeContext, type Stub } from 'dryrunner/cluster';
import { Journal, type Journaled, LastNumber } from './journal.ts';
import { answerOf, defineProgram, DISK, LINKS, settles } from './program.ts';

type Mistake =
  | 'takes-over-without-reading'
  | 'without-fencing'
  | 'workers-forget-the-epoch'
  | 'starts-before-it-writes'
  | 'confirms-before-it-writes'
  | 'gives-up-on-workers';

const SCHEDULERS = ['s1', 's2'];
const WORKERS = ['m1', 'm2'];
const JOBS = ['j1', 'j2', 'j3'];
const LEASE_MS = 200;
const STEP_MS = 60;
const PAUSE_MS = 50;
const JOB_MS = 150;
const CALL_TIMEOUT_MS = 80;

/** The last epoch, and what leaders have written. */
class FarmLog implements Journaled {
  epoch = 0;
  readonly entries: string[] = [];

  clear(): void {
    this.epoch = 0;
    this.entries.length = 0;
  }

  read(line: string): void {
    if (line.startsWith('epoch ')) this.epoch = Number(line.slice('epoch '.length));
    else this.entries.push(line);
  }

  lines(): string[] {
    return [`epoch ${this.epoch}`, ...this.entries];
  }
}

/** Says who leads, and keeps what leaders write. Each answer is durable before it is given. */
class Store {
  readonly #node: NodeContext;
  readonly #log: FarmLog;
  readonly #journal: Journal;
  #holder = '';
  #untilMs: number;

  private constructor(node: NodeContext, log: FarmLog, journal: Journal) {
    this.#node = node;
    this.#log = log;
    this.#journal = journal;
    this.#untilMs = log.epoch === 0 ? -Infinity : node.clock.now() + LEASE_MS;
  }

  static async start(node: NodeContext): Promise<Store> {
    const log = new FarmLog();
    const journal = await Journal.open(node.disk, log);
    return new Store(node, log, journal);
  }

  /** An epoch for a new leader, or undefined while there is another one. */
  async lead(scheduler: string): Promise<number | undefined> {
    const now = this.#node.clock.now();
    if (now < this.#untilMs && scheduler !== this.#holder) return undefined;
    this.#holder = scheduler;
    this.#untilMs = now + LEASE_MS;
    this.#log.epoch += 1;
    const { epoch } = this.#log;
    await this.#journal.write(`epoch ${epoch}`);
    return epoch;
  }

  /** False for a leader of the past. */
  renew(epoch: number): boolean {
    if (epoch !== this.#log.epoch) return false;
    this.#untilMs = this.#node.clock.now() + LEASE_MS;
    return true;
  }

  /** All that leaders have written, or undefined for one of the past. */
  async read(epoch: number): Promise<readonly string[] | undefined> {
    if (epoch !== this.#log.epoch) return undefined;
    const entries = [...this.#log.entries];
    await this.#journal.durable();
    return entries;
  }

  /** Adds what is not there yet. False for a leader of the past. */
  async append(epoch: number, entry: string): Promise<boolean> {
    if (epoch !== this.#log.epoch) return false;
    if (!this.#log.entries.includes(entry)) {
      this.#log.entries.push(entry);
      this.#journal.add(entry);
    }
    await this.#journal.durable();
    return true;
  }

  /** For those who watch. */
  has(entry: string): boolean {
    return this.#log.entries.includes(entry);
  }
}

type WorkerAnswer = 'running' | 'done' | 'unknown' | 'refused';

/** A machine with a runner. A crash ends what runs there. */
class Worker {
  readonly #mistake: Mistake | undefined;
  /** The last epoch that it has heard of. */
  readonly #last: LastNumber;
  readonly #journal: Journal;
  readonly #runner: SimulatedRunner;
  /** For those who watch. */
  readonly running = new Set<string>();
  readonly #done = new Set<string>();

  private constructor(node: NodeContext, last: LastNumber, journal: Journal, mistake: Mistake | undefined) {
    const { name, incarnation, world } = node;
    this.#last = last;
    this.#journal = journal;
    this.#mistake = mistake;
    this.#runner = createSimulatedRunner(world, {
      name: `${name}/${incarnation}`,
      idPrefix: `${name}.${incarnation}-`,
      capacity: JOBS.length,
    });
    node.onStop(() => this.#runner.release());
  }

  static async start(node: NodeContext, mistake: Mistake | undefined): Promise<Worker> {
    const last = new LastNumber();
    const journal = await Journal.open(node.disk, last);
    if (mistake === 'workers-forget-the-epoch') last.clear();
    return new Worker(node, last, journal, mistake);
  }

  /** Starts a job unless it has done so, and says how far it is. */
  async run(epoch: number, job: string): Promise<WorkerAnswer> {
    if (!this.#obeys(epoch)) return 'refused';
    if (!this.running.has(job) && !this.#done.has(job)) void this.#start(job);
    await this.#journal.durable();
    return this.#answer(job);
  }

  /** How far a job is that an earlier leader may have started; that one is refused from now on. */
  async look(epoch: number, job: string): Promise<WorkerAnswer> {
    if (!this.#obeys(epoch)) return 'refused';
    await this.#journal.durable();
    return this.#answer(job);
  }

  #obeys(epoch: number): boolean {
    if (epoch < this.#last.value) return this.#mistake === 'without-fencing';
    if (epoch > this.#last.value) {
      this.#last.value = epoch;
      this.#journal.add(String(epoch));
    }
    return true;
  }

  #answer(job: string): WorkerAnswer {
    if (this.running.has(job)) return 'running';
    return this.#done.has(job) ? 'done' : 'unknown';
  }

  async #start(job: string): Promise<void> {
    this.running.add(job);
    const { runId } = await this.#runner.run({ argv: [`sleep ${JOB_MS}`, 'complete 0'], taskId: job });
    await finalStatus(this.#runner, runId);
    this.running.delete(job);
    this.#done.add(job);
  }
}

interface JobState {
  /** Where it runs or is about to; this is written down. */
  worker: string | undefined;
  /** An earlier leader has sent it there, if it came to that. */
  isInherited: boolean;
  /** Where this leader would send it. */
  choice: string | undefined;
  isDone: boolean;
}

/** Leads, or stands by. */
class Scheduler {
  readonly #node: NodeContext;
  readonly #mistake: Mistake | undefined;
  readonly #store: Stub<Store>;
  readonly #workers: ReadonlyMap<string, Stub<Worker>>;
  readonly #jobs = new Map<string, JobState>();
  /** 0 while it does not lead. */
  #epoch = 0;

  constructor(node: NodeContext, mistake: Mistake | undefined) {
    this.#node = node;
    this.#mistake = mistake;
    const limits = { timeoutMs: CALL_TIMEOUT_MS };
    this.#store = node.connect<Store>('store', limits);
    this.#workers = new Map(WORKERS.map((name) => [name, node.connect<Worker>(name, limits)]));
    void this.#run();
  }

  /** For clients: true once the farm has the job for sure. */
  async submit(job: string): Promise<boolean> {
    const epoch = this.#epoch;
    if (epoch === 0) return false;
    const written = this.#write(epoch, `queued ${job}`);
    const isConfirmed = this.#mistake === 'confirms-before-it-writes' || (await written);
    if (isConfirmed && this.#epoch === epoch) this.#stateOf(job);
    return isConfirmed;
  }

  async #run(): Promise<void> {
    const { name } = this.#node;
    for (;;) {
      const epoch = await answerOf(this.#store.lead(name));
      if (epoch !== undefined) await this.#lead(epoch);
      await this.#node.sleep(PAUSE_MS, `${name} stands by`);
    }
  }

  async #lead(epoch: number): Promise<void> {
    const entries = await answerOf(this.#store.read(epoch));
    if (entries === undefined) return;
    this.#jobs.clear();
    if (this.#mistake !== 'takes-over-without-reading') for (const entry of entries) this.#replay(entry);
    this.#epoch = epoch;
    this.#node.note(`leads in epoch ${epoch}`);
    while (this.#epoch === epoch) {
      if ((await answerOf(this.#store.renew(epoch))) === false) break;
      const open = [...this.#jobs].filter(([, { isDone }]) => !isDone);
      await Promise.all(open.map(([job, state]) => this.#advance(epoch, job, state)));
      await this.#node.sleep(STEP_MS, `${this.#node.name} leads on`);
    }
    this.#epoch = 0;
  }

  #replay(entry: string): void {
    const [what, job = '', worker] = entry.split(' ');
    const state = this.#stateOf(job);
    if (what === 'assigned') Object.assign(state, { worker, isInherited: true });
    if (what === 'done') state.isDone = true;
  }

  #stateOf(job: string): JobState {
    let state = this.#jobs.get(job);
    if (state === undefined) {
      state = { worker: undefined, isInherited: false, choice: undefined, isDone: false };
      this.#jobs.set(job, state);
    }
    return state;
  }

  /** Takes a job one step further. What is not known to be written is not done. */
  async #advance(epoch: number, job: string, state: JobState): Promise<void> {
    if (state.worker === undefined && !(await this.#assign(epoch, job, state))) return;
    const { isInherited } = state;
    const worker = this.#workers.get(state.worker ?? '') as Stub<Worker>;
    const answer = await answerOf(isInherited ? worker.look(epoch, job) : worker.run(epoch, job));
    if (answer === 'refused') this.#epoch = 0;
    if (answer === 'done') state.isDone = await this.#write(epoch, `done ${job}`);
    if (answer === 'running') state.isInherited = false;
    // What an earlier leader has sent and has not arrived will be refused, so the job is free.
    if (answer === 'unknown' && isInherited) Object.assign(state, { worker: undefined, isInherited: false });
    // A worker that does not answer may still run it, so the job stays where it is.
    if (answer === undefined && this.#mistake === 'gives-up-on-workers') {
      Object.assign(state, { worker: undefined, choice: undefined });
    }
  }

  async #assign(epoch: number, job: string, state: JobState): Promise<boolean> {
    state.choice ??= WORKERS[this.#node.random.int(WORKERS.length)] ?? '';
    const { choice } = state;
    const written = this.#write(epoch, `assigned ${job} ${choice} in epoch ${epoch}`);
    if (this.#mistake !== 'starts-before-it-writes' && !(await written)) return false;
    state.worker = choice;
    return true;
  }

  async #write(epoch: number, entry: string): Promise<boolean> {
    const isWritten = await answerOf(this.#store.append(epoch, entry));
    if (isWritten === false && this.#epoch === epoch) this.#epoch = 0;
    return isWritten === true;
  }
}

/** Looks at the store and at what runs, after every event. */
class Observer {
  readonly #store: ClusterNode<Store>;
  readonly #workers: readonly ClusterNode<Worker>[];
  readonly #confirmed = new Set<string>();

  constructor(store: ClusterNode<Store>, workers: readonly ClusterNode<Worker>[]) {
    this.#store = store;
    this.#workers = workers;
  }

  confirmed(job: string): void {
    this.#confirmed.add(job);
  }

  get isSettled(): boolean {
    return JOBS.every((job) => this.#confirmed.has(job) && this.#store.object?.has(`done ${job}`) === true);
  }

  /** True, or throws what is wrong. */
  look(): true {
    const runsAt = new Map<string, string>();
    for (const { name, object } of this.#workers) {
      for (const job of object?.running ?? []) {
        const other = runsAt.get(job);
        if (other !== undefined) throw new Error(`${job} runs at ${other} and at ${name}`);
        runsAt.set(job, name);
      }
    }
    const store = this.#store.object;
    if (store === undefined) return true;
    for (const job of this.#confirmed) {
      if (!store.has(`queued ${job}`)) {
        throw new Error(`${job} was confirmed, and the store does not have it`);
      }
    }
    return true;
  }
}

async function submitJobs(
  sim: Simulation,
  schedulers: readonly Stub<Scheduler>[],
  observer: Observer,
): Promise<void> {
  for (const job of JOBS) {
    for (let attempt = 0; ; attempt += 1) {
      const scheduler = schedulers[attempt % schedulers.length] as Stub<Scheduler>;
      if ((await answerOf(scheduler.submit(job))) === true) break;
      await sim.sleep(PAUSE_MS, `${job} is submitted again`);
    }
    observer.confirmed(job);
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
        downMsMax: 300,
        pauseMsMax: 500,
        slowMsMax: 400,
        strikesMax: 2,
      },
      disk: DISK,
      skew: true,
    },
  });
  const store = net.node('store', (node) => Store.start(node));
  const workers = WORKERS.map((name) => net.node(name, (node) => Worker.start(node, mistake)));
  for (const name of SCHEDULERS) net.node(name, (node) => new Scheduler(node, mistake));
  const observer = new Observer(store, workers);
  sim.always('each job is kept, and runs in one place', () => observer.look());
  const schedulers = SCHEDULERS.map((name) =>
    net.connect<Scheduler>(name, { timeoutMs: CALL_TIMEOUT_MS * 2 }),
  );
  const submitting = submitJobs(sim, schedulers, observer);
  await settles(sim, 'all jobs are done', () => observer.isSettled);
  await submitting;
}

const { correct, mistaken } = defineProgram<Mistake>({
  name: 'build-farm',
  description:
    'a leader hands jobs to runners and a standby takes over, while any of them crashes: no job is lost, and none runs twice at once',
  mistakes: {
    'takes-over-without-reading': 'a new leader does not read what was written',
    'without-fencing': 'workers obey leaders of the past',
    'workers-forget-the-epoch': 'workers forget in a crash which leader was the last',
    'starts-before-it-writes': 'a leader does not wait until the store has what it is about to do',
    'confirms-before-it-writes': 'a leader confirms jobs that the store does not have yet',
    'gives-up-on-workers': 'a leader gives a job to another worker when one does not answer',
  },
  run: rehearse,
});

export const buildFarm: ScenarioDefinition = correct;
/** The same with one mistake each, for explorations to find. */
export const buildFarmMistakes: readonly ScenarioDefinition[] = mistaken;
