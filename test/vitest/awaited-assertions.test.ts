// What Vitest keeps in a test of the assertions in its executions that take time.
import { describe, expect, test, vi } from 'vitest';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { AwaitedAssertions, type TaskWithAssertions } from '../../src/vitest/awaited-assertions.ts';
import { watchFiles } from '../../src/vitest/file-snapshots.ts';
import { simTest } from '../../src/vitest/sim-test.ts';

const never = new Promise<never>(() => {});

simTest('one that has lost a race does not hold up the test', async (sim) => {
  await Promise.race([expect(never).resolves.toBe(1), sim.sleep(sim.choose('ms', 5))]);
});

const hooks = { added: 0, called: 0 };
simTest(
  'a hook behind an annotation is added, as the next test shows',
  (_sim, context) => {
    void context.annotate('seen');
    hooks.added += 1;
    context.onTestFinished(() => void (hooks.called += 1));
  },
  { runs: 0 },
);
test('a hook behind an annotation is called', () => {
  expect(hooks.added).toBeGreaterThan(1);
  expect(hooks.called).toBe(hooks.added);
});

/** A test as Vitest has it, its watch, and how Vitest adds an assertion. */
function running({ isFailure = true } = {}) {
  const task: TaskWithAssertions = {};
  const awaited = new AwaitedAssertions(task, isFailure);
  const add = (promise: Promise<unknown>, check: () => void): void => {
    task.promises?.push(promise);
    task.onFinished?.push(check);
  };
  const execute = async (scenario: (sim: Simulation) => void): Promise<string | undefined> => {
    const { failure } = await simulate({
      scenario: (sim) => {
        awaited.begin();
        sim.onEnd(() => awaited.end());
        scenario(sim);
      },
    });
    return failure?.message;
  };
  return { task, add, awaited, execute };
}

describe('assertions of a simTest that take time', () => {
  test('the test keeps none of an execution that is over, also of one that has failed', async () => {
    const { task, add, execute, awaited } = running();
    const check = vi.fn();
    await execute(() => add(never, check));
    await execute(() => undefined);
    expect([task, check.mock.calls.length]).toEqual([{ promises: [], onFinished: [] }, 1]);
    await execute((sim) => {
      add(never, check);
      sim.check(false, 'fails before its end');
    });
    await execute(() => add(never, check));
    awaited.stop();
    expect([task, check.mock.calls.length]).toEqual([{ promises: [], onFinished: [] }, 2]);
  });

  test('Vitest waits for one of a snapshot that it reads when the test ends', async () => {
    const { task, add, execute, awaited } = running();
    let end = (_text: string): void => undefined;
    const text = new Promise<string>((resolve) => {
      end = resolve;
    });
    const environment = { readSnapshotFile: (_file: string) => text };
    watchFiles({ match: () => ({ pass: true }), environment }, 'any');
    const read = environment.readSnapshotFile('seen.txt');
    await execute(() => add(read, () => undefined));
    await execute(() => undefined);
    expect(task.promises).toEqual([read]);
    end('text');
    await read;
    awaited.stop();
    expect(task.promises).toEqual([]);
  });

  test('an execution fails if one has not been awaited', async () => {
    const { add, execute } = running();
    const message = await execute(() =>
      add(never, () => {
        throw new Error('it was not awaited');
      }),
    );
    expect(message).toBe('it was not awaited');
  });

  test('where that is no failure, Vitest gets the checks of the last execution', async () => {
    const { task, add, execute, awaited } = running({ isFailure: false });
    const checks = [vi.fn(), vi.fn()];
    for (const check of checks) await execute(() => add(never, check));
    awaited.stop();
    expect(task).toEqual({ promises: [], onFinished: checks.slice(1) });
    expect(checks.map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  });

  test('hooks, and what comes from elsewhere, stay in the test', async () => {
    const { task, add, awaited, execute } = running();
    const [hook, check] = [vi.fn(), vi.fn()];
    awaited.begin();
    add(never, check);
    await execute(() => {
      task.onFinished?.push(hook);
      task.promises?.push(never);
    });
    awaited.stop();
    expect(task.promises?.push).toBe(Array.prototype.push);
    add(never, check);
    expect(task).toEqual({ promises: [never, never, never], onFinished: [check, hook, check] });
    expect([hook, check].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  });
});
