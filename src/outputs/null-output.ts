/** Outputs that take and drop all. Invariant: there is one of them, frozen, so that a run without logs allocates nothing. */
import type { Output, OutputCreator } from '../model/output.ts';
import { checkOutputId } from './output-id.ts';

/** An output that is done with everything at once. */
export interface NullOutput extends Output {
  write(): void;
  writeLazily(): void;
  close(): void;
  asFile(): string;
}

/**
 * The output that drops all (R168).
 *
 * @example
 * ```ts
 * import { NULL_OUTPUT } from 'dryrunner/kit';
 * if (NULL_OUTPUT.asFile() !== '/dev/null') throw new Error('not there');
 * ```
 */
export const NULL_OUTPUT: NullOutput = Object.freeze({
  uri: 'file:///dev/null',
  write(): void {},
  /** Nobody reads it, so the text is never made. */
  writeLazily(): void {},
  close(): void {},
  asFile: () => '/dev/null',
});

/** A creator that answers at once. */
export interface NullOutputs extends OutputCreator {
  create(id: string): NullOutput;
}

const NULL_OUTPUTS: NullOutputs = Object.freeze({
  create(id: string): NullOutput {
    checkOutputId(id);
    return NULL_OUTPUT;
  },
});

/**
 * A creator whose outputs drop all; every `create` gives {@link NULL_OUTPUT} (R168).
 *
 * @throws (`create`) RunnerError `RUNNER_INVALID_ARGUMENT` for an id that no creator takes (R161).
 * @example
 * ```ts
 * import { createNullOutputs } from 'dryrunner';
 * const outputs = createNullOutputs();
 * ```
 */
export function createNullOutputs(): NullOutputs {
  return NULL_OUTPUTS;
}
