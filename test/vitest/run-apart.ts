/** Runs a `simTest` without Vitest, to see what Vitest would get of it. */
import type { TestContext } from 'vitest';
import type { SimTestOptions, TestedScenario } from '../../src/vitest/sim-test-options.ts';
import { simTest } from '../../src/vitest/sim-test.ts';

/** What a test that runs apart has of its own; the rest is that of the test that runs it. */
interface Apart {
  /** Of the test that runs it. */
  readonly context: TestContext;
  readonly fails?: boolean;
  /** Default: a test that skips itself fails. */
  readonly skip?: () => never;
}

/** What Vitest gets. */
interface RanApart {
  /** The error with which the test rejects; undefined if it does not. */
  readonly error: unknown;
  /** True if Vitest takes the error for the one that is expected. */
  readonly fails: boolean;
  /** The options with which the test was declared to Vitest. */
  readonly vitest: { readonly timeout: number };
}

/** Declares a test to nobody, and runs it in the context of the current one. */
export async function runApart(
  { context, fails = false, skip = unexpectedSkip }: Apart,
  options: SimTestOptions,
  scenario: TestedScenario,
): Promise<RanApart> {
  let vitest: RanApart['vitest'] = { timeout: 0 };
  let run = (_context: object): Promise<void> => Promise.resolve();
  const keep = (_name: string, given: typeof vitest, declared: typeof run): void => {
    [vitest, run] = [given, declared];
  };
  simTest.on(keep as never)('apart', options, scenario);
  const { signal, expect, task: current } = context;
  const task = { name: 'apart', file: current.file, id: current.id, timeout: vitest.timeout, fails };
  const own = { task, signal, expect, _local: true, skip };
  const error = await run(own).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  return { error, fails: task.fails, vitest };
}

function unexpectedSkip(): never {
  throw new Error('the test skips itself');
}
