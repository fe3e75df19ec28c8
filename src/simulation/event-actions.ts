/**
 * Actions that run right after a chosen event. Invariant: an action runs when all promise reactions of its event have
 * run and before any other event fires; if its event never fires, it never runs.
 */
import { refuseGenerator } from '../kernel/argument-check.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';

/** An action. If it throws or rejects, the simulation fails. */
export type EventAction = () => Promise<void> | void;

interface PendingAction {
  /** The number of fired events after which the action runs. */
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

  /** True if any action waits for its event; read before every event. */
  get isNeeded(): boolean {
    return this.#pending.length > 0;
  }

  /** Runs `act` after the `nth` event from now; 1 is the next one. */
  add(nth: number, act: EventAction): void {
    this.#pending.push({ afterFired: this.#clock.fired + nth, act });
  }

  /**
   * Runs the actions whose event has fired, in the order they were added; true if there were any. Called between two
   * events.
   */
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
      const returned = await (act as () => unknown)();
      refuseGenerator('sim.atSomeEvent: action', returned);
    } catch (error) {
      this.#onError(error);
    }
  }
}
