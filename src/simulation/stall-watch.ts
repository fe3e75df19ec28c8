/**
 * Notices that a scenario waits while only periodic work fires, or work that is due again at once and keeps time from
 * advancing. Now and then it samples what fires, what is pending and held, and how far the runs have progressed.
 * Invariants: the result depends on the events alone, so that a replay finds the stall at the same event; a simulation
 * in which anything else may still happen is not a stall.
 */
import { FlowWatch, isAwaitedBy } from '../kernel/drain-promises.ts';
import type { EventInfo } from '../kernel/event-queue.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import { SCENARIO_FLOWS } from './scenario-flow.ts';

/** Events between two looks; the next constant is the number of events in a look. */
const LOOK_EVERY = 24_576;
const LOOK_LENGTH = 128;
/** Events between two looks when the stall is known already: it is found in a twentieth of the events. */
export const STALL_LOOK_EVERY_KNOWN: number = 1_024;
export const STALL_LOOK_EVERY_LEAST: number = 2 * LOOK_LENGTH;
/** Looks in a row that must show nothing new. */
const LOOKS_MIN = 4;
/** After this many looks the scenario's flow is watched; one look later the last one begins, which judges. */
const LOOKS_BEFORE_FLOW = LOOKS_MIN - 2;
/**
 * Events between two checks of the last look. It ends when everything that was pending at its beginning has fired, or
 * at the next constant.
 */
const LAST_LOOK_LENGTH = 256;
const LAST_LOOK_LENGTH_MAX = 1 << 15;
/** Nothing new may occur for this many events. */
export const STALL_STRETCH: number = (LOOKS_MIN - 1) * LOOK_EVERY;
/**
 * No stall is found before this many events have fired: before the first looks nothing is known, so everything is new.
 */
export const STALL_EVENTS_LEAST: number = STALL_STRETCH + 2 * LOOK_EVERY + LOOK_LENGTH + LAST_LOOK_LENGTH;
/**
 * This many events must fire at one instant before those that are due later count as kept from firing: a loop at one
 * instant may end at any time, and no state shows that it will.
 */
const STILL_EVENTS_LEAST = 1_000_000;
/** The number of held or pending things may vary by this much, plus a share, without counting as growth. */
const SLACK = 64;
const SLACK_SHARE = 0.1;
const SHOWN_MAX = 5;

/** How much of a simulation is still active. */
export interface Liveness {
  /** Grows with each run that is accepted or changes its state. */
  readonly progress: number;
  readonly held: number;
}

interface SiteCount {
  readonly text: string;
  readonly firstMs: number;
  isSame: boolean;
  lastMs: number;
  times: number;
}

/** A period without anything new. */
interface Stretch {
  readonly progress: number;
  /** Number of events created before it began: as long as one of them is pending, something else may happen. */
  readonly made: number;
  readonly sizeMax: number;
  looks: number;
}

/** Notices a scenario that no longer makes progress. */
export class StallWatch {
  /** The number of fired events at which to look next. */
  lookAt: number;
  /** This many events at one instant keep what is due later from firing. */
  readonly stillEvents: number;
  readonly #clock: VirtualClock;
  readonly #liveness: () => Liveness;
  readonly #lookEvery: number;
  /** Created for the first look: most simulations end before it. */
  #known: Set<string> | undefined;
  #stretch: Stretch | undefined;
  #nextLastLookAt = 0;
  /** The time at the last look, and the number of events that had fired when a look first saw it. */
  #instant = { atMs: -1, firedBefore: 0 };
  #look: Look | undefined;
  /** Present from the look before the last two on: a round of a loop may take thousands of events of others. */
  #flow: ScenarioFlow | undefined;

  /**
   * `lookEvery`: events between two looks. A smaller number finds a stall sooner, but may mistake slow progress for
   * one.
   */
  constructor(clock: VirtualClock, liveness: () => Liveness, lookEvery: number = LOOK_EVERY) {
    this.#clock = clock;
    this.#liveness = liveness;
    this.#lookEvery = lookEvery;
    this.stillEvents = Math.ceil((STILL_EVENTS_LEAST * lookEvery) / LOOK_EVERY);
    this.lookAt = lookEvery;
  }

  /** Call it once `lookAt` events have fired. Returns the periodic work, one line each, if there is nothing else. */
  look(): readonly string[] | undefined {
    const look = this.#look;
    const atMs = this.#clock.now();
    if (atMs !== this.#instant.atMs) this.#instant = { atMs, firedBefore: this.#clock.fired };
    if (look === undefined) this.#begin();
    else if (look instanceof LastLook) return this.#judge(look);
    else this.#compare(look);
    return undefined;
  }

  /** The time, if it has not advanced for `stillEvents` events. */
  get instantMs(): number | undefined {
    const { atMs, firedBefore } = this.#instant;
    return this.#clock.fired - firedBefore >= this.stillEvents ? atMs : undefined;
  }

  /** Stops watching. */
  stop(): void {
    this.#endLook();
    this.#flow?.stop();
    this.#flow = undefined;
  }

  #endLook(): void {
    this.#look?.stop();
    this.#look = undefined;
  }

  #begin(): void {
    if (this.#stretch === undefined || !this.#isStill(this.#stretch)) {
      this.#beginStretch();
      this.lookAt = this.#clock.fired + this.#lookEvery;
      return;
    }
    // Progress usually involves a sleep, and noticing that is free; watching promises slows every later promise.
    this.#look =
      this.#stretch.looks < LOOKS_BEFORE_FLOW - 1 || this.#flow !== undefined
        ? new Look(this.#clock)
        : new LookBeforeFlow(this.#clock);
    this.lookAt = this.#clock.fired + LOOK_LENGTH;
  }

  #compare(look: Look): void {
    const { fired } = this.#clock;
    this.#endLook();
    this.lookAt = fired + this.#lookEvery - LOOK_LENGTH;
    let isNew = false;
    const known = (this.#known ??= new Set());
    for (const site of look.counts.keys()) {
      isNew ||= !known.has(site);
      known.add(site);
    }
    const stretch = this.#stretch;
    if (isNew || stretch === undefined || !this.#isStill(stretch)) {
      this.#beginStretch();
      return;
    }
    stretch.looks += 1;
    const isSoon = fired + this.#lookEvery >= this.#nextLastLookAt;
    if (stretch.looks < LOOKS_BEFORE_FLOW || !isSoon || this.#hasOthersPending(stretch.made)) return;
    if (this.#flow === undefined) {
      if (look instanceof LookBeforeFlow && look.scenarioContinues) this.#leaveAlone();
      else this.#flow = new ScenarioFlow(this.#clock);
      return;
    }
    this.#look = new LastLook(this.#clock);
    this.lookAt = fired + LAST_LOOK_LENGTH;
  }

  #judge(look: LastLook): readonly string[] | undefined {
    const { fired } = this.#clock;
    const isLong = fired - look.firedBefore >= LAST_LOOK_LENGTH_MAX;
    const isOpen = this.#hasOthersPending(look.madeBefore);
    const mayContinue =
      this.#flow?.continues === true || this.#stretch === undefined || !this.#isStill(this.#stretch);
    if (isOpen && !isLong && !mayContinue) {
      this.lookAt = fired + LAST_LOOK_LENGTH;
      return undefined;
    }
    if (isOpen || mayContinue) {
      this.#leaveAlone();
      return undefined;
    }
    this.stop();
    return look.describe();
  }

  /**
   * Postpones the next last look until twice as many events have fired, so that a scenario that loops for long pays for
   * only a few.
   */
  #leaveAlone(): void {
    const { fired } = this.#clock;
    this.stop();
    this.#nextLastLookAt = 2 * fired;
    this.#stretch = undefined;
    this.lookAt = Math.max(fired + this.#lookEvery, this.#nextLastLookAt - LOOKS_MIN * this.#lookEvery);
  }

  #beginStretch(): void {
    this.stop();
    this.#stretch = {
      progress: this.#liveness().progress,
      made: this.#clock.made,
      sizeMax: this.#size() * (1 + SLACK_SHARE) + SLACK,
      looks: 0,
    };
  }

  /**
   * True if one of the first `made` events may still fire. What is due later does not count while time stands still.
   */
  #hasOthersPending(made: number): boolean {
    const clock = this.#clock;
    if (!clock.hasPendingMadeBefore(made)) return false;
    return this.instantMs === undefined || clock.hasDueMadeBefore(made);
  }

  #isStill({ progress, sizeMax }: Stretch): boolean {
    return this.#liveness().progress === progress && this.#size() <= sizeMax;
  }

  #size(): number {
    return this.#clock.pending + this.#liveness().held;
  }
}

/** Counts the events of a short period by topic, without the subject. */
class Look {
  readonly counts = new Map<string, SiteCount>();
  readonly #stop: () => void;

  constructor(clock: VirtualClock) {
    this.#stop = clock.addFireListener((event) => this.#note(event));
  }

  stop(): void {
    this.#stop();
  }

  /** Sorted by count, highest first. */
  describe(): readonly string[] {
    const counts = [...this.counts.entries()].sort(([, one], [, other]) => other.times - one.times);
    const more = counts.length - SHOWN_MAX;
    return [
      ...counts.slice(0, SHOWN_MAX).map(([site, count]) => describeCount(site, count)),
      ...(more > 0 ? [`and ${more} more that repeat`] : []),
    ];
  }

  #note({ topic: { site, text }, atMs }: EventInfo): void {
    const count = this.counts.get(site);
    if (count === undefined) {
      this.counts.set(site, { text, firstMs: atMs, isSame: true, lastMs: atMs, times: 1 });
      return;
    }
    count.times += 1;
    count.lastMs = atMs;
    count.isSame &&= count.text === text;
  }
}

/** Also sees whether the scenario itself sets a timer. */
class LookBeforeFlow extends Look {
  scenarioContinues = false;
  readonly #stopMade: () => void;

  constructor(clock: VirtualClock) {
    super(clock);
    this.#stopMade = clock.addMakeListener(() => {
      this.scenarioContinues ||= isAwaitedBy(SCENARIO_FLOWS);
    });
  }

  override stop(): void {
    super.stop();
    this.#stopMade();
  }
}

/** After it, nothing that was pending at its beginning may be left. */
class LastLook extends Look {
  readonly firedBefore: number;
  readonly madeBefore: number;

  constructor(clock: VirtualClock) {
    super(clock);
    this.firedBefore = clock.fired;
    this.madeBefore = clock.made;
  }
}

/** Sees whether the scenario itself continues in any way. */
class ScenarioFlow {
  continues = false;
  readonly #watch: FlowWatch;
  readonly #stopEvents: () => void;

  constructor(clock: VirtualClock) {
    this.#watch = new FlowWatch(SCENARIO_FLOWS, () => {
      this.continues = true;
      // Watching is expensive, and once is enough.
      this.stop();
    });
    this.#stopEvents = clock.addFireListener(() => this.#watch.noteEvent());
  }

  stop(): void {
    this.#watch.stop();
    this.#stopEvents();
  }
}

function describeCount(site: string, { text, isSame, firstMs, lastMs, times }: SiteCount): string {
  const name = isSame ? text : site;
  if (times === 1) return `repeats: ${name}`;
  const everyMs = roundedMs((lastMs - firstMs) / (times - 1));
  return everyMs === 0 ? `repeats at one instant: ${name}` : `repeats: ${name}, every ${everyMs} ms`;
}
