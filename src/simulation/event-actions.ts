/**
 * Actions that strike right after a chosen event. Invariant: an action runs when all promise reactions of its event have run and before
 * any other event fires; one whose event never comes never runs.
 */
import type { VirtualClock } from '../kernel/virtual-clock.ts';

/** What strikes. What it throws, or rejects with, fails the simulation. */
export type EventAction = () => Promise<void> | void;

interface PendingAction {
  /** The number of fired events after which it runs. */
  readonly afterFired: number;
  readonly act: EventAction;
}

/** The actions of one simulation. */
export class EventActions {
  readonly #clock: VirtualClock;
  readonly #onError: (error: unknown) => void;
  #pending: PendingAction[] = [];

  constructor(clock: VirtualClock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  /** True if any are waiting for their event; asked before every event. */
  get isNeeded(): boolean {
    return this.#pending.length > 0;
  }

  /** Lets `act` run after the `nth` event from now, 1 being the next one. */
  add(nth: number, act: EventAction): void {
    this.#pending.push({ afterFired: this.#clock.fired + nth, act });
  }

  /** Runs those whose event has fired, in the order of their making; true if there were any. Called between two events. */
  strike(): boolean {
    const { fired } = this.#clock;
    const due = this.#pending.filter(({ afterFired }) => afterFired <= fired);
    if (due.length === 0) return false;
    this.#pending = this.#pending.filter(({ afterFired }) => afterFired > fired);
    for (const { act } of due) void this.#run(act);
    return true;
  }

  async #run(act: EventAction): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#onError(error);
    }
  }
}
