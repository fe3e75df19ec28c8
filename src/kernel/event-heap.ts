/**
 * A 4-ary indexed heap of events ordered by (time, late, id): at one time ordinary events come before late ones, each in the
 * order of making. Invariant: `events[i].slot === i`, and no event precedes its parent. Times lie in an array of their own, so
 * that comparing siblings reads one cache line.
 */
import { NOT_PENDING } from './event.ts';
import type { ClockEvent } from './event.ts';

/** True if `a` goes before `b`, both being due at the same time. */
function precedesAtSameTime(a: ClockEvent, b: ClockEvent): boolean {
  return a.late === b.late ? a.id < b.id : b.late;
}

/** The heap of events that are not due yet. */
export class EventHeap {
  private readonly times: number[] = [];
  private readonly events: ClockEvent[] = [];

  get size(): number {
    return this.events.length;
  }

  /** Time of the first event, `Infinity` if there is none. */
  get firstTimeUs(): number {
    return this.times[0] ?? Infinity;
  }

  get first(): ClockEvent | undefined {
    return this.events[0];
  }

  timeUsOf(event: ClockEvent): number {
    return this.times[event.slot] ?? NaN;
  }

  push(event: ClockEvent, timeUs: number): void {
    this.times.push(timeUs);
    this.events.push(event);
    this.siftUp(event, timeUs, this.events.length - 1);
  }

  /** Takes out the event at `slot`, which must exist. */
  removeAt(slot: number): ClockEvent {
    const { times, events } = this;
    const removed = events[slot] as ClockEvent;
    const last = events.pop() as ClockEvent;
    const lastTimeUs = times.pop() as number;
    removed.slot = NOT_PENDING;
    if (removed === last) return removed;
    const parent = (slot - 1) >> 2;
    if (slot > 0 && this.precedesSlot(last, lastTimeUs, parent)) this.siftUp(last, lastTimeUs, slot);
    else this.siftDown(last, lastTimeUs, slot);
    return removed;
  }

  /** Every event in the order of firing, ties by `id`; a copy, for reports. */
  sorted(): ClockEvent[] {
    return [...this.events].sort((a, b) => {
      const difference = this.timeUsOf(a) - this.timeUsOf(b);
      if (difference !== 0) return difference;
      return precedesAtSameTime(a, b) ? -1 : 1;
    });
  }

  private precedesSlot(event: ClockEvent, timeUs: number, slot: number): boolean {
    const otherTimeUs = this.times[slot] as number;
    if (timeUs !== otherTimeUs) return timeUs < otherTimeUs;
    return precedesAtSameTime(event, this.events[slot] as ClockEvent);
  }

  private siftUp(event: ClockEvent, timeUs: number, from: number): void {
    const { times, events } = this;
    let slot = from;
    while (slot > 0) {
      const parent = (slot - 1) >> 2;
      if (!this.precedesSlot(event, timeUs, parent)) break;
      times[slot] = times[parent] as number;
      const moved = events[parent] as ClockEvent;
      events[slot] = moved;
      moved.slot = slot;
      slot = parent;
    }
    times[slot] = timeUs;
    events[slot] = event;
    event.slot = slot;
  }

  private siftDown(event: ClockEvent, timeUs: number, from: number): void {
    const { times, events } = this;
    const size = events.length;
    let slot = from;
    for (;;) {
      const firstChild = slot * 4 + 1;
      if (firstChild >= size) break;
      const end = firstChild + 4 < size ? firstChild + 4 : size;
      let best = firstChild;
      let bestTimeUs = times[firstChild] as number;
      for (let child = firstChild + 1; child < end; child++) {
        const childTimeUs = times[child] as number;
        if (childTimeUs > bestTimeUs) continue;
        if (childTimeUs === bestTimeUs) {
          if (!precedesAtSameTime(events[child] as ClockEvent, events[best] as ClockEvent)) continue;
        }
        best = child;
        bestTimeUs = childTimeUs;
      }
      if (timeUs < bestTimeUs) break;
      const moved = events[best] as ClockEvent;
      if (timeUs === bestTimeUs && precedesAtSameTime(event, moved)) break;
      times[slot] = bestTimeUs;
      events[slot] = moved;
      moved.slot = slot;
      slot = best;
    }
    times[slot] = timeUs;
    events[slot] = event;
    event.slot = slot;
  }
}
