/**
 * Temporary outages of a network: partitions in one or both directions, and held links. Invariant: every outage ends
 * after its time, by a call of the scenario, or when faults end.
 */
import type { Choices } from '../kernel/decisions.ts';
import { type Label, question } from '../kernel/question.ts';
import type { Timer } from '../kernel/clock.ts';

/**
 * A `partition` loses messages in both directions, a `cut` in one direction; a `hold` makes messages in one direction
 * wait.
 */
type OutageKind = 'partition' | 'cut' | 'hold';

/** A link as outages see it. It counts the outages that affect it, as they may overlap. */
export interface Parted {
  readonly from: string;
  readonly to: string;
  cut(by: 1 | -1): void;
  hold(by: 1 | -1): void;
}

/** One partition, cut or hold. Begins with `Fabric.begin`. */
export class Outage {
  readonly kind: OutageKind;
  /** The parts in words: `a | b, c`, `from a to b`. */
  readonly parts: string;
  readonly ms: number | undefined;
  readonly #groups: readonly ReadonlySet<string>[];
  timer: Timer | undefined = undefined;

  /** `ms` is its length, if that was decided. A one-way outage affects messages from the first group to the second. */
  constructor(kind: OutageKind, groups: readonly (readonly string[])[], ms?: number) {
    this.kind = kind;
    this.ms = ms;
    this.#groups = groups.map((names) => new Set(names));
    const texts = groups.map((names) => names.join(', '));
    this.parts = kind === 'partition' ? texts.join(' | ') : `from ${texts.join(' to ')}`;
  }

  /** Describes its end. */
  get endText(): string {
    switch (this.kind) {
      case 'partition':
        return `the partition ${this.parts} ends`;
      case 'cut':
        return `messages ${this.parts} are lost no more`;
      case 'hold':
        return `messages ${this.parts} go on`;
    }
  }

  concerns(from: string, to: string): boolean {
    if (this.kind !== 'partition') {
      const [senders, receivers] = this.#groups;
      return senders?.has(from) === true && receivers?.has(to) === true;
    }
    const one = this.#groups.findIndex((group) => group.has(from));
    const other = this.#groups.findIndex((group) => group.has(to));
    return one >= 0 && other >= 0 && one !== other;
  }

  /** Applies the outage to a link if it concerns it (1), or removes it (-1). */
  change(link: Parted, by: 1 | -1): void {
    if (!this.concerns(link.from, link.to)) return;
    if (this.kind === 'hold') link.hold(by);
    else link.cut(by);
  }
}

const OWNER = 'network';

/**
 * Lets the exploration choose a partition: one node from all others, two halves, one node that can only receive or only
 * send, or a pair.
 */
export function chosenPartition(choices: Choices, names: readonly string[], ms: number): Outage {
  const pick = <T>(what: string, values: readonly T[], describe: (value: T) => string): T => {
    const label: Label = { owner: OWNER, what };
    return values[
      choices.choose(question('choice', label), values.length, (answer) => describe(values[answer] as T))
    ] as T;
  };
  const node = (what: string, among: readonly string[]): string => pick(what, among, (name) => name);
  const shapes = names.length < 3 ? SHAPES_OF_TWO : names.length < 4 ? SHAPES_OF_THREE : SHAPES;
  const shape = pick('partition', shapes, (name) => name);
  if (shape === 'halves') {
    const half = Math.floor(names.length / 2);
    return new Outage('partition', [names.slice(0, half), names.slice(half)], ms);
  }
  const one = node('partition of', names);
  const others = names.filter((name) => name !== one);
  switch (shape) {
    case 'one node':
      return new Outage('partition', [[one], others], ms);
    case 'a pair':
      return new Outage('partition', [[one], [node('partition from', others)]], ms);
    case 'one unheard':
      return new Outage('cut', [[one], others], ms);
    case 'one deaf':
      return new Outage('cut', [others, [one]], ms);
  }
}

type Shape = 'one node' | 'one unheard' | 'one deaf' | 'a pair' | 'halves';

const SHAPES_OF_TWO: readonly Shape[] = ['one node', 'one unheard'];
const SHAPES_OF_THREE: readonly Shape[] = ['one node', 'one unheard', 'one deaf', 'a pair'];
const SHAPES: readonly Shape[] = [...SHAPES_OF_THREE, 'halves'];
