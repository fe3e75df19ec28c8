// Random programs on a lock, each in a random order, against a model that knows what the programs see: what is held, and who waits.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import type { LockHold } from '../../src/locks/permit-lock.ts';
import { createSemaphore } from '../../src/locks/semaphore.ts';
import type { WaitOptions } from '../../src/locks/wait-line.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { holds } from './in-simulation.ts';

const TOTAL = 3;

const steps = fc.record({
  pauseMs: fc.nat(3),
  permits: fc.integer({ min: 1, max: TOTAL }),
  limitMs: fc.constantFrom(0, 1, 2, 4, Infinity),
  isCancelled: fc.boolean(),
  holdMs: fc.nat(3),
});
const programs = fc.array(fc.array(steps, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });
type Step = ReturnType<(typeof steps)['generate']>['value'];

interface Wish {
  readonly owner: string;
  readonly permits: number;
}

/** What must be true in any order. */
class Model {
  readonly #sim: Simulation;
  readonly #total: number;
  readonly #isFair: boolean;
  readonly #waiting: Wish[] = [];
  #held = 0;

  constructor(sim: Simulation, total: number, isFair: boolean) {
    this.#sim = sim;
    this.#total = total;
    this.#isFair = isFair;
    const clock = sim.world.clock as VirtualClock;
    sim.always('no more is held than there is', () => this.#held <= total);
    sim.always('no wake-up is lost: no time passes while somebody could be served', () => {
      return clock.nextTimeUs === clock.nowUs || this.#next().length === 0;
    });
  }

  /** Whether one who asks now is served at once. */
  asks(wish: Wish): boolean {
    const isFirst = this.#isFair ? this.#waiting.length === 0 : this.#next().length === 0;
    const isServed = isFirst && wish.permits <= this.#total - this.#held;
    if (isServed) this.#held += wish.permits;
    else this.#waiting.push(wish);
    return isServed;
  }

  isServed(wish: Wish): void {
    this.#sim.check(this.#next().includes(wish), `${wish.owner} is served in its turn`);
    this.leaves(wish);
    this.#held += wish.permits;
  }

  leaves(wish: Wish): void {
    this.#waiting.splice(this.#waiting.indexOf(wish), 1);
  }

  releases({ permits }: Wish): void {
    this.#held -= permits;
  }

  #next(): Wish[] {
    const asked = this.#isFair ? this.#waiting.slice(0, 1) : this.#waiting;
    return asked.filter(({ permits }) => permits <= this.#total - this.#held);
  }
}

type Acquire = (wish: Wish, limits: WaitOptions) => Promise<LockHold>;

async function perform(
  sim: Simulation,
  model: Model,
  acquire: Acquire,
  wish: Wish,
  step: Step,
): Promise<void> {
  const { limitMs, holdMs } = step;
  const isCancelled = step.isCancelled && limitMs < Infinity;
  const { fired } = sim.world.clock as VirtualClock;
  const askedMs = sim.now();
  const controller = new AbortController();
  const timer = isCancelled ? sim.world.clock.timer('cancel', limitMs, () => controller.abort()) : undefined;
  const waited = acquire(wish, isCancelled ? { signal: controller.signal } : { timeoutMs: limitMs });
  const isServed = model.asks(wish);
  let hold: LockHold;
  try {
    hold = await waited;
  } catch (error) {
    model.leaves(wish);
    const expected = isCancelled ? 'RUNNER_WAIT_CANCELLED' : 'RUNNER_TIMED_OUT';
    sim.check((error as { code?: string }).code === expected, `${String(error)} is ${expected}`);
    sim.check(sim.now() === askedMs + limitMs, 'it gives up in time');
    return;
  } finally {
    timer?.cancel();
  }
  if (isServed) sim.check((sim.world.clock as VirtualClock).fired === fired, 'what is free is there at once');
  else model.isServed(wish);
  await sim.sleep(holdMs);
  model.releases(wish);
  hold.release();
}

/** Runs all programs beside each other, and then finds the lock free. */
async function performAll(
  sim: Simulation,
  model: Model,
  acquire: Acquire,
  all: readonly Step[][],
): Promise<void> {
  const program = async (own: readonly Step[], index: number): Promise<void> => {
    for (const [at, one] of own.entries()) {
      await sim.sleep(one.pauseMs);
      await perform(sim, model, acquire, { owner: `${index}.${at}`, permits: one.permits }, one);
    }
  };
  await Promise.all(all.map(program));
}

test.for([true, false])(
  'a semaphore (fair: %s) serves each in turn, loses no permit and no wake-up, and leaves nothing',
  async (fair) => {
    await fc.assert(
      fc.asyncProperty(programs, fc.nat(10_000), async (all, seed) => {
        await holds(async (sim) => {
          const slots = createSemaphore(sim.world, { name: 'slots', permits: TOTAL, fair });
          const acquire: Acquire = (wish, limits) => slots.acquire({ ...wish, ...limits });
          await performAll(sim, new Model(sim, TOTAL, fair), acquire, all);
          expect([slots.available, slots.waiting, slots.holders]).toEqual([TOTAL, 0, []]);
        }, seed);
      }),
      { numRuns: 300 },
    );
  },
);

test.for([true, false])(
  'a mutex (fair: %s) excludes all but one, in turn, and leaves nothing',
  async (fair) => {
    await fc.assert(
      fc.asyncProperty(programs, fc.nat(10_000), async (all, seed) => {
        await holds(async (sim) => {
          const jobs = createMutex(sim.world, { name: 'jobs', fair });
          const acquire: Acquire = ({ owner }, limits) => jobs.acquire({ owner, ...limits });
          const ofOne = all.map((own) => own.map((one) => ({ ...one, permits: 1 })));
          await performAll(sim, new Model(sim, 1, fair), acquire, ofOne);
          expect([jobs.holder, jobs.waiting]).toEqual([undefined, 0]);
        }, seed);
      }),
      { numRuns: 300 },
    );
  },
);
