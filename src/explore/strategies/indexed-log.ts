/** A log that can be asked by label and occurrence as well as by position. Invariant: it does not change. */
import { decisionKind } from '../../kernel/decision-kind.ts';
import type { Decision } from '../../kernel/decisions.ts';

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
  readonly #byLabel = new Map<string, IndexedDecision[]>();

  constructor(log: readonly Decision[]) {
    this.entries = log.map(({ label, n, answer }, position) => {
      const asked = this.#byLabel.get(label) ?? [];
      if (asked.length === 0) this.#byLabel.set(label, asked);
      const entry = { label, n, answer, position, occurrence: asked.length };
      asked.push(entry);
      return entry;
    });
    this.faults = this.entries
      .filter(({ label }) => decisionKind(label) === 'fault')
      .map(({ position }) => position);
  }

  find(label: string, occurrence: number): IndexedDecision | undefined {
    return this.#byLabel.get(label)?.[occurrence];
  }
}
