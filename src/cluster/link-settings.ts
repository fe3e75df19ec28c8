/** How the links of a network behave, and what can happen on them. Invariant: answer 0 of each question is that nothing goes wrong. */
import * as is from '../kernel/shape.ts';
import type { Choices, DescribeAnswer } from '../kernel/decisions.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { messageFaultText } from '../model/faults.ts';
import { CHANCE } from '../simulation/scenario-faults.ts';
import type { Envelope } from './envelope.ts';
import { envelopeText } from './message-detail.ts';

/** One message in so many, or `true` for one in 16. */
export type Chance = number | boolean;

/** What the exploration may do to messages. What is absent does not happen. */
export interface LinkFaults {
  /** A call, reply or message is lost: who has called waits until its time limit, or learns it when faults end. */
  readonly lose?: Chance;
}

/** How links behave. */
export interface LinkOptions {
  /** How long a message takes: always, or from the first to the second. Default 0. */
  readonly latencyMs?: number | readonly [leastMs: number, mostMs: number];
  /** How many different times a message can take; default 8. */
  readonly latencySteps?: number;
  readonly faults?: LinkFaults;
}

type LinkFaultKind = 'lose';

const ONE_IN = 16;
const LATENCY_STEPS = 8;

const CHANCE_OR_SWITCH = is.anyOf('true, false or an integer ≥ 2', is.BOOLEAN, CHANCE);
/** See {@link LinkFaults}. */
const LINK_FAULTS: is.RecordShape = is.objectOf<LinkFaults>(
  'an object of faults',
  {},
  { lose: CHANCE_OR_SWITCH },
);

/** See {@link LinkOptions}. */
export const LINK_FIELDS: is.ShapesOf<LinkOptions> = {
  latencyMs: is.anyOf(
    'milliseconds, or the least and the most of them',
    is.DURATION_MS,
    is.listOf(is.DURATION_MS),
  ),
  latencySteps: is.integer(1),
  faults: LINK_FAULTS,
};

/** The kinds that a network may use, with their shares. */
class LinkFaultTable {
  readonly #kinds: readonly LinkFaultKind[];
  readonly #n: number;

  constructor(kinds: readonly LinkFaultKind[], n: number) {
    this.#kinds = kinds;
    this.#n = n;
  }

  pick(choices: Choices, envelope: Envelope): LinkFaultKind | undefined {
    const describe: DescribeAnswer = (answer) => {
      const kind = this.#kindOf(answer);
      return kind === undefined ? '' : messageFaultText(kind, envelopeText(envelope));
    };
    return this.#kindOf(choices.choose(envelope.topic.asks('fault'), this.#n, describe));
  }

  #kindOf(answer: number): LinkFaultKind | undefined {
    return this.#kinds[answer - (this.#n - this.#kinds.length)];
  }
}

/** Options with their defaults, checked. */
export class LinkSettings {
  readonly latencyMs: readonly [number, number];
  readonly latencySteps: number;
  readonly faults: LinkFaultTable | undefined;

  constructor({ latencyMs = 0, latencySteps = LATENCY_STEPS, faults = {} }: LinkOptions) {
    this.latencyMs = typeof latencyMs === 'number' ? [latencyMs, latencyMs] : latencyMs;
    if (this.latencyMs[0] > this.latencyMs[1]) {
      throw invalidArgument('latencyMs', 'the shortest time first', latencyMs);
    }
    this.latencySteps = latencySteps;
    const lose = faults.lose === true ? ONE_IN : faults.lose;
    this.faults = lose === undefined || lose === false ? undefined : new LinkFaultTable(['lose'], lose);
  }
}
