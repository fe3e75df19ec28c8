/**
 * A result that is settled once, from outside, and that any number of waiters can await. Invariants: the first outcome
 * stays; a rejection that nobody awaits is not an unhandled one.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { WORLD_OF_CHOICES } from '../model/world.ts';
import { type LockWorld, NAME } from './noted-wait.ts';
import { LockSite, WAIT_OPTIONS, WaitLine, type WaitOptions } from './wait-line.ts';

/** Options of {@link createDeferred}. */
export interface DeferredOptions {
  /** Name in reports, as `deferred NAME`. */
  readonly name: string;
  /** Who is expected to settle it, for reports: an owner of locks or a node. Default: unknown. */
  readonly by?: string;
}

const DEFERRED_OPTIONS = is.optionsOf<DeferredOptions>({ name: NAME }, { by: NAME });

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** A result that is settled later. Made by {@link createDeferred}. */
export class Deferred<T> {
  /** Name given on creation. */
  readonly name: string;
  readonly #site: LockSite;
  readonly #line: WaitLine<undefined, Outcome<T>>;
  #outcome: Outcome<T> | undefined;

  /** @internal */
  constructor(site: LockSite, { name, by }: DeferredOptions) {
    this.name = name;
    this.#site = site;
    this.#line = new WaitLine({ site, goal: site.title, from: by });
  }

  get isSettled(): boolean {
    return this.#outcome !== undefined;
  }

  /**
   * Waits for the value; resolves at once if it is settled.
   *
   * @throws (as a rejection) the error it was rejected with; RunnerError `RUNNER_TIMED_OUT`, `RUNNER_WAIT_CANCELLED`.
   */
  async wait(options: WaitOptions = {}): Promise<T> {
    check('options', options, WAIT_OPTIONS);
    const isCancelled = options.signal?.aborted === true;
    const outcome = isCancelled ? undefined : this.#outcome;
    const known = outcome ?? (await this.#line.wait(undefined, options));
    if ('error' in known) throw known.error;
    return known.value;
  }

  /**
   * Settles it with a value; returns false, and changes nothing, if it was settled before. Each waiter continues in an
   * event of its own.
   */
  resolve(value: T): boolean {
    return this.#settle({ value });
  }

  /** Settles it with an error; returns false, and changes nothing, if it was settled before. */
  reject(error: unknown): boolean {
    return this.#settle({ error });
  }

  #settle(outcome: Outcome<T>): boolean {
    if (this.#outcome !== undefined) return false;
    this.#outcome = outcome;
    for (const waiter of this.#line) {
      const topic = this.#site.topic('settles', waiter.owner);
      waiter.service = this.#site.world.clock.post(topic, () => this.#line.serve(waiter, outcome));
    }
    return true;
  }
}

/**
 * Creates a result that is settled later.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a world and a name.
 * @example
 * ```ts
 * import { createDeferred } from 'dryrunner/cluster';
 * import { simulate } from 'dryrunner';
 * const { failure } = await simulate({
 *   async scenario(sim) {
 *     const result = createDeferred<number>(sim.world, { name: 'result', by: 'worker' });
 *     await result.wait({ owner: 'client' });
 *   },
 * });
 * console.log(failure?.details[0]); // client waits for deferred result from worker since 0 ms
 * ```
 */
export function createDeferred<T>(world: LockWorld, options: DeferredOptions): Deferred<T> {
  check('world', world, WORLD_OF_CHOICES);
  check('options', options, DEFERRED_OPTIONS);
  return new Deferred<T>(new LockSite(world, 'deferred', options.name), options);
}
