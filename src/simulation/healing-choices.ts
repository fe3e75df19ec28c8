/**
 * The choices of a world whose faults can end. Invariant: once they have, no question about a fault is asked or logged any more; the
 * answer is 0, no fault, and all other questions stay as they were.
 */
import { decisionKind } from '../kernel/decision-kind.ts';
import type { Choices, DescribeAnswer, DueEvents } from '../kernel/decisions.ts';
import type { Healing } from './healing.ts';

/** Passes questions on to a log. */
export class HealingChoices implements Choices {
  readonly #log: Required<Choices>;
  readonly #healing: Healing;

  constructor(log: Required<Choices>, healing: Healing) {
    this.#log = log;
    this.#healing = healing;
  }

  choose(label: string, n: number, describe?: DescribeAnswer): number {
    if (this.#healing.isHealed && decisionKind(label) === 'fault') return 0;
    return this.#log.choose(label, n, describe);
  }

  order(label: string, due: DueEvents): number {
    return this.#log.order(label, due);
  }

  drawn(label: string, value: unknown, asked: number): void {
    this.#log.drawn(label, value, asked);
  }
}
