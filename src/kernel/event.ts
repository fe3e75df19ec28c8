/**
 * One pending event: what fires, its identity and where it stands. Invariant: `slot` tells the one container that holds the
 * event (≥ 0 a heap slot, ≤ -2 a place among the due, -1 none), so that cancelling finds it without a search.
 */
import type { Timer } from './clock.ts';

/** `slot` of an event that has fired or was cancelled. */
export const NOT_PENDING = -1;

/** What an event asks of the queue that holds it. */
export interface EventHolder {
  /** Takes a pending event out. */
  remove(event: ClockEvent): void;
}

/** An event of the virtual clock, and the timer that its maker holds. */
export class ClockEvent implements Timer {
  /** Position in the order of making, from 1; the event's identity. */
  readonly id: number;
  /** Id of the event that was firing when this one was made; 0 if none had fired yet. */
  readonly cause: number;
  readonly label: string;
  readonly fire: () => void;
  /** True if it fires after everything else due at its time (R35); set before it is queued. */
  late = false;
  slot: number = NOT_PENDING;
  /** Stack of where it was made, if places are captured. */
  place: string | undefined = undefined;
  private readonly holder: EventHolder;

  constructor(holder: EventHolder, id: number, cause: number, label: string, fire: () => void) {
    this.holder = holder;
    this.id = id;
    this.cause = cause;
    this.label = label;
    this.fire = fire;
  }

  cancel(): void {
    if (this.slot !== NOT_PENDING) this.holder.remove(this);
  }
}
