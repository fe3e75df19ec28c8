import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { question } from '../../src/kernel/question.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import { createSemaphore } from '../../src/locks/semaphore.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { holds, refusal } from './in-simulation.ts';

/** What `act` resolves with, or the code that it rejects with. */
async function outcome(act: Promise<unknown>): Promise<string> {
  return act.then(
    () => 'got it',
    (error: { code: string }) => error.code,
  );
}

describe('a mutex', () => {
  test('is held by one at a time, in the order of asking', async () => {
    await holds(async (sim) => {
      const jobs = createMutex(sim.world, { name: 'jobs' });
      const seen: string[] = [];
      const work = async (owner: string): Promise<void> => {
        await jobs.run(
          async () => {
            seen.push(`${owner} in`);
            await sim.sleep(owner === 'a' ? 20 : 1);
            seen.push(`${owner} out`);
          },
          { owner },
        );
      };
      await Promise.all(['a', 'b', 'c', 'd'].map(work));
      expect(seen).toEqual(['a', 'b', 'c', 'd'].flatMap((owner) => [`${owner} in`, `${owner} out`]));
      expect([jobs.holder, jobs.waiting]).toEqual([undefined, 0]);
    });
  });

  test('that is free is taken at once, and is not passed to one who comes while others wait', async () => {
    await holds(async (sim) => {
      const jobs = createMutex(sim.world, { name: 'jobs' });
      const hold = await jobs.acquire({ owner: 'a' });
      expect([jobs.holder, hold.isHeld, hold.sinceMs]).toEqual(['a', true, 0]);
      const waiting = jobs.acquire({ owner: 'b' });
      expect(jobs.tryAcquire({ owner: 'c' })).toBe(undefined);
      hold.release();
      // It is free, and is to be handed over to b.
      expect([jobs.holder, jobs.tryAcquire({ owner: 'c' })]).toEqual([undefined, undefined]);
      (await waiting).release();
      jobs.tryAcquire({ owner: 'c' })?.release();
      expect(sim.now()).toBe(0);
    });
  });

  test('is not lost with a waiter who times out, or is cancelled, as it is handed over', async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      await holds(async (sim) => {
        const jobs = createMutex(sim.world, { name: 'jobs' });
        const hold = await jobs.acquire({ owner: 'a' });
        const controller = new AbortController();
        const b = outcome(jobs.run(() => undefined, { owner: 'b', timeoutMs: 20 }));
        const c = outcome(jobs.run(() => undefined, { owner: 'c', signal: controller.signal }));
        const d = outcome(jobs.run(() => undefined, { owner: 'd' }));
        const cancelling = sim.sleep(20, 'cancel').then(() => controller.abort());
        await sim.sleep(20, 'release');
        hold.release();
        outcomes.add(`b: ${await b}, c: ${await c}, d: ${await d}`);
        await cancelling;
        expect([jobs.holder, jobs.waiting]).toEqual([undefined, 0]);
      }, seed);
    }
    expect([...outcomes].toSorted()).toEqual([
      'b: RUNNER_TIMED_OUT, c: RUNNER_WAIT_CANCELLED, d: got it',
      'b: RUNNER_TIMED_OUT, c: got it, d: got it',
      'b: got it, c: RUNNER_WAIT_CANCELLED, d: got it',
      'b: got it, c: got it, d: got it',
    ]);
  });

  test('leaves nobody listening to a signal once the wait is over', async () => {
    await holds(async (sim) => {
      const jobs = createMutex(sim.world, { name: 'jobs' });
      const { signal } = new AbortController();
      const hold = await jobs.acquire({ owner: 'a', signal });
      const waits = [
        jobs.acquire({ owner: 'b', signal }),
        jobs.acquire({ owner: 'c', signal, timeoutMs: 1 }),
      ];
      expect(getEventListeners(signal, 'abort').length).toBe(1);
      const c = outcome(waits[1] as Promise<unknown>);
      await sim.sleep(2);
      hold.release();
      (await waits[0])?.release();
      expect([await c, getEventListeners(signal, 'abort').length]).toEqual(['RUNNER_TIMED_OUT', 0]);
    });
  });

  test('leaves no hand-over behind if all who wait have gone by then', async () => {
    for (let seed = 0; seed < 8; seed += 1) {
      await holds(async (sim) => {
        const jobs = createMutex(sim.world, { name: 'jobs' });
        const hold = await jobs.acquire({ owner: 'a' });
        const controller = new AbortController();
        const b = outcome(jobs.acquire({ owner: 'b', signal: controller.signal }));
        hold.release();
        controller.abort();
        expect(await b).toBe('RUNNER_WAIT_CANCELLED');
      }, seed);
    }
  });

  test('that is not fair is given to whom the exploration decides', async () => {
    const next = question('choice', { owner: 'mutex jobs', what: 'next' });
    const order: string[] = [];
    const scenario = async (sim: Simulation): Promise<void> => {
      const jobs = createMutex(sim.world, { name: 'jobs', fair: false });
      const hold = await jobs.acquire({ owner: 'a' });
      const waits = ['b', 'c', 'd'].map((owner) => jobs.run(() => order.push(owner), { owner }));
      hold.release();
      await Promise.all(waits);
    };
    const log = [
      { question: next, n: 3, answer: 2 },
      { question: next, n: 2, answer: 1 },
    ];
    const { held, decisions } = await simulate({ scenario, replay: log });
    expect([held, order, decisions().length]).toEqual([true, ['d', 'c', 'b'], 2]);
  });

  test('refuses what does not hold it, each with a sentence of its own', async () => {
    await holds(async (sim) => {
      const jobs = createMutex(sim.world, { name: 'jobs' });
      expect(await refusal(() => jobs.release())).toBe(
        'RUNNER_LOCK_NOT_HELD mutex jobs: scenario released it without holding it; nobody holds it',
      );
      await sim.sleep(5);
      const hold = await jobs.acquire({ owner: 'a' });
      expect(await refusal(() => jobs.release({ owner: 'b' }))).toBe(
        'RUNNER_LOCK_NOT_HELD mutex jobs: b released it without holding it; a holds it since 5 ms',
      );
      const late = jobs.acquire({ owner: 'b', timeoutMs: 7 });
      expect(await refusal(() => late)).toBe(
        'RUNNER_TIMED_OUT b did not get mutex jobs within 7 ms: a holds it since 5 ms',
      );
      expect(sim.now()).toBe(12);
      jobs.release({ owner: 'a' });
      expect(await refusal(() => hold.release())).toBe(
        'RUNNER_LOCK_RELEASED mutex jobs: a released it, and had done so before',
      );
      const aborted = AbortSignal.abort('no longer wanted');
      expect(await refusal(() => jobs.acquire({ owner: 'c', signal: aborted }))).toBe(
        'RUNNER_WAIT_CANCELLED the wait of c for mutex jobs was cancelled',
      );
      expect([jobs.holder, jobs.waiting]).toEqual([undefined, 0]);
    });
  });

  test('is released however a task with it ends', async () => {
    await holds(async (sim) => {
      const jobs = createMutex(sim.world, { name: 'jobs' });
      await expect(jobs.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
      expect(await jobs.run((hold) => hold.owner, { owner: 'a' })).toBe('a');
      await jobs.run((hold) => hold.release());
      expect(jobs.holder).toBe(undefined);
    });
  });
});

describe('a semaphore', () => {
  test('gives out its permits and no more, many at once to one who waits for many', async () => {
    await holds(async (sim) => {
      const slots = createSemaphore(sim.world, { name: 'slots', permits: 3 });
      const order: string[] = [];
      const work = (owner: string, permits: number): Promise<void> =>
        slots.run(
          async () => {
            order.push(owner);
            await sim.sleep(10);
          },
          { owner, permits },
        );
      const all = [work('a', 2), work('b', 3), work('c', 1)];
      // c would fit beside a, but b came first.
      expect([slots.available, slots.holders, slots.waiting]).toEqual([1, ['a'], 2]);
      await Promise.all(all);
      expect([order, sim.now(), slots.available]).toEqual([['a', 'b', 'c'], 30, 3]);
    });
  });

  test('serves those behind one who needed more and has given up', async () => {
    await holds(async (sim) => {
      const slots = createSemaphore(sim.world, { name: 'slots', permits: 2 });
      const hold = await slots.acquire({ owner: 'a' });
      const b = outcome(slots.acquire({ owner: 'b', permits: 2, timeoutMs: 10 }));
      const c = slots.run(() => sim.now(), { owner: 'c' });
      expect([await b, await c]).toEqual(['RUNNER_TIMED_OUT', 10]);
      hold.release();
    });
  });

  test('that is not fair lets one pass who needs less', async () => {
    await holds(async (sim) => {
      const slots = createSemaphore(sim.world, { name: 'slots', permits: 2, fair: false });
      const hold = await slots.acquire({ owner: 'a' });
      const b = slots.run(() => sim.now(), { owner: 'b', permits: 2 });
      expect(slots.tryAcquire({ owner: 'c' })?.release()).toBe(undefined);
      await sim.sleep(5);
      hold.release();
      expect(await b).toBe(5);
    });
  });

  test('refuses permits that it cannot have', async () => {
    await holds(async (sim) => {
      for (const permits of [0, -1, 1.5, Number.NaN]) {
        expect(await refusal(() => createSemaphore(sim.world, { name: 'slots', permits }))).toBe(
          `RUNNER_INVALID_ARGUMENT permits: expected an integer ≥ 1, got ${permits}`,
        );
      }
      const slots = createSemaphore(sim.world, { name: 'slots', permits: 3 });
      expect(await refusal(() => slots.acquire({ permits: -2 }))).toBe(
        'RUNNER_INVALID_ARGUMENT permits: expected an integer ≥ 1, got -2',
      );
      expect(await refusal(() => slots.acquire({ permits: 4 }))).toBe(
        'RUNNER_INVALID_ARGUMENT permits: expected at most the 3 of semaphore slots, got 4',
      );
      expect(await refusal(() => slots.release({ owner: 'b' }))).toBe(
        'RUNNER_LOCK_NOT_HELD semaphore slots: b released it without holding it; nobody holds it',
      );
    });
  });
});
