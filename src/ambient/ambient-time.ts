/** Time and entropy of one simulation, as the machine's globals show them. */
import type { FailureFact } from '../simulation/failure-fact.ts';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TimerSetter } from '../kernel/drain-real-functions.ts';
import type { Choices } from '../kernel/decisions.ts';
import { invalidArgument, RunnerError } from '../kernel/errors.ts';
import { question } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { HostedProcess, ProcessClock, ProcessParts } from '../model/process-host.ts';
import type { Tracer } from '../model/trace-event.ts';
import type { Ambience, AmbientParts, AmbientSession } from '../simulation/ambience.ts';
import { check } from '../kernel/argument-check.ts';
import * as is from '../kernel/shape.ts';
import {
  AWAIT_LEVELS,
  controlAwaits,
  type AwaitOptions,
  type ControlledAwaits,
} from './awaits/controlled-awaits.ts';
import { watchOutsideCalls } from './globals/outside-calls.ts';
import { installGlobals } from './globals/install-globals.ts';
import { keepTicksCounted } from './globals/timers.ts';
import { restoreStandIns, replacedStandIn } from './globals/stand-in.ts';
import {
  HOME,
  hub,
  type AmbientWorld,
  type OutsideFunction,
  type TickCallback,
  type WayBack,
} from './hub.ts';
import { ALLOWED, OutsideGate } from './outside-gate.ts';
import { AmbientTicks, AmbientTimers } from './ambient-timers.ts';
import { PerformanceTimeline } from './performance-timeline.ts';
import { ChosenTimeFaults, FaultyTime, type TimeFaults } from './time-faults.ts';

/**
 * A decision fixes the first bits of each draw of `Math.random`, so that an exploration can try small and large values.
 * The remaining bits come from streams, so that two draws are never equal because two decisions are: code also makes
 * ids out of draws. The default answer is the middle of the range: code tests for rare cases with `Math.random() <
 * 0.1`, and a plain execution should not take the rare branch.
 */
const DRAW_BITS = 4;
const DRAW_PARTS = 2 ** DRAW_BITS;
const DRAWN = question('draw', 'Math.random');
/** Bits of a float in [0, 1) behind the decided ones and the 32 of a word: code may make integers of all 53. */
const LOW_BITS = 53 - DRAW_BITS - 32;

/** Index of the part of [0, 1) that an answer stands for: answer 0 is the middle, later answers alternate outwards. */
const partOf = (answer: number): number =>
  DRAW_PARTS / 2 + (answer % 2 === 0 ? answer / 2 : -(answer + 1) / 2);
/** Shows a range, because a threshold in the code may lie within it. */
const describeDraw = (answer: number): string => {
  const [from, to] = [partOf(answer), partOf(answer) + 1].map((part) => (part / DRAW_PARTS).toFixed(2));
  return `between ${from} and ${to}`;
};

/**
 * Age of the process when a simulation begins, in milliseconds. Not 0: in a real process it never is, and code uses 0
 * for "no time".
 */
const AGE_MS = 1_000;

/** More than a burst of streams needs; an endless loop reaches it in less than a second. */
const MAX_TICKS = 1_000_000;

type Callback = (...args: unknown[]) => void;

interface AmbientSettings extends AwaitOptions {
  readonly allowed: ReadonlySet<string>;
  readonly faults: ChosenTimeFaults;
  readonly maxTicks: number;
}

/** What an {@link Asked} is made from. */
interface AskedParts {
  readonly clock: Omit<ProcessClock, 'slowed'>;
  readonly choices: Choices;
  readonly random: RandomStream;
  readonly tracer: Tracer;
  readonly faults: ChosenTimeFaults;
  readonly capturePlaces: boolean;
  /** Start of the process on that clock, in milliseconds. */
  readonly sinceMs: number;
}

/**
 * What the machine's globals answer to one asker: the scenario, or a process of a simulated machine. Each part is
 * created on first use, because a small execution uses one part or none.
 */
class Asked {
  readonly clock: Omit<ProcessClock, 'slowed'>;
  readonly choices: Choices;
  readonly sinceMs: number;
  readonly #parts: AskedParts;
  #draws: RandomStream | undefined;
  #lowDraws: RandomStream | undefined;
  #entropy: RandomStream | undefined;
  #time: FaultyTime | undefined;
  #timers: AmbientTimers | undefined;
  #timeline: PerformanceTimeline | undefined;
  #wayBack: ((deliver: () => void) => void) | undefined;
  #isOver = false;

  constructor(parts: AskedParts) {
    this.clock = parts.clock;
    this.choices = parts.choices;
    this.sinceMs = parts.sinceMs;
    this.#parts = parts;
  }

  get draws(): RandomStream {
    return (this.#draws ??= this.#parts.random.fork('Math.random'));
  }

  /** The last {@link LOW_BITS} of each draw. */
  get lowDraws(): RandomStream {
    return (this.#lowDraws ??= this.draws.fork('low bits'));
  }

  get entropy(): RandomStream {
    return (this.#entropy ??= this.#parts.random.fork('crypto'));
  }

  get time(): FaultyTime {
    const { clock, choices, tracer, faults } = this.#parts;
    return (this.#time ??= new FaultyTime(clock, choices, tracer, faults));
  }

  get timers(): AmbientTimers {
    this.#timers ??= this.#newTimers();
    return this.#timers;
  }

  /** The timers, or undefined if none have been created. */
  get timersIfAny(): AmbientTimers | undefined {
    return this.#timers;
  }

  get timeline(): PerformanceTimeline {
    return (this.#timeline ??= new PerformanceTimeline({ now: () => this.ageMs(), post: this.wayBack }));
  }

  /** Calls a function in an event of the asker. */
  get wayBack(): (deliver: () => void) => void {
    return (this.#wayBack ??= (deliver) => void this.timers.setImmediate(deliver, []).unref());
  }

  /** Value of `performance.now()` in milliseconds. */
  ageMs(): number {
    return AGE_MS + this.clock.now() - this.sinceMs;
  }

  /** Stops its timers for good: no pending timer fires, nor any that is set later. */
  end(): void {
    this.#isOver = true;
    this.#timers?.end();
  }

  #newTimers(): AmbientTimers {
    const { clock, faults, capturePlaces } = this.#parts;
    const timers = new AmbientTimers(
      clock,
      capturePlaces,
      faults.isEmpty ? undefined : () => this.time.beforeTimer(),
    );
    if (this.#isOver) timers.end();
    return timers;
  }
}

/** Processes have no faults of time from here: their machine has its own. */
const NO_TIME_FAULTS = new ChosenTimeFaults();
const NO_TIMERS: readonly AmbientTimers[] = [];
const AT_ONCE = (deliver: () => void): void => deliver();

class AmbientExecution implements AmbientWorld, AmbientSession {
  readonly #parts: AmbientParts;
  readonly #scenario: Asked;
  /** One for each process that is alive. */
  readonly #processes = new Set<Asked>();
  /** The asker whose code runs now. */
  #asked: Asked;
  readonly #gate: OutsideGate;
  readonly #awaits: ControlledAwaits | undefined;
  readonly #ticks: AmbientTicks;
  /** True between {@link enter} and {@link leave}. */
  #isInTurn = false;
  /** The first stand-in found replaced. Looked for once, at the end. */
  #replaced: { readonly name: string | undefined } | undefined;

  constructor(parts: AmbientParts, settings: AmbientSettings) {
    const { clock, choices, random, tracer, report, capturePlaces } = parts;
    this.#parts = parts;
    const { faults } = settings;
    this.#scenario = new Asked({ clock, choices, random, tracer, faults, capturePlaces, sinceMs: 0 });
    this.#asked = this.#scenario;
    this.#gate = new OutsideGate(settings.allowed, report, {
      letThrough: (call) => this.#letThrough(call),
      wayToAsker: () => this.#wayToAsker(),
    });
    this.#awaits =
      settings.awaits === undefined
        ? undefined
        : controlAwaits(settings, { choices, capturePlaces, clockNow: () => this.#asked.clock });
    this.#ticks = new AmbientTicks(clock, settings.maxTicks, this.#gate);
  }

  enter(): void {
    keepTicksCounted();
    this.#beginTurn();
    // A turn may begin with what an event of a process has left.
    if (this.#asked === this.#scenario) this.#gate.handOver();
  }

  #beginTurn(): void {
    this.#isInTurn = true;
    hub.world = this;
    this.#awaits?.enter();
  }

  stay(): void {
    hub.world = this;
  }

  leave(): void {
    this.#isInTurn = false;
    this.#awaits?.leave();
    if (hub.world !== this) return;
    hub.world = undefined;
  }

  #letThrough<T>(call: () => T): T {
    const resume = this.#isInTurn ? () => this.#beginTurn() : () => this.stay();
    this.leave();
    try {
      return call();
    } finally {
      resume();
    }
  }

  /** Results for a process are events of it: they wait while it is paused, and die with it. */
  #wayToAsker(): (deliver: () => void) => void {
    return this.#asked === this.#scenario ? AT_ONCE : this.#asked.wayBack;
  }

  imported<T>(load: () => Promise<T>): Promise<T> {
    const toAsker = this.#wayToAsker();
    const held = this.#parts.hold(load);
    return new Promise((resolve, reject) => {
      held.then(
        (module) => toAsker(() => resolve(module)),
        (error: unknown) => toAsker(() => reject(error)),
      );
    });
  }

  beginProcess({ clock, choices, random }: ProcessParts): HostedProcess {
    const { tracer, capturePlaces } = this.#parts;
    const asked = new Asked({
      ...{ clock, choices, random, tracer, capturePlaces },
      faults: NO_TIME_FAULTS,
      sinceMs: clock.now(),
    });
    this.#processes.add(asked);
    return {
      enter: () => {
        this.#asked = asked;
      },
      end: () => {
        this.#processes.delete(asked);
        asked.end();
      },
    };
  }

  leaveProcess(): void {
    this.#asked = this.#scenario;
  }

  get originMs(): number {
    const { clock, sinceMs } = this.#asked;
    return clock.epochMs + sinceMs - AGE_MS;
  }

  get isWaiting(): boolean {
    return this.#gate.isWaiting;
  }

  get mayRunOutside(): boolean {
    return this.#gate.hasLetThrough || hub.world === this;
  }

  leftovers(): readonly FailureFact[] {
    return this.#timers().flatMap((timers) => timers.leftovers());
  }

  replaced(): string | undefined {
    this.#replaced ??= { name: replacedStandIn() };
    return this.#replaced.name;
  }

  firing(): FailureFact | undefined {
    return this.#asked.timersIfAny?.firing();
  }

  pause(): void {
    for (const timers of this.#timers()) timers.pause();
    this.#awaits?.end();
  }

  resume(): void {
    for (const timers of this.#timers()) timers.resume();
  }

  end(): void {
    if (this.replaced() !== undefined) restoreStandIns();
    this.#scenario.end();
    for (const process of this.#processes) process.end();
    this.#awaits?.end();
  }

  setTimer(setter: TimerSetter, callback: unknown, ms: unknown, args: unknown[]): NodeJS.Timeout {
    return this.#asked.timers.setTimer(setter, callback as Callback, ms, args);
  }

  setImmediate(callback: unknown, args: unknown[]): NodeJS.Immediate {
    return this.#asked.timers.setImmediate(callback as Callback, args);
  }

  tick(callback: TickCallback): TickCallback {
    return this.#ticks.tick(callback);
  }

  cutOff(): void {
    this.#ticks.stop();
    this.leave();
  }

  clear(number: unknown): void {
    this.#asked.timersIfAny?.clear(number);
  }

  dateMs(): number {
    return this.#asked.time.dateMs();
  }

  now(): number {
    return this.#asked.ageMs();
  }

  get timeline(): PerformanceTimeline {
    return this.#asked.timeline;
  }

  random(): number {
    const { choices, draws, lowDraws } = this.#asked;
    const part = partOf(choices.choose(DRAWN, DRAW_PARTS, describeDraw));
    const low = (lowDraws.uint32() >>> (32 - LOW_BITS)) / 2 ** LOW_BITS;
    return (part + (draws.uint32() + low) / 2 ** 32) / DRAW_PARTS;
  }

  fill(bytes: Uint8Array): void {
    const { entropy } = this.#asked;
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = entropy.int(256);
  }

  outside(call: OutsideFunction): Error | WayBack | undefined {
    return this.#gate.outside(call);
  }

  realTimer(what: string): Error | undefined {
    return this.#gate.realTimer(what);
  }

  isCalledByTool(): boolean {
    return this.#gate.isCalledByTool();
  }

  /** The timers of the scenario and of each process, if they have set any. */
  #timers(): readonly AmbientTimers[] {
    const { timersIfAny } = this.#scenario;
    if (this.#processes.size === 0) return timersIfAny === undefined ? NO_TIMERS : [timersIfAny];
    const all = [timersIfAny, ...Array.from(this.#processes, (process) => process.timersIfAny)];
    return all.filter((timers) => timers !== undefined);
  }
}

function begin(parts: AmbientParts, settings: AmbientSettings): AmbientSession {
  installGlobals();
  watchOutsideCalls();
  const replaced = replacedStandIn();
  if (replaced !== undefined) {
    throw new RunnerError(
      'RUNNER_SIMULATION_MISUSE',
      `${replaced} is not the machine's any more: something like vi.useFakeTimers has replaced it before the simulation, whose code would ` +
        'see that and not virtual time. Put it back first, by vi.useRealTimers if it was that, or simulate without ambient time ' +
        '(a simTest with `ambient: false`)',
    );
  }
  return new AmbientExecution(parts, settings);
}

/**
 * Begins each simulation with the same settings. A class, so that every simulation in this thread begins with the same
 * functions.
 */
class SharedAmbience implements Ambience {
  declare readonly native?: Ambience;
  readonly #settings: AmbientSettings;

  constructor(settings: AmbientSettings, native: Ambience | undefined) {
    this.#settings = settings;
    if (native !== undefined) this.native = native;
    Object.freeze(this);
  }

  begin(parts: AmbientParts): AmbientSession {
    return begin(parts, this.#settings);
  }
}

/** Copies of the same version share the hub; two versions may not agree on its shape. */
function checkOneVersion(): void {
  if (hub.home === HOME) return;
  const versions = [hub.home, HOME].map(versionAt);
  if (versions[0] === versions[1]) return;
  const [first, second] = [hub.home, HOME].map(
    (home, at) => `${versions[at]}${home === undefined ? '' : ` in ${fileURLToPath(home)}`}`,
  );
  throw new RunnerError(
    'RUNNER_SIMULATION_MISUSE',
    `Two versions of dryrunner are loaded: ${first}, whose stand-ins for the machine's clocks are in place, and ${second}. Have one of them: ` +
      'npm ls dryrunner says which packages ask for which',
  );
}

function versionAt(home: string | undefined): string {
  if (home === undefined) return 'an older one';
  const { version } = JSON.parse(readFileSync(new URL('package.json', home), 'utf8')) as { version: string };
  return version;
}

/** Options of {@link ambientTime}. */
export interface AmbientOptions extends AwaitOptions {
  /**
   * Machine APIs that code of the simulation may call although no simulation can repeat their results: functions
   * (`fs.readFileSync`) or whole modules and globals (`fs`, `fetch`, `process`). Their promises and callbacks arrive
   * when nothing else is due. Default: none.
   */
  readonly allow?: readonly string[];
  /** Faults of time itself, as decisions. They end with `sim.heal`. Default: none. */
  readonly faults?: TimeFaults;
  /**
   * How many calls of `process.nextTick` one event may lead to. One more counts as an endless loop and fails the
   * simulation. Default: 1,000,000.
   */
  readonly maxTicks?: number;
}

const OPTIONS: is.RecordShape = is.optionsOf<AmbientOptions>(
  {},
  {
    allow: ALLOWED,
    faults: is.ANY,
    maxTicks: is.limit(1),
    awaits: is.oneOf(...AWAIT_LEVELS),
    thens: is.BOOLEAN,
  },
);

/**
 * Replaces the machine's timers, dates and randomness by those of the simulation, so that unmodified code can run in
 * it: while code of the simulation runs, `setTimeout`, `Date`, `Math.random` and the like use virtual time and the
 * decision log.
 *
 * What cannot be simulated, such as files and networks, is refused: the simulation fails with kind `escape`, and the
 * caller gets a RunnerError `RUNNER_OUTSIDE_CALL` that names the remedy.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but options, `RUNNER_SIMULATION_MISUSE` if another version
 * of this package is loaded too.
 * @example
 * ```ts
 * import { simulate } from 'dryrunner';
 * import { ambientTime } from 'dryrunner/ambient';
 * const verdict = await simulate({
 *   ambient: ambientTime(),
 *   scenario: async (sim) => {
 *     const began = Date.now();
 *     await new Promise((resolve) => setTimeout(resolve, 3_600_000));
 *     sim.check(Date.now() - began === 3_600_000, 'an hour has passed');
 *   },
 * });
 * if (!verdict.held) throw verdict.failure?.cause;
 * ```
 */
export function ambientTime(options: AmbientOptions = {}): Ambience {
  check('options', options, OPTIONS);
  const { allow = [], faults, maxTicks = MAX_TICKS, awaits, thens = false } = options;
  if (thens && awaits === undefined) throw invalidArgument('thens', 'awaits beside it', thens);
  const settings = { allowed: new Set(allow), faults: new ChosenTimeFaults(faults), maxTicks, thens };
  checkOneVersion();
  installGlobals();
  return new SharedAmbience(
    awaits === undefined ? settings : { ...settings, awaits },
    awaits === 'latency' ? new SharedAmbience({ ...settings, awaits: 'hops' }, undefined) : undefined,
  );
}
