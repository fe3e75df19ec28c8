/**
 * A line that a history may show, and its rank. Invariant: all lines of a lower rank are chosen before any of a higher
 * one; chosen lines are shown in chronological order.
 */
import type { TraceEvent } from '../../model/trace-event.ts';

/** Ranks of lines, the most informative first. */
export const RANK = {
  decided: 0,
  /** Content that a crash destroyed, and what is left of it. */
  struck: 1,
  telling: 2,
  named: 3,
  namedPart: 4,
  context: 5,
  around: 6,
  minor: 7,
  routine: 8,
  never: 9,
} as const;

/** A rank. */
export type Rank = (typeof RANK)[keyof typeof RANK];

/** A candidate line of a history. */
export interface HistoryCandidate {
  readonly role: 'event' | 'decision';
  readonly atMs: number;
  readonly runner: string;
  /** Lazy, because formatting is the slowest part of a line, and there may be a hundred thousand candidates. */
  readonly textOf: () => string;
  readonly firingId: number;
  readonly event?: TraceEvent;
  /** True if the text is about the clock event itself. */
  readonly isFiring: boolean;
  /** Lower ranks are chosen first. */
  readonly rank: Rank;
}
