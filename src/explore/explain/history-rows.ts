/**
 * The lines of a history while they are chosen, and which candidates share a line. Invariant: equal candidates with
 * nothing shown between them share a line whether or not each was chosen, so the count on the line is exact. Lines that
 * alternate form a group with one count, which is chosen as a whole. Equal candidates in a row are one line of a group.
 */
import { invariant } from '../../kernel/invariant.ts';
import { counted, formatCount, timesText } from '../../model/plural.ts';
import { type HistoryCandidate, isLine, RANK } from './history-candidate.ts';
import { causeText } from './line-cause.ts';
import { repeatedGroupAt } from './repeated-group.ts';
import type { RunIndex } from './run-index.ts';

/** Maximum number of clock events not chosen that are named to find equal ones. */
const NAMED_MAX = 200;

/** Candidates that share a line, in chronological order. */
export interface Row {
  readonly candidates: readonly [HistoryCandidate, ...HistoryCandidate[]];
  /** How often it happened, and in the last line of a group, how often the group did. Empty for once. */
  readonly countText: string;
}

/** Equal candidates with none that may be a line between them, from one position up to another. */
interface Stretch {
  readonly from: number;
  readonly end: number;
}

/** Lines that alternate: the stretches of all repetitions, in order. */
interface StretchGroup {
  readonly stretches: readonly Stretch[];
  readonly period: number;
  readonly times: number;
}

/** The lines chosen so far. */
export class Rows {
  readonly #all: readonly HistoryCandidate[];
  readonly #index: RunIndex;
  /** Indices of the candidates that may be lines. */
  readonly #shownable: readonly number[];
  /** The chosen groups, by the index of their first candidate. */
  readonly #groups = new Map<number, StretchGroup>();
  /** Indices of the candidates in the lines that were added, in the order of adding. */
  readonly #takes: (readonly number[])[] = [];
  /** Indices of the candidates that are in lines. */
  readonly #taken = new Set<number>();
  #joins = 0;
  #size = 0;

  /** `all` are the candidates of the run, in chronological order. */
  constructor(all: readonly HistoryCandidate[], index: RunIndex) {
    this.#all = all;
    this.#index = index;
    this.#shownable = all.flatMap(({ rank }, at) => (rank < RANK.never ? [at] : []));
  }

  /** Number of lines so far; fewer once equal ones are joined. */
  get size(): number {
    return this.#size;
  }

  /** Number of candidates in lines. */
  get taken(): number {
    return this.#taken.size;
  }

  has(index: number): boolean {
    return this.#taken.has(index);
  }

  /** True if there are fewer than `most` lines after equal ones are joined. */
  hasRoom(most: number): boolean {
    if (this.#size < most) return true;
    this.#joins += 1;
    // Joining goes through all candidates, so the number of times is bounded.
    if (this.#joins <= 2 * most) this.join();
    return this.#size < most;
  }

  /**
   * Adds a line for the candidate at that index, unless it is in one already; adds its whole group, if it has one that
   * fits into `most` lines.
   */
  take(index: number, most: number): void {
    if (this.has(index) || this.#takeGroup(index, most)) return;
    this.#size += 1;
    this.#addTake([index, ...[-1, 1].flatMap((step) => this.#alikeFrom(index, step))]);
  }

  /** Takes the line or the group back that was added last; `size` and `taken` change when lines are joined again. */
  takeBack(): void {
    const [first = -1] = this.#takes.pop() ?? [];
    this.#groups.delete(first);
    // What joining has added may belong to this line.
    this.#taken.clear();
    for (const indices of this.#takes) for (const index of indices) this.#taken.add(index);
  }

  #addTake(indices: readonly number[]): void {
    this.#takes.push(indices);
    for (const index of indices) this.#taken.add(index);
  }

  /** Equal candidates next to that one. */
  #alikeFrom(index: number, step: number): readonly number[] {
    const first = this.#at(index);
    const alike: number[] = [];
    for (let at = index + step; at >= 0 && at < this.#all.length; at += step) {
      const other = this.#at(at);
      if (other.rank >= RANK.never) continue;
      if (this.has(at) || !this.#isAlike(first, other)) break;
      alike.push(at);
    }
    return alike;
  }

  #at(index: number): HistoryCandidate {
    const candidate = this.#all[index];
    invariant(candidate !== undefined, 'index of a candidate');
    return candidate;
  }

  /** Takes the group of the candidate; false if it has none, or if there is no room for all lines of the group. */
  #takeGroup(index: number, most: number): boolean {
    const around = this.#stretchesAround(index);
    const isAlike = (one: number, other: number): boolean => {
      const [first, second] = [around(one), around(other)];
      if (first === undefined || second === undefined) return false;
      // A candidate that is in a line already belongs to no group.
      if ([first, second].some(({ from }) => this.has(this.#indexAt(from)))) return false;
      return first.end - first.from === second.end - second.from && this.#areAlike(first.from, second.from);
    };
    const found = repeatedGroupAt(0, isAlike);
    if (found === undefined || this.#size + found.period > most) return false;
    const { from, period, times } = found;
    const stretches = Array.from({ length: period * times }, (_, nth) => around(from + nth)).filter(
      (stretch) => stretch !== undefined,
    );
    const group = { stretches, period, times };
    const indices = this.#indicesOf(group.stretches);
    this.#addTake(indices);
    this.#groups.set(indices[0] ?? index, group);
    this.#size += period;
    return true;
  }

  /** The stretches by their offset from that of the candidate; they are looked up as they are asked for. */
  #stretchesAround(index: number): (offset: number) => Stretch | undefined {
    const position = this.#positionOf(index);
    const after = [this.#stretchOf(position)];
    const before: (Stretch | undefined)[] = [];
    return (offset) => {
      while (after.length <= offset) after.push(this.#stretchOf(after.at(-1)?.end));
      while (before.length < -offset) {
        const { from = 0 } = before.length === 0 ? (after[0] ?? {}) : (before.at(-1) ?? {});
        before.push(this.#stretchOf(from - 1));
      }
      return offset < 0 ? before[-offset - 1] : after[offset];
    };
  }

  /** The stretch that the position is in; undefined outside of the candidates that may be lines. */
  #stretchOf(position = -1): Stretch | undefined {
    if (position < 0 || position >= this.#shownable.length) return undefined;
    let [from, end] = [position, position + 1];
    while (from > 0 && this.#areAlike(from - 1, position)) from -= 1;
    while (end < this.#shownable.length && this.#areAlike(position, end)) end += 1;
    return { from, end };
  }

  /** Compares the candidates at two positions. */
  #areAlike(one: number, other: number): boolean {
    return this.#isAlike(this.#at(this.#indexAt(one)), this.#at(this.#indexAt(other)));
  }

  #indicesOf(stretches: readonly Stretch[]): readonly number[] {
    return stretches.flatMap(({ from, end }) => this.#shownable.slice(from, end));
  }

  #indexAt(position: number): number {
    const index = this.#shownable[position];
    invariant(index !== undefined, 'position of a candidate');
    return index;
  }

  /** The position among the candidates that may be lines. */
  #positionOf(index: number): number {
    let [low, high] = [0, this.#shownable.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#indexAt(middle) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Joins equal lines with nothing shown between them, and adds equal candidates that were not chosen: `size` and
   * `taken` change. Returns the lines.
   */
  join(): Row[] {
    const rows: Row[] = [];
    let inGroup: ReadonlySet<number> = new Set();
    let row: [number, ...number[]] | undefined;
    let unchosen: number[] = [];
    const mayJoin = this.#joinable();
    const endRow = (): void => {
      if (row !== undefined) rows.push(this.#rowOf(row));
      row = undefined;
    };
    this.#all.forEach((candidate, index) => {
      const group = this.#groups.get(index);
      if (group !== undefined) {
        endRow();
        rows.push(...this.#rowsOf(group));
        inGroup = new Set(this.#indicesOf(group.stretches));
        unchosen = [];
      }
      if (inGroup.has(index)) return;
      const isChosen = this.has(index);
      if (!isChosen && (candidate.rank >= RANK.never || !mayJoin(candidate))) return;
      const isLike = (other: number): boolean => this.#isAlike(this.#at(other), candidate);
      if (row !== undefined && isLike(row[0])) row.push(index);
      else if (isChosen) {
        endRow();
        const [first, ...more] = unchosen.filter(isLike);
        row = first === undefined ? [index] : [first, ...more, index];
      } else {
        unchosen.push(index);
        return;
      }
      if (isChosen) unchosen = [];
    });
    endRow();
    this.#size = rows.length;
    return rows;
  }

  /**
   * True for a candidate that may share a line with a chosen one without having been chosen itself. Naming every clock
   * event of an instant would take too long, so of these only the first ones of plain code in the instant of a chosen
   * line may.
   */
  #joinable(): (candidate: HistoryCandidate) => boolean {
    const instants = new Set([...this.#taken].map((index) => this.#at(index).atMs));
    let named = 0;
    return ({ isFiring, isOfPlainCode = false, atMs }) => {
      if (!isFiring) return true;
      if (!isOfPlainCode || !instants.has(atMs) || named >= NAMED_MAX) return false;
      named += 1;
      return true;
    };
  }

  #rowOf(indices: readonly [number, ...number[]]): Row {
    const [first, ...more] = indices;
    for (const index of indices) this.#taken.add(index);
    return {
      candidates: [this.#at(first), ...more.map((index) => this.#at(index))],
      countText: this.#countText(indices),
    };
  }

  /** How often the line happened, and what is left out between; it is not said of routine. */
  #countText(indices: readonly [number, ...number[]]): string {
    if (indices.length === 1) return '';
    const between = this.#all
      .slice(indices[0], indices.at(-1))
      .filter((candidate) => isLine(candidate) && candidate.rank < RANK.routine).length;
    const others = between - (indices.length - 1);
    return timesText(indices.length, others <= 0 ? '' : `, with ${counted(others, 'other line')} between`);
  }

  #rowsOf({ stretches, period, times }: StretchGroup): Row[] {
    return stretches.slice(0, period).map(({ from, end }, nth) => {
      const [, ...more] = this.#indicesOf(stretches.filter((_, at) => at % period === nth));
      const ofGroup = nth === period - 1 ? ` (these ${period} lines ${formatCount(times)} times)` : '';
      return {
        candidates: [this.#at(this.#indexAt(from)), ...more.map((index) => this.#at(index))],
        countText: `${timesText(end - from)}${ofGroup}`,
      };
    });
  }

  /** True for equal texts in the same instant with the same cause. */
  #isAlike(one: HistoryCandidate, other: HistoryCandidate): boolean {
    if (!mayBeAlike(one, other) || one.textOf() !== other.textOf()) return false;
    return one.firingId === other.firingId || this.#causeOf(one) === this.#causeOf(other);
  }

  #causeOf(candidate: HistoryCandidate): string | undefined {
    return causeText(this.#index, candidate);
  }
}

/** A cheap test before texts are compared, because an instant may have many events. */
function mayBeAlike(one: HistoryCandidate, other: HistoryCandidate): boolean {
  if (one.atMs !== other.atMs || one.role !== other.role || one.isFiring !== other.isFiring) return false;
  const { event } = other;
  if (one.event === undefined || event === undefined) return one.event === event;
  const values = new Map(Object.entries(event));
  return Object.entries(one.event).every(
    ([name, value]) => typeof value !== 'string' || values.get(name) === value,
  );
}
