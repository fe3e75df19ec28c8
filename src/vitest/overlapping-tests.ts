/**
 * Refuses a snapshot that the global `expect` would take for another test. In tests that overlap, that `expect` belongs
 * to the test that started last, so the executions of a `simTest` would never be compared on it. Invariant: refused
 * while the scenario's code runs only; what other tests do between its turns is theirs.
 */
import { chai } from 'vitest';
import { RunnerError } from '../kernel/errors.ts';
import { isSimulating } from '../simulation/simulate.ts';

const SNAPSHOT_MATCHERS = [
  'matchSnapshot',
  'toMatchSnapshot',
  'toMatchInlineSnapshot',
  'toMatchFileSnapshot',
  'toThrowErrorMatchingSnapshot',
  'toThrowErrorMatchingInlineSnapshot',
];

interface Flagged {
  /** Of chai; `vitest-test` is the test that the assertion counts for. */
  readonly __flags?: { readonly 'vitest-test'?: { readonly id: string } };
}

let isWatched = false;
/** Id of the test whose execution runs. */
let runningId: string | undefined;

/** From now on, until `leaveTest`, a simulation that runs is an execution of this test. */
export function enterTest(testId: string): void {
  runningId = testId;
  if (isWatched) return;
  isWatched = true;
  for (const name of SNAPSHOT_MATCHERS) watch(name);
}

export function leaveTest(testId: string): void {
  if (runningId === testId) runningId = undefined;
}

/** Watches by a getter: Vitest finds the place of an inline snapshot by counting the calls on the stack. */
function watch(name: string): void {
  const matchers = chai.Assertion.prototype as unknown as Record<string, unknown>;
  const value: unknown = Object.getOwnPropertyDescriptor(matchers, name)?.value;
  if (value === undefined) return;
  Object.defineProperty(matchers, name, {
    configurable: true,
    enumerable: true,
    get(this: Flagged): unknown {
      const { __flags: flags } = this;
      if (runningId !== undefined && flags !== undefined && isSimulating()) {
        if (flags['vitest-test']?.id !== runningId) throw otherTest(name);
      }
      return value;
    },
    set(matcher: unknown) {
      Object.defineProperty(this, name, {
        value: matcher,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    },
  });
}

function otherTest(name: string): RunnerError {
  return new RunnerError(
    'RUNNER_SIMULATION_MISUSE',
    `${name} of the global expect belongs to the test that started last, which is another one here, because these tests overlap: take \`expect\` from the second argument of the test, as in async (sim, { expect }) => …`,
  );
}
