/**
 * The draws of a workload from the decision log. Invariants: answer 0 is the plain value, so that shrinking removes
 * everything that a failure does not need; the ordinary is more likely than the odd, so that executions get far.
 */
import type { DescribeAnswer } from '../../kernel/decisions.ts';
import { thing, type Topic, topicOf } from '../../kernel/question.ts';
import type { Simulation } from '../../simulation/simulation.ts';

const WORKLOAD_KINDS = ['workload', 'parts', 'scheduler'] as const;

/**
 * The name of a workload's scenario: its kind, and the name of its subject in the characters that a scenario's name
 * allows.
 */
export function workloadName(kind: (typeof WORKLOAD_KINDS)[number], subject: string): string {
  const letters = subject.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return letters === '' ? kind : `${kind}-${letters}`;
}

/** Whether a scenario of this name is probably a workload. */
export function isWorkloadName(name: string): boolean {
  const [kind] = /^[a-z0-9]+(?=$|-[a-z0-9-]*$)/.exec(name) ?? [];
  return WORKLOAD_KINDS.some((each) => each === kind);
}

/**
 * The topics of one owner, or of one part of it: they are the same in each execution, so they and their texts are made
 * once.
 */
class DrawnTopics {
  readonly #owner: string;
  readonly #part: string;
  readonly #parts = new Map<string, DrawnTopics>();
  readonly #topics = new Map<string, Topic>();

  constructor(owner: string, part: string) {
    this.#owner = owner;
    this.#part = part;
  }

  of(part: string): DrawnTopics {
    let topics = this.#parts.get(part);
    if (topics === undefined) {
      topicsKept += 1;
      topics = new DrawnTopics(this.#owner, this.#part === '' ? part : `${this.#part} ${part}`);
      this.#parts.set(part, topics);
    }
    return topics;
  }

  topic(what: string): Topic {
    let topic = this.#topics.get(what);
    if (topic === undefined) {
      topicsKept += 1;
      const owner = this.#part === '' ? this.#owner : thing(this.#owner, this.#part);
      topic = topicOf({ owner, what });
      this.#topics.set(what, topic);
    }
    return topic;
  }
}

const TOPICS_MAX = 16_384;
/** A cache of a pure function: its contents affect the speed and nothing else. */
const owners = new Map<string, DrawnTopics>();
let topicsKept = 0;

function topicsOf(owner: string): DrawnTopics {
  if (topicsKept >= TOPICS_MAX) {
    owners.clear();
    topicsKept = 0;
  }
  const topics = owners.get(owner) ?? new DrawnTopics(owner, '');
  owners.set(owner, topics);
  return topics;
}

/** A description while it is being built. */
type Description = { -readonly [K in keyof DescribeAnswer]: DescribeAnswer[K] } & ((
  answer: number,
) => unknown);

/** Draws for one part of a workload, such as a client. */
export class Draws {
  readonly #sim: Pick<Simulation, 'choose'>;
  readonly #topics: DrawnTopics;
  readonly #isSetup: boolean;

  /** `isSetup` is true for draws that set up the workload, which none of its calls shows. */
  constructor(sim: Pick<Simulation, 'choose'>, owner: string | DrawnTopics, isSetup = false) {
    this.#sim = sim;
    this.#isSetup = isSetup;
    this.#topics = typeof owner === 'string' ? topicsOf(owner) : owner;
  }

  /**
   * Draws for a part of this part. They are named after it, so that leaving out one part leaves the draws of the others
   * unchanged.
   */
  of(part: string): Draws {
    return new Draws(this.#sim, this.#topics.of(part), this.#isSetup);
  }

  /**
   * One of `values`; the first, which is the plain one, is `weight` times as likely as each of the others. `sentence`
   * explains a value in a whole sentence, if `what` and the value do not.
   */
  pick<T>(
    what: string,
    values: readonly T[],
    weight = 1,
    inWords: (value: T) => unknown = (value) => value,
    sentence?: (value: T) => string,
  ): T {
    const indexOf = (answer: number): number => (answer < weight ? 0 : answer - weight + 1);
    const describe: Description = (answer) => inWords(values[indexOf(answer)] as T);
    if (sentence !== undefined) describe.sentence = (answer) => sentence(values[indexOf(answer)] as T);
    const answer = this.#choose(what, values.length - 1 + weight, describe);
    return values[indexOf(answer)] as T;
  }

  /** True once in `times`. */
  rarely(what: string, times = 8): boolean {
    const describe = (answer: number): string => (answer === times - 1 ? 'yes' : 'no');
    return this.#choose(what, times, describe) === times - 1;
  }

  /** A number from `least` to `most`, inclusive. */
  count(what: string, least: number, most: number): number {
    return least + this.#choose(what, most - least + 1, (answer) => least + answer);
  }

  /** A number from `most`, the plain value, down to `least`: for parts that cost nothing if they do nothing. */
  upTo(what: string, most: number, least: number): number {
    return most - this.#choose(what, most - least + 1, (answer) => most - answer);
  }

  #choose(what: string, n: number, describe: Description): number {
    if (this.#isSetup) describe.isSetup = true;
    return this.#sim.choose(this.#topics.topic(what), n, describe);
  }
}
