import { expect, test } from 'vitest';
import { chooseDrain } from '../../src/kernel/drain.ts';
import { DrainSlices } from '../../src/kernel/drain-slices.ts';
import type { NextTurn } from '../../src/kernel/drain-run.ts';

/** Whether what goes on after a run of that many turns is part of one. */
async function goesOnWithin(turns: number): Promise<boolean> {
  let isWithin = false;
  const slices = new DrainSlices({
    isShared: true,
    around(work) {
      isWithin = true;
      try {
        work();
      } finally {
        isWithin = false;
      }
    },
    isOver: () => false,
  });
  let left = turns;
  await chooseDrain('fast').run(() => (left -= 1) > 0 || 'stop', {
    nextTurn: (turn, isFirst) => slices.nextTurn(turn, isFirst),
    stepsPerTurn: 1,
  });
  const wasWithin = isWithin;
  await DrainSlices.leave();
  return wasWithin;
}

test('what goes on after a run of one turn is part of it, and after a longer run of none', async () => {
  expect(await goesOnWithin(1)).toBe(true);
  expect(await goesOnWithin(2)).toBe(false);
});

test('turns that are queued together are all taken, once, also if they are queued again', async () => {
  const taken: string[] = [];
  const slices = new DrainSlices({ isShared: false, around: (work) => work(), isOver: () => true });
  slices.nextTurn(() => taken.push('a'), true);
  slices.nextTurn(() => taken.push('b'), true);
  slices.queueAgain();
  await DrainSlices.leave();
  expect(taken).toEqual(['a', 'b']);
});

test.for([
  ['shares its turn', false, 1],
  ['has a turn of its own once the loop must turn', true, 3],
] as const)('a run that follows another %s', async ([, isOver, turns]) => {
  let taken = 0;
  const slices = new DrainSlices({
    isShared: true,
    around(work) {
      taken += 1;
      work();
    },
    isOver: () => isOver,
  });
  const nextTurn: NextTurn = (turn, isFirst) => slices.nextTurn(turn, isFirst);
  for (let run = 0; run < 3; run += 1) await chooseDrain('fast').run(() => 'stop', { nextTurn });
  expect(taken).toBe(turns);
  await DrainSlices.leave();
});
