/**
 * The events that are not due yet, and the late ones of now. Events often share their time, so only the first event of
 * a time is put into the heap and the others form a ring behind it. A small cache by time finds that ring again; if it
 * misses, a second ring of the same time does no harm. Invariants: a ring is in creation order, its events are older
 * than those of every ring begun later for that time, and late events are alone.
 */
import type { DueList } from './due-list.ts';
import { EventHeap } from './event-heap.ts';
import type { EventTable } from './event-table.ts';

/** Position of an event in a ring behind the one in the heap. */
const IN_RING = 0x7fff_ffff;
const RECENT_BITS_MIN = 4;
const NO_ROW = -1;
/** Copied for each clock, which is faster than filling. */
const NO_TIMES = timesOf(RECENT_BITS_MIN);
const NO_HEADS = headsOf(RECENT_BITS_MIN);

function timesOf(bits: number): number[] {
  return new Array<number>(1 << bits).fill(NaN);
}

function headsOf(bits: number): number[] {
  return new Array<number>(1 << bits).fill(NO_ROW);
}

/** Events by (time, rank). */
export class LaterEvents {
  private readonly table: EventTable;
  private readonly heap: EventHeap;
  // By hash of time: the time of the ring that was begun last, and the head of that ring while it exists.
  private recentTimes = NO_TIMES.slice();
  private recentHeads = NO_HEADS.slice();
  private recentBits = RECENT_BITS_MIN;
  private size = 0;

  constructor(table: EventTable) {
    this.table = table;
    this.heap = new EventHeap(table);
  }

  get count(): number {
    return this.size;
  }

  /** Time of the first event; `Infinity` if there is none. */
  get firstTimeUs(): number {
    return this.heap.firstTimeUs;
  }

  /** Row of the first event; there must be one. */
  get first(): number {
    return this.heap.first;
  }

  /** True only if no other event is due at the same time as the first. */
  get isFirstAlone(): boolean {
    const { first } = this.heap;
    return this.table.nextOf(first) === first && this.heap.isFirstAlone;
  }

  add(row: number, timeUs: number, late: boolean): void {
    this.size += 1;
    if (!late) {
      const hash = this.hashOf(timeUs);
      if (this.recentTimes[hash] === timeUs) {
        this.table.append(this.recentHeads[hash] as number, row);
        this.table.setPosition(row, IN_RING);
        return;
      }
      this.recentTimes[hash] = timeUs;
      this.recentHeads[hash] = row;
      if (this.heap.count > this.recentHeads.length) this.growRecent();
    }
    this.heap.push(row, timeUs);
  }

  remove(row: number): void {
    const { table, heap } = this;
    const position = table.positionOf(row);
    const next = table.nextOf(row);
    this.size -= 1;
    if (position === IN_RING) table.unlink(row);
    else if (next === row) {
      this.forget(row, heap.timeUsAt(position), NO_ROW);
      heap.removeAt(position);
    } else {
      table.unlink(row);
      this.forget(row, heap.timeUsAt(position), next);
      heap.exchange(position, next);
    }
  }

  /** Moves the first event and its ring to the end of `due`. */
  shiftInto(due: DueList): void {
    const { table } = this;
    const head = this.heap.first;
    this.forget(head, this.heap.firstTimeUs, NO_ROW);
    this.heap.removeAt(table.positionOf(head));
    let row = head;
    do {
      this.size -= 1;
      due.append(row);
      row = table.nextOf(row);
    } while (row !== head);
  }

  /** Time of an event that is alone, as every late one is, or the first of its ring. */
  timeUsOf(head: number): number {
    return this.heap.timeUsAt(this.table.positionOf(head));
  }

  /** Visits the first `limit` events in firing order, for reports: takes no longer for events that share their time. */
  visit(limit: number, visit: (row: number, timeUs: number) => void): void {
    let left = Math.min(limit, this.size);
    if (left === 0) return;
    for (const head of left === 1 ? [this.heap.first] : this.heap.sorted()) {
      const timeUs = this.timeUsOf(head);
      let row = head;
      do {
        visit(row, timeUs);
        left -= 1;
        row = this.table.nextOf(row);
      } while (row !== head && left > 0);
      if (left === 0) return;
    }
  }

  private hashOf(timeUs: number): number {
    return Math.imul(timeUs, 0x9e37_79b1) >>> (32 - this.recentBits);
  }

  /** If `head` is the cached head of its time, replaces it by `heir`, or removes it if `heir` is `NO_ROW`. */
  private forget(head: number, timeUs: number, heir: number): void {
    const hash = this.hashOf(timeUs);
    if (this.recentHeads[hash] !== head) return;
    this.recentHeads[hash] = heir;
    if (heir === NO_ROW) this.recentTimes[hash] = NaN;
  }

  private growRecent(): void {
    this.recentBits += 1;
    this.recentTimes = timesOf(this.recentBits);
    this.recentHeads = headsOf(this.recentBits);
  }
}
