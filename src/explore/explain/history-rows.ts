/**
 * The lines of a history while they are chosen: which candidates are one line. Invariant: what is alike with nothing else between is one line,
 * whether or not each was chosen, so that its count is what happened.
 */
import { invariant } from '../../kernel/invariant.ts';
import { RANK, type HistoryCandidate } from './history-candidate.ts';
import { causeText } from './line-cause.ts';
import type { RunIndex } from './run-index.ts';

/** Candidates that are one line, in the order of happening. */
export type Row = readonly [HistoryCandidate, ...HistoryCandidate[]];

/** The lines that are chosen so far. */
export class Rows {
  readonly #all: readonly HistoryCandidate[];
  readonly #index: RunIndex;
  /** The indices of those that are in lines. */
  readonly #taken = new Set<number>();
  #joins = 0;
  size = 0;

  /** `all` are those of the run that may be chosen, in the order of happening. */
  constructor(all: readonly HistoryCandidate[], index: RunIndex) {
    this.#all = all;
    this.#index = index;
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

  /** Makes a line of the candidate at that index, unless it is in one. */
  take(index: number): void {
    if (this.has(index)) return;
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

  /** The lines; those that are alike are one if nothing that is shown stands between, and so is what was not chosen and is alike. */
  joined(): Row[] {
    const rows: [number, ...number[]][] = [];
    let unchosen: number[] = [];
    this.#all.forEach((candidate, index) => {
      const row = rows.at(-1);
      const isChosen = this.has(index);
      // To ask for the name of an event of the clock takes too long for all of an instant.
      if (!isChosen && (candidate.isFiring || candidate.rank >= RANK.never)) return;
      const isLike = (other: number): boolean => this.#isAlike(this.#at(other), candidate);
      if (row !== undefined && isLike(row[0])) row.push(index);
      else if (isChosen) {
        const [first, ...more] = unchosen.filter(isLike);
        rows.push(first === undefined ? [index] : [first, ...more, index]);
      } else {
        unchosen.push(index);
        return;
      }
      if (isChosen) unchosen = [];
    });
    for (const index of rows.flat()) this.#taken.add(index);
    this.size = rows.length;
    return rows.map(([first, ...more]) => [this.#at(first), ...more.map((index) => this.#at(index))]);
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
