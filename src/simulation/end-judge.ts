/**
 * Judges a simulation in which nothing failed while it ran: whether it came to its end, and whether it left anything
 * behind. Invariant: judging changes nothing, apart from `clearRealTimers`, after it.
 */
import { AwaitWatch } from '../kernel/drain-awaits.ts';
import { ResourcesSince } from '../kernel/drain-host.ts';
import { OutsideWatch, outsideWord } from '../kernel/drain-resources.ts';
import type { SetTimerCall } from '../kernel/drain-set-timers.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import { counted } from '../model/plural.ts';
import { type FailureFact, factText, placedAt, plainFact, withoutRepeats } from './failure-fact.ts';
import type { ResourceLedger } from './resource-ledger.ts';
import { SCENARIO_FLOWS } from './scenario-flow.ts';
import type { AmbientLeftover, AmbientSession, AmbientTimerKind, ProcessLeftover } from './ambience.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { SCENARIO_SLEEP } from './simulation.ts';
import type { Failure, FailureKind, Standstill } from './verdict.ts';

/** Notes a failure; only the first one counts. */
export type NoteFailure = (kind: FailureKind, message: string, more?: KnownOfFailure) => void;

/** Optional facts about a failure in addition to its kind and message. */
export interface KnownOfFailure extends Partial<Pick<Failure, 'rule' | 'atMs' | 'cause' | 'standstill'>> {
  readonly facts?: readonly FailureFact[];
}

/** Maximum number of pending events, and of held resources, in a report. */
export const SHOWN_MAX = 20;
/** Maximum number of awaits in a report: several tasks of a scenario may wait, each at a different place. */
const AWAITS_SHOWN_MAX = 4;
/** The machine's own name for a timer. */
const TIMER = 'Timeout';
const IMMEDIATE = 'Immediate';
/**
 * Resources that are alive while Node reads or closes the file of a module, or while a loader such as that of TypeScript
 * answers from its thread.
 */
const LOADING = /^(?:FSReq|CloseReq|MessagePort)/;
/** Maximum number of looks while a module loads; each takes about a millisecond of real time. */
const LOADING_LOOKS_MAX = 5_000;
const NOT_ENDED = 'the scenario has not ended';
const PERIODIC = 'Stall: nothing but periodic work fires';
const STANDS_STILL = 'Stall: time does not advance, because what fires is due again at once';
const IN_VIRTUAL_TIME =
  'use sim.sleep or the clock of the world or node, or options: { ambient: ambientTime() } of the scenario';
const NO_TIMER = `virtual time does not wait for a real timer: ${IN_VIRTUAL_TIME}`;
const NO_IMMEDIATE = `virtual time does not wait for an immediate: ${IN_VIRTUAL_TIME}`;
const MAY_IMPORT =
  'if it waits for an import(): that takes real time, so import the module at the top of its file, or let sim.load load it';
const MORE_EVENTS = 'if this ends by itself, state maxEvents, which then is the only limit';
/** What Node calls the things that these set. */
const SET_BY: Readonly<Record<AmbientTimerKind, string>> = {
  setTimeout: 'timeout',
  setInterval: 'interval',
  setImmediate: 'immediate',
};
const LEFTOVERS_REMEDY: FailureFact = {
  kind: 'remedy',
  text: "clear, await or release what is left before the scenario ends, or allow it with the option leftovers: 'ignore'",
};
/** Explains a standstill by the kind of its wait; takes the number of held or awaited things. */
const WAIT_WORDS: Readonly<Record<Standstill['wait'], (count: number) => string>> = {
  circle: () => 'there is a circular wait',
  held: (count) => `${NOT_ENDED}. Still held or awaited: ${counted(count, 'resource')}`,
  unknown: () => 'the scenario awaits a promise that nothing is left to settle',
};

/** Message about real timers, and immediates, that a scenario left behind. */
export function leftTimersText(timers: number, immediates = 0): string {
  const left = [
    ...(timers > 0 ? [`${counted(timers, 'real timer')} of the machine (setTimeout or setInterval)`] : []),
    ...(immediates > 0 ? [`${counted(immediates, 'immediate')} of the machine (setImmediate)`] : []),
  ];
  return `The scenario has ended and left ${left.join(' and ')}`;
}

/** Other parts of the simulation that the judge asks. */
interface JudgedParts {
  /** What the nodes do and wait for, one line each. */
  readonly machines: () => readonly string[];
  /** True while code of the simulation runs. */
  readonly isRunning: () => boolean;
}

/** Judges by what is pending and held. */
export class EndJudge {
  readonly #clock: VirtualClock;
  readonly #ledger: ResourceLedger;
  readonly #fail: NoteFailure;
  readonly #machines: () => readonly string[];
  /** The machine resources created since the simulation began that keep the process alive. */
  readonly #alive: ResourcesSince;
  #timersLeft: readonly SetTimerCall[] = [];
  readonly #capturesAwaits: boolean;
  readonly #isAmbient: boolean;
  readonly #capturesOutside: boolean;
  #awaits: AwaitWatch | undefined;
  #outside: OutsideWatch | undefined;
  #session: AmbientSession | undefined;
  #loadingLooks = 0;
  /** What the scenario left behind, in a few words; undefined if it left nothing, or leftovers are ignored. */
  left: string | undefined;

  constructor(
    clock: VirtualClock,
    ledger: ResourceLedger,
    {
      captureAwaits = false,
      captureOutside = false,
      ambient,
    }: Pick<SimulateOptions, 'captureAwaits' | 'captureOutside' | 'ambient'>,
    fail: NoteFailure,
    { machines, isRunning }: JudgedParts,
  ) {
    this.#machines = machines;
    this.#capturesAwaits = captureAwaits;
    this.#capturesOutside = captureOutside;
    this.#isAmbient = ambient !== undefined;
    this.#alive = new ResourcesSince(this.#isAmbient ? undefined : isRunning);
    this.#clock = clock;
    this.#ledger = ledger;
    this.#fail = fail;
  }

  /** Starts to watch where the scenario awaits, if `captureAwaits` is set. */
  begin(session: AmbientSession | undefined): void {
    this.#session = session;
    if (this.#capturesAwaits) this.#awaits = new AwaitWatch(SCENARIO_FLOWS);
  }

  /** Called when the scenario starts, inside the drain. */
  noteStart(): void {
    this.#alive.begin();
    if (this.#capturesOutside) this.#outside = new OutsideWatch();
  }

  /** Called when the scenario has ended, inside the drain, so that no real timer fires before it is noticed. */
  noteEnd(): void {
    this.#timersLeft = this.#alive.timers();
  }

  /** Ends the watches; what they have seen stays available. */
  stop(): void {
    this.#awaits?.stop();
    this.#outside?.stop();
    this.#alive.end();
  }

  /**
   * Called after every end, also one that is not judged: real timers of the scenario, also those that keep no process
   * alive, would fire during a later one, where nothing guards their code.
   */
  clearRealTimers(): void {
    this.#alive.clearTimers();
  }

  /** Everything that is held, awaited or pending now. */
  describeState(): FailureFact[] {
    return [...this.#ledger.describe(SHOWN_MAX), ...plainFacts(this.#machines()), ...this.#pendingEvents()];
  }

  /**
   * True if nothing is queued and a real timer of the scenario runs, or an immediate is to come: whether it comes before
   * the next look would be chance, and so would be what is noticed of all that the code after it sets.
   */
  waitsForRealTimer(): boolean {
    const kinds = this.#kindsAlive();
    if (kinds.length === 0) this.#alive.noteStill();
    return kinds.includes(TIMER) || (!this.#isAmbient && this.#hasImmediates());
  }

  /** True if a module is being loaded, or may be: Node reads files, or another thread is to answer. */
  isLoading(): boolean {
    return this.#loading().length > 0 || this.#kindsAlive().some((kind) => LOADING.test(kind));
  }

  /** As {@link isLoading}, if nothing is queued. Limited to {@link LOADING_LOOKS_MAX} looks. */
  waitsForLoading(): boolean {
    if (this.#loadingLooks >= LOADING_LOOKS_MAX) return false;
    this.#loadingLooks += 1;
    return this.isLoading();
  }

  /**
   * Called if nothing is queued, but the scenario has not ended; `replaced` is a global that it has replaced, if any.
   */
  judgeStandstill(replaced?: string): void {
    const why =
      replaced === undefined
        ? ''
        : ` in virtual time, since the scenario has replaced ${replaced}, as vi.useFakeTimers does (leave that out: the time of a simulation is virtual anyway)`;
    this.#judgeWait('deadlock', `Deadlock: nothing is due any more${why}`, []);
  }

  /** Fails a scenario that has ended and left real timers running, or an immediate that has not come yet. */
  judgeRealTimers(): void {
    const left = this.#timersLeft;
    if (left.length === 0) return;
    const timers = left.filter(isTimer).length;
    this.#fail('escape', leftTimersText(timers, left.length - timers), { facts: timerPlaces(left) });
  }

  /** Where the scenario set the real timers that have not fired yet, and what to use instead; empty if there are none. */
  realTimers(): FailureFact[] {
    const places = timerPlaces(this.#alive.timers().filter(isTimer));
    return places.length === 0 ? [] : [...places, plainFact(NO_TIMER)];
  }

  /**
   * Fails a scenario that has ended without restoring the global `name`, because the next execution would see the
   * replacement.
   */
  judgeReplaced(name: string): void {
    const message = `The scenario has ended and left ${name} replaced: put back what was there before (vi.useRealTimers after vi.useFakeTimers, vi.restoreAllMocks after vi.spyOn)`;
    this.#fail('leftovers', message, { rule: 'R204' });
  }

  /** Fails a scenario that has ended without putting back what it has changed of the process. */
  judgeProcess({ text, stack }: ProcessLeftover): void {
    const facts = stack === undefined ? [] : [plainFact('changed here', stack)];
    this.#fail('leftovers', `The scenario has ended and left ${text}`, { rule: 'R204', facts });
  }

  /**
   * Fails a scenario that does not continue while only the periodic events in `repeats` fire; `dueLater` says what they
   * keep from firing.
   */
  judgeStall(repeats: readonly string[], dueLater: readonly string[]): void {
    // A timer without a place adds nothing to `repeats`.
    const ambient = this.#session?.leftovers() ?? [];
    const placed = ambientFacts(ambient.filter(({ stack }) => stack !== undefined));
    const timeStands = dueLater.length > 0;
    const facts = [...plainFacts([...dueLater, ...(timeStands ? [MORE_EVENTS] : []), ...repeats]), ...placed];
    this.#judgeWait('stall', timeStands ? STANDS_STILL : PERIODIC, facts, timeStands);
  }

  /** Fails a scenario after `maxEvents` events; `next` says what repeats, or what would fire next. */
  judgeBudget(maxEvents: number, next: readonly string[]): void {
    const message = `${maxEvents} events have fired and the scenario has not ended`;
    this.#fail('budget', message, {
      facts: [...plainFacts(next), ...plainFacts(this.#machines()), ...this.#ledger.describe(SHOWN_MAX)],
    });
  }

  #loading(): readonly string[] {
    return this.#session?.loading() ?? [];
  }

  /** In ambient time, real timers belong to a test framework: the scenario's own are virtual or rejected. */
  #kindsAlive(): string[] {
    const kinds = this.#alive.kinds();
    if (this.#isAmbient) return kinds.filter((kind) => kind !== TIMER);
    return this.#hasImmediates() && !kinds.includes(IMMEDIATE) ? [IMMEDIATE, ...kinds] : kinds;
  }

  #hasImmediates(): boolean {
    return this.#alive.timers().some((timer) => !isTimer(timer));
  }

  #judgeWait(
    kind: 'deadlock' | 'stall',
    what: string,
    repeats: readonly FailureFact[],
    timeStands = false,
  ): void {
    const alive = this.#kindsAlive();
    const loading = this.#loading();
    // Readers look for waits first.
    const waits = this.#ledger.describe(SHOWN_MAX, 'waits');
    const facts = [
      ...waits,
      ...this.#awaitedPlaces(
        alive.length + loading.length === 0
          ? 'a promise that nothing settles'
          : 'a promise that is settled from outside',
      ),
      ...this.#ledger.describe(SHOWN_MAX - waits.length, 'things'),
      ...plainFacts(this.#machines()),
      ...repeats,
    ];
    if (alive.length + loading.length > 0) {
      this.#alive.noteLeft(alive);
      const imports = loading.map((file) => `an import() of ${file}, which has not ended`);
      const words = [...new Set([...imports, ...alive.map(outsideWord)])].join(', ');
      const message = `The scenario waits for something outside of the simulation (${words})`;
      const remedy = plainFacts([
        ...(alive.includes(TIMER) ? [NO_TIMER] : []),
        ...(alive.includes(IMMEDIATE) ? [NO_IMMEDIATE] : []),
        ...(loading.length > 0 || alive.some((each) => LOADING.test(each)) ? [MAY_IMPORT] : []),
      ]);
      this.#fail('escape', message, { facts: [...this.#calledPlaces(alive), ...remedy, ...facts] });
      return;
    }
    const { count } = this.#ledger;
    const isCircle = facts.some((fact) => fact.kind === 'circle');
    const wait = isCircle ? 'circle' : count > 0 ? 'held' : 'unknown';
    // Where time stands still, the timer that the scenario waits for may be there.
    const words = timeStands && wait === 'unknown' ? NOT_ENDED : WAIT_WORDS[wait](count);
    const message = `${what}, and ${words}`;
    this.#fail(kind, message, { rule: 'R211', facts, standstill: { what, wait } });
  }

  /**
   * Fails a scenario that has ended and left something behind (R204), including timers that it set with replaced
   * globals (`ambient`) and calls that still wait for a property (`properties`).
   */
  judgeLeftovers(ambient: readonly AmbientLeftover[], properties: readonly string[]): void {
    if (ambient.length === 0 && this.#clock.pending === 0 && this.#ledger.count === 0) return;
    const kinds = Object.entries(SET_BY).map(
      ([kind, noun]) => [ambient.filter(({ setter }) => setter === kind).length, noun] as const,
    );
    const left = [...kinds, [this.#clock.pending, 'timer'], [this.#ledger.count, 'resource']] as const;
    const words = left.filter(([count]) => count > 0).map(([count, noun]) => counted(count, noun));
    this.left = [words.slice(0, -1).join(', '), ...words.slice(-1)]
      .filter((part) => part !== '')
      .join(' and ');
    const message = `The scenario has ended and left ${this.left}`;
    const facts = [
      ...this.#forgottenAwaits(properties),
      ...ambientFacts(ambient),
      ...this.#pendingEvents(),
      ...this.#ledger.describe(SHOWN_MAX),
      LEFTOVERS_REMEDY,
    ];
    this.#fail('leftovers', message, { rule: 'R204', facts });
  }

  #awaitedPlaces(what: string): FailureFact[] {
    const places = (this.#awaits?.pending() ?? []).map(({ awaitedAt, madeAt }): FailureFact[] => [
      { kind: 'await', text: `the scenario waits here, for ${what}`, stack: awaitedAt },
      ...(madeAt === undefined
        ? []
        : [{ kind: 'promise', text: 'that promise was made here', stack: madeAt } as const]),
    ]);
    const textOf = (facts: readonly FailureFact[]): string => facts.map(factText).join('\n');
    return withoutRepeats(places, textOf).slice(0, AWAITS_SHOWN_MAX).flat();
  }

  #calledPlaces(alive: readonly string[]): FailureFact[] {
    const pending = this.#outside?.pending(alive) ?? [];
    const places = pending.map(({ what, call, stack }) =>
      outsideFact(what, call === undefined ? 'asked for' : `by ${call}, called`, stack),
    );
    return withoutRepeats(places, factText).slice(0, AWAITS_SHOWN_MAX);
  }

  #forgottenAwaits(properties: readonly string[]): FailureFact[] {
    const asleep = this.#clock.pendingEvents().filter(({ topic }) => topic === SCENARIO_SLEEP).length;
    const calls = [...(asleep === 0 ? [] : [`${asleep} × sim.sleep of the scenario`]), ...properties];
    return calls.map((call) => plainFact(`${call} has not ended: a promise was not awaited`));
  }

  #pendingEvents(): FailureFact[] {
    return this.#clock
      .pendingEvents(SHOWN_MAX)
      .map(({ topic, atMs, place }) => plainFact(`timer ${topic.text}, due at ${atMs} ms`, place));
  }
}

/** One fact for all that the same line set with functions of the same name. */
function ambientFacts(leftovers: readonly AmbientLeftover[]): FailureFact[] {
  const alike = new Map<string, AmbientLeftover[]>();
  for (const each of leftovers) {
    const key = [each.setter, each.callback, each.stack].join('\n');
    const others = alike.get(key);
    if (others === undefined) alike.set(key, [each]);
    else others.push(each);
  }
  return [...alike.values()].slice(0, SHOWN_MAX).map(ambientFact);
}

/** At least one, in the order in which they are due. */
function ambientFact(alike: readonly AmbientLeftover[]): FailureFact {
  const [{ setter, callback, atMs, stack }] = alike as readonly [AmbientLeftover];
  const lastMs = alike.at(-1)?.atMs ?? atMs;
  const what = alike.length === 1 ? SET_BY[setter] : counted(alike.length, SET_BY[setter]);
  const named = callback === '' ? what : `${what} "${callback}"`;
  return plainFact(`${named}, due at ${lastMs === atMs ? atMs : `${atMs} to ${lastMs}`} ms`, stack);
}

/** Virtual time does not wait for a timer; an immediate comes in the next turn. */
function isTimer({ call }: SetTimerCall): boolean {
  return call !== 'setImmediate';
}

function timerPlaces(timers: readonly SetTimerCall[]): FailureFact[] {
  const places = timers.flatMap((timer) => {
    const { call, taken } = timer;
    const { stack } = placedAt(taken);
    const what = isTimer(timer) ? 'a real timer' : 'an immediate';
    return stack === undefined ? [] : [outsideFact(what, `by ${call}, called`, stack)];
  });
  return withoutRepeats(places, factText).slice(0, AWAITS_SHOWN_MAX);
}

function outsideFact(what: string, by: string, stack: string): FailureFact {
  return { kind: 'outside', text: `outside of the simulation: ${what}, ${by} here`, stack };
}

function plainFacts(texts: readonly string[]): FailureFact[] {
  return texts.map((text) => plainFact(text));
}
