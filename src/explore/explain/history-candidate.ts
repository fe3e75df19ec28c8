/**
 * A line that a history may show, and how much it is worth. Invariant: lines of a lower rank are chosen before all of a higher one, however
 * many there are; those that are chosen are shown in the order of time.
 */
import type { TraceEvent } from '../../model/trace-event.ts';

/** Why a line is worth showing. */
export const RANK = {
  decided: 0,
  /** What a crash has struck, and what is left of that. */
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

/** One of these. */
export type Rank = (typeof RANK)[keyof typeof RANK];

/** What a line would show. */
export interface HistoryCandidate {
  readonly role: 'event' | 'decision';
  readonly atMs: number;
  readonly runner: string;
  /** Made for the few that are shown: it takes longer than all else about a line, and there may be a hundred thousand. */
  readonly textOf: () => string;
  readonly firingId: number;
  readonly event?: TraceEvent;
  /** The text is about that event of the clock itself. */
  readonly isFiring: boolean;
  /** Lines of a lower one are taken first. */
  readonly rank: Rank;
}
