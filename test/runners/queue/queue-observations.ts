// What tests of a queue look at.
import type { RunRejectedError } from '../../../src/model/run-rejected-error.ts';
import { statusAll } from '../../../src/model/status-lookup.ts';
import type { SimulatedRunner } from '../../../src/runners/simulated-runner.ts';

/** What a promise was rejected with, in the shape of the assertions here. */
export async function rejection(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    const { code, message, status } = error as Partial<RunRejectedError>;
    return { code, message, ...(status === undefined ? {} : { status: status.error }) };
  }
  throw new Error('expected a rejection');
}

/** The states of all runs, in order of creation. */
export async function states(runner: SimulatedRunner): Promise<string[]> {
  return (await statusAll(runner)).statuses.map(({ state }) => state);
}
