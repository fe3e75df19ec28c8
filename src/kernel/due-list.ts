/**
 * The ordinary events due at the current instant, as rows in creation order. Taking the first, appending and removing a
 * known event cost O(1); picking the k-th, and counting those created before another, cost O(log n). Invariants:
 * `places` is in creation order, with a hole that keeps its id, as -1 - id, where an event was removed;
 * `counts[level][b]` is the number of events in the places that share all but their lowest 5 (level + 1) bits, b; and
 * there are no events before `start`.
 */
import type { EventTable } from './event-table.ts';

const BLOCK_BITS = 5;
const BLOCK = 1 << BLOCK_BITS;
const HOLES_KEPT = 256;

/** The list of events that are due now. */
export class DueList {
  private readonly table: EventTable;
  private places: number[] = [];
  /** Counts of blocks of 32 places, and while there are more than 32 of these, of blocks of blocks. */
  private counts: number[][] = [[]];
  private start = 0;
  private count = 0;

  /** Stores the position of its rows in `table`, as -1 - place. */
  constructor(table: EventTable) {
    this.table = table;
  }

  get size(): number {
    return this.count;
  }

  /** The first row; the list must not be empty. */
  get first(): number {
    return this.places[this.start] as number;
  }

  append(row: number): void {
    if (this.places.length > HOLES_KEPT + 2 * this.count) this.dropHoles();
    const { counts } = this;
    const place = this.places.push(row) - 1;
    const lowest = counts[0] as number[];
    const block = place >> BLOCK_BITS;
    if (block === lowest.length) lowest.push(1);
    else lowest[block] = (lowest[block] as number) + 1;
    if (lowest.length > BLOCK) this.countUpwards(block);
    this.table.setPosition(row, -1 - place);
    this.count += 1;
  }

  /** Removes a row that is in the list. */
  remove(row: number): void {
    const { counts, places } = this;
    const place = -1 - this.table.positionOf(row);
    this.count -= 1;
    places[place] = -1 - this.table.idOf(row);
    let block = place;
    for (const level of counts) {
      block >>= BLOCK_BITS;
      level[block] = (level[block] as number) - 1;
    }
    if (this.count === 0) this.start = places.length;
    else while ((places[this.start] as number) < 0) this.start += 1;
  }

  /** The `k`-th row in creation order, 0 ≤ k < size. */
  at(k: number): number {
    const { places, counts, start } = this;
    if (places.length - start === this.count) return places[start + k] as number;
    let left = k;
    let block = 0;
    for (let level = counts.length - 1; level >= 0; level -= 1) {
      const ofLevel = counts[level] as number[];
      // A block that begins before `start` has no events before it.
      block = Math.max(block, start >> (BLOCK_BITS * (level + 1)));
      for (let inBlock = ofLevel[block] as number; left >= inBlock; inBlock = ofLevel[block] as number) {
        left -= inBlock;
        block += 1;
      }
      block <<= BLOCK_BITS;
    }
    let place = Math.max(block, start);
    for (;;) {
      const row = places[place] as number;
      if (row >= 0) {
        if (left === 0) return row;
        left -= 1;
      }
      place += 1;
    }
  }

  /** Number of events with an id up to `id`. */
  countUpTo(id: number): number {
    const { places, start } = this;
    let low = start;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = places[middle] as number;
      if ((row < 0 ? -1 - row : this.table.idOf(row)) <= id) low = middle + 1;
      else high = middle;
    }
    return places.length - start === this.count ? low - start : this.countBefore(low);
  }

  /** The rows in order; a copy, for reports. */
  toArray(): number[] {
    return this.places.filter((row) => row >= 0);
  }

  /** Number of events before a place. */
  private countBefore(place: number): number {
    const { places, counts, start } = this;
    let before = 0;
    let from = place & -BLOCK;
    for (let each = Math.max(from, start); each < place; each += 1) {
      if ((places[each] as number) >= 0) before += 1;
    }
    for (const level of counts) {
      const end = from >> BLOCK_BITS;
      const isTop = level === counts.at(-1);
      for (let block = isTop ? 0 : end & -BLOCK; block < end; block += 1) before += level[block] as number;
      from = end & -BLOCK;
    }
    return before;
  }

  /** Adds an event in place `32 block …` to the counts above the lowest level. */
  private countUpwards(lowestBlock: number): void {
    const { counts } = this;
    let block = lowestBlock;
    for (let level = 1; (counts[level - 1] as number[]).length > BLOCK; level += 1) {
      block >>= BLOCK_BITS;
      const ofLevel = counts[level];
      if (ofLevel === undefined) counts.push(sums(counts[level - 1] as number[]));
      else ofLevel[block] = (ofLevel[block] ?? 0) + 1;
    }
  }

  private dropHoles(): void {
    const rows = this.toArray();
    this.places = [];
    this.counts = [[]];
    this.start = 0;
    this.count = 0;
    for (const row of rows) this.append(row);
  }
}

/** The sums of 32 counts each. */
function sums(counts: readonly number[]): number[] {
  const sum: number[] = [];
  counts.forEach((count, block) => (sum[block >> BLOCK_BITS] = (sum[block >> BLOCK_BITS] ?? 0) + count));
  return sum;
}
