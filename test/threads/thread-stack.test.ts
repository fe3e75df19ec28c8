import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { stackOfThread } from '../../src/threads/thread-stack.ts';

/** Says when it loops: before that, another line may be the one that runs. */
const LOOP = `
  const { parentPort } = require('node:worker_threads');
  let turns = 0;
  const loop = () => { turns += 1; if (turns === 100) parentPort.postMessage('loops'); process.nextTick(loop); };
  loop();`;

test('a look for which there is no time, at whatever point it stops, asks nothing more and lets the thread end', async () => {
  for (const limitMs of [0, 1, 2, 5, 10, 20, 50, 100, 200]) {
    const worker = new Worker(LOOP, { eval: true });
    await once(worker, 'message');
    for (const line of await stackOfThread(worker, limitMs)) expect(line).toContain('at loop (');
    expect(await worker.terminate()).toBe(1);
  }
});
