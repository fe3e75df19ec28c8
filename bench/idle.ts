/** The memory of a fake runner that has nothing to do: how much the heap grows by making 100,000 of them. */
import process from 'node:process';
import {
  createDecisions,
  createRandomStream,
  createVirtualClock,
  fifoDecisions,
} from '../src/kernel/index.ts';
import { createFakeRunner } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { collectGarbage, median } from './measure.ts';

const RUNNERS = 100_000;
const BYTES_MAX = 1024;

/** Bytes per runner; the array that holds them is made before. */
export function measureIdle(rounds: number): Figure[] {
  const bytes: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const choices = createDecisions(fifoDecisions());
    const world = { clock: createVirtualClock({ choices }), choices, random: createRandomStream(1) };
    const runners = new Array<unknown>(RUNNERS).fill(undefined);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < RUNNERS; i++) runners[i] = createFakeRunner(world);
    collectGarbage();
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
