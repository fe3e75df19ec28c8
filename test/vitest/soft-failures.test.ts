// Which errors in the result of a test count as failures of `expect.soft` in one of its executions.
import { describe, expect, test } from 'vitest';
import { simulate } from '../../src/simulation/simulate.ts';
import { SoftFailures, type TaskWithResult } from '../../src/vitest/soft-failures.ts';

const TIME_UP = { name: 'Error', message: 'Test timed out in 50ms.' };
const SOFT = { name: 'AssertionError', message: 'expected 1 to be 2' };

/** A task as Vitest has it while the test runs, and how Vitest adds an error to it. */
function running() {
  const task: TaskWithResult = { result: {} };
  const add = (error: typeof SOFT): void => {
    ((task.result as { errors?: unknown[] }).errors ??= []).push(error);
  };
  const vitest = new AbortController();
  return { task, add, vitest, soft: new SoftFailures(task, vitest.signal) };
}

describe('R-13: failures of expect.soft in a simTest', () => {
  test('one that an execution adds fails this execution, and the result keeps none', async () => {
    const { task, add, soft } = running();
    const { failure } = await simulate({
      scenario: (sim) => {
        soft.begin();
        sim.onEnd(() => soft.end());
        add(SOFT);
      },
    });
    soft.stop();
    expect(failure?.message).toBe(SOFT.message);
    expect([soft.hasAny, task.result]).toEqual([true, {}]);
  });

  test('one of an execution that fails before its end is named', async () => {
    const { task, add, soft } = running();
    await simulate({
      scenario: (sim) => {
        soft.begin();
        add(SOFT);
        sim.check(false, 'fails before its end');
      },
    });
    expect(soft.takeLast()).toEqual([SOFT.message]);
    expect(task.result?.errors).toEqual([]);
  });

  test('an error that Vitest adds while the failed execution is reported stays in the result', async () => {
    const { task, add, soft } = running();
    const scenario = (): void => {
      soft.begin();
      throw new Error('fails before its end');
    };
    await simulate({ scenario });
    add(TIME_UP);
    await simulate({ scenario });
    expect([soft.takeLast(), soft.hasAny]).toEqual([[], false]);
    soft.stop();
    expect(task.result).toEqual({ errors: [TIME_UP] });
  });

  test('the error that time is up stays also if a turn was cut off in the middle', async () => {
    const { task, add, vitest, soft } = running();
    const { failure } = await simulate({
      scenario: (sim) => {
        soft.begin();
        sim.onEnd(() => soft.end());
        vitest.abort();
        add(TIME_UP);
      },
    });
    soft.stop();
    expect(failure).toBeUndefined();
    expect(task.result).toEqual({ errors: [TIME_UP] });
  });

  test('what Vitest sends of the result while the test runs is a plain list', () => {
    const { task, soft } = running();
    soft.begin();
    expect(structuredClone(task.result)).toEqual({ errors: [] });
  });
});
