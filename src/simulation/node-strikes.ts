/**
 * Faults of a node that the exploration decides: whether it crashes, pauses or becomes slow at an event of its process
 * or a call, and for how long. Invariants: at most one of these faults is in force; it ends by itself, when faults end,
 * or with the node; the number of strikes is bounded, so that faults cannot keep a run from ending.
 */
import * as is from '../kernel/shape.ts';
import type { Timer } from '../kernel/clock.ts';
import { choosesFault, type DescribeAnswer, isEndOfExecution } from '../kernel/decisions.ts';
import { Topic, topicOf } from '../kernel/question.ts';
import { type CrashKind, nodeFaultText } from '../model/faults.ts';
import { DelayDraw } from '../network/chaos-delay.ts';
import { type RateTable, RateTables } from '../network/rate-table.ts';
import type { SimulatedWorld } from './simulation.ts';
import { CHANCE_OR_SWITCH } from './scenario-faults.ts';
import { FAULT_ODDS } from '../model/odds.ts';

/**
 * When a fault may strike: just before an event of the process, when something arrives, or before a call is answered.
 * What arrives counts as a call if the next process takes it as well, and as an answer if it is for the present one
 * alone.
 */
export type Moment = 'event' | 'callArrives' | 'answerArrives' | 'answerLeaves';
/** Describes the call or answer of a moment, given its `about` value. */
export type MomentWords = (about: unknown) => string;

/**
 * Faults that the exploration may inject into a node: at one in this many events and calls (≥ 2), or `true` for one in
 * 16. A fault that is absent does not happen.
 */
export interface NodeFaults {
  /**
   * The node crashes, and restarts after less than `downMsMax`. If the crash strikes as a call or message arrives, the
   * node may be back by then, and the new process takes it: in one of two such crashes.
   */
  readonly crash?: number | boolean;
  /** The process pauses, and resumes after less than `pauseMsMax`. */
  readonly pause?: number | boolean;
  /** The node becomes slow by `slowFactor`, for less than `slowMsMax`. */
  readonly slow?: number | boolean;
  /** Upper limit of the downtime in milliseconds; default 1,000. */
  readonly downMsMax?: number;
  /** Upper limit of a pause in milliseconds; default 1,000. */
  readonly pauseMsMax?: number;
  /** Upper limit in milliseconds for which the node is slow; default 10,000. */
  readonly slowMsMax?: number;
  /** Factor by which timers take longer while the node is slow; default 10. */
  readonly slowFactor?: number;
  /** Maximum number of strikes of all kinds together, so that a run ends; default 4, `Infinity` for no limit. */
  readonly strikesMax?: number;
}

/** Argument shape of a slow factor: at least the usual duration. */
export const SLOW_BY: is.NumberShape = is.finite(1);
/** Argument shape of {@link NodeFaults}. */
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

/** The node that faults strike. */
export interface StrikeTarget {
  readonly name: string;
  /** What a crash takes down now: the whole machine or the process. */
  readonly crashKind: CrashKind;
  /**
   * Changes with every call that starts, pauses or ends the process, also if it is already so, so that an outdated
   * recovery can be recognized.
   */
  readonly changes: number;
  crash(): void;
  /** Restarts after the downtime of a crash. */
  recover(): void;
  pause(): void;
  resume(): void;
  /** Makes it slow by at least `factor`, until a call with 1, or the owner of the node says how slow it is. */
  slowByFault(factor: number): void;
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

/** The question whether a node is back from a crash as a call arrives. */
const BACK = 'back';
/** The question about several kinds of fault. */
const STRIKE = 'strike';
const SLOW_FACTOR = 10;
const OUTAGE_MS_MAX = 1_000;
const SLOW_MS_MAX = 10_000;
const DURATIONS = 4;

/** True if any of these faults can happen. */
export function canStrike({ crash = false, pause = false, slow = false }: NodeFaults): boolean {
  return crash !== false || pause !== false || slow !== false;
}

/** In a question about several kinds, the most severe has the highest answer, which sweeps try first. */
const TABLES = new RateTables<Kind>(['slow', 'pause', 'crash']);

/** Injects the faults of one node. */
export class NodeStrikes {
  readonly #world: SimulatedWorld;
  readonly #target: StrikeTarget;
  readonly #strikes: readonly Strike[];
  /** The table of a question that covers several kinds; undefined if each kind has its own question. */
  readonly #table: RateTable<Kind> | undefined;
  #left: number;
  #recovery: Recovery | undefined;
  #isArmed = true;

  /**
   * With `isAskedOnce`, one question per moment covers several kinds: `NODE strike at MOMENT fault`.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for faults that cannot be left out, or times and factors out of
   * range.
   */
  constructor(world: SimulatedWorld, target: StrikeTarget, faults: NodeFaults, isAskedOnce: boolean) {
    this.#world = world;
    this.#target = target;
    this.#left = faults.strikesMax ?? FAULT_ODDS.nodeStrikesMax;
    this.#strikes = makeStrikes(world, faults);
    if (isAskedOnce && this.#strikes.length > 1) this.#table = TABLES.of('faults', ratesOf(this.#strikes));
  }

  /**
   * A moment at which a fault may strike; injects it if so. If `what` does not say what arrives or is answered,
   * `words(about)` does.
   */
  at(moment: Moment, what: Topic, words?: MomentWords, about?: unknown): void {
    if (!this.#isArmed || this.#left === 0 || this.#recovery !== undefined) return;
    if (this.#table === undefined) this.#askEach(moment, what, words, about);
    else this.#askOnce(moment, what, words, about);
  }

  #askEach(moment: Moment, what: Topic, words: MomentWords | undefined, about: unknown): void {
    const { name } = this.#target;
    for (const strike of this.#strikes) {
      const { topic } = strikeAt(name, strike.kind, moment, what);
      const { crashKind } = this.#target;
      const text = (): string =>
        `${strikeText(strike.kind, name, crashKind)} ${momentText(moment, what, name, words, about)}`;
      if (!choosesFault(this.#world.choices, topic, strike.oneIn, text)) continue;
      this.#strike(strike, topic, moment, () => callText(what, words, about));
      return;
    }
  }

  #askOnce(moment: Moment, what: Topic, words: MomentWords | undefined, about: unknown): void {
    const table = this.#table as RateTable<Kind>;
    const { name, crashKind } = this.#target;
    const asked = strikeAt(name, STRIKE, moment, what);
    const when = (): string => momentText(moment, what, name, words, about);
    const describe =
      words === undefined
        ? asked.describes(table, crashKind, when)
        : describeStrikes(table, name, crashKind, when);
    const kind = table.kindOf(this.#world.choices.choose(asked.topic.asks('fault'), table.n, describe));
    if (kind === undefined) return;
    const strike = this.#strikes.find((one) => one.kind === kind) as Strike;
    this.#strike(strike, strikeAt(name, kind, moment, what).topic, moment, () =>
      callText(what, words, about),
    );
  }

  /**
   * Injects a fault. After a crash that strikes as a call arrives, the node may be back before the call, as if it had
   * crashed while it was idle: then the next process takes the call. Crash and restart happen now, as after a downtime
   * of 0 ms, which is always possible.
   */
  #strike(strike: Strike, topic: Topic, moment: Moment, call: () => string): void {
    const { name, crashKind } = this.#target;
    const words = (): string =>
      `${strikeText(strike.kind, name, crashKind)} and restarts before ${call()} arrives`;
    const isBack =
      strike.kind === 'crash' &&
      moment === 'callArrives' &&
      choosesFault(this.#world.choices, topic.plus(BACK), FAULT_ODDS.nodeBackOneIn, words);
    this.#begin(strike, topic, isBack);
  }

  /** Ends the fault in force, and injects no more. */
  heal(): void {
    this.#isArmed = false;
    const recovery = this.#recovery;
    recovery?.timer.cancel();
    recovery?.end();
  }

  /** Injects no more faults, and leaves the current state as it is. */
  release(): void {
    this.#isArmed = false;
    this.#recovery?.timer.cancel();
    this.#recovery = undefined;
  }

  #begin(strike: Strike, topic: Topic, isBack: boolean): void {
    const target = this.#target;
    this.#left -= 1;
    // A strike that a listener has undone at once must not be ended again.
    const changes = target.changes + 1;
    strike.begin(target);
    const end = (): void => {
      this.#recovery = undefined;
      // The scenario may have changed the node itself in the meantime.
      if (strike.kind === 'slow' || target.changes === changes) strike.end(target);
    };
    // A listener to the crash may have ended all faults, or the node: then nothing ends the strike later.
    if (isBack || !this.#isArmed) {
      this.#endNow(end, topic);
      return;
    }
    const ms = strike.duration.draw(() => topic);
    this.#recovery = { timer: this.#world.clock.timer(topic.plus('end'), ms, end), end };
  }

  /**
   * The caller whose call arrives must not catch what the start throws: it fails in an event, as after any downtime.
   */
  #endNow(end: () => void, topic: Topic): void {
    try {
      end();
    } catch (error) {
      if (isEndOfExecution(error)) throw error;
      this.#world.clock.timer(topic.plus('end'), 0, () => {
        throw error;
      });
    }
  }
}

/** True for the question whether a node is back from a crash as a call arrives. */
export function asksIfBack({ what, subject }: Topic): boolean {
  return what === BACK && subject instanceof Topic && subject.what === ('crash' satisfies Kind);
}

/**
 * True if the question `asked` has decided the crash from which the node may be back, according to the question `back`.
 */
export function hasDecidedCrash(asked: Topic, back: Topic): boolean {
  const { subject: crash } = back;
  if (!asksIfBack(back) || !(crash instanceof Topic)) return false;
  const isOfCrashes = asked.what === STRIKE || asked.what === ('crash' satisfies Kind);
  return isOfCrashes && asked.owner === crash.owner && asked.subject === crash.subject;
}

/** Words for events of a process that belong to its machine or disk, given the subject. */
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

function momentText(
  moment: Moment,
  what: Topic,
  node: string,
  words: MomentWords | undefined,
  about: unknown,
): string {
  if (moment === 'event') return `just before ${eventText(what, node)}`;
  const call = callText(what, words, about);
  return moment === 'answerLeaves' ? `before it answers ${call}` : `as ${call} arrives`;
}

function callText(what: Topic, words: MomentWords | undefined, about: unknown): string {
  return words === undefined ? callWords(what) : words(about);
}

/** A call to a node, as text without the node's name. */
export function callWords({ what, subject }: Topic): string {
  return topicOf(subject === '' ? what : { owner: what, what: '', subject }).text;
}

/** Describes the answers of a question that covers several kinds. */
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

/** One question about a fault at a moment. */
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

  /** Cached, because for most moments the words depend on the topic alone. */
  describes(table: RateTable<Kind>, crashKind: CrashKind, when: () => string): DescribeAnswer {
    if (this.#table !== table || this.#crashKind !== crashKind || this.#describe === undefined) {
      this.#table = table;
      this.#crashKind = crashKind;
      this.#describe = describeStrikes(table, this.owner, crashKind, when);
    }
    return this.#describe;
  }
}

/** Cached questions by moment and topic; most topics recur with every event, and in every execution. */
const askedStrikes: Readonly<Record<Moment, WeakMap<Topic, AskedStrike[]>>> = {
  event: new WeakMap(),
  callArrives: new WeakMap(),
  answerArrives: new WeakMap(),
  answerLeaves: new WeakMap(),
};

function strikeAt(owner: string, what: string, moment: Moment, at: Topic): AskedStrike {
  const known = askedStrikes[moment].get(at);
  for (const asked of known ?? []) if (asked.what === what && asked.owner === owner) return asked;
  const asked = new AskedStrike(owner, what, moment === 'answerLeaves' ? at.plus('reply') : at);
  if (known === undefined) askedStrikes[moment].set(at, [asked]);
  else known.push(asked);
  return asked;
}

/** The probability of each kind as if asked one after another; for rare faults the plain rates are close enough. */
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
    ...make('slow', slowMsMax, {
      begin: (node) => node.slowByFault(slowFactor),
      end: (node) => node.slowByFault(1),
    }),
  ];
}
