/**
 * What a workload draws from the decision log. Invariant: answer 0 is the plain value, so that what a failure does not need drops out when
 * it is made small; and the ordinary is more likely than the odd, so that executions come far.
 */
import { thing, type Label } from '../../kernel/question.ts';
import type { Simulation } from '../../simulation/simulation.ts';

/** The name of a workload's scenario: that of its subject in the letters of a scenario. */
export function workloadName(kind: 'workload' | 'parts', subject: string): string {
  const letters = subject.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return letters === '' ? kind : `${kind}-${letters}`;
}

/** Draws for one part of a workload, such as a client. */
export class Draws {
  readonly #sim: Pick<Simulation, 'choose'>;
  readonly #owner: string;
  readonly #part: string;

  constructor(sim: Pick<Simulation, 'choose'>, owner: string, part = '') {
    this.#sim = sim;
    this.#owner = owner;
    this.#part = part;
  }

  /** Draws for a part of this part. They are named after it, so that leaving one part out leaves the draws of the others as they are. */
  of(part: string): Draws {
    return new Draws(this.#sim, this.#owner, this.#part === '' ? part : `${this.#part} ${part}`);
  }

  /** One of `values`; the first, which is the plain one, is `weight` times as likely as each of the others. */
  pick<T>(
    what: string,
    values: readonly T[],
    weight = 1,
    inWords: (value: T) => unknown = (value) => value,
  ): T {
    const indexOf = (answer: number): number => (answer < weight ? 0 : answer - weight + 1);
    const describe = (answer: number): unknown => inWords(values[indexOf(answer)] as T);
    const answer = this.#sim.choose(this.#label(what), values.length - 1 + weight, describe);
    return values[indexOf(answer)] as T;
  }

  /** True once in `times`. */
  rarely(what: string, times = 8): boolean {
    const describe = (answer: number): string => (answer === times - 1 ? 'yes' : 'no');
    return this.#sim.choose(this.#label(what), times, describe) === times - 1;
  }

  /** From `least` to `most`. */
  count(what: string, least: number, most: number): number {
    return least + this.#sim.choose(this.#label(what), most - least + 1, (answer) => least + answer);
  }

  /** From `most`, which is the plain one, down to `least`: for parts of which those that do nothing cost nothing. */
  upTo(what: string, most: number, least: number): number {
    return most - this.#sim.choose(this.#label(what), most - least + 1, (answer) => most - answer);
  }

  #label(what: string): Label {
    return { owner: this.#part === '' ? this.#owner : thing(this.#owner, this.#part), what };
  }
}
