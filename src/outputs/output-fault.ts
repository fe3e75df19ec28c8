/** The faults that an output in memory can be set to have, and their checks. */
import * as is from '../kernel/shape.ts';
import { RunnerError } from '../kernel/errors.ts';
import { check } from '../kernel/argument-check.ts';

/** One fault of one output (R169). Faults of different kinds combine. */
export type OutputFault =
  /** It cannot be created. */
  | { readonly kind: 'create'; readonly error?: Error }
  /** A write that would go past this many bytes fails and stores nothing; smaller ones still fit. */
  | { readonly kind: 'error'; readonly afterBytes: number; readonly error?: Error }
  /** A write that goes past this many bytes stores what fits, then fails; later ones store nothing. */
  | { readonly kind: 'short'; readonly afterBytes: number }
  /** Each write takes this long on the clock, one after the other, and is visible at its end only. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** All is written, but closing fails, each time. */
  | { readonly kind: 'close'; readonly error?: Error };

/** Which faults an output has: asked once per creation, with the id and how many outputs were created before. */
export type OutputFaultPlan = (id: string, serial: number) => readonly OutputFault[] | undefined;

/** The default error of a fault. */
export function injectedFault(what: string): RunnerError {
  return new RunnerError('RUNNER_OUTPUT_FAILED', `${what} (injected fault)`);
}

/**
 * Refuses faults that mean nothing.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT`.
 */
export function checkOutputFault(fault: OutputFault): void {
  if (fault.kind === 'delay') check('delay fault ms', fault.ms, is.DURATION_MS);
  if (fault.kind === 'error' || fault.kind === 'short') check('afterBytes', fault.afterBytes, is.COUNT);
}
