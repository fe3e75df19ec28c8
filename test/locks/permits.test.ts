import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createCondition } from '../../src/locks/condition.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import type { WaitOptions } from '../../src/locks/wait-line.ts';
import { holds, refusal } from './in-simulation.ts';

/** What `act` resolves with, or the code that it rejects with. */
async function outcome(act: Promise<unknown>): Promise<string> {
  return act.then(
    () => 'got it',
    (error: { code: string }) => error.code,
  );
}

describe('a mutex', () => {
  test('takes the limits of a wait from a prototype too, as its condition does', async () => {
    await holds(async (sim) => {
      const jobs = createMutex(sim.world, { name: 'jobs' });
      const limits = Object.create({ timeoutMs: 5 }) as WaitOptions;
      const hold = await jobs.acquire();
      const late = await outcome(jobs.acquire(limits));
      const unnotified = await outcome(createCondition(jobs, { name: 'work' }).wait(hold, limits));
      expect([late, unnotified, sim.now()]).toEqual(['RUNNER_TIMED_OUT', 'RUNNER_TIMED_OUT', 10]);
      hold.release();
    });
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
});
