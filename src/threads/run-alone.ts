/**
 * Runs simulations in a process, or a thread, that runs nothing else, so that each uncaught error and each real timer
 * left behind belongs to the simulation that ran. All commands use this, so that each gives a scenario the same
 * verdict.
 */
import type { Executor } from '../explore/executor.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { failLeftTimers } from './left-timers.ts';
import { catchStrayErrors } from './stray-errors.ts';

/** Runs one simulation; `run` receives a function to call at each turn of the event loop (`onTurn` of `simulate`). */
export function runAlone(run: (onTurn: () => void) => Promise<Verdict>): Promise<Verdict> {
  return failLeftTimers(() => catchStrayErrors(run));
}

/** An executor that runs each execution alone. */
export function executorAlone(executor: Executor): Executor {
  return {
    scenario: executor.scenario,
    execute: ({ onTurn, ...request }) =>
      runAlone((noteStrays) =>
        executor.execute({
          ...request,
          onTurn: () => {
            noteStrays();
            onTurn?.();
          },
        }),
      ),
  };
}
