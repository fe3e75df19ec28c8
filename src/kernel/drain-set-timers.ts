/**
 * Timers of the machine that are set by the functions of the globals, from `begin` to `end`: numbers alone do not say whose a timer is.
 * (Hooks of async resources would: but they put those of promises out of action, by which awaits are located.) Invariant: what stands in
 * the globals meanwhile hands on, and all that it adds is a note.
 */
import { noteHandingOn, realFunctions } from './drain-real-functions.ts';

const SETTERS = ['setTimeout', 'setInterval'] as const;
type Setter = (typeof SETTERS)[number];
type SetTimer = (...args: unknown[]) => unknown;
/** Those that are over are dropped when so many are noted. */
const SWEPT_AT_LEAST = 64;
/** So many places say enough, and a stack of one takes kilobytes. */
const PLACES_MAX = 64;

/** A timer of the machine that is set and may still fire. */
export interface SetTimerCall {
  readonly timer: NodeJS.Timeout;
  readonly call: Setter;
  /** Made where it was set; of the first ones only. */
  readonly taken?: Error | undefined;
}

interface NotedTimer extends SetTimerCall {
  /** How many were set until then. */
  readonly number: number;
  readonly isOwn: boolean;
}

/** See above. */
export class SetTimers {
  /** Made once for each function, since tiny simulations must not pay for it. */
  static readonly #standIns = new WeakMap<SetTimer, SetTimer>();
  static #current: SetTimers | undefined;
  readonly #isOwn: () => boolean;
  readonly #replaced: [name: Setter, before: SetTimer, standIn: SetTimer][] = [];
  #noted: NotedTimer[] = [];
  #sweptAt = SWEPT_AT_LEAST;
  #places = 0;
  /** How many were set, also by others. */
  count = 0;

  /** `isOwn` says whether code of the execution runs. */
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
      // A replacement made meanwhile stays.
      if ((globalThis[name] as unknown) === standIn) Reflect.set(globalThis, name, before);
    }
  }

  /** Whether any that was set after the first `count` of all keeps the process alive. */
  isAnyAlive(count: number): boolean {
    return this.#noted.some((noted) => noted.number > count && isAlive(noted.timer));
  }

  /** Those of the execution that keep the process alive. */
  own(): readonly SetTimerCall[] {
    return this.#noted.filter((noted) => noted.isOwn && isAlive(noted.timer));
  }

  #note(timer: unknown, call: Setter): void {
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

  /** One that was cleared, or has fired, is nothing to wait for. */
  #sweep(): void {
    this.#noted = this.#noted.filter(({ timer }) => isAlive(timer));
    // Twice what is left, so that many that live cost no look each.
    this.#sweptAt = Math.max(SWEPT_AT_LEAST, this.#noted.length * 2);
    this.#places = this.#noted.filter(({ taken }) => taken !== undefined).length;
  }

  /** Somebody may have kept a stand-in as what was there before, and put it back. */
  static #standInOf(call: Setter, before: SetTimer): SetTimer {
    const known = SetTimers.#standIns.get(before);
    if (known !== undefined) return known;
    const standIn: SetTimer = (...args) => {
      const timer = before(...args);
      const current = SetTimers.#current;
      if (current !== undefined) current.#note(timer, call);
      return timer;
    };
    // It carries what makes a promise of it.
    Object.defineProperties(standIn, Object.getOwnPropertyDescriptors(before));
    SetTimers.#standIns.set(before, standIn).set(standIn, standIn);
    noteHandingOn(standIn, before);
    return standIn;
  }
}

/** That it was cleared, or has fired, Node notes where no function shows it. */
function isAlive(timer: NodeJS.Timeout & { readonly _destroyed?: boolean }): boolean {
  return timer._destroyed !== true && timer.hasRef();
}

let machineTimer: object | undefined;

/** In ambient time the global makes timers of a simulation. */
function isOfMachine(timer: unknown): timer is NodeJS.Timeout {
  if (machineTimer === undefined) {
    const one = realFunctions.setTimeout(() => {}, 0);
    realFunctions.clearTimeout(one);
    machineTimer = Object.getPrototypeOf(one) as object;
  }
  return typeof timer === 'object' && timer !== null && Object.getPrototypeOf(timer) === machineTimer;
}
