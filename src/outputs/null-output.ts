/**
 * Outputs that discard everything. Invariant: there is a single frozen instance, so that a run without logs allocates
 * nothing.
 */
import type { Output, OutputCreator } from '../model/output.ts';
import { checkOutputId } from './output-id.ts';

/** An output whose operations finish synchronously. */
export interface NullOutput extends Output {
  write(): void;
  writeLazily(): void;
  close(): void;
  asFile(): string;
}

/**
 * The output that discards everything (R168).
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
  /** The text is never computed, because nobody reads it. */
  writeLazily(): void {},
  close(): void {},
  asFile: () => '/dev/null',
});

/** A creator that answers synchronously. */
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
 * A creator whose outputs discard everything; every `create` returns {@link NULL_OUTPUT} (R168).
 *
 * @throws (`create`) RunnerError `RUNNER_INVALID_ARGUMENT` for an invalid id (R161).
 * @example
 * ```ts
 * import { createNullOutputs } from 'dryrunner';
 * const outputs = createNullOutputs();
 * ```
 */
export function createNullOutputs(): NullOutputs {
  return NULL_OUTPUTS;
}
