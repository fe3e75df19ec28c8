/**
 * The ordinary events due at the current instant, in the order of making. Taking the first, appending and removing a known
 * event cost O(1); picking the k-th costs O(n / 64). Invariant: `places` is sorted by id with holes where events were removed,
 * `blockCounts[b]` is the number of events in places 64 b … 64 b + 63, and there are no events before `start`.
 */
import { NOT_PENDING } from './event.ts';
import type { ClockEvent } from './event.ts';

const BLOCK_BITS = 6;
const HOLES_KEPT = 256;

/** Events store their place as -2 - place, which tells it from a heap slot. */
function slotOfPlace(place: number): number {
  return -2 - place;
}

/** The list of what is due now. */
export class DueList {
  private places: (ClockEvent | undefined)[] = [];
  private blockCounts: number[] = [];
  private start = 0;
  private count = 0;

  get size(): number {
    return this.count;
  }

  get first(): ClockEvent | undefined {
    return this.count === 0 ? undefined : this.places[this.start];
  }

  append(event: ClockEvent): void {
    if (this.places.length > HOLES_KEPT + 2 * this.count) this.dropHoles();
    const place = this.places.length;
    const block = place >> BLOCK_BITS;
    this.places.push(event);
    if (block === this.blockCounts.length) this.blockCounts.push(1);
    else this.blockCounts[block] = (this.blockCounts[block] as number) + 1;
    event.slot = slotOfPlace(place);
    this.count += 1;
  }

  /** Takes out a member of the list. */
  remove(event: ClockEvent): void {
    const place = slotOfPlace(event.slot);
    const block = place >> BLOCK_BITS;
    event.slot = NOT_PENDING;
    this.count -= 1;
    if (this.count === 0) {
      this.places.length = 0;
      this.blockCounts.length = 0;
      this.start = 0;
      return;
    }
    this.places[place] = undefined;
    this.blockCounts[block] = (this.blockCounts[block] as number) - 1;
    while (this.places[this.start] === undefined) this.start += 1;
  }

  /** The `k`-th event, 0 ≤ k < size, in the order of making. */
  at(k: number): ClockEvent {
    const { places, blockCounts } = this;
    if (places.length - this.start === this.count) return places[this.start + k] as ClockEvent;
    let block = this.start >> BLOCK_BITS;
    let left = k;
    while (left >= (blockCounts[block] as number)) {
      left -= blockCounts[block] as number;
      block += 1;
    }
    let place = Math.max(block << BLOCK_BITS, this.start);
    for (;;) {
      const event = places[place];
      if (event !== undefined) {
        if (left === 0) return event;
        left -= 1;
      }
      place += 1;
    }
  }

  /** The events in order; a copy, for reports. */
  toArray(): ClockEvent[] {
    return this.places.filter((event) => event !== undefined);
  }

  private dropHoles(): void {
    const events = this.toArray();
    this.places = [];
    this.blockCounts = [];
    this.start = 0;
    this.count = 0;
    for (const event of events) this.append(event);
  }
}
