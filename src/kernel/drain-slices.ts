/**
 * Turns of the real event loop that many short runs share: a run that follows another begins in the turn where that one
 * ended, so that the work around a turn, such as guarding it, is done once for all of them. Invariant: only the first
 * turn of a run is ever part of another run's turn. Code that continues after a run of one turn does so within that
 * turn, and code that starts no further run leaves it by a turn of its own (`leave`). Code that continues after a
 * longer run, whose log may be long, is part of no turn.
 */
import { isFastDrainExact, runReactions } from './drain-fast.ts';
import { bindContext } from './drain-host.ts';
import { realFunctions } from './drain-real-functions.ts';
import type { NextTurn } from './drain-run.ts';

const { setImmediate: nextTurnOfLoop } = realFunctions;

/** What is done around the turns that runs share. Methods: see docs/internals.md#threads. */
export interface SliceGuard {
  /** False: each run has turns of its own, and reactions to the end of a run are not part of them. */
  readonly isShared: boolean;
  /** Runs `work`, which takes turns and their promise reactions. Errors from `work` propagate to the event loop. */
  around(work: () => void): void;
  /** Returns true once the loop must turn. */
  isOver(): boolean;
  /** From now on the machine may run code of a run between its turns. */
  noteIdle?(): void;
}

/** Shares turns, see the top of the file; a drain's hook `nextTurn` calls the method of the same name. */
export class DrainSlices {
  readonly #guard: SliceGuard;
  readonly #following: (() => void)[] = [];
  #isOn = false;
  /** What was queued for the next turn of the loop. */
  readonly #queued = new Set<() => void>();
  /** The turn that is running, or was cut off. */
  current: (() => void) | undefined;
  /** Resolves in a turn outside of all runs. */
  static leave(): Promise<void> {
    return new Promise((resolve) => {
      nextTurnOfLoop(() => resolve());
    });
  }

  constructor(guard: SliceGuard) {
    this.#guard = guard;
  }

  /** See `NextTurn` of a drain. */
  nextTurn(...[turn, isFirst, isIdle = false]: Parameters<NextTurn>): void {
    if (isIdle) this.#guard.noteIdle?.();
    if (isFirst && this.#isOn) this.#following.push(bindContext(turn));
    else this.#queue(turn, isFirst);
  }

  #queue(turn: () => void, mayShare: boolean): void {
    const queued = (): void => {
      // It may have been queued again.
      if (this.#queued.delete(queued)) this.#slice(turn, mayShare);
    };
    this.#queued.add(queued);
    nextTurnOfLoop(queued);
  }

  /** The engine has ended an immediate, and with it dropped those behind it, which may be next turns. */
  queueAgain(): void {
    for (const queued of this.#queued) nextTurnOfLoop(queued);
  }

  /** Repeats a turn that was cut off; code that continues after it is part of it. */
  again(turn: () => void): void {
    this.#queue(turn, true);
  }

  #slice(first: () => void, mayShare: boolean): void {
    this.#isOn = mayShare && this.#guard.isShared && isFastDrainExact();
    try {
      this.#guard.around(() => this.#takeTurns(first));
    } finally {
      this.#isOn = false;
      // A tick of these runs may have thrown.
      for (const turn of this.#following.splice(0)) this.nextTurn(turn, false);
    }
  }

  #takeTurns(first: () => void): void {
    for (let turn: (() => void) | undefined = first; turn !== undefined; turn = this.#following.shift()) {
      this.current = turn;
      turn();
      if (!this.#isOn) return;
      runReactions();
      this.current = undefined;
      if (this.#guard.isOver()) return;
    }
  }
}
