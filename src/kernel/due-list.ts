/**
 * The ordinary events due at the current instant, as rows in the order of making. Taking the first, appending and removing a known
 * one cost O(1); picking the k-th costs O(n / 64). Invariants: `places` is in the order of making with holes where events were
 * removed, `blockCounts[b]` is the number of events in places 64 b … 64 b + 63, and there are no events before `start`.
 */
import type { EventTable } from './event-table.ts';

const BLOCK_BITS = 6;
const HOLES_KEPT = 256;
const HOLE = -1;

/** The list of what is due now. */
export class DueList {
  private readonly table: EventTable;
  private places: number[] = [];
  private blockCounts: number[] = [];
  private start = 0;
  private count = 0;

  /** The list keeps the position of its rows in `table`, as -1 - place. */
  constructor(table: EventTable) {
    this.table = table;
  }

  get size(): number {
    return this.count;
  }

  /** The first row; there must be one. */
  get first(): number {
    return this.places[this.start] as number;
  }

  append(row: number): void {
    if (this.places.length > HOLES_KEPT + 2 * this.count) this.dropHoles();
    const place = this.places.push(row) - 1;
    const block = place >> BLOCK_BITS;
    if (block === this.blockCounts.length) this.blockCounts.push(1);
    else this.blockCounts[block] = (this.blockCounts[block] as number) + 1;
    this.table.setPosition(row, -1 - place);
    this.count += 1;
  }

  /** Takes out a row that is in the list. */
  remove(row: number): void {
    const place = -1 - this.table.positionOf(row);
    const block = place >> BLOCK_BITS;
    this.count -= 1;
    this.places[place] = HOLE;
    this.blockCounts[block] = (this.blockCounts[block] as number) - 1;
    if (this.count === 0) this.start = this.places.length;
    else while (this.places[this.start] === HOLE) this.start += 1;
  }

  /** The `k`-th row, 0 ≤ k < size, in the order of making. */
  at(k: number): number {
    const { places, blockCounts, start } = this;
    if (places.length - start === this.count) return places[start + k] as number;
    let block = start >> BLOCK_BITS;
    let left = k;
    for (
      let inBlock = blockCounts[block] as number;
      left >= inBlock;
      inBlock = blockCounts[block] as number
    ) {
      left -= inBlock;
      block += 1;
    }
    let place = block << BLOCK_BITS;
    if (place < start) place = start;
    for (;;) {
      const row = places[place] as number;
      if (row !== HOLE) {
        if (left === 0) return row;
        left -= 1;
      }
      place += 1;
    }
  }

  /** The rows in order; a copy, for reports. */
  toArray(): number[] {
    return this.places.filter((row) => row !== HOLE);
  }

  private dropHoles(): void {
    const rows = this.toArray();
    this.places = [];
    this.blockCounts = [];
    this.start = 0;
    this.count = 0;
    for (const row of rows) this.append(row);
  }
}
