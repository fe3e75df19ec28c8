/** What a driver of clocks must know of Node beside the drain: the async context of callbacks, and what is alive in the process. */
import { AsyncResource } from 'node:async_hooks';
import { SetTimers, type SetTimerCall } from './drain-set-timers.ts';
import { invalidArgument } from './errors.ts';

/**
 * Ties a raw callback to the async context (`AsyncLocalStorage`) of now. Awaited promises keep their context by themselves; a
 * callback that a user hands to a clock through one of our doors does not.
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
  // `AsyncResource.bind` makes a deprecated property for each function, which takes longer than all the rest.
  const context = new AsyncResource('dryrunner.bound');
  return (...args) => context.runInAsyncScope(call, undefined, ...args);
}

/**
 * What keeps the real event loop alive now (timers, sockets, child processes, file operations), by kind, sorted. With nothing
 * queued on a virtual clock, kinds that were not there when the run began are an escape from it, not a deadlock.
 */
export function activeResources(): string[] {
  return process.getActiveResourcesInfo().sort();
}

const TIMER = 'Timeout';
/**
 * What keeps the process alive since `begin`. An execution that waits for a real timer is ended, and the timer fires during any later one;
 * so from then on those that are set during an execution are counted, since numbers alone no longer show whose they are.
 */
export class ResourcesSince {
  static #hasLeftTimers = false;
  readonly #timers: SetTimers | undefined;
  #before: readonly string[] = [];
  /** How many timers had been set when they were first counted; undefined as long as their number says enough. */
  #countedFrom: number | undefined;

  /** With `isOwn`, which says whether code of the execution runs, timers are watched as they are set. */
  constructor(isOwn?: () => boolean) {
    if (isOwn !== undefined) this.#timers = new SetTimers(isOwn);
  }

  /** To be called in a burst of the drain, like the looks: between two of them others set timers too. */
  begin(): void {
    this.#before = activeResources();
    this.#timers?.begin();
    if (ResourcesSince.#hasLeftTimers) this.#countedFrom = 0;
  }

  /** Nothing of the scenario's keeps the process alive: from now on timers are counted as they are set, because others may set some. */
  noteStill(): void {
    this.#countedFrom ??= this.#timers?.count;
  }

  /** The kinds, each as often as there are more of it. */
  kinds(): string[] {
    const since = resourcesSince(this.#before);
    if (this.#countedFrom === undefined) return since;
    // Others set timers too; one that has fired or was cleared is nothing to wait for.
    const isSet = this.#timers?.isAnyAlive(this.#countedFrom) === true;
    return [...since.filter((kind) => kind !== TIMER), ...(isSet ? [TIMER] : [])].sort();
  }

  /** The timers that code of the execution has set and that are still to fire. */
  timers(): readonly SetTimerCall[] {
    return this.#timers?.own() ?? [];
  }

  /** The execution is ended while it waits for these. */
  noteLeft(kinds: readonly string[]): void {
    if (kinds.includes(TIMER)) ResourcesSince.#hasLeftTimers = true;
  }

  /** Nothing is watched any more. */
  end(): void {
    this.#timers?.end();
  }
}

/** Those of {@link activeResources} that are not in `before`, each as often as there are more of it. */
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
 * Keeps rejections that nobody handles, or exceptions that nobody catches, from being reported, as long as `isKnown` of what was thrown; all
 * others are reported as ever. Returns what ends it.
 */
export function withholdRejections(
  isKnown: (reason: unknown) => boolean,
  event: 'unhandledRejection' | 'uncaughtException' = 'unhandledRejection',
): () => void {
  return onProcessEvents({ [event]: isKnown });
}

/** True keeps the event from everybody else. */
type TakeEvent = (...about: unknown[]) => boolean;

/**
 * Hears of events of the process before everybody else. Returns what ends it. Node ends the process for an unhandled rejection unless a listener is
 * there, and all listeners hear of all of them, so the one place before both is where they are announced.
 */
export function onProcessEvents(take: Readonly<Record<string, TakeEvent>>): () => void {
  const announcer: { emit?: (name: string, ...about: unknown[]) => boolean } = process as object;
  const before = Object.getOwnPropertyDescriptor(announcer, 'emit');
  const emit = announcer.emit?.bind(process);
  let isOn = true;
  const filtered = (name: string, ...about: unknown[]): boolean =>
    (isOn && Object.hasOwn(take, name) && take[name]?.(...about) === true) ||
    (emit?.(name, ...about) ?? false);
  announcer.emit = filtered;
  return () => {
    isOn = false;
    // A replacement made meanwhile stays.
    if (announcer.emit !== filtered) return;
    if (before === undefined) delete announcer.emit;
    else Object.defineProperty(announcer, 'emit', before);
  };
}

/** As Node announces what nobody catches; thrown if nobody listens. */
export function announceUncaught(error: unknown): void {
  const announcer: NodeJS.EventEmitter = process;
  if (!announcer.emit('uncaughtException', error, 'uncaughtException')) throw error;
}
