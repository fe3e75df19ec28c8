/** Faults that can be configured for an output in memory, and their checks. */
import * as is from '../kernel/shape.ts';
import { RunnerError } from '../kernel/errors.ts';
import { check } from '../kernel/argument-check.ts';

/** One fault of one output (R169). Faults of different kinds combine. */
export type OutputFault =
  /** The output cannot be created. */
  | { readonly kind: 'create'; readonly error?: Error }
  /** A write beyond this many bytes fails and stores nothing; smaller ones may still fit. */
  | { readonly kind: 'error'; readonly afterBytes: number; readonly error?: Error }
  /** A write beyond this many bytes stores what fits, then fails; later ones store nothing. */
  | { readonly kind: 'short'; readonly afterBytes: number }
  /** Each write takes this long on the clock, one after another, and is visible only at its end. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Everything is written, but every close fails. */
  | { readonly kind: 'close'; readonly error?: Error };

/** The faults of an output; called once per creation with its id and the number of outputs created before. */
export type OutputFaultPlan = (id: string, serial: number) => readonly OutputFault[] | undefined;

/** The default error of a fault. */
export function injectedFault(what: string): RunnerError {
  return new RunnerError('RUNNER_OUTPUT_FAILED', `${what} (injected fault)`);
}

/** Argument shape of {@link OutputFault}, without the fields that depend on its kind. */
export const OUTPUT_FAULT: is.RecordShape = is.objectOf<Pick<OutputFault, 'kind'>>(
  'a fault of an output, such as { kind: "close" }',
  { kind: is.oneOf('create', 'error', 'short', 'delay', 'close') },
  {},
);

/**
 * Checks that a fault makes sense.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT`.
 */
export function checkOutputFault(fault: OutputFault): void {
  if (fault.kind === 'delay') check('delay fault ms', fault.ms, is.DURATION_MS);
  if (fault.kind === 'error' || fault.kind === 'short') check('afterBytes', fault.afterBytes, is.COUNT);
}
