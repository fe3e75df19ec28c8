/**
 * Faults of a node that the exploration decides: at each event of its process and each call, whether it crashes, stops or becomes slow,
 * and for how long. Invariants: at most one fault of these is in force, and it ends by itself, when faults end, or with the node; the
 * number of strikes is bounded, so that a run cannot be kept from its end for ever.
 */
import * as is from '../kernel/shape.ts';
import type { Timer } from '../kernel/clock.ts';
import { choosesFault, type DescribeAnswer } from '../kernel/decisions.ts';
import { topicOf, type Topic } from '../kernel/question.ts';
import { type CrashKind, nodeFaultText } from '../model/faults.ts';
import { DelayDraw } from '../network/chaos-delay.ts';
import { type RateTable, RateTables } from '../network/rate-table.ts';
import type { SimulatedWorld } from './simulation.ts';
import { CHANCE_OR_SWITCH } from './scenario-faults.ts';
import { FAULT_ODDS } from '../model/odds.ts';

/** When something may strike: just before an event of the process, as a call arrives, or before it is answered. */
export type Moment = 'event' | 'call' | 'reply';
/** Says of what is given beside it when that is. */
export type MomentWords = (about: unknown) => string;

/** What the exploration may do to a node: at one in so many events and calls, which is ≥ 2, or `true` for one in 16. What is absent does not happen. */
export interface NodeFaults {
  /** It crashes, and restarts after less than `downMsMax`. */
  readonly crash?: number | boolean;
  /** It stops, and goes on after less than `pauseMsMax`. */
  readonly pause?: number | boolean;
  /** It becomes slow by `slowFactor`, for less than `slowMsMax`. */
  readonly slow?: number | boolean;
  /** Default 1,000. */
  readonly downMsMax?: number;
  /** Default 1,000. */
  readonly pauseMsMax?: number;
  /** Default 10,000. */
  readonly slowMsMax?: number;
  /** Default 10. */
  readonly slowFactor?: number;
  /** Strikes at most, of all kinds together, so that a run comes to its end; default 4, `Infinity` for no bound. */
  readonly strikesMax?: number;
}

/** At least as slow as ever. */
export const SLOW_BY: is.NumberShape = is.finite(1);
/** See {@link NodeFaults}. */
export const NODE_FAULTS: is.RecordShape = is.closed(
  is.objectOf<NodeFaults>(
    'an object of faults',
    {},
    {
      ...is.each(['crash', 'pause', 'slow'], CHANCE_OR_SWITCH),
      ...is.each(['downMsMax', 'pauseMsMax', 'slowMsMax'], is.DURATION_MS),
      slowFactor: SLOW_BY,
      strikesMax: is.COUNT_OR_INFINITY,
    },
  ),
);

/** What strikes can do. */
export interface StrikeTarget {
  readonly name: string;
  /** What a crash of it is now. */
  readonly crashKind: CrashKind;
  /** Changes with every verb that starts, stops or ends it, so that an end that comes too late can be recognized. */
  readonly changes: number;
  /** The same for how slow it is. */
  readonly speedChanges: number;
  crash(): void;
  /** Starts again after a crash that is over. */
  recover(): void;
  pause(): void;
  resume(): void;
  slow(factor: number): void;
}

type Kind = 'crash' | 'pause' | 'slow';

interface Strike {
  readonly kind: Kind;
  readonly oneIn: number;
  readonly duration: DelayDraw;
  begin(target: StrikeTarget): void;
  end(target: StrikeTarget): void;
}

interface Recovery {
  readonly timer: Timer;
  readonly end: () => void;
}

const SLOW_FACTOR = 10;
const OUTAGE_MS_MAX = 1_000;
const SLOW_MS_MAX = 10_000;
const DURATIONS = 4;

/** Whether any of them can happen. */
export function canStrike({ crash = false, pause = false, slow = false }: NodeFaults): boolean {
  return crash !== false || pause !== false || slow !== false;
}

/** Of several in one question the gravest has the highest answer, which sweeps try first. */
const TABLES = new RateTables<Kind>(['slow', 'pause', 'crash']);

/** The strikes against one node. */
export class NodeStrikes {
  readonly #world: SimulatedWorld;
  readonly #target: StrikeTarget;
  readonly #strikes: readonly Strike[];
  /** What one question asks for; undefined if each kind has one of its own. */
  readonly #table: RateTable<Kind> | undefined;
  #left: number;
  #recovery: Recovery | undefined;
  #isOver = false;

  /**
   * With `isAskedOnce`, several kinds are the answers of one question at each moment, `NODE strike at MOMENT fault`.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for faults that cannot be left out, or times and factors out of range.
   */
  constructor(world: SimulatedWorld, target: StrikeTarget, faults: NodeFaults, isAskedOnce: boolean) {
    this.#world = world;
    this.#target = target;
    this.#left = faults.strikesMax ?? FAULT_ODDS.nodeStrikesMax;
    this.#strikes = makeStrikes(world, faults);
    if (isAskedOnce && this.#strikes.length > 1) this.#table = TABLES.of('faults', ratesOf(this.#strikes));
  }

  /** A moment at which something may strike, and what happens then; `words` of `about` say when that is, if `what` does not. */
  at(moment: Moment, what: Topic, words?: MomentWords, about?: unknown): void {
    if (this.#isOver || this.#left === 0 || this.#recovery !== undefined) return;
    if (this.#table === undefined) this.#askEach(moment, what, words, about);
    else this.#askOnce(moment, what, words, about);
  }

  #askEach(moment: Moment, what: Topic, words: MomentWords | undefined, about: unknown): void {
    const { name } = this.#target;
    for (const strike of this.#strikes) {
      const { topic } = strikeAt(name, strike.kind, moment, what);
      const { crashKind } = this.#target;
      const text = (): string => {
        const when = words === undefined ? momentText(moment, what, name) : words(about);
        return `${strikeText(strike.kind, name, crashKind)} ${when}`;
      };
      if (!choosesFault(this.#world.choices, topic, strike.oneIn, text)) continue;
      this.#begin(strike, topic);
      return;
    }
  }

  #askOnce(moment: Moment, what: Topic, words: MomentWords | undefined, about: unknown): void {
    const table = this.#table as RateTable<Kind>;
    const { name, crashKind } = this.#target;
    const asked = strikeAt(name, 'strike', moment, what);
    let describe: DescribeAnswer;
    if (words === undefined) {
      describe = asked.describes(table, crashKind, () => momentText(moment, what, name));
    } else describe = describeStrikes(table, name, crashKind, () => words(about));
    const kind = table.kindOf(this.#world.choices.choose(asked.topic.asks('fault'), table.n, describe));
    if (kind === undefined) return;
    const strike = this.#strikes.find((one) => one.kind === kind) as Strike;
    this.#begin(strike, strikeAt(name, kind, moment, what).topic);
  }

  /** Ends what is in force now, and strikes no more. */
  heal(): void {
    this.#isOver = true;
    const recovery = this.#recovery;
    recovery?.timer.cancel();
    recovery?.end();
  }

  /** Strikes no more, and leaves things as they are. */
  release(): void {
    this.#isOver = true;
    this.#recovery?.timer.cancel();
    this.#recovery = undefined;
  }

  #begin(strike: Strike, topic: Topic): void {
    const target = this.#target;
    this.#left -= 1;
    const changesNow = (): number => (strike.kind === 'slow' ? target.speedChanges : target.changes);
    // One that somebody has already put right, as it began, is not to be ended.
    const changes = changesNow() + 1;
    strike.begin(target);
    const end = (): void => {
      this.#recovery = undefined;
      // The scenario may have set the node right, or wrong, by itself meanwhile.
      if (changesNow() === changes) strike.end(target);
    };
    const ms = strike.duration.draw(() => topic);
    this.#recovery = { timer: this.#world.clock.timer(topic.plus('end'), ms, end), end };
  }
}

/** Events of a process that are the machine's or the disk's, as what happens then. */
const OWN_EVENTS: Readonly<Record<string, (subject: string) => string>> = {
  start: () => 'it starts',
  stop: () => 'it stops',
  sleep: () => 'it wakes',
  read: (file) => `it has read ${file}`,
  write: (file) => `it has written ${file}`,
  append: (file) => `it has appended to ${file}`,
  sync: (file) => `it has synced ${file === '' ? 'its names' : file}`,
  rename: (file) => `it has renamed ${file}`,
  remove: (file) => `it has removed ${file}`,
  list: (folder) => `it has listed ${folder === '' ? 'its files' : folder}`,
};

function eventText({ owner, what, subject, text }: Topic, node: string): string {
  const words = owner === node && Object.hasOwn(OWN_EVENTS, what) ? OWN_EVENTS[what] : undefined;
  return words === undefined ? `"${text}"` : words(typeof subject === 'string' ? subject : subject.text);
}

function momentText(moment: Moment, what: Topic, node: string): string {
  if (moment === 'event') return `just before ${eventText(what, node)}`;
  return moment === 'reply' ? `before it answers ${callWords(what)}` : `as ${callWords(what)} arrives`;
}

/** A call to a node without the name of the node. */
export function callWords({ what, subject }: Topic): string {
  return topicOf(subject === '' ? what : { owner: what, what: '', subject }).text;
}

/** What the answers of a question mean that asks for several kinds. */
function describeStrikes(
  table: RateTable<Kind>,
  node: string,
  crashKind: CrashKind,
  when: () => string,
): DescribeAnswer {
  const describe = (answer: number): string => {
    const kind = table.kindOf(answer);
    return kind === undefined ? '' : `${strikeText(kind, node, crashKind)} ${when()}`;
  };
  describe.faults = table.faults;
  return describe;
}

function strikeText(kind: Kind, node: string, crashKind: CrashKind): string {
  return nodeFaultText(kind === 'crash' ? crashKind : kind, node);
}

/** What is asked at a moment. */
class AskedStrike {
  readonly owner: string;
  readonly what: string;
  readonly topic: Topic;
  #table: RateTable<Kind> | undefined;
  #crashKind: CrashKind | undefined;
  #describe: DescribeAnswer | undefined;

  constructor(owner: string, what: string, subject: Topic) {
    this.owner = owner;
    this.what = what;
    this.topic = topicOf({ owner, what, subject });
  }

  /** Made once for a moment whose words depend on its topic alone. */
  describes(table: RateTable<Kind>, crashKind: CrashKind, when: () => string): DescribeAnswer {
    if (this.#table !== table || this.#crashKind !== crashKind || this.#describe === undefined) {
      this.#table = table;
      this.#crashKind = crashKind;
      this.#describe = describeStrikes(table, this.owner, crashKind, when);
    }
    return this.#describe;
  }
}

/** By what happens then; most of that comes again with every event, and in every execution. */
const askedStrikes: Readonly<Record<Moment, WeakMap<Topic, AskedStrike[]>>> = {
  event: new WeakMap(),
  call: new WeakMap(),
  reply: new WeakMap(),
};

function strikeAt(owner: string, what: string, moment: Moment, at: Topic): AskedStrike {
  const known = askedStrikes[moment].get(at);
  for (const asked of known ?? []) if (asked.what === what && asked.owner === owner) return asked;
  const asked = new AskedStrike(owner, what, moment === 'reply' ? at.plus('reply') : at);
  if (known === undefined) askedStrikes[moment].set(at, [asked]);
  else known.push(asked);
  return asked;
}

/** How likely each is if one is asked about after another; of rare ones that is as good as their sum. */
function ratesOf(strikes: readonly Strike[]): Partial<Record<Kind, number>> {
  const rates: Partial<Record<Kind, number>> = {};
  const isRare = strikes.reduce((sum, { oneIn }) => sum + 1 / oneIn, 0) < 1;
  let spared = 1;
  for (const { kind, oneIn } of strikes) {
    rates[kind] = spared / oneIn;
    if (!isRare) spared *= 1 - 1 / oneIn;
  }
  return rates;
}

function makeStrikes({ choices }: SimulatedWorld, faults: NodeFaults): Strike[] {
  const { slowFactor = SLOW_FACTOR } = faults;
  const { downMsMax = OUTAGE_MS_MAX, pauseMsMax = OUTAGE_MS_MAX, slowMsMax = SLOW_MS_MAX } = faults;
  const make = (kind: Kind, msMax: number, effect: Pick<Strike, 'begin' | 'end'>): Strike[] => {
    const chance = faults[kind] ?? false;
    const duration = new DelayDraw(choices, msMax, DURATIONS);
    if (chance === false) return [];
    const oneIn = chance === true ? FAULT_ODDS.nodeOneIn : chance;
    return [{ kind, oneIn, duration, ...effect }];
  };
  return [
    ...make('crash', downMsMax, { begin: (node) => node.crash(), end: (node) => node.recover() }),
    ...make('pause', pauseMsMax, { begin: (node) => node.pause(), end: (node) => node.resume() }),
    ...make('slow', slowMsMax, { begin: (node) => node.slow(slowFactor), end: (node) => node.slow(1) }),
  ];
}
