/**
 * What Vitest's `expect` counts and keeps for a test, in a test that runs its scenario again and again. Invariants: each execution begins as the test
 * did, and is held to what it has asked for itself; a snapshot is one for all executions, which have to agree on it.
 */
import type { ExpectStatic, MatcherState } from 'vitest';

type Counted = Pick<
  MatcherState,
  | 'assertionCalls'
  | 'isExpectingAssertions'
  | 'isExpectingAssertionsError'
  | 'expectedAssertionsNumber'
  | 'expectedAssertionsNumberErrorGen'
>;

/** Of one that has counted nothing yet. */
const NOTHING: Counted = {
  assertionCalls: 0,
  isExpectingAssertions: false,
  isExpectingAssertionsError: null,
  expectedAssertionsNumber: null,
  expectedAssertionsNumberErrorGen: null,
};

/** What is used of the snapshots of a file. What begins with `_` is for Vitest itself, and need not be there. */
interface FileSnapshots {
  clearTest?(testId: string): void;
  readonly added?: Map<string, number>;
  readonly matched?: Map<string, number>;
  readonly unmatched?: Map<string, number>;
  readonly updated?: Map<string, number>;
  readonly _counters?: Map<string, number>;
  readonly _testIdToKeys?: Map<string, string[]>;
  readonly _snapshotData?: Record<string, string | undefined>;
}

const STATISTICS = ['added', 'matched', 'unmatched', 'updated'] as const;

function snapshotsOf({ snapshotState }: MatcherState): FileSnapshots | undefined {
  return snapshotState as unknown as FileSnapshots | undefined;
}

/** The snapshots of one test. */
class TestSnapshots {
  readonly #testId: string;
  /** As the first execution that came to it has it. */
  readonly #texts = new Map<string, string>();

  constructor(testId: string) {
    this.#testId = testId;
  }

  begin(file: FileSnapshots | undefined): void {
    if (file === undefined) return;
    const { _counters: counters, _testIdToKeys: keys } = file;
    if (counters === undefined || keys === undefined) file.clearTest?.(this.#testId);
    else {
      for (const key of keys.get(this.#testId) ?? []) counters.delete(key.replace(/ \d+$/, ''));
      keys.delete(this.#testId);
    }
    for (const name of STATISTICS) file[name]?.delete(this.#testId);
  }

  end({ _testIdToKeys: keys, _snapshotData: texts }: FileSnapshots = {}): void {
    for (const key of keys?.get(this.#testId) ?? []) {
      const text = texts?.[key];
      const first = this.#texts.get(key);
      if (texts === undefined || text === undefined || first === text) continue;
      if (first === undefined) this.#texts.set(key, text);
      else {
        texts[key] = first;
        const error = new Error(`Snapshot \`${key}\` is not the same in all executions of the simulation`);
        throw Object.assign(error, { expected: first.trim(), actual: text.trim() });
      }
    }
  }
}

/** See the top of the file. */
export class ExecutionExpects {
  readonly #expectNow: () => ExpectStatic;
  readonly #snapshots: TestSnapshots;
  readonly #atStart: Map<ExpectStatic, Counted>;

  /** `expectNow` gives that of the test; a context makes one of its own once it is asked for it. */
  constructor(expectNow: () => ExpectStatic, testId: string) {
    this.#expectNow = expectNow;
    this.#snapshots = new TestSnapshots(testId);
    const expect = expectNow();
    const { ...counted } = expect.getState();
    const started = Object.keys(NOTHING).map((key) => [key, counted[key as keyof Counted]]);
    this.#atStart = new Map([[expect, Object.fromEntries(started) as Counted]]);
  }

  /** An execution begins. */
  begin(): void {
    const expect = this.#expectNow();
    // `setState` defines all properties anew, which takes longer than a small execution's own part.
    Object.assign(expect.getState(), this.#atStart.get(expect) ?? NOTHING);
    this.#snapshots.begin(snapshotsOf(expect.getState()));
  }

  /** Throws what Vitest says of a test that has not made the assertions that it expects. */
  end(): void {
    const state = this.#expectNow().getState();
    const { assertionCalls, expectedAssertionsNumber: expected } = state;
    if (typeof expected === 'number' && assertionCalls !== expected) {
      throw state.expectedAssertionsNumberErrorGen?.() ?? new Error(`expected ${expected} assertions`);
    }
    if (state.isExpectingAssertions === true && assertionCalls === 0) {
      throw state.isExpectingAssertionsError ?? new Error('expected any number of assertions');
    }
    this.#snapshots.end(snapshotsOf(state));
  }

  /** The test fails for what was found: what is counted says nothing more. */
  fail(): void {
    this.#expectNow().setState(NOTHING);
  }
}
