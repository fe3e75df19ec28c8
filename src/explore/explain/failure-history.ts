/**
 * Chooses the few events that show a failure, out of everything that happened: what was decided, and what happened to
 * the subjects that the failure names, with when and why. Invariant: lines are in order of time, at most as many as
 * asked for, and the number of omitted ones is given.
 */
import type { EventInfo } from '../../kernel/event-queue.ts';
import type { Failure } from '../../simulation/verdict.ts';
import { headlineOf } from '../failure-key.ts';
import { candidatesOf } from './candidates-of-run.ts';
import { type HistoryCandidate, isLine, RANK } from './history-candidate.ts';
import { gapsIn, type HistoryGaps } from './history-gaps.ts';
import { type Row, Rows } from './history-rows.ts';
import { causeText } from './line-cause.ts';
import type { ObservedDecision } from './observed-run.ts';
import { ReferredLines } from './referred-lines.ts';
import type { RunIndex } from './run-index.ts';

/** One line of a history. */
export interface HistoryLine {
  readonly role: 'event' | 'decision' | 'failure';
  /** Virtual time in milliseconds. */
  readonly atMs: number;
  /** Owner of the event; empty if it belongs to no runner. */
  readonly runner: string;
  readonly text: string;
  /**
   * The clock event that caused it, and when and by which event that was set, as a phrase; absent if equal to that of
   * the line before.
   */
  readonly because?: string;
  /** Number of lines left out right before this one that go on from lines shown before; absent if there are none. */
  readonly leftOutBefore?: number;
}

/** A short history. */
export interface History {
  readonly lines: readonly HistoryLine[];
  /** Number of lines not shown: trace events except metrics, and non-default decisions. */
  readonly leftOut: number;
}

/** With fewer informative lines than this, less informative ones are shown as well. */
const LINES_MIN = 6;
/** So few lines are not left out if there is room, because the note about them would take a line too. */
const LEFT_OUT_MIN = 3;

/**
 * Chooses the lines; with `linesMax` Infinity, all. The last one is the failure. `decisive` are the decisions that
 * differ in the nearest passing execution.
 */
export function historyOf(
  index: RunIndex,
  failure: Failure,
  linesMax: number,
  decisive: readonly ObservedDecision[] = [],
): History {
  const candidates = candidatesOf(index, failure, decisive);
  const { shown, gaps } = chooseRows(index, candidates, linesMax - 1);
  const gapBefore = (candidate: HistoryCandidate | undefined): Pick<HistoryLine, 'leftOutBefore'> => {
    const leftOutBefore = gaps.get(candidate)?.leftOut;
    return leftOutBefore === undefined ? {} : { leftOutBefore };
  };
  const named = new NamedFirings();
  const lines = shown.map((row, at) => ({
    ...lineOf({ index, row, before: shown[at - 1], named }),
    ...gapBefore(row.candidates[0]),
  }));
  const { atMs, message } = failure;
  const { headline: text } = headlineOf(message);
  return {
    lines: [...lines, { role: 'failure', atMs, runner: '', text, ...gapBefore(undefined) }],
    leftOut:
      candidates.filter(isLine).length - shown.flatMap(({ candidates: all }) => all.filter(isLine)).length,
  };
}

/** What a history shows. */
interface Shown {
  readonly shown: readonly Row[];
  readonly gaps: HistoryGaps;
  /** Number of lines, those of the marks included. */
  readonly size: number;
}

/** The lines and the marks of gaps, together at most `most`. */
function chooseRows(index: RunIndex, candidates: readonly HistoryCandidate[], most: number): Shown {
  const rows = new Rows(candidates, index);
  if (most === Infinity) {
    candidates.forEach((candidate, at) => isLine(candidate) && rows.take(at, most));
    return shownBy(rows, candidates);
  }
  takeBest(rows, candidates, new ReferredLines(candidates, index), most);
  trimForMarks(rows, candidates, most);
  return withSingles(rows, candidates, most);
}

function shownBy(rows: Rows, candidates: readonly HistoryCandidate[]): Shown {
  const shown = rows.join();
  const gaps = gapsIn(candidates, rows, shown);
  return { shown, gaps, size: shown.length + gaps.size };
}

/** Takes lines back, the least valuable first, until the marks of the gaps find room or too few lines would be left. */
function trimForMarks(rows: Rows, candidates: readonly HistoryCandidate[], most: number): void {
  for (;;) {
    const { shown, size } = shownBy(rows, candidates);
    if (size <= most || shown.length <= LINES_MIN) return;
    rows.takeBack();
  }
}

/**
 * Shows each line that is missing alone in place of the mark of its gap, which takes as much room. Of marks, only the
 * last ones that find room are shown.
 */
function withSingles(rows: Rows, candidates: readonly HistoryCandidate[], most: number): Shown {
  let best = shownBy(rows, candidates);
  for (const { missing } of best.gaps.values()) {
    const [single = -1] = missing;
    if (missing.length !== 1 || rows.has(single) || best.shown.length >= most) continue;
    rows.take(single, most);
    const more = shownBy(rows, candidates);
    // It may be between equal lines that were one.
    if (more.size > Math.max(most, best.size)) rows.takeBack();
    else best = more;
  }
  const room = Math.max(0, most - best.shown.length);
  return { ...best, gaps: new Map([...best.gaps].slice(Math.max(0, best.gaps.size - room))) };
}

/** Adds the most valuable lines, each with the one to which it refers, as far as there is room for both. */
function takeBest(
  rows: Rows,
  candidates: readonly HistoryCandidate[],
  referred: ReferredLines,
  most: number,
): void {
  const byWorth = candidates
    .map((candidate, index) => ({ candidate, index }))
    .filter(({ candidate }) => candidate.rank < RANK.never)
    // Among equals, the one nearer to the failure.
    .sort((a, b) => a.candidate.rank - b.candidate.rank || b.index - a.index);
  for (const { candidate, index } of byWorth) {
    if (!rows.hasRoom(most)) return;
    // Events around it may explain how the named subject got there, so they are shown if there is room.
    const isTelling = candidate.rank <= RANK.beside;
    if (!isTelling && rows.size >= LINES_MIN && byWorth.length - rows.taken > LEFT_OUT_MIN) return;
    if (rows.has(index)) continue;
    const before = referred.of(index);
    const isMissing = before !== undefined && !rows.has(before);
    if (isMissing && rows.size + 2 > most && candidate.rank > RANK.decided) continue;
    // First, because lines are taken back in the opposite order.
    if (isMissing && rows.size + 2 <= most) rows.take(before, most);
    rows.take(index, most);
  }
}

/**
 * The clock events that the lines so far have named. One that is the only one of its time needs no name in the lines
 * after it.
 */
class NamedFirings {
  /** By time; undefined if lines of that time are about several events, or do not name theirs. */
  readonly #byTime = new Map<number, number | undefined>();

  /** Notes a line about that event. */
  add({ atMs, firingId }: HistoryCandidate, isNamed: boolean): void {
    if (!this.#byTime.has(atMs)) this.#byTime.set(atMs, isNamed ? firingId : undefined);
    else if (this.#byTime.get(atMs) !== firingId) this.#byTime.set(atMs, undefined);
  }

  has({ atMs, id }: EventInfo): boolean {
    return this.#byTime.get(atMs) === id;
  }
}

interface LineToMake {
  readonly index: RunIndex;
  readonly row: Row;
  readonly before: Row | undefined;
  readonly named: NamedFirings;
}

function lineOf({ index, row, before, named }: LineToMake): HistoryLine {
  const { candidates, countText } = row;
  const [first] = candidates;
  const { role, atMs, runner, textOf, firingId, isFiring } = first;
  const isSameCause = before?.candidates.at(-1)?.firingId === firingId;
  const because = isSameCause ? undefined : causeText(index, first, (event) => named.has(event));
  // What stands behind `by` is the event that fired.
  const isNamed = isFiring || because?.startsWith('by ') === true;
  for (const candidate of candidates) named.add(candidate, isNamed);
  const text = `${textOf()}${countText}`;
  return { role, atMs, runner, text, ...(because === undefined ? {} : { because }) };
}
