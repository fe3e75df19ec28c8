/**
 * Turns of the real event loop that many short runs share: one that follows another begins where that has ended, so that what is done for a
 * turn, such as guarding it, is done once for all of them. Invariant: only the first turn of a run is ever part of another's. What goes on
 * after a run of one turn does so within it, and code that takes no further run leaves by a turn of its own (`leave`). What goes on after a
 * longer run, whose log may be long, is part of no turn.
 */
import { isFastDrainExact, runReactions } from './drain-fast.ts';
import { bindContext } from './drain-host.ts';
import { realFunctions } from './drain-real-functions.ts';
import type { NextTurn } from './drain-run.ts';

const { setImmediate: nextTurnOfLoop } = realFunctions;

/** What {@link DrainSlices} asks of its owner. */
export interface SliceOptions {
  /** False has each turn alone, and no reaction to the end of a run be part of it. */
  readonly isShared: boolean;
  /** Does `work`, which takes turns and their promise reactions. What it throws goes on to the event loop. */
  readonly around: (work: () => void) => void;
  /** True once the loop is to turn. */
  readonly isOver: () => boolean;
}

/** See above; `nextTurn` is the hook of a drain. */
export class DrainSlices {
  readonly #options: SliceOptions;
  readonly #following: (() => void)[] = [];
  #isOn = false;
  /** The turn that is on, or was cut off. */
  current: (() => void) | undefined;
  readonly nextTurn: NextTurn = (turn, isFirst) => {
    if (isFirst && this.#isOn) this.#following.push(bindContext(turn));
    else nextTurnOfLoop(() => this.#slice(turn, isFirst));
  };

  /** Resolves in a turn that is nobody's. */
  static leave(): Promise<void> {
    return new Promise((resolve) => {
      nextTurnOfLoop(() => resolve());
    });
  }

  constructor(options: SliceOptions) {
    this.#options = options;
  }

  /** Begins a turn that was cut off once more; what goes on after it is part of it. */
  again(turn: () => void): void {
    nextTurnOfLoop(() => this.#slice(turn, true));
  }

  #slice(first: () => void, mayShare: boolean): void {
    this.#isOn = mayShare && this.#options.isShared && isFastDrainExact();
    try {
      this.#options.around(() => this.#takeTurns(first));
    } finally {
      this.#isOn = false;
      // A tick of theirs may have thrown.
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
      if (this.#options.isOver()) return;
    }
  }
}
