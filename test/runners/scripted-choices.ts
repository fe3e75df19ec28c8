// Answers to decisions as a test wants them: a list per label, and the plain answer 0 for everything else.
import type { Choices } from '../../src/kernel/decisions.ts';
import type { Question } from '../../src/kernel/question.ts';

/** Choices with a record of what was asked. */
export class ScriptedChoices implements Choices {
  /** `LABEL of N`, in order; forced choices are left out. */
  readonly asked: string[] = [];
  readonly #answers: ReadonlyMap<string, number[]>;

  constructor(answers: Readonly<Record<string, readonly number[]>> = {}) {
    this.#answers = new Map(Object.entries(answers).map(([label, list]) => [label, [...list]]));
  }

  choose(question: Question | string, n: number): number {
    const label = typeof question === 'string' ? question : question.text;
    if (n === 1) return 0;
    this.asked.push(`${label} of ${n}`);
    return this.#answers.get(label)?.shift() ?? 0;
  }
}
