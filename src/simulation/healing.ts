/**
 * The end of all faults. Invariant: it happens at most once, and calls each registered hook once, in registration
 * order, also if one throws.
 */
import * as is from '../kernel/shape.ts';
import { type Choices, type DescribeAnswer, type DueEvents, isEndOfExecution } from '../kernel/decisions.ts';
import type { Question } from '../kernel/question.ts';
import { check } from '../kernel/argument-check.ts';

/** Knows whether faults have ended, and whom to notify. */
export class Healing {
  #isHealed = false;
  #hooks: (() => void)[] = [];

  get isHealed(): boolean {
    return this.#isHealed;
  }

  /** Ends all faults; later calls are no-ops. Throws the first error of a hook once all were called. */
  heal(): void {
    if (this.#isHealed) return;
    this.#isHealed = true;
    const hooks = this.#hooks;
    this.#hooks = [];
    const errors: unknown[] = [];
    for (const hook of hooks) {
      try {
        hook();
      } catch (error) {
        if (isEndOfExecution(error)) throw error;
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /** Calls `hook` when faults end, or at once if they have ended. */
  onHeal(hook: () => void): void {
    check('onHeal', hook, is.FUNCTION);
    if (this.#isHealed) hook();
    else this.#hooks.push(hook);
  }
}

/**
 * The choices of a world whose faults can end. Invariant: after that, questions about faults are neither asked nor
 * logged and get answer 0, no fault; all other questions are unaffected.
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
