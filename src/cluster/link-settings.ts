/** How the links of a network behave, and what can happen on them. Invariant: answer 0 of each question is that nothing goes wrong. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Choices } from '../kernel/decisions.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { microsecondsOf } from '../kernel/microseconds.ts';
import type { Topic } from '../kernel/question.ts';
import { type MessageFaultKind, messageFaultText } from '../model/faults.ts';
import { type RateTable, RateTables } from '../network/rate-table.ts';
import { CHANCE_OR_SWITCH } from '../simulation/scenario-faults.ts';
import type { Envelope } from './envelope.ts';
import { envelopeText } from './message-detail.ts';
import { FAULT_ODDS } from '../model/odds.ts';

/** At one message in so many, at least 2; `true` for the usual number, `false` for never. */
export type Chance = number | boolean;

/** What the exploration may do to messages and links. What is absent does not happen. `true` is one message in 16, of `partition` and `hold` one in 64. */
export interface LinkFaults {
  /** A call, reply or message is lost: the caller waits until its time limit, or learns it when faults end. */
  readonly lose?: Chance;
  /** It comes twice, each after a delay of its own; a call then runs twice, and its caller takes the first answer. */
  readonly duplicate?: Chance;
  /** It is held back until another message of the same link overtakes it, for `reorderMs` at most. */
  readonly reorder?: Chance;
  /** It comes later by up to `delayMs`. */
  readonly delay?: Chance;
  /** As it is sent the network is partitioned for up to `outageMs`: one node from all others, halves, one direction, or a pair. */
  readonly partition?: Chance;
  /** As it is sent its link begins to hold back all messages for up to `outageMs`. */
  readonly hold?: Chance;
  /** Default 1,000. */
  readonly delayMs?: number;
  /** Default 1,000. */
  readonly reorderMs?: number;
  /** Default 1,000. */
  readonly outageMs?: number;
  /** Strikes at most, of all kinds and on all links together, so that a run comes to its end; default 64, `Infinity` for no bound. */
  readonly strikesMax?: number;
}

/** How links behave. */
export interface LinkOptions {
  /** How long a message takes: always so long, or at least the first and less than the second, as the exploration decides. Default 0. */
  readonly latencyMs?: number | readonly [leastMs: number, mostMs: number];
  /** How many different times a message can take; default 8. */
  readonly latencySteps?: number;
  /** Messages of a link arrive in the order in which they were sent. Default: as their latencies have it. */
  readonly fifo?: boolean;
  /** How many bytes a link carries in a millisecond; messages wait for each other. Default: any number. */
  readonly bytesPerMs?: number;
  readonly faults?: LinkFaults;
}

/** Those that last, and concern more than one message. */
type OutageKind = 'hold' | 'partition';
/** Those that concern the message alone. */
export type BriefFaultKind = Exclude<MessageFaultKind, 'hang'>;
/** What can happen as a message is sent. */
export type LinkFaultKind = OutageKind | BriefFaultKind;

const OUTAGES = ['hold', 'partition'] as const satisfies readonly OutageKind[];
const KINDS = [...OUTAGES, 'delay', 'reorder', 'duplicate', 'lose'] as const;
const TABLES = new RateTables<LinkFaultKind>(KINDS);
const LATENCY_STEPS = 8;
const FAULT_MS = 1_000;
const LENGTHS = 4;

/** See {@link LinkFaults}. */
const LINK_FAULTS: is.RecordShape = is.closed(
  is.objectOf<LinkFaults>(
    'an object of faults',
    {},
    {
      ...is.each(KINDS, CHANCE_OR_SWITCH),
      ...is.each(['delayMs', 'reorderMs', 'outageMs'], is.DURATION_MS),
      strikesMax: is.COUNT_OR_INFINITY,
    },
  ),
);

/** See {@link LinkOptions}. */
export const LINK_FIELDS: is.ShapesOf<LinkOptions> = {
  latencyMs: is.anyOf(
    'milliseconds, or the least and the most of them',
    is.DURATION_MS,
    is.listOf(is.DURATION_MS),
  ),
  latencySteps: is.integer(1),
  fifo: is.BOOLEAN,
  bytesPerMs: is.such('a number > 0', (value) => typeof value === 'number' && value > 0),
  faults: LINK_FAULTS,
};

const LINK_OPTIONS = is.optionsOf<LinkOptions>({}, LINK_FIELDS);

/** What one link is to be like, where it differs from the others. */
export function checkLinkOptions(name: string, options: LinkOptions): void {
  check(name, options, LINK_OPTIONS);
}

function rateOf(faults: LinkFaults, kind: LinkFaultKind): number {
  const chance = faults[kind] ?? false;
  if (typeof chance === 'number') return 1 / chance;
  if (!chance) return 0;
  return 1 / (kind === 'hold' || kind === 'partition' ? FAULT_ODDS.linkOutageOneIn : FAULT_ODDS.linkOneIn);
}

/** A fault takes a part of `mostMs`, all of it at most. */
export function faultLength(choices: Choices, topic: Topic, mostMs: number): number {
  const msOf = (answer: number): number => microsecondsOf((mostMs * (answer + 1)) / LENGTHS) / 1000;
  return msOf(choices.choose(topic.asks('delay'), LENGTHS, msOf));
}

/** How many strikes are left. */
interface StrikeBudget {
  left: number;
}

/** The faults of a link, as questions. */
class LinkFaultTable {
  readonly #all: RateTable<LinkFaultKind> | undefined;
  /** While one that lasts is in force no other one begins. */
  readonly #brief: RateTable<LinkFaultKind> | undefined;
  readonly #budget: StrikeBudget;

  constructor(faults: LinkFaults, isFifo: boolean, budget: StrikeBudget) {
    const rates = (kinds: readonly LinkFaultKind[]): Partial<Record<LinkFaultKind, number>> =>
      Object.fromEntries(
        kinds.map((kind) => [kind, isFifo && kind === 'reorder' ? 0 : rateOf(faults, kind)]),
      );
    this.#all = TABLES.of('faults', rates(KINDS));
    this.#brief = TABLES.of('faults', rates(KINDS.slice(OUTAGES.length)));
    this.#budget = budget;
  }

  /** What strikes this message. */
  pick(choices: Choices, envelope: Envelope, isBriefOnly: boolean): LinkFaultKind | undefined {
    const table = isBriefOnly ? this.#brief : this.#all;
    if (table === undefined || this.#budget.left === 0) return undefined;
    const describe = (answer: number): string | undefined => wordsOf(table.kindOf(answer), envelope);
    describe.faults = table.faults;
    const kind = table.kindOf(choices.choose(envelope.topic.asks('fault'), table.n, describe));
    if (kind !== undefined) this.#budget.left -= 1;
    return kind;
  }
}

/** What lasts says in the trace what it is: that is decided after it. */
function wordsOf(kind: LinkFaultKind | undefined, envelope: Envelope): string | undefined {
  if (kind === undefined) return '';
  if (kind === 'hold' || kind === 'partition') return undefined;
  return messageFaultText(kind, envelopeText(envelope), envelope.from);
}

/** Options with their defaults, checked. */
export class LinkSettings {
  readonly latencyMs: readonly [number, number];
  readonly latencySteps: number;
  readonly isFifo: boolean;
  readonly bytesPerMs: number;
  readonly delayMs: number;
  readonly reorderMs: number;
  readonly outageMs: number;
  readonly faults: LinkFaultTable | undefined;
  readonly #options: LinkOptions;
  readonly #budget: StrikeBudget;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for latencies out of order, and chances that add up to more than 1. */
  constructor(
    options: LinkOptions,
    budget: StrikeBudget = { left: options.faults?.strikesMax ?? FAULT_ODDS.linkStrikesMax },
  ) {
    const {
      latencyMs = 0,
      latencySteps = LATENCY_STEPS,
      fifo = false,
      bytesPerMs = Infinity,
      faults,
    } = options;
    this.latencyMs = rangeOf(latencyMs);
    this.latencySteps = latencySteps;
    this.isFifo = fifo;
    this.bytesPerMs = bytesPerMs;
    this.delayMs = faults?.delayMs ?? FAULT_MS;
    this.reorderMs = faults?.reorderMs ?? FAULT_MS;
    this.outageMs = faults?.outageMs ?? FAULT_MS;
    this.faults = faults === undefined ? undefined : new LinkFaultTable(faults, fifo, budget);
    this.#options = options;
    this.#budget = budget;
  }

  /** The same for a link that differs in those. Unless it says how often faults may strike, they are counted with those of all links. */
  with(own: LinkOptions): LinkSettings {
    const budget = own.faults?.strikesMax === undefined ? [this.#budget] : [];
    return new LinkSettings({ ...this.#options, ...own }, ...budget);
  }
}

function rangeOf(latencyMs: NonNullable<LinkOptions['latencyMs']>): readonly [number, number] {
  if (typeof latencyMs === 'number') return [latencyMs, latencyMs];
  const [least, most, ...more] = latencyMs as readonly number[];
  if (least === undefined || most === undefined || more.length > 0 || least > most) {
    throw invalidArgument('latencyMs', 'the shortest time, then the longest', latencyMs);
  }
  return [least, most];
}
