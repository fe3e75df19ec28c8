/** Important jobs go first; one that is not has its turn all the same, because waiting makes it more important. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';

const SERVICE_MS = 10;
const ARRIVALS = 10;
const IMPORTANT = 10;
/** A job of no importance goes before a new important one after so many milliseconds. */
const MS_PER_POINT = 3;
/** That, with the job that is being served then and one that came in the same instant. */
const WAIT_MS_MAX = IMPORTANT * MS_PER_POINT + 2 * SERVICE_MS;

interface Job {
  readonly name: string;
  readonly points: number;
  readonly arrivedAtMs: number;
}

class Queue {
  readonly #sim: Simulation;
  readonly #jobs: Job[] = [];

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  add(job: Job): void {
    this.#jobs.push(job);
  }

  /** Takes the most important job, the oldest of them. */
  take(): Job | undefined {
    const best = this.#jobs.reduce<Job | undefined>(
      (most, job) => (most === undefined || this.#pointsOf(job) > this.#pointsOf(most) ? job : most),
      undefined,
    );
    if (best === undefined) return undefined;
    this.#jobs.splice(this.#jobs.indexOf(best), 1);
    const others = this.#jobs.map((job) => this.#textOf(job)).join(', ');
    this.#sim.note(`${this.#textOf(best)} is served${others === '' ? '' : `; there wait ${others}`}`);
    return best;
  }

  #textOf(job: Job): string {
    return `${job.name} with ${Math.round(this.#pointsOf(job) * 10) / 10} points`;
  }

  #pointsOf({ points, arrivedAtMs }: Job): number {
    const waitedMs = this.#sim.now() - arrivedAtMs;
    return points + waitedMs / MS_PER_POINT;
  }
}

export const starvation: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-starvation',
  description:
    'a queue serves the most important job first, and one that waits becomes more important: an unimportant job has its turn in bounded time, however many important ones come',
  async run(sim) {
    const queue = new Queue(sim);
    queue.add({ name: 'a humble job', points: 0, arrivedAtMs: 0 });
    await Promise.all([arrive(sim, queue), serve(sim, queue)]);
  },
});

async function arrive(sim: Simulation, queue: Queue): Promise<void> {
  for (let index = 0; index < ARRIVALS; index += 1) {
    const name = `important job ${index}`;
    const comes =
      sim.choose({ subject: name, what: 'comes' }, 4, (answer) => (answer > 0 ? 'yes' : 'no')) > 0;
    if (comes) queue.add({ name, points: IMPORTANT, arrivedAtMs: sim.now() });
    await sim.sleep(SERVICE_MS, 'the next arrival');
  }
}

async function serve(sim: Simulation, queue: Queue): Promise<void> {
  for (let turn = 0; turn <= ARRIVALS; turn += 1) {
    const job = queue.take();
    if (job !== undefined) {
      const waitedMs = sim.now() - job.arrivedAtMs;
      sim.check(
        waitedMs <= WAIT_MS_MAX,
        `${job.name} has waited too long\n\nExpected at most ${WAIT_MS_MAX} ms, got ${waitedMs} ms.`,
      );
    }
    await sim.sleep(SERVICE_MS, 'the next service');
  }
}
