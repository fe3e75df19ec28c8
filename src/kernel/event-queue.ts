/**
 * The queue of pending events of one clock: those due now in a list, all later ones (and the end-of-instant ones of now) in a
 * heap. Invariant: an ordinary event due at `nowUs` is in the list, and the list is in the order of making.
 */
import type { ClockEvent, EventHolder } from './event.ts';
import { DueList } from './due-list.ts';
import { EventHeap } from './event-heap.ts';

/** Pending events by (time, late, order of making). */
export class EventQueue implements EventHolder {
  /** The current instant in microseconds; it never goes back. */
  nowUs = 0;
  private readonly due = new DueList();
  private readonly heap = new EventHeap();

  /** How many events are pending; cancelled ones do not count, as they are gone. */
  get size(): number {
    return this.due.size + this.heap.size;
  }

  /** Time of the next event, `Infinity` if there is none. */
  get nextTimeUs(): number {
    return this.due.size > 0 ? this.nowUs : this.heap.firstTimeUs;
  }

  /** Puts in an event that is newer than all others. `timeUs` is an integer and not before `nowUs`. */
  add(event: ClockEvent, timeUs: number): void {
    if (timeUs === this.nowUs && !event.late) this.due.append(event);
    else this.heap.push(event, timeUs);
  }

  remove(event: ClockEvent): void {
    if (event.slot >= 0) this.heap.removeAt(event.slot);
    else this.due.remove(event);
  }

  /**
   * Moves time to the next event and returns how many alternatives there are for what fires: the ordinary events due then,
   * 1 if only end-of-instant ones are left (they are first-in-first-out), 0 if nothing is pending.
   */
  advance(): number {
    if (this.due.size > 0) return this.due.size;
    const { heap } = this;
    let first = heap.first;
    if (first === undefined) return 0;
    const timeUs = heap.firstTimeUs;
    this.nowUs = timeUs;
    while (first !== undefined && !first.late && heap.firstTimeUs === timeUs) {
      this.due.append(heap.removeAt(0));
      first = heap.first;
    }
    return this.due.size > 0 ? this.due.size : 1;
  }

  /** The first candidate after {@link advance}, left in its place. */
  get candidate(): ClockEvent {
    return (this.due.first ?? this.heap.first) as ClockEvent;
  }

  /** Takes out the `k`-th candidate, k below what {@link advance} returned. */
  take(k: number): ClockEvent {
    if (this.due.size === 0) return this.heap.removeAt(0);
    const event = k === 0 ? (this.due.first as ClockEvent) : this.due.at(k);
    this.due.remove(event);
    return event;
  }

  /** When a pending event is due. */
  timeUsOf(event: ClockEvent): number {
    return event.slot >= 0 ? this.heap.timeUsOf(event) : this.nowUs;
  }

  /** All pending events in the order in which they would fire first-in-first-out; for reports. */
  sorted(): ClockEvent[] {
    return [...this.due.toArray(), ...this.heap.sorted()];
  }
}
