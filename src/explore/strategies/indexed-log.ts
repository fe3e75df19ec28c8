/** A log that can be looked up by question and occurrence as well as by position. Invariant: it does not change. */
import type { Decision } from '../../kernel/decisions.ts';
import type { Question } from '../../kernel/question.ts';

/** One entry of an {@link IndexedLog}. */
export interface IndexedDecision extends Decision {
  readonly position: number;
  readonly occurrence: number;
}

/** A log with an index. */
export class IndexedLog {
  readonly entries: readonly IndexedDecision[];
  /** Positions of the questions for faults. */
  readonly faults: readonly number[];
  readonly #byKey = new Map<string, IndexedDecision[]>();

  constructor(log: readonly Decision[]) {
    this.entries = log.map(({ question, n, answer }, position) => {
      const asked = this.#byKey.get(question.key) ?? [];
      if (asked.length === 0) this.#byKey.set(question.key, asked);
      const entry = { question, n, answer, position, occurrence: asked.length };
      asked.push(entry);
      return entry;
    });
    this.faults = this.entries
      .filter(({ question }) => question.kind === 'fault')
      .map(({ position }) => position);
  }

  find({ key }: Question, occurrence: number): IndexedDecision | undefined {
    return this.#byKey.get(key)?.[occurrence];
  }
}
