/**
 * What is known of each pending event, in one array per property and a row per event. An event has no object of its own: of a sleep
 * that nobody cancels only the callback stays alive, and the collector has less to copy. Invariant: a row in use holds the id that
 * was given out for it, so that a timer of an earlier event in the same row is told apart.
 */

/** `positions` entry of a free row. Heap slots are positive, places in the due list negative. */
export const NOT_PENDING = 0;

const FREE_ID = 0;

function vacant(): void {}

/** Rows of pending events. */
export class EventTable {
  /** Where the event stands: a heap slot, or -1 - place in the due list. */
  readonly positions: number[] = [];
  /** Number in the order of making, from 1. */
  readonly ids: number[] = [];
  readonly causes: number[] = [];
  readonly labels: string[] = [];
  readonly fires: (() => void)[] = [];
  /** Stacks of where events were made, for the rows where they were captured. */
  readonly places: Map<number, string> = new Map();
  private readonly free: number[] = [];

  add(id: number, cause: number, label: string, fire: () => void): number {
    const row = this.free.pop();
    if (row === undefined) {
      this.positions.push(NOT_PENDING);
      this.ids.push(id);
      this.causes.push(cause);
      this.labels.push(label);
      return this.fires.push(fire) - 1;
    }
    this.ids[row] = id;
    this.causes[row] = cause;
    this.labels[row] = label;
    this.fires[row] = fire;
    return row;
  }

  /** Frees the row and returns the callback that stood there. */
  release(row: number): () => void {
    const fire = this.fires[row] as () => void;
    this.fires[row] = vacant;
    this.ids[row] = FREE_ID;
    this.positions[row] = NOT_PENDING;
    this.free.push(row);
    if (this.places.size > 0) this.places.delete(row);
    return fire;
  }
}
