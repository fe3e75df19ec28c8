/** The end of all faults. Invariant: it comes at most once, those who asked for it are called once, in the order of asking. */
import * as is from '../kernel/shape.ts';
import type { Choices, DescribeAnswer, DueEvents } from '../kernel/decisions.ts';
import type { Question } from '../kernel/question.ts';
import { check } from '../kernel/argument-check.ts';

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
    check('onHeal', hook, is.FUNCTION);
    if (this.#isHealed) hook();
    else this.#hooks.push(hook);
  }
}

/**
 * The choices of a world whose faults can end. Invariant: once they have, no question about a fault is asked or logged any more; the
 * answer is 0, no fault, and all other questions stay as they were.
 */
export class HealingChoices implements Choices {
  readonly #log: Required<Choices>;
  readonly #healing: Healing;

  constructor(log: Required<Choices>, healing: Healing) {
    this.#log = log;
    this.#healing = healing;
  }

  choose(question: Question | string, n: number, describe?: DescribeAnswer): number {
    if (this.#healing.isHealed && typeof question === 'object' && question.kind === 'fault') return 0;
    return this.#log.choose(question, n, describe);
  }

  order(due: DueEvents): number {
    return this.#log.order(due);
  }

  drawn(name: string, value: unknown, asked: number): void {
    this.#log.drawn(name, value, asked);
  }
}
