/**
 * Faults of a node that the exploration decides: at each event of its process and each call, whether it crashes, stops or becomes slow,
 * and for how long. Invariants: at most one fault of these is in force, and it ends by itself, when faults end, or with the node; the
 * number of strikes is bounded, so that a run cannot be kept from its end for ever.
 */
import * as is from '../kernel/shape.ts';
import type { Timer } from '../kernel/clock.ts';
import { choosesFault } from '../kernel/decisions.ts';
import { topicOf, type Topic } from '../kernel/question.ts';
import { nodeFaultText } from '../model/faults.ts';
import { DelayDraw } from '../network/chaos-delay.ts';
import type { SimulatedWorld } from './simulation.ts';
import { CHANCE_OR_SWITCH } from './scenario-faults.ts';

/** When something may strike: just before an event of the process, as a call arrives, or before it is answered. */
export type Moment = 'event' | 'call' | 'reply';

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
  /** Changes with every verb, so that an end that comes too late can be recognized. */
  readonly changes: number;
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
  topicAt(moment: Moment, what: Topic): Topic;
  begin(target: StrikeTarget): void;
  end(target: StrikeTarget): void;
}

interface Recovery {
  readonly timer: Timer;
  readonly end: () => void;
}

const ONE_IN = 16;
const STRIKES_MAX = 4;
const SLOW_FACTOR = 10;
const OUTAGE_MS_MAX = 1_000;
const SLOW_MS_MAX = 10_000;
const DURATIONS = 4;

/** Whether any of them can happen. */
export function canStrike({ crash = false, pause = false, slow = false }: NodeFaults): boolean {
  return crash !== false || pause !== false || slow !== false;
}

/** The strikes against one node. */
export class NodeStrikes {
  readonly #world: SimulatedWorld;
  readonly #target: StrikeTarget;
  readonly #strikes: readonly Strike[];
  #left: number;
  #recovery: Recovery | undefined;
  #isOver = false;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for faults that cannot be left out, or times and factors out of range. */
  constructor(world: SimulatedWorld, target: StrikeTarget, faults: NodeFaults) {
    this.#world = world;
    this.#target = target;
    this.#left = faults.strikesMax ?? STRIKES_MAX;
    this.#strikes = makeStrikes(world, target.name, faults);
  }

  /** A moment at which something may strike, and what happens then. */
  at(moment: Moment, what: Topic, momentWords?: () => string): void {
    if (this.#isOver || this.#left === 0 || this.#recovery !== undefined) return;
    const { name } = this.#target;
    for (const strike of this.#strikes) {
      const topic = strike.topicAt(moment, what);
      const words = (): string =>
        `${nodeFaultText(strike.kind, name)} ${momentWords?.() ?? momentText(moment, what, name)}`;
      if (!choosesFault(this.#world.choices, topic, strike.oneIn, words)) continue;
      this.#begin(strike, topic);
      return;
    }
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
    // One that somebody has already put right, as it began, is not to be ended.
    const changes = target.changes + 1;
    strike.begin(target);
    const end = (): void => {
      this.#recovery = undefined;
      // The scenario may have set the node right, or wrong, by itself meanwhile.
      if (target.changes === changes) strike.end(target);
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

/** What is asked at each moment; made once for each that comes again, as most of them do with every event. */
function strikeTopics(owner: string, what: string): Strike['topicAt'] {
  const make = (): WeakMap<Topic, Topic> => new WeakMap<Topic, Topic>();
  const known = { event: make(), call: make(), reply: make() };
  return (moment, at) => {
    let topic = known[moment].get(at);
    if (topic === undefined) {
      topic = topicOf({ owner, what, subject: moment === 'reply' ? at.plus('reply') : at });
      known[moment].set(at, topic);
    }
    return topic;
  };
}

function makeStrikes({ choices }: SimulatedWorld, name: string, faults: NodeFaults): Strike[] {
  const { slowFactor = SLOW_FACTOR } = faults;
  const { downMsMax = OUTAGE_MS_MAX, pauseMsMax = OUTAGE_MS_MAX, slowMsMax = SLOW_MS_MAX } = faults;
  const make = (kind: Kind, msMax: number, effect: Pick<Strike, 'begin' | 'end'>): Strike[] => {
    const chance = faults[kind] ?? false;
    const duration = new DelayDraw(choices, msMax, DURATIONS);
    if (chance === false) return [];
    const oneIn = chance === true ? ONE_IN : chance;
    const topicAt = strikeTopics(name, kind);
    return [{ kind, oneIn, duration, topicAt, ...effect }];
  };
  return [
    ...make('crash', downMsMax, { begin: (node) => node.crash(), end: (node) => node.recover() }),
    ...make('pause', pauseMsMax, { begin: (node) => node.pause(), end: (node) => node.resume() }),
    ...make('slow', slowMsMax, { begin: (node) => node.slow(slowFactor), end: (node) => node.slow(1) }),
  ];
}
