import process from 'node:process';
import { expect, test } from 'vitest';
import { catchStrayErrors } from '../../src/threads/stray-errors.ts';
import { simulate } from '../../src/simulation/simulate.ts';

const EVENTS = ['unhandledRejection', 'uncaughtException'] as const;
const listeners = (): number[] => EVENTS.map((event) => process.listenerCount(event));

test('a simulation without stray errors keeps its verdict, and the process listens as before', async () => {
  const before = listeners();
  const verdict = await catchStrayErrors(async (onTurn) => {
    expect(listeners()).toEqual(before.map((count) => count + 1));
    return simulate({ scenario: (sim) => sim.sleep(5), onTurn });
  });
  expect(verdict).toMatchObject({ held: true, virtualMs: 5 });
  expect(listeners()).toEqual(before);
});

test('a rejection of the simulation itself passes through, and the process listens as before', async () => {
  const before = listeners();
  await expect(catchStrayErrors(() => simulate({ scenario: 5 as never }))).rejects.toMatchObject({
    code: 'RUNNER_INVALID_ARGUMENT',
  });
  expect(listeners()).toEqual(before);
});
