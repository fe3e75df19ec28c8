/** The memory of a fake runner that has nothing to do: how much the heap grows by making 100,000 of them. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadBuilt } from './built.ts';
import type { Figure } from './figure.ts';
import { median } from './measure.ts';

const RUNNERS = 100_000;
const BYTES_MAX = 1024;

/** Bytes per runner; the array that holds them is made before. */
export async function measureIdle(rounds: number): Promise<Figure[]> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { createDecisions, createFakeRunner, createRandomStream, createVirtualClock, fifoDecisions } =
    await loadBuilt();
  const bytes: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const choices = createDecisions(fifoDecisions());
    const world = { clock: createVirtualClock({ choices }), choices, random: createRandomStream(1) };
    const runners = new Array<unknown>(RUNNERS).fill(undefined);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < RUNNERS; i++) runners[i] = createFakeRunner(world);
    collect();
    bytes.push((process.memoryUsage().heapUsed - before) / RUNNERS);
    if (runners.length !== RUNNERS) throw new Error('the runners must still be there');
  }
  return [
    {
      name: 'idle fake runner',
      value: Math.round(median(bytes)),
      unit: 'bytes',
      goal: BYTES_MAX,
      goalIs: 'most',
      by: 'heap',
      peer: 'KWOK: about 55 KB per node (published)',
      note: `heap growth over ${RUNNERS} of them, after a full collection`,
    },
  ];
}
