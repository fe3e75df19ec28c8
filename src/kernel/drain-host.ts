/**
 * The parts of Node that a driver of clocks needs beside the drain: the async context of callbacks, and the resources
 * alive in the process.
 */
import { AsyncResource, executionAsyncId, executionAsyncResource } from 'node:async_hooks';
import { SetTimers, type SetTimerCall } from './drain-set-timers.ts';
import { invalidArgument } from './errors.ts';

/**
 * Binds a raw callback to the current async context (`AsyncLocalStorage`). Awaited promises keep their context by
 * themselves; a callback that a user passes to a clock through a function of this package does not.
 *
 * @example
 * ```ts
 * import { AsyncLocalStorage } from 'node:async_hooks';
 * import { bindContext } from 'dryrunner/kernel';
 * const storage = new AsyncLocalStorage<string>();
 * const read = storage.run('here', () => bindContext(() => storage.getStore()));
 * if (read() !== 'here') throw new Error('the context is kept');
 * ```
 */
export function bindContext<Args extends unknown[], Result>(
  call: (...args: Args) => Result,
): (...args: Args) => Result {
  if (typeof (call as unknown) !== 'function') throw invalidArgument('call', 'a function', call);
  // `AsyncResource.bind` creates a deprecated property for each function, which takes longer than everything else.
  const context = new AsyncResource('dryrunner.bound');
  return (...args) => context.runInAsyncScope(call, undefined, ...args);
}

/**
 * The kinds of resources that keep the real event loop alive now (timers, sockets, child processes, file operations),
 * sorted. If nothing is queued on a virtual clock, kinds that were not there when the run began mean an escape from it,
 * not a deadlock.
 */
export function activeResources(): string[] {
  return process.getActiveResourcesInfo().sort();
}

const TIMER = 'Timeout';
/**
 * Tracks what keeps the process alive since `begin`. If an execution that waits for a real timer is ended, the timer
 * fires during some later one; from then on timers that are set during an execution are tracked one by one, since
 * numbers alone no longer show which execution set them.
 */
export class ResourcesSince {
  static #hasLeftTimers = false;
  readonly #timers: SetTimers | undefined;
  #before: readonly string[] = [];
  /**
   * The number of timers that had been set when tracking of single timers began; undefined while comparing numbers is
   * enough.
   */
  #countedFrom: number | undefined;

  /** With `isOwn`, which returns whether code of the execution runs, timers are tracked as they are set. */
  constructor(isOwn?: () => boolean) {
    if (isOwn !== undefined) this.#timers = new SetTimers(isOwn);
  }

  /** Call this, like the other methods, in a burst of the drain: between two bursts other code sets timers too. */
  begin(): void {
    this.#before = process.getActiveResourcesInfo();
    this.#timers?.begin();
    if (ResourcesSince.#hasLeftTimers) this.#countedFrom = 0;
  }

  /**
   * Nothing of the scenario keeps the process alive: from now on single timers are tracked, because other code may set
   * some.
   */
  noteStill(): void {
    this.#countedFrom ??= this.#timers?.count;
  }

  /** The kinds that were added, repeated by their number. */
  kinds(): string[] {
    const since = resourcesSince(this.#before);
    if (this.#countedFrom === undefined) return since;
    // Other code sets timers too; only timers that may still fire count.
    const isSet = this.#timers?.isAnyAlive(this.#countedFrom) === true;
    return [...since.filter((kind) => kind !== TIMER), ...(isSet ? [TIMER] : [])].sort();
  }

  /** The timers and immediates set by code of the execution that have not fired yet, and keep the process alive. */
  timers(): readonly SetTimerCall[] {
    return this.#timers?.own() ?? [];
  }

  /** Clears all that code of the execution has set and that has not fired yet. */
  clearTimers(): void {
    this.#timers?.clearOwn();
  }

  /** Notes that the execution is ended while it waits for these kinds. */
  noteLeft(kinds: readonly string[]): void {
    if (kinds.includes(TIMER)) ResourcesSince.#hasLeftTimers = true;
  }

  /** Stops watching. */
  end(): void {
    this.#timers?.end();
  }
}

/** The {@link activeResources} that are not in `before`, repeated by their number. */
export function resourcesSince(before: readonly string[]): string[] {
  const known = new Map<string, number>();
  for (const kind of before) known.set(kind, (known.get(kind) ?? 0) + 1);
  return activeResources().filter((kind) => {
    const left = known.get(kind) ?? 0;
    known.set(kind, left - 1);
    return left <= 0;
  });
}

/**
 * Withholds unhandled rejections, or uncaught exceptions, from Node's reports if `isKnown` returns true for the thrown
 * value; all others are reported as usual. Returns a function that ends this.
 */
export function withholdRejections(
  isKnown: (reason: unknown) => boolean,
  event: 'unhandledRejection' | 'uncaughtException' = 'unhandledRejection',
): () => void {
  return onProcessEvents({ [event]: isKnown });
}

/** Returns true to hide the event from all other listeners; `'shared'` passes it on, and counts as a listener. */
type TakeEvent = (...about: unknown[]) => boolean | 'shared';

/** Calls the other listeners, and returns whether there are any. */
export type PassOn = (emit: () => boolean) => boolean;

/**
 * Intercepts events of the process before all other listeners. Returns a function that ends this. Node ends the process
 * for an unhandled rejection unless there is a listener, and every listener gets all of them, so `emit` is the only
 * place before both. `passOn` calls the other listeners for an event that was not taken.
 */
export function onProcessEvents(
  take: Readonly<Record<string, TakeEvent>>,
  passOn: PassOn = (emit) => emit(),
): () => void {
  const announcer: { emit?: (name: string, ...about: unknown[]) => boolean } = process as object;
  const before = Object.getOwnPropertyDescriptor(announcer, 'emit');
  const emit = announcer.emit?.bind(process);
  let isOn = true;
  const filtered = (name: string, ...about: unknown[]): boolean => {
    const passed = (): boolean => emit?.(name, ...about) ?? false;
    if (!isOn || !Object.hasOwn(take, name)) return passed();
    const taken = take[name]?.(...about);
    if (taken === true) return true;
    return passOn(passed) || taken === 'shared';
  };
  announcer.emit = filtered;
  return () => {
    isOn = false;
    // Keep a replacement made in the meantime.
    if (announcer.emit !== filtered) return;
    if (before === undefined) delete announcer.emit;
    else Object.defineProperty(announcer, 'emit', before);
  };
}

/** A point in time that distinguishes callbacks made before it from those made after it. */
export class CallbacksSince {
  readonly #id = new AsyncResource('dryrunner.mark').asyncId();

  /**
   * True if the callback whose exception Node reports now was made before this mark. False also if it is not known, as
   * for a microtask.
   */
  get isOlderRunning(): boolean {
    const id = executionAsyncId();
    return id > 0 && id < this.#id;
  }
}

/** True if a timer or an immediate of the machine called the code whose exception Node reports now. */
export function isMachineTimerRunning(): boolean {
  const resource: object = executionAsyncResource();
  const { constructor = Object } = resource;
  return constructor.name === 'Timeout' || constructor.name === 'Immediate';
}

/** Emits `uncaughtException` as Node does; throws the error if there is no listener. */
export function announceUncaught(error: unknown): void {
  const announcer: NodeJS.EventEmitter = process;
  if (!announcer.emit('uncaughtException', error, 'uncaughtException')) throw error;
}
