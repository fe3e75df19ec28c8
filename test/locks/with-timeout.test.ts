import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import { withTimeout } from '../../src/locks/with-timeout.ts';
import { ambientTime } from '../../src/ambient/ambient-time.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { holds, refusal } from './in-simulation.ts';

test('the signal of a task that is late aborts, and its value or error is dropped', async () => {
  const late: string[] = [];
  const verdict = await simulate({
    // Where an unhandled rejection fails the simulation.
    ambient: ambientTime(),
    scenario: async (sim) => {
      const { clock } = sim.world;
      const reasons: unknown[] = [];
      const slow = async (signal: AbortSignal, end: () => string): Promise<string> => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        await sleep(clock, 80);
        return end();
      };
      const fails = (): string => {
        throw new Error('late');
      };
      const limited = withTimeout(sim.world, 50, (signal) => slow(signal, fails), { label: 'commit' });
      expect(await refusal(() => limited)).toBe('RUNNER_TIMED_OUT commit was not done within 50 ms');
      const onLate = (value: string): number => late.push(value);
      const other = withTimeout(sim.world, 50, (signal) => slow(signal, () => 'value'), { onLate });
      expect(await refusal(() => other)).toBe('RUNNER_TIMED_OUT task was not done within 50 ms');
      expect(sim.now()).toBe(100);
      await sim.sleep(100);
      expect(reasons.map((reason) => (reason as { code: string }).code)).toEqual([
        'RUNNER_TIMED_OUT',
        'RUNNER_TIMED_OUT',
      ]);
    },
  });
  expect([verdict.failure, late]).toEqual([undefined, ['value']]);
});

test('a lock that comes too late is given back, if the task minds its signal or its value is taken care of', async () => {
  for (let seed = 0; seed < 20; seed += 1) {
    await holds(async (sim) => {
      const jobs = createMutex(sim.world, { name: 'jobs' });
      const hold = await jobs.acquire({ owner: 'a' });
      const limited = [
        withTimeout(sim.world, 10, (signal) => jobs.acquire({ owner: 'b', signal })),
        withTimeout(sim.world, 10, () => jobs.acquire({ owner: 'c' }), { onLate: (late) => late.release() }),
      ].map((wait) => wait.then((got) => got.release()).catch(() => undefined));
      await sim.sleep(10);
      hold.release();
      await Promise.all(limited);
      await jobs.run(() => undefined, { owner: 'd' });
    }, seed);
  }
});

test('a signal from outside ends it with its reason, and nothing listens to it afterwards', async () => {
  await holds(async (sim) => {
    const controller = new AbortController();
    const seen: unknown[] = [];
    const limited = withTimeout(
      sim.world,
      50,
      async (signal) => {
        signal.addEventListener('abort', () => seen.push(signal.reason));
        await new Promise(() => {});
      },
      { signal: controller.signal },
    );
    await sim.sleep(5);
    controller.abort('stop');
    await expect(limited).rejects.toBe('stop');
    expect([seen, sim.now()]).toEqual([['stop'], 5]);
    const other = new AbortController().signal;
    expect(
      await withTimeout(sim.world, 50, () => sim.sleep(1).then(() => 'in time'), { signal: other }),
    ).toBe('in time');
    expect(getEventListeners(other, 'abort')).toEqual([]);
    await expect(withTimeout(sim.world, 50, () => 1, { signal: controller.signal })).rejects.toBe('stop');
  });
});

test('what onLate rejects with fails the simulation', async () => {
  const { failure } = await simulate({
    scenario: async (sim) => {
      const slow = (): Promise<void> => sleep(sim.world.clock, 80);
      const onLate = (): Promise<never> => Promise.reject(new Error('cannot give it back'));
      await withTimeout(sim.world, 50, slow, { onLate }).catch(() => undefined);
      await sim.sleep(100);
    },
  });
  expect(failure?.message).toContain('cannot give it back');
});
