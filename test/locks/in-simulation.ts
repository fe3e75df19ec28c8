// Runs scenarios of locks: one that must hold, and what an error of one says.
import { expect } from 'vitest';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Scenario } from '../../src/simulation/simulate-options.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';

/** Runs a scenario that holds: nothing fails, and nothing is left. */
export async function holds(scenario: Scenario, seed: string | number = 1): Promise<Verdict> {
  const verdict = await simulate({ scenario, seed, keepTrace: true });
  expect(verdict.failure, `seed ${seed}`).toBe(undefined);
  return verdict;
}

/** Code and message of what is thrown, or rejected with. */
export async function refusal(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (isRunnerError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'nothing was thrown';
}
