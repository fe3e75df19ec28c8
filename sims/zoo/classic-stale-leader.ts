/** A leader that was away longer than its lease goes on as if nothing had been: its successor has fenced it off. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { Wire } from './classic-wire.ts';
import { pickMs } from './odds.ts';

const LEASE_MS = 40;
const STEP_MS = 10;
const JOBS: readonly string[] = ['job 0', 'job 1', 'job 2'];

/** Starts jobs, but for nobody who has been followed by another leader. */
class Worker {
  readonly starts: string[] = [];
  #token = 0;

  /** From now on only this leader and those after it are heard; what has been started by then. */
  follow(token: number): readonly string[] {
    this.#token = Math.max(this.#token, token);
    return [...this.starts];
  }

  /** False for a leader of the past. */
  start(job: string, token: number): boolean {
    if (token < this.#token) return false;
    this.starts.push(job);
    return true;
  }
}

/** Gives the lease to one leader at a time, and each a greater token. */
class LeaseOffice {
  #token = 0;
  #untilMs = 0;
  readonly #sim: Simulation;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  async acquire(): Promise<number> {
    while (this.#sim.now() < this.#untilMs) {
      await this.#sim.sleep(this.#untilMs - this.#sim.now(), 'the lease ends');
    }
    this.#token += 1;
    this.#untilMs = this.#sim.now() + LEASE_MS;
    return this.#token;
  }

  isHeldBy(token: number): boolean {
    return token === this.#token && this.#sim.now() < this.#untilMs;
  }
}

export const staleLeader: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-stale-leader',
  description:
    'two leaders start jobs on a worker, one at a time by a lease of 40 ms, and either may pause longer than that without knowing: every job is started once',
  async run(sim) {
    const worker = new Worker();
    const office = new LeaseOffice(sim);
    await Promise.all(['a', 'b'].map((name) => lead(sim, office, worker, `leader ${name}`)));
    for (const job of JOBS) {
      const count = worker.starts.filter((started) => started === job).length;
      sim.check(count <= 1, `${job} was started ${count} times`);
    }
  },
});

/** Starts what nobody has started yet, one after another, while the lease lasts. */
async function lead(sim: Simulation, office: LeaseOffice, worker: Worker, name: string): Promise<void> {
  const token = await office.acquire();
  sim.note(`${name} gets lease ${token}`);
  const wire = new Wire(sim, `wire of ${name}`);
  await wire.carry('the new token');
  const started = worker.follow(token);
  for (const job of JOBS.filter((candidate) => !started.includes(candidate))) {
    if (!office.isHeldBy(token)) return;
    // The machine may stop here for a while, and nothing shows it that it did.
    const label = `${name} pauses before ${job}`;
    await sim.sleep(pickMs(sim, label, 6, STEP_MS, 0, 'for'), label);
    await wire.carry(job);
    const isStarted = worker.start(job, token);
    sim.note(`the worker ${isStarted ? 'starts' : 'refuses'} ${job} for ${name}, who has lease ${token}`);
    if (!isStarted) return;
  }
}
