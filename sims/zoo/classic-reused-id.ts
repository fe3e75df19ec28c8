/** A worker numbers its runs by slot and uses slots again: a late abort must not hit the run that has the slot now. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { Wire } from './classic-wire.ts';
import { pickIndex, pickMs } from './odds.ts';

const STEP_MS = 10;

interface Held {
  readonly job: string;
  readonly generation: number;
  readonly end: (how: 'done' | 'aborted') => void;
}

/** One slot; the generation counts who has had it. */
class Worker {
  readonly #sim: Simulation;
  #held: Held | undefined;
  #generation = 0;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  /** Runs a job to its end. `onStart` gets the generation of the slot. */
  async run(job: string, ms: number, onStart: (generation: number) => void): Promise<'done' | 'aborted'> {
    this.#generation += 1;
    const generation = this.#generation;
    this.#sim.note(`${job} takes the slot`);
    onStart(generation);
    return new Promise((resolve) => {
      const timer = this.#sim.world.clock.timer({ subject: job, what: 'ends' }, ms, () =>
        this.#held?.end('done'),
      );
      const end = (how: 'done' | 'aborted'): void => {
        timer.cancel();
        this.#held = undefined;
        resolve(how);
      };
      this.#held = { job, generation, end };
    });
  }

  abort(generation: number): void {
    if (this.#held?.generation !== generation) return;
    this.#sim.note(`the worker aborts what is in the slot: ${this.#held.job}`);
    this.#held.end('aborted');
  }
}

export const reusedId: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-reused-id',
  description:
    'a worker runs three jobs in one slot, one after another, and aborts are sent by slot and may arrive late: only a job that somebody has given up is aborted',
  async run(sim) {
    const worker = new Worker(sim);
    const wire = new Wire(sim, 'wire');
    const aborts: Promise<void>[] = [];
    for (let index = 0; index < 3; index += 1) {
      const job = `job ${index}`;
      const givenUp = pickIndex(
        sim,
        { subject: job, what: 'is given up' },
        4,
        1,
        (at) => (at === 0 ? 'never' : `after ${at * STEP_MS} ms`),
        'clause',
      );
      const end = await worker.run(
        job,
        pickMs(sim, { subject: job, what: 'takes' }, 3, STEP_MS, STEP_MS, ''),
        (generation) => {
          if (givenUp > 0) aborts.push(abortLater(sim, worker, wire, job, generation, givenUp * STEP_MS));
        },
      );
      sim.check(end === 'done' || givenUp > 0, `${job} was aborted, and nobody had given it up`);
    }
    await Promise.all(aborts);
  },
});

async function abortLater(
  sim: Simulation,
  worker: Worker,
  wire: Wire,
  job: string,
  generation: number,
  ms: number,
): Promise<void> {
  await sim.sleep(ms, { subject: job, what: 'is given up' });
  await wire.carry(`the abort of ${job}`);
  worker.abort(generation);
}
