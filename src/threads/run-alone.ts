/**
 * Runs simulations in a process, or a thread, that runs nothing else: there all that is uncaught, and each timer of the machine that is left,
 * is of the simulation that ran. Everybody who runs alone goes through here, so that a scenario gets one verdict by every command.
 */
import type { Executor } from '../explore/executor.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { failLeftTimers } from './left-timers.ts';
import { catchStrayErrors } from './stray-errors.ts';

/** Runs one simulation; `run` gets a function that it has to call at each turn of the event loop (`onTurn` of `simulate`). */
export function runAlone(run: (onTurn: () => void) => Promise<Verdict>): Promise<Verdict> {
  return failLeftTimers(() => catchStrayErrors(run));
}

/** An executor each of whose executions runs alone. */
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
