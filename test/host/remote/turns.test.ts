// Turns of the event loop that long work gives.
import { expect, test } from 'vitest';
import { giveTurns, isTurnDue } from '../../../src/host/remote/turns.ts';

test('of all that wait for a turn one goes on in each, in the order in which they came', async () => {
  await giveTurns();
  const beganMs = performance.now();
  while (!isTurnDue(beganMs));
  let turn = 0;
  let isOver = false;
  const countTurns = (): void => {
    turn += 1;
    if (!isOver) setImmediate(countTurns);
  };
  setImmediate(countTurns);
  const seen: [string, number][] = [];
  const names = ['a', 'b', 'c', 'd'];
  await Promise.all(names.map((name) => giveTurns().then(() => seen.push([name, turn]))));
  isOver = true;
  expect(seen).toEqual(names.map((name, at) => [name, at + 1]));
});
