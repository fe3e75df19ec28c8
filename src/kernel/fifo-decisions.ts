/** The plain policy: always the first in order, no fault, the least delay. */
import type { DecisionSource } from './decisions.ts';

const FIFO: DecisionSource = { decide: () => 0 };

/** A source that answers 0 to everything. */
export function fifoDecisions(): DecisionSource {
  return FIFO;
}
