/** The turns of the real event loop that a simulation takes, and how it is ended from outside between them. */
import { ExecutionInterrupted } from '../kernel/decisions.ts';
import type { DrainHooks } from '../kernel/drain-run.ts';
import { messageOf } from '../kernel/errors.ts';
import type { SimulateOptions } from './simulate-options.ts';

/** What a drain is to call. */
export class SimulationTurns implements DrainHooks {
  /** True while what the simulation has led to runs: who starts another one then does it inside of this one. */
  isOn = false;
  readonly onTurn: () => void;
  readonly onTurnEnd: () => void;

  constructor({ onTurn, signal }: Pick<SimulateOptions, 'onTurn' | 'signal'>) {
    this.onTurn = () => {
      this.isOn = true;
      onTurn?.();
      if (signal?.aborted !== true) return;
      throw new ExecutionInterrupted(`The simulation was ended from outside: ${messageOf(signal.reason)}`);
    };
    this.onTurnEnd = () => {
      this.isOn = false;
    };
  }
}
