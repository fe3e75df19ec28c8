/**
 * A line that a history may show, and its rank. Invariant: all lines of a lower rank are chosen before any of a higher
 * one; chosen lines are shown in chronological order.
 */
import type { Topic } from '../../kernel/question.ts';
import type { TraceEvent } from '../../model/trace-event.ts';

/** Ranks of lines, the most informative first. */
export const RANK = {
  /** The decision without which nothing would have failed: it is shown, however many others there are. */
  decisive: 0,
  decided: 1,
  /**
   * Content that a crash destroyed, what is left of it, and the message with which it failed; runs that a struck remote
   * call was to start.
   */
  struck: 2,
  telling: 3,
  /** Notes that the failure names and little else mentions. */
  pointed: 4,
  undelivered: 5,
  named: 6,
  namedPart: 7,
  /** What happened once, and belongs to nothing that the failure names. */
  context: 8,
  around: 9,
  /** What fires again and again in plain code, right before or after something else. */
  beside: 10,
  minor: 11,
  routine: 12,
  never: 13,
} as const;

/** A rank. */
export type Rank = (typeof RANK)[keyof typeof RANK];

/** Something that happens at most this many times may be evidence; if it happens more often, it is routine. */
const RARE_MAX = 3;

/** True if something that happens `count` times is routine. */
export function isOften(count: number): boolean {
  return count > RARE_MAX;
}

/** A candidate line of a history. */
export interface HistoryCandidate {
  readonly role: 'event' | 'decision';
  readonly atMs: number;
  readonly runner: string;
  /** Lazy, because formatting is the slowest part of a line, and there may be a hundred thousand candidates. */
  readonly textOf: () => string;
  readonly firingId: number;
  readonly event?: TraceEvent;
  /** What the line is about, if it shows a decision. */
  readonly topic?: Topic;
  /** True if the text is about the clock event itself. */
  readonly isFiring: boolean;
  /** True for a clock event of a scenario without runners and nodes, in which nothing else is a line. */
  readonly isOfPlainCode?: boolean;
  /** Lower ranks are chosen first. */
  readonly rank: Rank;
  /**
   * What the line continues: lines of one story say something false if those between them are missing. Absent for a
   * line that is complete without others.
   */
  readonly story?: string;
}

/**
 * True for what counts as a line: no metrics, and clock events only if a decision picked them, because their effects
 * count already, or if they are those of plain code, where they are what happens.
 */
export function isLine({ role, isFiring, isOfPlainCode = false, rank }: HistoryCandidate): boolean {
  return (role === 'decision' || !isFiring || isOfPlainCode) && rank < RANK.never;
}
