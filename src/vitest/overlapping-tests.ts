/**
 * Refuses a snapshot, or an assertion of `expect.soft`, that the global `expect` would take for another test. In tests
 * that overlap, that `expect` belongs to the test that started last, so the executions of a `simTest` would never be
 * compared on the snapshot, and the other test would fail by the assertion. Invariant: refused while the scenario's
 * code runs only; what other tests do between its turns is theirs.
 */
import { chai } from 'vitest';
import { RunnerError } from '../kernel/errors.ts';
import { isSimulating } from '../simulation/simulating.ts';

const SNAPSHOT_MATCHERS = [
  'matchSnapshot',
  'toMatchSnapshot',
  'toMatchInlineSnapshot',
  'toMatchFileSnapshot',
  'toThrowErrorMatchingSnapshot',
  'toThrowErrorMatchingInlineSnapshot',
];

/** By which Vitest makes an assertion soft. */
const WITH_CONTEXT = 'withContext';

/** The used subset of an assertion of chai. */
interface Flagged {
  /** `vitest-test` is the test that the assertion counts for. */
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
  watchSoft();
}

/** The test no longer runs code of its own; does nothing if another one does by now. */
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
      if (isOfOtherTest(this)) throw otherTest(name);
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

function watchSoft(): void {
  const assertions = chai.Assertion.prototype as unknown as Record<string, unknown>;
  const withContext = assertions[WITH_CONTEXT] as ((this: unknown, context?: unknown) => unknown) | undefined;
  if (withContext === undefined) return;
  Object.defineProperty(assertions, WITH_CONTEXT, {
    configurable: true,
    enumerable: true,
    writable: true,
    value(this: Flagged, context?: { readonly soft?: unknown }): unknown {
      if (context?.soft === true && isOfOtherTest(this)) throw otherTest('expect.soft');
      return Reflect.apply(withContext, this, [context]);
    },
  });
}

/** True if the scenario of the test that runs has made the assertion, and it counts for another one. */
function isOfOtherTest({ __flags: flags }: Flagged): boolean {
  if (runningId === undefined || flags === undefined || !isSimulating()) return false;
  return flags['vitest-test']?.id !== runningId;
}

function otherTest(name: string): RunnerError {
  return new RunnerError(
    'RUNNER_SIMULATION_MISUSE',
    `${name} of the global expect belongs to the test that started last, which is another one here, because these tests overlap: take \`expect\` from the second argument of the test, as in async (sim, { expect }) => …`,
  );
}
