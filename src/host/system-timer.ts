/**
 * The pending timers of the system clock: a binary heap in the order of time and, at one time, of making. Invariant: every
 * pending timer knows its place in the heap, so that cancelling needs no search.
 */
import type { Timer } from '../kernel/clock.ts';

const NOT_PENDING = -1;

/** A timer of the system clock. */
export class SystemTimer implements Timer {
  readonly timeUs: number;
  readonly order: number;
  readonly fire: () => void;
  readonly #heap: SystemTimerHeap;
  place: number = NOT_PENDING;

  constructor(heap: SystemTimerHeap, timeUs: number, order: number, fire: () => void) {
    this.#heap = heap;
    this.timeUs = timeUs;
    this.order = order;
    this.fire = fire;
  }

  cancel(): void {
    if (this.place !== NOT_PENDING) this.#heap.remove(this);
  }
}

/** Timers that have neither fired nor been cancelled. */
export class SystemTimerHeap {
  readonly #timers: SystemTimer[] = [];
  readonly #onCancelled: () => void;
  #made = 0;

  /** `onCancelled` is told after each cancelling. */
  constructor(onCancelled: () => void) {
    this.#onCancelled = onCancelled;
  }

  get size(): number {
    return this.#timers.length;
  }

  /** When the first one is due; `Infinity` if there is none. */
  get firstUs(): number {
    return this.#timers[0]?.timeUs ?? Infinity;
  }

  add(timeUs: number, fire: () => void): SystemTimer {
    const timer = new SystemTimer(this, timeUs, ++this.#made, fire);
    this.#timers.push(timer);
    this.#rise(timer, this.#timers.length - 1);
    return timer;
  }

  /** Takes the first one out. */
  shift(): SystemTimer | undefined {
    const [first] = this.#timers;
    if (first !== undefined) this.#take(first);
    return first;
  }

  remove(timer: SystemTimer): void {
    this.#take(timer);
    this.#onCancelled();
  }

  #take(timer: SystemTimer): void {
    const { place } = timer;
    const last = this.#timers.pop() as SystemTimer;
    timer.place = NOT_PENDING;
    if (last !== timer) this.#rise(last, this.#sink(place));
  }

  /** Opens the hole at `place` downwards to the bottom and gives its new place. */
  #sink(place: number): number {
    for (let hole = place; ;) {
      const left = this.#timers[2 * hole + 1];
      const right = this.#timers[2 * hole + 2];
      const child = right !== undefined && left !== undefined && precedes(right, left) ? right : left;
      if (child === undefined) return hole;
      const next = child.place;
      this.#put(child, hole);
      hole = next;
    }
  }

  /** Puts `timer` into the hole at `place`, or above it. */
  #rise(timer: SystemTimer, place: number): void {
    let hole = place;
    while (hole > 0) {
      const parent = this.#timers[(hole - 1) >> 1] as SystemTimer;
      if (!precedes(timer, parent)) break;
      const next = parent.place;
      this.#put(parent, hole);
      hole = next;
    }
    this.#put(timer, hole);
  }

  #put(timer: SystemTimer, place: number): void {
    this.#timers[place] = timer;
    timer.place = place;
  }
}

function precedes(a: SystemTimer, b: SystemTimer): boolean {
  return a.timeUs === b.timeUs ? a.order < b.order : a.timeUs < b.timeUs;
}
