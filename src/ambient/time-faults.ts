/**
 * Faults of time itself, decided by the exploration each time a timer is about to fire. Invariants: time never goes
 * back except by a step of the wall clock; everything due during a stall is late together; once faults have ended,
 * `Date` and the timer clock agree again except for steps.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Choices } from '../kernel/decisions.ts';
import { question } from '../kernel/question.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import type { ProcessClock } from '../model/process-host.ts';
import { timeFaultText, type TimeFaultKind } from '../model/faults.ts';
import type { Tracer } from '../model/trace-event.ts';
import { FAULT_ODDS } from '../model/odds.ts';

/** Options of the fault `stall`. */
export interface StallOptions {
  /** Strikes at one in this many timers; default 16, ≥ 2. */
  readonly oneIn?: number;
  /** Possible lengths of a stall of the event loop, in milliseconds; default 1, 20, 1,000. */
  readonly stallMs?: readonly number[];
}

/** Options of the fault `dateBehind`. */
export interface DateBehindOptions {
  /** Strikes at one in this many timers; default 16, ≥ 2. */
  readonly oneIn?: number;
}

/** Options of the fault `wallStep`. */
export interface WallStepOptions {
  /** Strikes at one in this many timers; default 16, ≥ 2. */
  readonly oneIn?: number;
  /** Possible steps of `Date` in milliseconds, forward or back; default 1,000, -1,000, 3,600,000, -3,600,000. */
  readonly stepMs?: readonly number[];
}

/** Faults of time; each is off by default. */
export interface TimeFaults {
  /** The event loop stalls before a timer fires: everything due in the meantime fires late, in order. */
  readonly stall?: boolean | StallOptions;
  /** `Date` is one millisecond behind the timer clock while a timer fires, as Node occasionally shows it. */
  readonly dateBehind?: boolean | DateBehindOptions;
  /** The wall clock is set, as by an administrator or NTP: `Date` jumps forward or back, and no other clock does. */
  readonly wallStep?: boolean | WallStepOptions;
}

type AnyOptions = StallOptions & DateBehindOptions & WallStepOptions;

/** What an option chooses. */
interface FaultOfTime {
  readonly kind: TimeFaultKind;
  readonly shape: is.RecordShape;
  /** Milliseconds by which it may strike. */
  readonly amountsOf: (options: AnyOptions) => readonly number[];
}

const ONE_IN = is.integer(2);
const STEP = is.satisfying('whole milliseconds other than 0', (ms) => Number.isSafeInteger(ms) && ms !== 0);

/** All faults, by their options. */
export const TIME_FAULTS: Readonly<Record<keyof TimeFaults, FaultOfTime>> = {
  stall: {
    kind: 'stall',
    shape: is.optionsOf<StallOptions>(
      {},
      { oneIn: ONE_IN, stallMs: is.listOf(is.integer(1), 'a list of whole milliseconds', 1) },
    ),
    amountsOf: ({ stallMs = [1, 20, 1_000] }) => stallMs,
  },
  dateBehind: {
    kind: 'behind',
    shape: is.optionsOf<DateBehindOptions>({}, { oneIn: ONE_IN }),
    amountsOf: () => [1],
  },
  wallStep: {
    kind: 'step',
    shape: is.optionsOf<WallStepOptions>(
      {},
      { oneIn: ONE_IN, stepMs: is.listOf(STEP, 'a list of whole milliseconds', 1) },
    ),
    amountsOf: ({ stepMs = [1_000, -1_000, 3_600_000, -3_600_000] }) => stepMs,
  },
};

const OPTIONS = is.optionsOf<TimeFaults>(
  {},
  is.each(Object.keys(TIME_FAULTS) as (keyof TimeFaults)[], is.ANY),
);

interface ChosenFault {
  readonly kind: TimeFaultKind;
  readonly oneIn: number;
  readonly amounts: readonly number[];
}

/** The faults selected by options. */
export class ChosenTimeFaults implements Readonly<Record<keyof TimeFaults, ChosenFault | undefined>> {
  readonly stall: ChosenFault | undefined;
  readonly dateBehind: ChosenFault | undefined;
  readonly wallStep: ChosenFault | undefined;

  constructor(given: TimeFaults = {}) {
    check('faults', given, OPTIONS);
    this.stall = chosen('stall', given.stall);
    this.dateBehind = chosen('dateBehind', given.dateBehind);
    this.wallStep = chosen('wallStep', given.wallStep);
  }

  get isEmpty(): boolean {
    return this.stall === undefined && this.dateBehind === undefined && this.wallStep === undefined;
  }
}

function chosen(name: keyof TimeFaults, given: boolean | AnyOptions = false): ChosenFault | undefined {
  if (given === false) return undefined;
  const options = given === true ? {} : given;
  const { kind, shape, amountsOf } = TIME_FAULTS[name];
  check(`faults.${name}`, options, shape);
  return { kind, oneIn: options.oneIn ?? FAULT_ODDS.timeOneIn, amounts: amountsOf(options) };
}

/** The clock of a process cannot stall by itself: its machine pauses it. */
type TimeClock = Pick<ProcessClock, 'now' | 'epochMs'> & Partial<Pick<VirtualClock, 'stall'>>;

/** Time as seen by the scenario or by one process. */
export class FaultyTime {
  readonly #clock: TimeClock;
  readonly #choices: Choices;
  readonly #tracer: Tracer;
  readonly #faults: ChosenTimeFaults;
  #stepMs = 0;
  /** Timer clock time, in milliseconds, at which `Date` is behind. */
  #behindAt = NaN;
  /** The last value of `Date`. */
  #shownMs = -Infinity;

  constructor(clock: TimeClock, choices: Choices, tracer: Tracer, faults: ChosenTimeFaults) {
    this.#clock = clock;
    this.#choices = choices;
    this.#tracer = tracer;
    this.#faults = faults;
  }

  /** See `AmbientWorld.dateMs`. */
  dateMs(): number {
    const now = this.#clock.now();
    this.#shownMs = Math.floor(this.#clock.epochMs + now) + this.#stepMs - (now === this.#behindAt ? 1 : 0);
    return this.#shownMs;
  }

  /** Called when a timer is about to fire. */
  beforeTimer(): void {
    const { stall, dateBehind, wallStep } = this.#faults;
    const stallMs = stall === undefined ? 0 : this.#strike(stall);
    if (stallMs > 0) this.#clock.stall?.(stallMs);
    if (wallStep !== undefined) {
      const ms = this.#strike(wallStep);
      this.#stepMs += ms;
      if (ms !== 0) this.#shownMs = -Infinity;
    }
    const now = this.#clock.now();
    // `Date` must not go back: a millisecond that has been shown stays visible.
    const isShown = this.#shownMs >= Math.floor(this.#clock.epochMs + now) + this.#stepMs;
    if (dateBehind === undefined || now === this.#behindAt || isShown) return;
    if (this.#strike(dateBehind) > 0) this.#behindAt = now;
  }

  /** The amount, or 0 if the fault does not strike. The highest answers strike. */
  #strike({ kind, oneIn, amounts }: ChosenFault): number {
    const spared = (oneIn - 1) * amounts.length;
    const describe = (answer: number): string =>
      answer < spared ? '' : timeFaultText(kind, amounts[answer - spared] as number);
    const asked = question('fault', { owner: 'time', what: kind });
    const answer = this.#choices.choose(asked, spared + amounts.length, describe);
    if (answer < spared) return 0;
    const fault = { type: 'fault', runner: 'scenario', runId: '', operation: 'time', kind } as const;
    this.#tracer.record({ at: this.#clock.now(), ...fault });
    return amounts[answer - spared] as number;
  }
}
