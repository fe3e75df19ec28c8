/**
 * The lines of a history while they are chosen, and which candidates share a line. Invariant: equal candidates with
 * nothing shown between them share a line whether or not each was chosen, so the count on the line is exact. Lines that
 * alternate form a group with one count, which is chosen as a whole.
 */
import { invariant } from '../../kernel/invariant.ts';
import { formatCount, timesText } from '../../model/plural.ts';
import { RANK, type HistoryCandidate } from './history-candidate.ts';
import { causeText } from './line-cause.ts';
import { repeatedGroupAt, type RepeatedGroup } from './repeated-group.ts';
import type { RunIndex } from './run-index.ts';

/** Candidates that share a line, in chronological order. */
export interface Row {
  readonly candidates: readonly [HistoryCandidate, ...HistoryCandidate[]];
  /** How often it happened; in the last line of a group, how often the group did. Empty for once. */
  readonly times: string;
}

/** The lines chosen so far. */
export class Rows {
  readonly #all: readonly HistoryCandidate[];
  readonly #index: RunIndex;
  /** Indices of the candidates that may be lines. */
  readonly #shownable: readonly number[];
  /** The chosen groups, by the index of their first candidate. */
  readonly #groups = new Map<number, RepeatedGroup>();
  /** Indices of the candidates that are in lines. */
  readonly #taken = new Set<number>();
  #joins = 0;
  size = 0;

  /** `all` are the candidates of the run, in chronological order. */
  constructor(all: readonly HistoryCandidate[], index: RunIndex) {
    this.#all = all;
    this.#index = index;
    this.#shownable = all.flatMap(({ rank }, at) => (rank < RANK.never ? [at] : []));
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
    if (this.size < most) return true;
    this.#joins += 1;
    // Joining goes through all candidates, so the number of times is bounded.
    if (this.#joins <= 2 * most) this.joined();
    return this.size < most;
  }

  /** Adds a line for the candidate at that index, unless it is in one already; adds its whole group, if it has one that fits into `most` lines. */
  take(index: number, most: number): void {
    if (this.has(index) || this.#takeGroup(index, most)) return;
    this.#taken.add(index);
    this.size += 1;
    for (const step of [-1, 1]) this.#takeAlike(index, step);
  }

  #takeAlike(index: number, step: number): void {
    const first = this.#at(index);
    for (let at = index + step; at >= 0 && at < this.#all.length; at += step) {
      const other = this.#at(at);
      if (other.rank >= RANK.never) continue;
      if (this.has(at) || !this.#isAlike(first, other)) return;
      this.#taken.add(at);
    }
  }

  #at(index: number): HistoryCandidate {
    const candidate = this.#all[index];
    invariant(candidate !== undefined, 'index of a candidate');
    return candidate;
  }

  /** Takes the group of the candidate; false if it has none, or if there is no room for all lines of the group. */
  #takeGroup(index: number, most: number): boolean {
    const isAlike = (one: number, other: number): boolean => {
      const [first, second] = [this.#indexAt(one), this.#indexAt(other)];
      // A candidate that is in a line already belongs to no group.
      return !this.has(first) && !this.has(second) && this.#isAlike(this.#at(first), this.#at(second));
    };
    const found = repeatedGroupAt(this.#positionOf(index), this.#shownable.length, isAlike);
    if (found === undefined || this.size + found.period > most) return false;
    for (const at of this.#indicesOf(found)) this.#taken.add(at);
    this.#groups.set(this.#indexAt(found.from), found);
    this.size += found.period;
    return true;
  }

  #indicesOf({ from, period, times }: RepeatedGroup): readonly number[] {
    return this.#shownable.slice(from, from + period * times);
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

  /** Joins equal lines with nothing shown between them, adds equal candidates that were not chosen, and returns the lines. */
  joined(): Row[] {
    const rows: Row[] = [];
    let inGroup: ReadonlySet<number> = new Set();
    let row: [number, ...number[]] | undefined;
    let unchosen: number[] = [];
    const endRow = (): void => {
      if (row !== undefined) rows.push(this.#rowOf(row));
      row = undefined;
    };
    this.#all.forEach((candidate, index) => {
      const group = this.#groups.get(index);
      if (group !== undefined) {
        endRow();
        rows.push(...this.#rowsOf(group));
        inGroup = new Set(this.#indicesOf(group));
        unchosen = [];
      }
      if (inGroup.has(index)) return;
      const isChosen = this.has(index);
      // Naming every clock event of an instant would take too long.
      if (!isChosen && (candidate.isFiring || candidate.rank >= RANK.never)) return;
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
    this.size = rows.length;
    return rows;
  }

  #rowOf([first, ...more]: readonly [number, ...number[]]): Row {
    for (const index of [first, ...more]) this.#taken.add(index);
    return {
      candidates: [this.#at(first), ...more.map((index) => this.#at(index))],
      times: timesText(more.length + 1),
    };
  }

  #rowsOf(group: RepeatedGroup): Row[] {
    const { period, times } = group;
    const indices = this.#indicesOf(group);
    return indices.slice(0, period).map((index, nth) => {
      const more = indices.filter((_, at) => at >= period && at % period === nth);
      return {
        candidates: [this.#at(index), ...more.map((other) => this.#at(other))],
        times: nth === period - 1 ? ` (these ${period} lines ${formatCount(times)} times)` : '',
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
