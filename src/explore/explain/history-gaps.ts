/**
 * Where a history leaves out lines of a story of which it has shown a part. Invariant: such a place is marked, because
 * lines without those between them say something that did not happen; a single missing line takes no more room than the
 * mark, and is shown instead.
 */
import { type HistoryCandidate, isLine } from './history-candidate.ts';
import type { Row, Rows } from './history-rows.ts';

/** A place at which lines of a story are left out. */
export interface HistoryGap {
  /** Number of all lines left out there. */
  readonly leftOut: number;
  /** Indices of those that go on from lines shown before. */
  readonly missing: readonly number[];
}

/** The gaps of a history, by the first candidate of the line after each; undefined for the failure. */
export type HistoryGaps = ReadonlyMap<HistoryCandidate | undefined, HistoryGap>;

/** Finds the gaps; `shown` are the chosen lines of `all`. */
export function gapsIn(all: readonly HistoryCandidate[], rows: Rows, shown: readonly Row[]): HistoryGaps {
  const firsts = new Set(shown.map(({ candidates: [first] }) => first));
  const gaps = new Map<HistoryCandidate | undefined, HistoryGap>();
  const begun = new Set<string>();
  let leftOut = 0;
  let missing: number[] = [];
  const end = (next: HistoryCandidate | undefined): void => {
    if (missing.length > 0) gaps.set(next, { leftOut, missing });
    leftOut = 0;
    missing = [];
  };
  all.forEach((candidate, index) => {
    const { story } = candidate;
    if (rows.has(index)) {
      // Lines that share one line say what is between them.
      if (firsts.has(candidate)) end(candidate);
      if (story !== undefined) begun.add(story);
    } else if (isLine(candidate)) {
      leftOut += 1;
      if (story !== undefined && begun.has(story)) missing.push(index);
    }
  });
  end(undefined);
  return gaps;
}
