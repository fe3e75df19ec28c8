/**
 * Tracks machine timers that are set through the global functions, from `begin` to `end`: numbers alone do not show
 * which code set a timer. (Hooks of async resources would, but they disable the promise hooks by which awaits are
 * located.) Invariant: the replaced globals only forward the call and note it.
 */
import {
  realFunctions,
  registerForwarding,
  TIMER_SETTERS,
  type TimerSetter,
} from './drain-real-functions.ts';

type SetTimer = (...args: unknown[]) => unknown;
/** Timers that are over are removed when at least this many are noted. */
const SWEPT_AT_LEAST = 64;
/** Maximum number of places: more add nothing, and a stack takes kilobytes. */
const PLACES_MAX = 64;

/** A machine timer that is set and may still fire. */
export interface SetTimerCall {
  readonly timer: NodeJS.Timeout;
  readonly call: TimerSetter;
  /** Error created where the timer was set; only for the first ones. */
  readonly taken?: Error | undefined;
}

interface NotedTimer extends SetTimerCall {
  /** Ordinal number of the timer among all that were set. */
  readonly number: number;
  readonly isOwn: boolean;
}

/** Tracks timers; see the top of the file. */
export class SetTimers {
  /** One replacement for each function, cached because tiny simulations must not pay for it. */
  static readonly #standIns = new WeakMap<SetTimer, SetTimer>();
  static #current: SetTimers | undefined;
  readonly #isOwn: () => boolean;
  readonly #replaced: [name: TimerSetter, before: SetTimer, standIn: SetTimer][] = [];
  #noted: NotedTimer[] = [];
  #sweptAt = SWEPT_AT_LEAST;
  #places = 0;
  /** Number of timers set, including those of other code. */
  count = 0;

  /** `isOwn` returns whether code of the execution runs. */
  constructor(isOwn: () => boolean) {
    this.#isOwn = isOwn;
  }

  begin(): void {
    SetTimers.#current = this;
    for (const name of TIMER_SETTERS) {
      const before = globalThis[name] as unknown as SetTimer;
      if (typeof before !== 'function') continue;
      const standIn = SetTimers.#standInOf(name, before);
      if (standIn !== before && Reflect.set(globalThis, name, standIn)) {
        this.#replaced.push([name, before, standIn]);
      }
    }
  }

  end(): void {
    if (SetTimers.#current === this) SetTimers.#current = undefined;
    for (const [name, before, standIn] of this.#replaced.splice(0)) {
      // Keep a replacement made in the meantime.
      if ((globalThis[name] as unknown) === standIn) Reflect.set(globalThis, name, before);
    }
  }

  /** True if any timer set after the first `count` keeps the process alive. */
  isAnyAlive(count: number): boolean {
    return this.#noted.some((noted) => noted.number > count && isAlive(noted.timer));
  }

  /** The execution's timers that keep the process alive. */
  own(): readonly SetTimerCall[] {
    return this.#noted.filter((noted) => noted.isOwn && isAlive(noted.timer));
  }

  #note(timer: unknown, call: TimerSetter): void {
    if (!isOfMachine(timer)) return;
    this.count += 1;
    if (this.#noted.length >= this.#sweptAt) this.#sweep();
    const isOwn = this.#isOwn();
    const isPlaced = isOwn && this.#places < PLACES_MAX;
    if (isPlaced) this.#places += 1;
    this.#noted.push({
      timer,
      call,
      number: this.count,
      isOwn,
      taken: isPlaced ? new Error('place') : undefined,
    });
  }

  /** Removes timers that have fired or were cleared. */
  #sweep(): void {
    this.#noted = this.#noted.filter(({ timer }) => isAlive(timer));
    // Twice the remaining number, so that many live timers are not inspected again each time.
    this.#sweptAt = Math.max(SWEPT_AT_LEAST, this.#noted.length * 2);
    this.#places = this.#noted.filter(({ taken }) => taken !== undefined).length;
  }

  /** If other code saved a replacement as the previous function and restored it, that replacement is used again. */
  static #standInOf(call: TimerSetter, before: SetTimer): SetTimer {
    const known = SetTimers.#standIns.get(before);
    if (known !== undefined) return known;
    const standIn: SetTimer = (...args) => {
      const timer = before(...args);
      const current = SetTimers.#current;
      if (current !== undefined) current.#note(timer, call);
      return timer;
    };
    // The properties include the promisified form.
    Object.defineProperties(standIn, Object.getOwnPropertyDescriptors(before));
    SetTimers.#standIns.set(before, standIn).set(standIn, standIn);
    registerForwarding(standIn, before);
    return standIn;
  }
}

/** Node notes that a timer has fired or was cleared in a property that no function exposes. */
function isAlive(timer: NodeJS.Timeout & { readonly _destroyed?: boolean }): boolean {
  return timer._destroyed !== true && timer.hasRef();
}

let machineTimer: object | undefined;

/** In ambient time the global creates timers of a simulation. */
function isOfMachine(timer: unknown): timer is NodeJS.Timeout {
  if (machineTimer === undefined) {
    const one = realFunctions.setTimeout(() => {}, 0);
    realFunctions.clearTimeout(one);
    machineTimer = Object.getPrototypeOf(one) as object;
  }
  return typeof timer === 'object' && timer !== null && Object.getPrototypeOf(timer) === machineTimer;
}
