/**
 * Faults of time itself, decided by the exploration each time a timer is about to fire. Invariants: time never goes
 * back except by a step of the wall clock; everything due during a stall is late together; once faults have ended,
 * `Date` and the timer clock agree again except for steps.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Choices } from '../kernel/decisions.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { question } from '../kernel/question.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import type { ProcessClock } from '../model/process-host.ts';
import type { Tracer } from '../model/trace-event.ts';
import { FAULT_ODDS } from '../model/odds.ts';

/** Options of the fault `stall`. */
export interface StallOptions {
  /** Strikes at one in this many timers; default 16, ≥ 2. */
  readonly oneIn?: number;
  /** Possible lengths of a stall of the event loop, in milliseconds; default 1, 20, 1,000. */
  readonly stallMs?: readonly number[];
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
  readonly dateBehind?: boolean | { readonly oneIn?: number };
  /** The wall clock is set, as by an administrator or NTP: `Date` jumps forward or back, and no other clock does. */
  readonly wallStep?: boolean | WallStepOptions;
}

interface Fault {
  readonly kind: string;
  readonly oneIn: number;
  readonly amounts: readonly number[];
  readonly words: (amount: number) => string;
}

const STALL_MS: readonly number[] = [1, 20, 1_000];
const STEP_MS: readonly number[] = [1_000, -1_000, 3_600_000, -3_600_000];

interface GivenFault {
  readonly oneIn?: unknown;
  readonly stallMs?: unknown;
  readonly stepMs?: unknown;
}

/** The faults selected by options. */
export class ChosenTimeFaults {
  readonly stall: Fault | undefined;
  readonly behind: Fault | undefined;
  readonly step: Fault | undefined;

  constructor(given: TimeFaults = {}) {
    check('options', given, is.readable('an object of options'));
    const names = Object.keys(given).filter((name) => !['stall', 'dateBehind', 'wallStep'].includes(name));
    if (names.length > 0) throw invalidArgument('faults', 'stall, dateBehind or wallStep', names[0]);
    const { stall, dateBehind, wallStep } = given;
    this.stall = faultOf(
      'faults.stall',
      'stall',
      stall,
      ['stallMs', STALL_MS],
      (ms) => `the event loop stalls for ${ms} ms`,
    );
    this.behind = faultOf(
      'faults.dateBehind',
      'behind',
      dateBehind,
      ['', [1]],
      () => 'Date is a millisecond behind the timer that fires',
    );
    this.step = faultOf(
      'faults.wallStep',
      'step',
      wallStep,
      ['stepMs', STEP_MS],
      (ms) => `the wall clock is set ${ms < 0 ? 'back' : 'forward'} by ${Math.abs(ms)} ms`,
    );
  }

  get isEmpty(): boolean {
    return this.stall === undefined && this.behind === undefined && this.step === undefined;
  }
}

function faultOf(
  name: string,
  kind: string,
  given: boolean | GivenFault | undefined,
  [amountsName, defaults]: readonly [keyof GivenFault | '', readonly number[]],
  words: (amount: number) => string,
): Fault | undefined {
  if (given === undefined || given === false) return undefined;
  const options: GivenFault = given === true ? {} : given;
  const fields = amountsName === '' ? (['oneIn'] as const) : (['oneIn', amountsName] as const);
  check(name, options, is.optionsOf<Partial<Record<string, unknown>>>({}, is.each(fields, is.ANY)));
  const { oneIn = FAULT_ODDS.timeOneIn } = options;
  if (!(Number.isSafeInteger(oneIn) && Number(oneIn) >= 2)) {
    throw invalidArgument(`${name}.oneIn`, 'an integer ≥ 2', oneIn);
  }
  const amounts = (amountsName === '' ? undefined : options[amountsName]) ?? defaults;
  const isLeast = (ms: unknown): boolean =>
    Number.isSafeInteger(ms) && (kind === 'step' ? ms !== 0 : Number(ms) > 0);
  if (!Array.isArray(amounts) || amounts.length === 0 || !amounts.every(isLeast)) {
    throw invalidArgument(`${name}.${amountsName}`, 'a list of whole milliseconds', amounts);
  }
  return { kind, oneIn: Number(oneIn), amounts: amounts as number[], words };
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
    const { stall, behind, step } = this.#faults;
    const stallMs = stall === undefined ? 0 : this.#strike(stall);
    if (stallMs > 0) this.#clock.stall?.(stallMs);
    if (step !== undefined) {
      const ms = this.#strike(step);
      this.#stepMs += ms;
      if (ms !== 0) this.#shownMs = -Infinity;
    }
    const now = this.#clock.now();
    // `Date` must not go back: a millisecond that has been shown stays visible.
    const isShown = this.#shownMs >= Math.floor(this.#clock.epochMs + now) + this.#stepMs;
    if (behind === undefined || now === this.#behindAt || isShown) return;
    if (this.#strike(behind) > 0) this.#behindAt = now;
  }

  /** The amount, or 0 if the fault does not strike. The highest answers strike. */
  #strike({ kind, oneIn, amounts, words }: Fault): number {
    const spared = (oneIn - 1) * amounts.length;
    const describe = (answer: number): string =>
      answer < spared ? '' : words(amounts[answer - spared] as number);
    const asked = question('fault', { owner: 'time', what: kind });
    const answer = this.#choices.choose(asked, spared + amounts.length, describe);
    if (answer < spared) return 0;
    const fault = { type: 'fault', runner: 'scenario', runId: '', operation: 'time', kind } as const;
    this.#tracer.record({ at: this.#clock.now(), ...fault });
    return amounts[answer - spared] as number;
  }
}
