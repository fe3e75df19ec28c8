/**
 * Draws values of fast-check arbitraries from the decision log, so that they are replayed and shrunk with everything else. Invariant:
 * what one draw asks for are questions of its own, so that a value that becomes smaller moves no other.
 */
import { checkMethods, checkString } from '../kernel/argument-check.ts';
import type { Choices } from '../kernel/decisions.ts';
import { question } from '../kernel/question.ts';
import { DrawTape, DrawnRandom, type RandomSource } from './drawn-random.ts';

/** What is asked of an arbitrary; those of fast-check have it. */
export interface DrawableArbitrary<T> {
  generate(random: RandomSource, biasFactor: number | undefined): { readonly value: T };
}

/** The draws of one simulation. */
export class ArbitraryDraws {
  readonly #choices: Choices;
  readonly #counts = new Map<string, number>();

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  draw<T>(arbitrary: DrawableArbitrary<T>, label: string): T {
    checkMethods('arbitrary', arbitrary, ['generate']);
    checkString('label', 'a stable name for what is drawn', label);
    const count = this.#counts.get(label) ?? 0;
    this.#counts.set(label, count + 1);
    const name = count === 0 ? label : `${label}/${count}`;
    let asked = 0;
    const tape = new DrawTape((what, n) => {
      // A forced answer is no decision.
      if (n > 1) asked += 1;
      return this.#choices.choose(question('draw', { owner: name, what }), n);
    });
    const { value } = arbitrary.generate(new DrawnRandom(tape), undefined);
    this.#choices.drawn?.(name, value, asked);
    return value;
  }
}
