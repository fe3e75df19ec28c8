/**
 * Tracks machine timers and immediates that are set through the global functions, from `begin` to `end`: numbers alone
 * do not show which code set a timer. (Hooks of async resources would, but they disable the promise hooks by which
 * awaits are located.) Invariant: the replaced globals only forward the call and note it.
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
/** The globals that are replaced. */
const SETTERS = [...TIMER_SETTERS, 'setImmediate'] as const;
/** Maximum number of places: more add nothing, and a stack takes kilobytes. */
const PLACES_MAX = 64;

/** A machine timer or immediate that is set and may still fire. */
export interface SetTimerCall {
  readonly timer: NodeJS.Timeout | NodeJS.Immediate;
  readonly call: TimerSetter | 'setImmediate';
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
  readonly #replaced: [name: SetTimerCall['call'], before: SetTimer, standIn: SetTimer][] = [];
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
    for (const name of SETTERS) {
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

  /** True if any timer set after the first `count` keeps the process alive. Immediates fire in the next turn anyway. */
  isAnyAlive(count: number): boolean {
    return this.#noted.some(
      ({ number, call, timer }) => number > count && call !== 'setImmediate' && isAlive(timer),
    );
  }

  /** The execution's timers and immediates that keep the process alive. */
  own(): readonly SetTimerCall[] {
    return this.#noted.filter((noted) => noted.isOwn && isAlive(noted.timer));
  }

  /** Clears all timers and immediates of the execution, also those that keep no process alive. */
  clearOwn(): void {
    for (const { timer, call, isOwn } of this.#noted) {
      if (!isOwn) continue;
      if (call === 'setImmediate') realFunctions.clearImmediate(timer as NodeJS.Immediate);
      else realFunctions.clearTimeout(timer as NodeJS.Timeout);
    }
  }

  #note(timer: unknown, call: SetTimerCall['call']): void {
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
    this.#noted = this.#noted.filter(({ timer }) => isPending(timer));
    // Twice the remaining number, so that many live timers are not inspected again each time.
    this.#sweptAt = Math.max(SWEPT_AT_LEAST, this.#noted.length * 2);
    this.#places = this.#noted.filter(({ taken }) => taken !== undefined).length;
  }

  /** If other code saved a replacement as the previous function and restored it, that replacement is used again. */
  static #standInOf(call: SetTimerCall['call'], before: SetTimer): SetTimer {
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

type MachineTimer = SetTimerCall['timer'] & { readonly _destroyed?: boolean };

/** Node notes that a timer has fired or was cleared in a property that no function exposes. */
function isPending(timer: MachineTimer): boolean {
  return timer._destroyed !== true;
}

function isAlive(timer: MachineTimer): boolean {
  return isPending(timer) && timer.hasRef();
}

let machineTimers: readonly unknown[] | undefined;

/** In ambient time the globals create timers and immediates of a simulation. */
function isOfMachine(timer: unknown): timer is SetTimerCall['timer'] {
  machineTimers ??= prototypesOfMachine();
  return typeof timer === 'object' && timer !== null && machineTimers.includes(Object.getPrototypeOf(timer));
}

function prototypesOfMachine(): readonly unknown[] {
  const timeout = realFunctions.setTimeout(() => {}, 0);
  realFunctions.clearTimeout(timeout);
  const immediate = realFunctions.setImmediate(() => {});
  realFunctions.clearImmediate(immediate);
  return [Object.getPrototypeOf(timeout), Object.getPrototypeOf(immediate)];
}
