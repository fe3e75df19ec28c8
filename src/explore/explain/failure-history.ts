/**
 * The few events that show a failure, out of all that happened: what was decided, what happened to those whom the failure names, with
 * when and why. Invariant: lines are in the order of happening, at most as many as asked for, and say how many were left out.
 */
import { timesText } from '../../model/plural.ts';
import type { Failure } from '../../simulation/verdict.ts';
import { headlineOf } from '../failure-key.ts';
import { candidatesOf } from './candidates-of-run.ts';
import { EventNames } from './event-name.ts';
import { beginsIn } from './held-resources.ts';
import { type HistoryCandidate, RANK } from './history-candidate.ts';
import { type Row, Rows } from './history-rows.ts';
import { causeText } from './line-cause.ts';
import type { ObservedRun } from './observed-run.ts';

/** One line of a history. */
export interface HistoryLine {
  readonly role: 'event' | 'decision' | 'failure';
  /** Virtual time. */
  readonly atMs: number;
  /** Whose event it is; empty for what belongs to no runner. */
  readonly runner: string;
  readonly text: string;
  /** The event of the clock that brought it, when that was set and by which one, as a phrase; absent if the line before has the same. */
  readonly because?: string;
}

/** What happened, in short. */
export interface History {
  readonly lines: readonly HistoryLine[];
  /** How many lines are not shown: trace events but metrics, and decisions that are not plain. */
  readonly leftOut: number;
}

/** Where less than this is telling, what says little is shown as well. */
const LINES_MIN = 6;
/** So few are not left out if there is room: that they are would take a line as well. */
const LEFT_OUT_MIN = 3;

/** Chooses the lines. The failure is the last one. */
export function historyOf(run: ObservedRun, failure: Failure, linesMax: number): History {
  const names = new EventNames(run);
  const candidates = candidatesOf(run, failure, names);
  const rows = new Rows(candidates, run, names);
  takeBest(rows, candidates, linesMax - 1);
  takeBegins(rows, candidates, linesMax - 1);
  const shown = rows.joined();
  const lines = shown.map((row, index) => lineOf(run, names, row, shown[index - 1]));
  const { atMs, message } = failure;
  return {
    lines: [...lines, { role: 'failure', atMs, runner: '', text: headlineOf(message).headline }],
    leftOut: candidates.filter(isLine).length - shown.flat().filter(isLine).length,
  };
}

/** Takes those that are worth most, as far as there is room. */
function takeBest(rows: Rows, candidates: readonly HistoryCandidate[], most: number): void {
  const byWorth = candidates
    .map((candidate, index) => ({ candidate, index }))
    .filter(({ candidate }) => candidate.rank < RANK.never)
    // Of equal worth, the one nearer to the failure.
    .sort((a, b) => a.candidate.rank - b.candidate.rank || b.index - a.index);
  for (const { candidate, index } of byWorth) {
    if (!rows.hasRoom(most)) return;
    // What happened around it may be what brought the named one to where it is, so it is shown as far as there is room.
    const isTelling = candidate.rank <= RANK.around;
    if (!isTelling && rows.size >= LINES_MIN && byWorth.length - rows.taken > LEFT_OUT_MIN) return;
    rows.take(index);
  }
}

/** Metrics and the like are no lines of a history, and events of the clock are counted by what they do, unless a decision has picked them. */
function isLine({ role, isFiring, rank }: HistoryCandidate): boolean {
  return (role === 'decision' || !isFiring) && rank < RANK.never;
}

/** The end of something is shown with its beginning, as far as there is room. */
function takeBegins(rows: Rows, all: readonly HistoryCandidate[], most: number): void {
  const ends = all.filter(({ event }, index) => event?.type === 'freed' && rows.has(index));
  if (ends.length === 0) return;
  const begins = beginsIn(all.flatMap(({ event }) => event ?? []));
  for (const { event } of ends) {
    if (rows.size >= most) return;
    const begin = event === undefined ? undefined : begins.get(event);
    const index = begin === undefined ? -1 : all.findIndex((candidate) => candidate.event === begin);
    if (index >= 0) rows.take(index);
  }
}

function lineOf(run: ObservedRun, names: EventNames, row: Row, before: Row | undefined): HistoryLine {
  const [first] = row;
  const { role, atMs, runner, textOf, firingId } = first;
  const because = before?.at(-1)?.firingId === firingId ? undefined : causeText(run, names, first);
  const text = `${textOf()}${timesText(row.length)}`;
  return { role, atMs, runner, text, ...(because === undefined ? {} : { because }) };
}
