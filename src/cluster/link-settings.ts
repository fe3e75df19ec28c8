/**
 * Latency, bandwidth and faults of the links of a network. Invariant: answer 0 of each question means that nothing goes
 * wrong.
 */
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

/** A number N ≥ 2 strikes one message in N; `true` uses the default rate, `false` never strikes. */
export type Chance = number | boolean;

/**
 * Faults that the exploration may inject into messages and links; a fault that is absent never happens. `true` means
 * one message in 16, and one in 64 for `partition` and `hold`.
 */
export interface LinkFaults {
  /** Loses a call, reply or message: the caller waits until its timeout, or gets an error when faults end. */
  readonly lose?: Chance;
  /** Delivers it twice, each after its own delay; a call then runs twice, and its caller gets the first answer. */
  readonly duplicate?: Chance;
  /** Holds it back until another message of the same link overtakes it, for at most `reorderMs`. */
  readonly reorder?: Chance;
  /** Delays it by up to `delayMs`. */
  readonly delay?: Chance;
  /**
   * Partitions the network when it is sent, for up to `outageMs`: one node from all others, two halves, one direction,
   * or a pair.
   */
  readonly partition?: Chance;
  /** Makes its link hold back all messages from then on, for up to `outageMs`. */
  readonly hold?: Chance;
  /** Longest delay, in milliseconds; default 1,000. */
  readonly delayMs?: number;
  /**
   * Longest time that a message waits to be overtaken, in milliseconds, if that is not less than the least latency and
   * the time that its bytes take with `bytesPerMs`; default 1,000.
   */
  readonly reorderMs?: number;
  /** Longest partition or hold, in milliseconds; default 1,000. */
  readonly outageMs?: number;
  /**
   * Most strikes of all kinds on all links together, so that a run comes to an end; default 64, `Infinity` for no
   * limit.
   */
  readonly strikesMax?: number;
}

/** Options of the links of a network. */
export interface LinkOptions {
  /**
   * Latency in milliseconds: one number is fixed; of a pair, the exploration draws from the first up to, not including,
   * the second. Default 0.
   */
  readonly latencyMs?: number | readonly [leastMs: number, mostMs: number];
  /** Number of different latencies that can be drawn; default 8. */
  readonly latencySteps?: number;
  /**
   * True: messages of a link arrive in the order in which they were sent. Default false: a message with a shorter
   * latency overtakes.
   */
  readonly fifo?: boolean;
  /** Bandwidth of a link in bytes per millisecond; messages queue behind each other. Default: unlimited. */
  readonly bytesPerMs?: number;
  readonly faults?: LinkFaults;
}

/** Faults that last and affect more than one message. */
type OutageKind = 'hold' | 'partition';
/** Faults that affect one message alone. */
export type BriefFaultKind = Exclude<MessageFaultKind, 'hang'>;
/** Any fault that can strike when a message is sent. */
export type LinkFaultKind = OutageKind | BriefFaultKind;

const OUTAGES = ['hold', 'partition'] as const satisfies readonly OutageKind[];
const KINDS = [...OUTAGES, 'delay', 'reorder', 'duplicate', 'lose'] as const;
const TABLES = new RateTables<LinkFaultKind>(KINDS);
const LATENCY_STEPS = 8;
const FAULT_MS = 1_000;
const LENGTHS = 4;

/** Shape of {@link LinkFaults}. */
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

/** Shapes of the fields of {@link LinkOptions}. */
export const LINK_FIELDS: is.ShapesOf<LinkOptions> = {
  latencyMs: is.anyOf(
    'milliseconds, or the least and the most of them',
    is.DURATION_MS,
    is.listOf(is.DURATION_MS),
  ),
  latencySteps: is.integer(1),
  fifo: is.BOOLEAN,
  bytesPerMs: is.satisfying('a number > 0', (value) => typeof value === 'number' && value > 0),
  faults: LINK_FAULTS,
};

const LINK_OPTIONS = is.optionsOf<LinkOptions>({}, LINK_FIELDS);

/** Checks the options of one link; `name` is what the error calls them. */
export function checkLinkOptions(name: string, options: LinkOptions): void {
  check(name, options, LINK_OPTIONS);
}

function rateOf(faults: LinkFaults, kind: LinkFaultKind): number {
  const chance = faults[kind] ?? false;
  if (typeof chance === 'number') return 1 / chance;
  if (!chance) return 0;
  return 1 / (kind === 'hold' || kind === 'partition' ? FAULT_ODDS.linkOutageOneIn : FAULT_ODDS.linkOneIn);
}

/** Draws how long a fault lasts: one of four equal parts of `mostMs`, up to all of it. */
export function faultLength(choices: Choices, topic: Topic, mostMs: number): number {
  const msOf = (answer: number): number => microsecondsOf((mostMs * (answer + 1)) / LENGTHS) / 1000;
  return msOf(choices.choose(topic.asks('delay'), LENGTHS, msOf));
}

/** Strikes left, shared by all links that count together. */
interface StrikeBudget {
  left: number;
}

/** Asks which fault strikes a message of a link. */
class LinkFaultTable {
  readonly #all: RateTable<LinkFaultKind> | undefined;
  /** Used while a partition or hold is in force: no second one begins. */
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

  /** The fault that strikes this message; undefined for none. */
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

/** Undefined for a partition or hold: which nodes it affects is decided later, and the trace says it then. */
function wordsOf(kind: LinkFaultKind | undefined, envelope: Envelope): string | undefined {
  if (kind === undefined) return '';
  if (kind === 'hold' || kind === 'partition') return undefined;
  return messageFaultText(kind, envelopeText(envelope), envelope.from);
}

/** Link options with defaults applied. */
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

  /**
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for latencies out of order, and chances that add up to more than 1.
   */
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
    this.#options = is.only(LINK_FIELDS, options);
    this.#budget = budget;
  }

  /** These settings with `own` over them. Unless `own` sets `strikesMax`, the link shares the budget of all links. */
  with(own: LinkOptions): LinkSettings {
    const budget = own.faults?.strikesMax === undefined ? [this.#budget] : [];
    return new LinkSettings({ ...this.#options, ...is.only(LINK_FIELDS, own) }, ...budget);
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
