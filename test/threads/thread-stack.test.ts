import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import { stackOfThread } from '../../src/threads/thread-stack.ts';

const open = vi.hoisted(() => new Set<NodeJS.Timeout | undefined>());
vi.mock(import('../../src/threads/real-timers.ts'), async (original) => {
  const timers = await original();
  return {
    ...timers,
    setInterval: (fire: () => void, ms: number) => {
      const ticker = timers.setInterval(fire, ms);
      open.add(ticker);
      return ticker;
    },
    clearInterval: (ticker: NodeJS.Timeout | undefined) => {
      timers.clearInterval(ticker);
      open.delete(ticker);
    },
  };
});

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

test('a thread that runs no line of the user says nothing, and no timer is left behind', async () => {
  const nodes = 'postMessage("loops"); for (let turns = 0; ; turns += 1);\n//# sourceURL=node:internal/loop';
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     setImmediate(new Function('postMessage', ${JSON.stringify(nodes)}), (text) => parentPort.postMessage(text));`,
    { eval: true },
  );
  await once(worker, 'message');
  expect(await stackOfThread(worker, 10_000)).toEqual([]);
  expect(await worker.terminate()).toBe(1);
  expect(open.size).toBe(0);
});
