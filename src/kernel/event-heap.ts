/**
 * A 4-ary indexed heap of the rows of an event table, ordered by (time, rank). Sifting moves numbers only, and reads a
 * rank only where times are equal. Invariants: slot 0 is a sentinel before everything, the position of `rowAt[slot]` is
 * `slot`, and no event precedes its parent.
 */
import type { EventTable } from './event-table.ts';

const ROOT = 1;
const NO_ROW = -1;

/** The heap of events that are not due yet. */
export class EventHeap {
  private size = 0;
  private readonly table: EventTable;
  /** Starts with a number that is not a small integer, so that the engine stores doubles from the start. */
  private readonly timeAt: number[] = [-Infinity];
  private readonly rowAt: number[] = [NO_ROW];

  constructor(table: EventTable) {
    this.table = table;
  }

  get count(): number {
    return this.size;
  }

  /** Row of the first event; the heap must not be empty. */
  get first(): number {
    return this.rowAt[ROOT] as number;
  }

  /** Time of the first event; `Infinity` if the heap is empty. */
  get firstTimeUs(): number {
    return this.size === 0 ? Infinity : (this.timeAt[ROOT] as number);
  }

  /** True only if no other event is due at the same time as the first. */
  get isFirstAlone(): boolean {
    const { timeAt, size } = this;
    const timeUs = timeAt[ROOT];
    const end = size < 5 ? size : 5;
    for (let child = 2; child <= end; child++) if (timeAt[child] === timeUs) return false;
    return true;
  }

  timeUsAt(slot: number): number {
    return this.timeAt[slot] as number;
  }

  push(row: number, timeUs: number): void {
    const slot = ++this.size;
    if (slot === this.rowAt.length) {
      this.timeAt.push(timeUs);
      this.rowAt.push(row);
    }
    this.siftUp(row, timeUs, slot);
  }

  removeAt(slot: number): void {
    const last = this.size;
    this.size = last - 1;
    if (slot === last) return;
    const row = this.rowAt[last] as number;
    const timeUs = this.timeAt[last] as number;
    if (slot > ROOT && this.precedes(timeUs, row, (slot + 2) >> 2)) this.siftUp(row, timeUs, slot);
    else this.siftDown(row, timeUs, slot);
  }

  /** Replaces the event at `slot` by `row`, which must have the same order among all others. */
  exchange(slot: number, row: number): void {
    this.rowAt[slot] = row;
    this.table.setPosition(row, slot);
  }

  /** Rows of all events in firing order; a copy, for reports. */
  sorted(): number[] {
    const slots = Array.from({ length: this.size }, (_, i) => i + ROOT);
    slots.sort((a, b) => (this.precedes(this.timeUsAt(a), this.rowAt[a] as number, b) ? -1 : 1));
    return slots.map((slot) => this.rowAt[slot] as number);
  }

  private precedes(timeUs: number, row: number, slot: number): boolean {
    const otherTimeUs = this.timeAt[slot] as number;
    if (timeUs !== otherTimeUs) return timeUs < otherTimeUs;
    return this.table.rankOf(row) < this.table.rankOf(this.rowAt[slot] as number);
  }

  private place(row: number, timeUs: number, slot: number): void {
    this.timeAt[slot] = timeUs;
    this.rowAt[slot] = row;
    this.table.setPosition(row, slot);
  }

  private siftUp(row: number, timeUs: number, from: number): void {
    let slot = from;
    while (slot > ROOT) {
      const parent = (slot + 2) >> 2;
      if (!this.precedes(timeUs, row, parent)) break;
      this.place(this.rowAt[parent] as number, this.timeAt[parent] as number, slot);
      slot = parent;
    }
    this.place(row, timeUs, slot);
  }

  private siftDown(row: number, timeUs: number, from: number): void {
    const { timeAt, rowAt, table, size } = this;
    let slot = from;
    for (let child = slot * 4 - 2; child <= size; child = slot * 4 - 2) {
      const end = child + 3 < size ? child + 3 : size;
      let best = child;
      let bestTimeUs = timeAt[child] as number;
      while (++child <= end) {
        const childTimeUs = timeAt[child] as number;
        if (childTimeUs > bestTimeUs) continue;
        if (childTimeUs === bestTimeUs) {
          if (table.rankOf(rowAt[child] as number) > table.rankOf(rowAt[best] as number)) continue;
        }
        best = child;
        bestTimeUs = childTimeUs;
      }
      const bestRow = rowAt[best] as number;
      if (timeUs < bestTimeUs) break;
      if (timeUs === bestTimeUs && table.rankOf(row) < table.rankOf(bestRow)) break;
      this.place(bestRow, bestTimeUs, slot);
      slot = best;
    }
    this.place(row, timeUs, slot);
  }
}
