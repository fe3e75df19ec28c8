/**
 * Whether code of a simulation has this thread, for parts that work on the machine alone and stand outside of
 * simulations. One simulation runs at a time.
 */
import { RunnerError } from './errors.ts';

let hasThread: (() => boolean) | undefined;

/** Says which simulation runs, by how it knows that its code has the thread; `undefined` when it has ended. */
export function noteSimulation(itHasThread: (() => boolean) | undefined): void {
  hasThread = itHasThread;
}

/**
 * True while code of a simulation's scenario runs, and between two of its events; false while the event loop has the
 * thread.
 */
export function isSimulating(): boolean {
  return hasThread?.() === true;
}

/** @throws RunnerError `RUNNER_OUTSIDE_CALL` if code of a simulation calls what waits for the machine. */
export function refuseInSimulation(what: string, remedy: string): void {
  if (!isSimulating()) return;
  const message = `${what} is called in a simulation, whose virtual time does not wait for a network: ${remedy}`;
  throw new RunnerError('RUNNER_OUTSIDE_CALL', message);
}
