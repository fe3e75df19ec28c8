/**
 * Whether code of a simulation has this thread, for parts that work on the machine alone and stand outside of
 * simulations. One simulation runs at a time.
 */
import { RunnerError } from '../kernel/errors.ts';

/** A simulation that has not ended. */
interface RunningSimulation {
  readonly turns: { readonly isOn: boolean };
  /** Its code has done what fails it, also if that code catches the error. */
  noteMisuse(error: RunnerError): void;
}

let running: RunningSimulation | undefined;

/** Says which simulation runs; `undefined` when it has ended. */
export function noteSimulation(run: RunningSimulation | undefined): void {
  running = run;
}

/**
 * True while code of a simulation's scenario runs, and between two of its events; false while the event loop has the
 * thread.
 */
export function isSimulating(): boolean {
  return running?.turns.isOn === true;
}

/**
 * Fails a simulation whose code calls what waits for the machine, whether or not that code catches the error.
 *
 * @throws RunnerError `RUNNER_OUTSIDE_CALL`.
 */
export function refuseInSimulation(what: string, remedy: string): void {
  if (running?.turns.isOn !== true) return;
  const message = `${what} is called in a simulation, whose virtual time does not wait for a network: ${remedy}`;
  const error = new RunnerError('RUNNER_OUTSIDE_CALL', message);
  running.noteMisuse(error);
  throw error;
}
