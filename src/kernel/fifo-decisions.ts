/** The plain policy: always the first in order, no fault, the least delay. */
import type { DecisionSource } from './decisions.ts';

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
