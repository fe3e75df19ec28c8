import { expect, test } from 'vitest';
import { realWorld } from '../../src/host/real-world.ts';
import { sleep } from '../../src/kernel/clock.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { createChannel } from '../../src/locks/channel.ts';
import { createCondition } from '../../src/locks/condition.ts';
import { createDeferred } from '../../src/locks/deferred.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import type { LockWorld } from '../../src/locks/noted-wait.ts';
import { createSemaphore } from '../../src/locks/semaphore.ts';
import { withTimeout } from '../../src/locks/with-timeout.ts';
import { simulate } from '../../src/simulation/simulate.ts';

const codeOf = (wait: Promise<unknown>): Promise<unknown> =>
  wait.then(
    () => 'done',
    ({ code }: { readonly code: string }) => code,
  );

/** Uses each part once, and says what came of it in which order. */
async function useAll(world: LockWorld): Promise<unknown[]> {
  const seen: unknown[] = [];
  const jobs = createMutex(world, { name: 'jobs' });
  const ready = createCondition(jobs, { name: 'ready' });
  const slots = createSemaphore(world, { name: 'slots', permits: 2 });
  const queue = createChannel<string>(world, { name: 'queue', capacity: 1 });
  const answer = createDeferred<number>(world, { name: 'answer' });
  const hold = await jobs.acquire({ owner: 'a' });
  const waits = ['b', 'c'].map((owner) => jobs.run(() => seen.push(owner), { owner }));
  seen.push(await codeOf(jobs.acquire({ owner: 'd', timeoutMs: 1 })));
  seen.push(await codeOf(withTimeout(world, 1, (signal) => jobs.acquire({ owner: 'e', signal }))));
  hold.release();
  await Promise.all(waits);
  const notified = jobs.run(async (own) => {
    await ready.wait(own);
    return own.isHeld;
  });
  // The mutex is taken in the same turn, and given up for the condition in the next.
  await sleep(world.clock, 0);
  seen.push(ready.notify(), await notified);
  const work = (owner: string): Promise<number> => slots.run(() => seen.push(owner), { owner });
  await Promise.all(['f', 'g', 'h'].map(work));
  const sent = (async (): Promise<void> => {
    for (const value of ['x', 'y', 'z']) await queue.send(value);
    queue.close();
  })();
  for await (const value of queue) seen.push(value);
  await sent;
  const settled = answer.wait();
  answer.resolve(42);
  seen.push(await settled, await withTimeout(world, 60_000, () => 'in time'));
  return seen;
}

test('locks and waits do the same on the machine as in a simulation', async () => {
  const expected = [
    ...['RUNNER_TIMED_OUT', 'RUNNER_TIMED_OUT', 'b', 'c', true, true],
    ...['f', 'g', 'h', 'x', 'y', 'z', 42, 'in time'],
  ];
  let simulated: unknown;
  const { failure } = await simulate({
    source: fifoDecisions(),
    scenario: async (sim) => void (simulated = await useAll(sim.world)),
  });
  expect([failure, simulated]).toEqual([undefined, expected]);
  expect(await useAll(realWorld())).toEqual(expected);
});
