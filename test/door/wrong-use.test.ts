import { describe, expect, test } from 'vitest';
import * as door from '../../src/index.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';

const WRONG: readonly (readonly unknown[])[] = [
  [],
  [null],
  [undefined, null],
  [null, null],
  [{}, null],
  [5],
  ['text'],
  [{}],
];

/** Whatever makes something or waits for something; pure functions of typed data are left to the compiler. */
const CALLS = Object.entries(door).filter(
  ([name, value]) =>
    typeof value === 'function' &&
    /^(create|record[A-Z]|meter|compose|simulate$|replay|random|keyedReplay|final|status(Now|All)$|waitFor|sleep$|watch|promptness|phaseBounds|define|check|bindContext)/.test(
      name,
    ),
) as [string, (...given: readonly unknown[]) => unknown][];

test('the table below is about most of what the door makes', () => {
  expect(CALLS.length).toBeGreaterThan(45);
});

describe('wrong use throws or rejects with a typed error, and with nothing else', () => {
  test.for(CALLS)('%s', async ([, call]) => {
    for (const given of WRONG) {
      try {
        await call(...given);
      } catch (error) {
        refuse(error);
      }
    }
  });
});

function refuse(error: unknown): void {
  if (!isRunnerError(error)) throw error;
  expect(error.code).toMatch(/^RUNNER_(INVALID_ARGUMENT|EXEC_FAILED|SIMULATION_MISUSE)$/);
  expect(error.message).not.toBe('');
}
