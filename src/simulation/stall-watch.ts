/**
 * Notices that a scenario waits while nothing but periodic work fires. It looks now and then only: at what fires, at what is
 * pending and held, at how far the runs have come. Invariants: what it finds depends on the events alone, so that a replay finds it at
 * the same one; a simulation in which anything else may still happen is left alone.
 */
import { isAwaitedBy, watchFlow } from '../kernel/drain-promises.ts';
import type { EventInfo } from '../kernel/event-queue.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import { awaitScenario } from './scenario-flow.ts';

/** Events between two looks, and how many of them a look takes. */
const LOOK_EVERY = 24_576;
const LOOK_LENGTH = 128;
/** As many between two looks, for who knows the stall already: it is found in a twentieth of the events. */
export const STALL_LOOK_EVERY_KNOWN: number = 1_024;
export const STALL_LOOK_EVERY_LEAST: number = 2 * LOOK_LENGTH;
/** Looks in a row that must show nothing new. */
const LOOKS_MIN = 4;
/** The last look, at whether the scenario itself goes on. It lasts until all that was pending at its beginning has fired. */
const LAST_LOOK_LENGTH = 256;
const LAST_LOOK_LENGTH_MAX = 1 << 15;
/** For so many events nothing new may come. */
export const STALL_STRETCH: number = (LOOKS_MIN - 1) * LOOK_EVERY;
/** No stall is found before so many events have fired: until the first looks nothing is known, so that all that comes is new. */
export const STALL_EVENTS_LEAST: number = STALL_STRETCH + 2 * LOOK_EVERY + LOOK_LENGTH + LAST_LOOK_LENGTH;
/** What is held or pending may vary by so much without growing: some, and a share. */
const SLACK = 64;
const SLACK_SHARE = 0.1;
const SHOWN_MAX = 5;

/** How much of a simulation is going on. */
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

/** A stretch without anything new. */
interface Stretch {
  readonly progress: number;
  /** Events made before it began: as long as one of them is pending, something else may happen. */
  readonly made: number;
  readonly sizeMax: number;
  looks: number;
}

/** Notices a scenario that no longer makes progress. */
export class StallWatch {
  /** Fired events at which it looks next. */
  lookAt: number;
  readonly #clock: VirtualClock;
  readonly #liveness: () => Liveness;
  readonly #lookEvery: number;
  /** Made for the first look: most simulations end before it. */
  #known: Set<string> | undefined;
  #stretch: Stretch | undefined;
  #nextLastLookAt = 0;
  #look: Look | undefined;

  /** `lookEvery`: events between two looks. Fewer find a stall sooner, and take for one what is only slow. */
  constructor(clock: VirtualClock, liveness: () => Liveness, lookEvery: number = LOOK_EVERY) {
    this.#clock = clock;
    this.#liveness = liveness;
    this.#lookEvery = lookEvery;
    this.lookAt = lookEvery;
  }

  /** To be called once `lookAt` events have fired; the periodic work, a line each, if there is nothing else. */
  look(): readonly string[] | undefined {
    const look = this.#look;
    if (look === undefined) this.#begin();
    else if (look instanceof LastLook) return this.#judge(look);
    else this.#compare(look);
    return undefined;
  }

  /** Ends what it watches. */
  stop(): void {
    this.#look?.stop();
    this.#look = undefined;
  }

  #begin(): void {
    if (this.#stretch === undefined || !this.#isStill(this.#stretch)) {
      this.#stretch = this.#newStretch();
      this.lookAt = this.#clock.fired + this.#lookEvery;
      return;
    }
    // A scenario that makes progress usually sleeps, and noticing that is free; watching its promises slows every later promise.
    this.#look =
      this.#stretch.looks < LOOKS_MIN - 2 ? new Look(this.#clock) : new LookBeforeLast(this.#clock);
    this.lookAt = this.#clock.fired + LOOK_LENGTH;
  }

  #compare(look: Look): void {
    const { fired } = this.#clock;
    this.stop();
    this.lookAt = fired + this.#lookEvery - LOOK_LENGTH;
    let isNew = false;
    const known = (this.#known ??= new Set());
    for (const site of look.counts.keys()) {
      isNew ||= !known.has(site);
      known.add(site);
    }
    const stretch = this.#stretch;
    if (isNew || stretch === undefined || !this.#isStill(stretch)) {
      this.#stretch = this.#newStretch();
      return;
    }
    stretch.looks += 1;
    if (stretch.looks < LOOKS_MIN - 1 || fired < this.#nextLastLookAt) return;
    if (this.#clock.hasPendingMadeBefore(stretch.made)) return;
    if (look instanceof LookBeforeLast && look.scenarioGoesOn) {
      this.#leaveAlone();
      return;
    }
    this.#look = new LastLook(this.#clock);
    this.lookAt = fired + LAST_LOOK_LENGTH;
  }

  #judge(look: LastLook): readonly string[] | undefined {
    const { fired } = this.#clock;
    const isLong = fired - look.firedBefore >= LAST_LOOK_LENGTH_MAX;
    const isOpen = this.#clock.hasPendingMadeBefore(look.madeBefore);
    const mayGoOn = look.scenarioGoesOn || this.#stretch === undefined || !this.#isStill(this.#stretch);
    if (isOpen && !isLong && !mayGoOn) {
      this.lookAt = fired + LAST_LOOK_LENGTH;
      return undefined;
    }
    this.stop();
    if (!isOpen && !mayGoOn) return look.describe();
    this.#leaveAlone();
    return undefined;
  }

  /** A scenario that loops for long pays for a handful of last looks. */
  #leaveAlone(): void {
    const { fired } = this.#clock;
    this.#nextLastLookAt = 2 * fired;
    this.#stretch = undefined;
    this.lookAt = Math.max(fired + this.#lookEvery, this.#nextLastLookAt - LOOKS_MIN * this.#lookEvery);
  }

  #newStretch(): Stretch {
    const { made } = this.#clock;
    return {
      progress: this.#liveness().progress,
      made,
      sizeMax: this.#size() * (1 + SLACK_SHARE) + SLACK,
      looks: 0,
    };
  }

  #isStill({ progress, sizeMax }: Stretch): boolean {
    return this.#liveness().progress === progress && this.#size() <= sizeMax;
  }

  #size(): number {
    return this.#clock.pending + this.#liveness().held;
  }
}

/** The events of a short while, by what they are about without the subject. */
class Look {
  readonly counts = new Map<string, SiteCount>();
  readonly #stop: () => void;

  constructor(clock: VirtualClock) {
    this.#stop = clock.addFireListener((event) => this.#note(event));
  }

  stop(): void {
    this.#stop();
  }

  /** What fires most comes first. */
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
class LookBeforeLast extends Look {
  scenarioGoesOn = false;
  readonly #stopMade: () => void;

  constructor(clock: VirtualClock) {
    super(clock);
    this.#stopMade = clock.addMakeListener(() => {
      this.scenarioGoesOn ||= isAwaitedBy(awaitScenario);
    });
  }

  override stop(): void {
    super.stop();
    this.#stopMade();
  }
}

/** Also sees whether the scenario itself goes on, whatever it does. */
class LastLook extends Look {
  readonly firedBefore: number;
  readonly madeBefore: number;
  scenarioGoesOn = false;
  readonly #stopFlow: () => void;

  constructor(clock: VirtualClock) {
    super(clock);
    this.firedBefore = clock.fired;
    this.madeBefore = clock.made;
    this.#stopFlow = watchFlow(awaitScenario, () => {
      this.scenarioGoesOn = true;
      // Looking on is the expensive part, and once is enough.
      this.#stopFlow();
    });
  }

  override stop(): void {
    super.stop();
    this.#stopFlow();
  }
}

function describeCount(site: string, { text, isSame, firstMs, lastMs, times }: SiteCount): string {
  const name = isSame ? text : site;
  if (times === 1) return `repeats: ${name}`;
  const everyMs = roundedMs((lastMs - firstMs) / (times - 1));
  return everyMs === 0 ? `repeats at one instant: ${name}` : `repeats: ${name}, every ${everyMs} ms`;
}
