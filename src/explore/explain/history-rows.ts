/**
 * The lines of a history while they are chosen: which candidates are one line. Invariant: what is alike with nothing else between is one line,
 * whether or not each was chosen, so that its count is what happened. What takes turns is a group of lines with one count, chosen as a whole.
 */
import { invariant } from '../../kernel/invariant.ts';
import { formatCount, timesText } from '../../model/plural.ts';
import { RANK, type HistoryCandidate } from './history-candidate.ts';
import { causeText } from './line-cause.ts';
import { repeatedGroupAt, type RepeatedGroup } from './repeated-group.ts';
import type { RunIndex } from './run-index.ts';

/** Candidates that are one line, in the order of happening. */
export interface Row {
  readonly candidates: readonly [HistoryCandidate, ...HistoryCandidate[]];
  /** How often it happened, or in the last line of a group, how often the group did; empty for once. */
  readonly times: string;
}

/** The lines that are chosen so far. */
export class Rows {
  readonly #all: readonly HistoryCandidate[];
  readonly #index: RunIndex;
  /** The indices of those that may be lines. */
  readonly #shownable: readonly number[];
  /** Of each group that is chosen, by the index of its first candidate. */
  readonly #groups = new Map<number, RepeatedGroup>();
  /** The indices of those that are in lines. */
  readonly #taken = new Set<number>();
  #joins = 0;
  size = 0;

  /** `all` are those of the run that may be chosen, in the order of happening. */
  constructor(all: readonly HistoryCandidate[], index: RunIndex) {
    this.#all = all;
    this.#index = index;
    this.#shownable = all.flatMap(({ rank }, at) => (rank < RANK.never ? [at] : []));
  }

  /** How many candidates are in lines. */
  get taken(): number {
    return this.#taken.size;
  }

  has(index: number): boolean {
    return this.#taken.has(index);
  }

  /** Whether there are fewer lines than so many, once those that are alike are one. */
  hasRoom(most: number): boolean {
    if (this.size < most) return true;
    this.#joins += 1;
    // Each time takes a look at everything.
    if (this.#joins <= 2 * most) this.joined();
    return this.size < most;
  }

  /** Makes a line of the candidate at that index, unless it is in one; of what takes turns the whole group, if there is room among `most` lines. */
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

  /** Takes what takes turns with the candidate; false if nothing does, or if there is no room for a line of each. */
  #takeGroup(index: number, most: number): boolean {
    const isAlike = (one: number, other: number): boolean => {
      const [first, second] = [this.#indexAt(one), this.#indexAt(other)];
      // What is in a line already is in no group.
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

  /** The position among those that may be lines. */
  #positionOf(index: number): number {
    let [low, high] = [0, this.#shownable.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#indexAt(middle) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The lines; those that are alike are one if nothing that is shown stands between, and so is what was not chosen and is alike. */
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
      // To ask for the name of an event of the clock takes too long for all of an instant.
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

  /** What happens again in the same words, in the same instant and for the same reason. */
  #isAlike(one: HistoryCandidate, other: HistoryCandidate): boolean {
    if (!mayBeAlike(one, other) || one.textOf() !== other.textOf()) return false;
    return one.firingId === other.firingId || this.#causeOf(one) === this.#causeOf(other);
  }

  #causeOf(candidate: HistoryCandidate): string | undefined {
    return causeText(this.#index, candidate);
  }
}

/** To compare texts takes longer, and there may be many events in an instant. */
function mayBeAlike(one: HistoryCandidate, other: HistoryCandidate): boolean {
  if (one.atMs !== other.atMs || one.role !== other.role || one.isFiring !== other.isFiring) return false;
  const { event } = other;
  if (one.event === undefined || event === undefined) return one.event === event;
  const values = new Map(Object.entries(event));
  return Object.entries(one.event).every(
    ([name, value]) => typeof value !== 'string' || values.get(name) === value,
  );
}
