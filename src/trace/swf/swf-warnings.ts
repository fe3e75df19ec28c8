/**
 * Warnings about a log: all of them counted by kind, and the first in full. Invariant: warnings about changed data are
 * never crowded out.
 */

/** An oddity that did not stop the reading. */
export interface SwfWarning {
  /** Line number from 1; the last line for warnings about the whole log. */
  readonly line: number;
  readonly text: string;
  /** True if a job was left out, or differs from the log. */
  readonly changesData: boolean;
}

/** Warnings of one kind. */
export interface SwfWarningKind {
  /** Text of the kind, such as `run time: not a number ≥ -1`. */
  readonly kind: string;
  readonly count: number;
  /** The first line with such a warning. */
  readonly line: number;
  /** True if a job was left out, or differs from the log. */
  readonly changesData: boolean;
}

const WARNINGS_MAX = 100;

/** Collects warnings while a log is read. */
export class SwfWarnings {
  readonly #kinds = new Map<string, SwfWarningKind>();
  readonly #changing: SwfWarning[] = [];
  readonly #others: SwfWarning[] = [];
  #count = 0;

  add(kind: string, warning: SwfWarning): void {
    this.#count += 1;
    const { line, changesData } = warning;
    const known = this.#kinds.get(kind) ?? { kind, count: 0, line, changesData };
    this.#kinds.set(kind, { ...known, count: known.count + 1 });
    const kept = changesData ? this.#changing : this.#others;
    if (kept.length < WARNINGS_MAX) kept.push(warning);
  }

  summary(): {
    readonly warnings: SwfWarning[];
    readonly warningKinds: SwfWarningKind[];
    readonly warningCount: number;
  } {
    return {
      warnings: [...this.#changing, ...this.#others].slice(0, WARNINGS_MAX),
      warningKinds: [...this.#kinds.values()].sort(
        (a, b) => Number(b.changesData) - Number(a.changesData) || b.count - a.count,
      ),
      warningCount: this.#count,
    };
  }
}
