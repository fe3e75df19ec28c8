import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { stackOfThread } from '../../src/threads/thread-stack.ts';

const LOOP = 'const loop = () => { process.nextTick(loop); }; loop();';

test('a look for which there is no time, at whatever point it stops, asks nothing more and lets the thread end', async () => {
  for (const limitMs of [0, 1, 2, 5, 10, 20, 50, 100, 200]) {
    const worker = new Worker(LOOP, { eval: true });
    await once(worker, 'online');
    for (const line of await stackOfThread(worker, limitMs)) expect(line).toContain('at loop (');
    expect(await worker.terminate()).toBe(1);
  }
});
