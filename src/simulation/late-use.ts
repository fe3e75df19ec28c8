/**
 * Errors of code that uses a simulation after its end. Invariant: each is known with the simulation it belongs to, so
 * that it fails no other one that runs when the error comes, and reaches those who listen even if the code catches it.
 */
import { RunnerError } from '../kernel/errors.ts';

/** The simulation that was used. */
export interface LateOwner {
  /** As in its verdict. */
  readonly name: string;
  /** The function that was given as its scenario. */
  readonly scenario: unknown;
}

const owners = new WeakMap<object, LateOwner>();
const listeners = new Set<(error: RunnerError) => void>();

/** The error of a call of `sim.NAME` after the end. */
export function lateUse(what: string, owner: LateOwner): RunnerError {
  const error = new RunnerError(
    'RUNNER_SIMULATION_MISUSE',
    `sim.${what} was called after the end of its simulation, ${JSON.stringify(owner.name)}; a promise of the scenario was not awaited`,
  );
  owners.set(error, owner);
  for (const listen of listeners) listen(error);
  return error;
}

/** Calls `listen` with the error of each such call, before the code gets it; returns how to stop. */
export function onLateUse(listen: (error: RunnerError) => void): () => void {
  listeners.add(listen);
  return () => void listeners.delete(listen);
}

/** The simulation that was used after its end; undefined for any other error. */
export function ownerOfLateUse(error: unknown): LateOwner | undefined {
  return typeof error === 'object' && error !== null ? owners.get(error) : undefined;
}
