/** The end of all faults. Invariant: it comes at most once, whoever asked to be told is told once, and in the order of asking. */
import { invalidArgument } from '../kernel/errors.ts';
import { decisionKind } from '../kernel/decision-kind.ts';
import type { Choices, DescribeAnswer, DueEvents } from '../kernel/decisions.ts';

/** Whether faults are over, and who must know. */
export class Healing {
  #isHealed = false;
  #hooks: (() => void)[] = [];

  get isHealed(): boolean {
    return this.#isHealed;
  }

  /** Ends all faults; later calls do nothing. */
  heal(): void {
    if (this.#isHealed) return;
    this.#isHealed = true;
    const hooks = this.#hooks;
    this.#hooks = [];
    for (const hook of hooks) hook();
  }

  /** Calls `hook` when faults end, at once if they have ended. */
  onHeal(hook: () => void): void {
    if (typeof (hook as unknown) !== 'function') throw invalidArgument('onHeal', 'a function', hook);
    if (this.#isHealed) hook();
    else this.#hooks.push(hook);
  }
}

/**
 * The choices of a world whose faults can end. Invariant: once they have, no question about a fault is asked or logged any more; the
 * answer is 0, no fault, and all other questions stay as they were.
 *
 * Passes questions on to a log.
 */
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
