import { expect, test } from 'vitest';
import { createCondition } from '../../src/locks/condition.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { holds, refusal } from './in-simulation.ts';

function made(sim: Simulation, name = 'queue') {
  const mutex = createMutex(sim.world, { name });
  return { mutex, filled: createCondition(mutex, { name: 'filled' }) };
}

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

test('what is done with a hold while a condition waits with it is refused for that reason', async () => {
  await holds(async (sim) => {
    const { mutex, filled } = made(sim);
    const hold = await mutex.acquire({ owner: 'a' });
    const wait = filled.wait(hold);
    expect(await refusal(() => hold.release())).toBe(
      'RUNNER_LOCK_RELEASED mutex queue: a released it while a condition waits with this hold',
    );
    expect(await refusal(() => filled.wait(hold))).toContain(
      'got the hold of a, which waits with it already',
    );
    filled.notify();
    await wait;
    hold.release();
    expect(await refusal(() => hold.release())).toContain('a released it, and had done so before');
    expect(await refusal(() => filled.wait(hold))).toContain('got the hold of a, which has released it');
  });
});
