/**
 * Finds the due event of the highest priority: by a scan while few are due, which is cheapest then, and by a heap once
 * many are, until time passes. Invariants: a decision among n costs O(log n) plus the events that have become due since
 * the previous one; both ways give the same answer, the first of equals.
 */
import type { DueEvents } from '../../kernel/decisions.ts';
import { EventNumbers } from './event-numbers.ts';

/** Up to this many are scanned. */
export const SCANNED_MAX = 16;

/** Tracks which due events have not been seen yet. */
export class NewlyDue {
  #batch = -1;
  #lastId = 0;

  /** True if no event of this batch has been seen. */
  isOther(due: DueEvents): boolean {
    return due.batch !== this.#batch;
  }

  /** The first index that is new; afterwards all count as seen. */
  take(due: DueEvents): number {
    const first = this.isOther(due) ? 0 : due.countUpTo(this.#lastId);
    this.#batch = due.batch;
    this.#lastId = due.idOf(due.count - 1);
    return first;
  }

  clear(): void {
    this.#batch = -1;
    this.#lastId = 0;
  }
}

/** The index of a due event; -1 if it is not due. */
export function indexOfDue(due: DueEvents, id: number): number {
  const k = due.countUpTo(id) - 1;
  return k >= 0 && due.idOf(k) === id ? k : -1;
}

/** Ids by priority, the highest on top; among equals the one created first. */
export class PriorityHeap {
  readonly #ids: number[] = [];
  readonly #priorities: number[] = [];
  /** Position of each id, from 1. */
  readonly #places = new EventNumbers();

  get size(): number {
    return this.#ids.length;
  }

  /** The id on top; the heap must not be empty. */
  get top(): number {
    return this.#ids[0] as number;
  }

  has(id: number): boolean {
    return this.#places.get(id) !== 0;
  }

  /** The id at a position from 0, for drawing one at random. */
  at(place: number): number {
    return this.#ids[place] as number;
  }

  /** Adds an id, or changes its priority. */
  set(id: number, priority: number): void {
    const known = this.#places.get(id);
    const place = known === 0 ? this.#ids.push(id) - 1 : known - 1;
    const isHigher = known === 0 || priority > (this.#priorities[place] as number);
    this.#priorities[place] = priority;
    if (isHigher) this.#rise(id, priority, place);
    else this.#sink(id, priority, place);
  }

  /** Removes an id that is in the heap. */
  remove(id: number): void {
    const place = this.#places.get(id) - 1;
    const last = this.#ids.pop() as number;
    const priority = this.#priorities.pop() as number;
    this.#places.set(id, 0);
    if (last === id) return;
    this.#rise(last, priority, place);
    this.#sink(last, priority, this.#places.get(last) - 1);
  }

  clear(): void {
    this.#ids.length = 0;
    this.#priorities.length = 0;
    this.#places.clear();
  }

  #isBefore(id: number, priority: number, place: number): boolean {
    const other = this.#priorities[place] as number;
    return priority > other || (priority === other && id < (this.#ids[place] as number));
  }

  #put(id: number, priority: number, place: number): void {
    this.#ids[place] = id;
    this.#priorities[place] = priority;
    this.#places.set(id, place + 1);
  }

  #rise(id: number, priority: number, from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#isBefore(id, priority, parent)) break;
      this.#put(this.#ids[parent] as number, this.#priorities[parent] as number, place);
      place = parent;
    }
    this.#put(id, priority, place);
  }

  #sink(id: number, priority: number, from: number): void {
    const { length } = this.#ids;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= length) break;
      const right = child + 1;
      if (
        right < length &&
        this.#isBefore(this.#ids[right] as number, this.#priorities[right] as number, child)
      ) {
        child = right;
      }
      if (this.#isBefore(id, priority, child)) break;
      this.#put(this.#ids[child] as number, this.#priorities[child] as number, place);
      place = child;
    }
    this.#put(id, priority, place);
  }
}

/** See the top of this file. */
export class HighestDue {
  readonly #priorityOf: (id: number, due: DueEvents, k: number) => number;
  readonly #onClear: () => void;
  readonly #newly = new NewlyDue();
  readonly #heap = new PriorityHeap();
  #isHeaped = false;

  /**
   * `priorityOf` returns the priority of a due event, > 0, and draws it for an unknown one; `onClear` is called when
   * the heap is emptied.
   */
  constructor(priorityOf: (id: number, due: DueEvents, k: number) => number, onClear: () => void = () => {}) {
    this.#priorityOf = priorityOf;
    this.#onClear = onClear;
  }

  /** The heap, while the events are in it. */
  get heap(): PriorityHeap | undefined {
    return this.#isHeaped ? this.#heap : undefined;
  }

  clear(): void {
    this.#heap.clear();
    this.#newly.clear();
    this.#isHeaped = false;
    this.#onClear();
  }

  /** The index of the due event of the highest priority. */
  find(due: DueEvents): number {
    if (this.#isHeaped && this.#newly.isOther(due)) this.clear();
    if (!this.#isHeaped && due.count <= SCANNED_MAX) return this.#scan(due);
    this.#isHeaped = true;
    for (let k = this.#newly.take(due); k < due.count; k += 1) {
      const id = due.idOf(k);
      this.#heap.set(id, this.#priorityOf(id, due, k));
    }
    for (;;) {
      const { top } = this.#heap;
      const k = indexOfDue(due, top);
      if (k >= 0) return k;
      this.#heap.remove(top);
    }
  }

  /** Must be called when the priority of an event that was found has changed. */
  changed(id: number, priority: number): void {
    if (this.#isHeaped) this.#heap.set(id, priority);
  }

  #scan(due: DueEvents): number {
    const { count } = due;
    let best = 0;
    let bestPriority = -1;
    for (let k = 0; k < count; k += 1) {
      const priority = this.#priorityOf(due.idOf(k), due, k);
      if (priority <= bestPriority) continue;
      best = k;
      bestPriority = priority;
    }
    return best;
  }
}
