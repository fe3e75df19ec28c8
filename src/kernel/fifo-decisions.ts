/** The plain policy: always the first in order, no fault, the least delay. */
import type { Choices, DecisionSource } from './decisions.ts';
import { invalidArgument } from './errors.ts';
import type { Question } from './question.ts';

const FIFO: DecisionSource = { decide: () => 0 };

/**
 * A source that answers 0 to everything.
 *
 * @example
 * ```ts
 * import { createDecisions, fifoDecisions } from 'dryrunner/kernel';
 * if (createDecisions(fifoDecisions()).choose('which', 7) !== 0) throw new Error('always the plain choice');
 * ```
 */
export function fifoDecisions(): DecisionSource {
  return FIFO;
}

/** The same policy without a log: a runner may live for months, and its questions contain the ids of runs. */
export const PLAIN_CHOICES: Choices = Object.freeze({
  choose(_question: Question | string, n: number): number {
    if (!(n >= 1 && Number.isSafeInteger(n))) throw invalidArgument('n', 'an integer ≥ 1', n);
    return 0;
  },
});
