/**
 * Assertion counts and snapshots of Vitest's `expect` in a test that runs its scenario many times. Invariants: each
 * execution starts from the state at the start of the test and is checked against the assertions it asked for itself,
 * so it ends the same way when run alone; all executions that hold share one snapshot, which is written only if they
 * agree on it.
 */
import type { ExpectStatic, MatcherState } from 'vitest';
import { unusualCount } from '../explore/keyed-log.ts';
import type { Decision } from '../kernel/decisions.ts';
import {
  clearFiles,
  watchFiles,
  writeFiles,
  type SnapshotsWithFiles,
  type TakenFile,
} from './file-snapshots.ts';
import { enterTest, leaveTest } from './overlapping-tests.ts';
import type { SnapshotDifference, TakenSnapshot, TestSnapshots } from './test-run.ts';

type Counted = Pick<
  MatcherState,
  | 'assertionCalls'
  | 'isExpectingAssertions'
  | 'isExpectingAssertionsError'
  | 'expectedAssertionsNumber'
  | 'expectedAssertionsNumberErrorGen'
>;

/** State of an `expect` that has counted no assertion. */
const NOTHING: Counted = {
  assertionCalls: 0,
  isExpectingAssertions: false,
  isExpectingAssertionsError: null,
  expectedAssertionsNumber: null,
  expectedAssertionsNumberErrorGen: null,
};

interface InlineSnapshot {
  readonly testId?: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly snapshot: string;
}

/** The used subset of a file's snapshot state. Names that begin with `_` are internal to Vitest and may be missing. */
interface FileSnapshots extends SnapshotsWithFiles {
  clearTest?(testId: string): void;
  readonly unmatched?: Map<string, number>;
  readonly _testIdToKeys?: Map<string, string[]>;
  readonly _snapshotData?: Record<string, string | undefined>;
  /** Inline snapshots to write; `clearTest` replaces the list. */
  readonly _inlineSnapshots?: InlineSnapshot[];
  readonly _inlineSnapshotStacks?: readonly InlineSnapshot[];
}

function snapshotsOf(state: Partial<MatcherState>): FileSnapshots {
  return (state.snapshotState ?? {}) as unknown as FileSnapshots;
}

function placeOf({ file, line, column }: InlineSnapshot): string {
  return `${file}:${line}:${column + 1}`;
}

/** The setting `expect.requireAssertions` of Vitest, where Vitest itself reads it. */
function requiresAssertions(): boolean {
  const { __vitest_worker__: worker } = globalThis as {
    __vitest_worker__?: { config?: { expect?: { requireAssertions?: boolean } } };
  };
  return worker?.config?.expect?.requireAssertions === true;
}

type Taken = Pick<TakenSnapshot, 'text' | 'kind'>;

/** See the top of the file. */
export class ExecutionExpects implements TestSnapshots {
  readonly #expectNow: () => ExpectStatic;
  readonly #testId: string;
  readonly #isOverlapping: boolean;
  readonly #atStart: Map<ExpectStatic, Counted>;
  /** Expected snapshots by name: those of the plain execution, or else of the first that took them. */
  readonly #references = new Map<string, TakenSnapshot>();
  readonly #toWrite = new Map<string, InlineSnapshot>();
  readonly #filesToWrite = new Map<string, NonNullable<TakenFile['toWrite']>>();
  #difference: SnapshotDifference | undefined;

  /**
   * `expectNow` returns the test's current `expect`; a test context creates one of its own on first use.
   * `isOverlapping`: other tests run at the same time.
   */
  constructor(expectNow: () => ExpectStatic, testId: string, isOverlapping = false) {
    this.#isOverlapping = isOverlapping;
    this.#expectNow = expectNow;
    this.#testId = testId;
    const expect = expectNow();
    const { ...counted } = expect.getState();
    const started = Object.keys(NOTHING).map((key) => [key, counted[key as keyof Counted]]);
    this.#atStart = new Map([[expect, Object.fromEntries(started) as Counted]]);
  }

  get difference(): SnapshotDifference | undefined {
    return this.#difference;
  }

  /** Resets the state for an execution that begins. */
  begin(): void {
    if (this.#isOverlapping) enterTest(this.#testId);
    const expect = this.#expectNow();
    const state = expect.getState();
    // `setState` redefines all properties, which takes longer than the rest of a small execution.
    Object.assign(state, this.#atStart.get(expect) ?? NOTHING);
    this.#clear(snapshotsOf(state));
  }

  /** Throws Vitest's error if the expected assertions were not made. */
  end(): void {
    leaveTest(this.#testId);
    const state = this.#expectNow().getState();
    const { assertionCalls, expectedAssertionsNumber: expected } = state;
    if (typeof expected === 'number' && assertionCalls !== expected) {
      throw state.expectedAssertionsNumberErrorGen?.() ?? new Error(`expected ${expected} assertions`);
    }
    const isExpecting = state.isExpectingAssertions === true;
    if ((isExpecting || requiresAssertions()) && assertionCalls === 0) {
      const own = isExpecting ? state.isExpectingAssertionsError : undefined;
      throw own ?? new Error('expected any number of assertion, but got none');
    }
  }

  compare(decisions: () => readonly Decision[]): void {
    const file = snapshotsOf(this.#expectNow().getState());
    // Most executions take none, and looking closer costs a tenth of a small one.
    if (!this.#hasTaken(file)) return;
    for (const [name, { text, kind }] of this.#takenIn(file)) {
      const reference = this.#references.get(name);
      if (reference?.text === text) continue;
      const own: TakenSnapshot = { name, text, kind, decisions: decisions() };
      if (reference === undefined) this.#references.set(name, own);
      else if (isPlain(own) && !isPlain(reference)) {
        this.#references.set(name, own);
        this.#difference = { reference: own, other: reference };
      } else this.#difference ??= { reference, other: own };
    }
  }

  /**
   * Called when the test has ended. Lets Vitest write the snapshots that all executions agree on, whichever of them
   * took them.
   */
  settle(): void {
    leaveTest(this.#testId);
    const file = snapshotsOf(this.#expectNow().getState());
    if (this.#difference !== undefined) this.#clear(file);
    else if (this.#references.size > 0) {
      const { _snapshotData: texts = {}, _inlineSnapshots: inline = [] } = file;
      for (const { name, text, kind } of this.#references.values()) {
        if (kind === 'kept') texts[name] = text;
      }
      const there = new Set(inline.map(placeOf));
      inline.push(...[...this.#toWrite].filter(([place]) => !there.has(place)).map(([, one]) => one));
      // The files to write include each one that the last execution queued.
      clearFiles(file, this.#testId);
      writeFiles(file, this.#filesToWrite.values());
    }
  }

  /** Called when the test fails with a finding of its own; drops assertion counts, which no longer matter. */
  fail(): void {
    const expect = this.#expectNow();
    expect.setState(NOTHING);
    const file = snapshotsOf(expect.getState());
    const unmatched = file.unmatched?.get(this.#testId) ?? 0;
    // The last execution was one of those run for the report.
    this.#clear(file);
    if (unmatched > 0) file.unmatched?.set(this.#testId, unmatched);
    this.settle();
  }

  #clear(file: FileSnapshots): void {
    clearFiles(file, this.#testId);
    const { _testIdToKeys: keysOf, _snapshotData: texts = {} } = file;
    const keys = keysOf?.get(this.#testId);
    if (keys?.length === 0) return;
    file.clearTest?.(this.#testId);
    // `clearTest` leaves the key of a snapshot that is not in the file yet.
    for (const key of keys ?? []) if (texts[key] === undefined) Reflect.deleteProperty(texts, key);
  }

  #hasTaken(file: FileSnapshots): boolean {
    return (
      watchFiles(file, this.#testId).size > 0 || (file._testIdToKeys?.get(this.#testId)?.length ?? 0) > 0
    );
  }

  #takenIn(file: FileSnapshots): Map<string, Taken> {
    const { _testIdToKeys: keysOf, _snapshotData: texts = {}, _inlineSnapshots: toWrite = [] } = file;
    const taken = new Map<string, Taken>();
    for (const [name, { text, toWrite: one }] of watchFiles(file, this.#testId)) {
      taken.set(name, { text, kind: 'file' });
      if (one !== undefined) this.#filesToWrite.set(name, one);
    }
    const keys = keysOf?.get(this.#testId) ?? [];
    if (keys.length === 0) return taken;
    for (const key of keys) {
      const text = texts[key];
      if (text !== undefined) taken.set(key, { text, kind: 'kept' });
    }
    const isOwn = ({ testId }: InlineSnapshot): boolean => testId === this.#testId;
    for (const one of file._inlineSnapshotStacks?.filter(isOwn) ?? []) {
      taken.set(placeOf(one), { text: one.snapshot, kind: 'inline' });
    }
    for (const one of toWrite.filter(isOwn)) this.#toWrite.set(placeOf(one), one);
    return taken;
  }
}

function isPlain({ decisions }: TakenSnapshot): boolean {
  return unusualCount(decisions) === 0;
}
