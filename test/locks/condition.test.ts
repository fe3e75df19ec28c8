import { expect, test } from 'vitest';
import { createCondition } from '../../src/locks/condition.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { holds, refusal } from './in-simulation.ts';

function made(sim: Simulation, name = 'queue') {
  const mutex = createMutex(sim.world, { name });
  return { mutex, filled: createCondition(mutex, { name: 'filled' }) };
}

test('one who waits gives the mutex up and has it again when it goes on', async () => {
  for (let seed = 0; seed < 10; seed += 1) {
    await holds(async (sim) => {
      const { mutex, filled } = made(sim);
      const queue: number[] = [];
      const taken: number[] = [];
      const consume = (owner: string): Promise<void> =>
        mutex.run(
          async (hold) => {
            while (queue.length === 0) await filled.wait(hold);
            sim.check(hold.isHeld && mutex.holder === owner, 'it has the mutex');
            taken.push(queue.shift() ?? NaN);
          },
          { owner },
        );
      const consumers = ['a', 'b', 'c'].map(consume);
      await sim.sleep(1);
      sim.check(mutex.holder === undefined && filled.waiting === 3, 'all wait without it');
      for (const job of [1, 2, 3]) {
        await mutex.run(() => queue.push(job), { owner: 'producer' });
        filled.notify();
      }
      await Promise.all(consumers);
      expect(taken).toEqual([1, 2, 3]);
    }, seed);
  }
});

test('a notification is for one who waits as it comes, and for nobody else', async () => {
  await holds(async (sim) => {
    const { mutex, filled } = made(sim);
    expect([filled.notify(), filled.notifyAll()]).toEqual([false, 0]);
    const order: string[] = [];
    const wait = (owner: string): Promise<number> =>
      mutex.run(
        async (hold) => {
          await filled.wait(hold);
          return order.push(owner);
        },
        { owner },
      );
    const first = ['a', 'b'].map(wait);
    await sim.sleep(1);
    expect(filled.notify()).toBe(true);
    const late = wait('c');
    await sim.sleep(1);
    expect(order).toEqual(['a']);
    expect(filled.notifyAll()).toBe(2);
    await Promise.all([...first, late]);
    expect(order).toEqual(['a', 'b', 'c']);
  });
});

test('a wait that has been notified neither times out nor is cancelled in the same instant', async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 40; seed += 1) {
    await holds(async (sim) => {
      const { mutex, filled } = made(sim);
      const waits = ['a', 'b'].map((owner) =>
        mutex.run(
          (hold) =>
            filled.wait(hold, { timeoutMs: 10 }).then(
              () => `${owner} notified`,
              (error: { code: string }) => {
                sim.check(hold.isHeld, 'it has the mutex also then');
                return `${owner} ${error.code}`;
              },
            ),
          { owner },
        ),
      );
      await sim.sleep(10, 'notify');
      const isWoken = filled.notify();
      const ends = await Promise.all(waits);
      // A notification that somebody got has an effect.
      sim.check(isWoken === ends.some((end) => end.endsWith('notified')), 'no notification is lost');
      outcomes.add(ends.join(', '));
    }, seed);
  }
  expect(outcomes).toContain('a notified, b RUNNER_TIMED_OUT');
  expect(outcomes).toContain('a RUNNER_TIMED_OUT, b notified');
  expect(outcomes).toContain('a RUNNER_TIMED_OUT, b RUNNER_TIMED_OUT');
});

test('a cancelled wait has the mutex again before it rejects', async () => {
  await holds(async (sim) => {
    const { mutex, filled } = made(sim);
    const controller = new AbortController();
    const wait = mutex.run((hold) => filled.wait(hold, { signal: controller.signal }), { owner: 'a' });
    await sim.sleep(1);
    const other = mutex.run(() => sim.sleep(10), { owner: 'b' });
    controller.abort();
    expect(await refusal(() => wait)).toBe(
      'RUNNER_WAIT_CANCELLED the wait of a for condition filled was cancelled',
    );
    expect(sim.now()).toBe(11);
    await other;
  });
});

test('waiting without the mutex is refused, and a condition on something else', async () => {
  await holds(async (sim) => {
    const { mutex, filled } = made(sim);
    const other = createMutex(sim.world, { name: 'other' });
    const hold = await mutex.acquire({ owner: 'a' });
    hold.release();
    expect(await refusal(() => filled.wait(hold))).toBe(
      'RUNNER_MUTEX_REQUIRED condition filled: expected a hold of mutex queue to wait with, got the hold of a, which has released it',
    );
    const foreign = await other.acquire({ owner: 'a' });
    for (const wrong of [foreign, undefined, {}] as (typeof hold)[]) {
      expect(await refusal(() => filled.wait(wrong))).toBe(
        'RUNNER_MUTEX_REQUIRED condition filled: expected a hold of mutex queue to wait with, got something else',
      );
    }
    foreign.release();
    expect(await refusal(() => createCondition({} as typeof mutex, { name: 'filled' }))).toBe(
      'RUNNER_INVALID_ARGUMENT mutex: expected a Mutex, got an object',
    );
  });
});
