import { expect, test } from 'vitest';
import { createDeferred } from '../../src/locks/deferred.ts';
import { holds, refusal } from './in-simulation.ts';

test('the first outcome is everybody’s, and stays', async () => {
  await holds(async (sim) => {
    const answer = createDeferred<number>(sim.world, { name: 'answer' });
    const waits = ['a', 'b'].map((owner) => answer.wait({ owner }));
    await sim.sleep(3);
    expect([
      answer.isSettled,
      answer.resolve(42),
      answer.resolve(43),
      answer.reject(new Error('late')),
    ]).toEqual([false, true, false, false]);
    expect(await Promise.all([...waits, answer.wait()])).toEqual([42, 42, 42]);
    expect(sim.now()).toBe(3);
  });
});

test('an error that nobody waits for is nobody’s; who waits for it gets it', async () => {
  await holds(async (sim) => {
    const answer = createDeferred<number>(sim.world, { name: 'answer' });
    answer.reject(new Error('no answer'));
    await sim.sleep(1);
    await expect(answer.wait()).rejects.toThrow('no answer');
  });
});

test('who has given up leaves nothing behind, also as it is settled', async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 20; seed += 1) {
    await holds(async (sim) => {
      const answer = createDeferred<number>(sim.world, { name: 'answer' });
      const wait = answer.wait({ owner: 'a', timeoutMs: 10 });
      const end = refusal(() => wait);
      await sim.sleep(10);
      answer.resolve(1);
      outcomes.add(await end);
      expect(await refusal(() => answer.wait({ signal: AbortSignal.abort() }))).toBe(
        'RUNNER_WAIT_CANCELLED the wait of scenario for deferred answer was cancelled',
      );
    }, seed);
  }
  expect([...outcomes].toSorted()).toEqual([
    'RUNNER_TIMED_OUT a did not get deferred answer within 10 ms',
    'nothing was thrown',
  ]);
});
