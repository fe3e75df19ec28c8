/**
 * What a decision is about, told from its label, so that strategies and shrinkers can treat faults and delays apart from order.
 * Invariant: labels that are made in this package follow the convention: `order …` for the order of events due together, `… fault`
 * where something may go wrong, `… delay` for how long something takes. Answer 0 of a fault is that nothing goes wrong, and the highest
 * that it strikes; what those between mean is up to whoever asks, so strategies and shrinkers try both ends.
 */
import { checkString } from './argument-check.ts';

/** `choice` is whatever a scenario or workload draws itself. */
export type DecisionKind = 'order' | 'fault' | 'delay' | 'choice';

/**
 * The kind of the decision that is asked for under `label`.
 *
 * @example
 * ```ts
 * import { decisionKind } from 'dryrunner';
 * if (decisionKind('network/2 run fault') !== 'fault') throw new Error('a fault by its label');
 * ```
 */
export function decisionKind(label: string): DecisionKind {
  checkString('label', 'the label of a decision', label);
  if (label.startsWith('order ')) return 'order';
  if (label.endsWith(' fault')) return 'fault';
  return label.endsWith(' delay') ? 'delay' : 'choice';
}
