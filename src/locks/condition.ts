/**
 * A condition on a mutex: a task that finds that something is not the case yet waits here, without the mutex, until
 * another notifies it that it may be. Invariants: releasing the mutex and starting to wait are one step, so that no
 * notification gets lost in between; a notification goes to a waiter that was waiting when it was sent, and that waiter
 * then neither times out nor is cancelled; however the wait ends, the mutex is held again.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError } from '../kernel/errors.ts';
import { Mutex } from './mutex.ts';
import { NAME } from './noted-wait.ts';
import { LockHold, type PermitLock } from './permit-lock.ts';
import { LockSite, WAIT_FIELDS, type Waiter, WaitLine, type WaitOptions } from './wait-line.ts';

/** Options of {@link createCondition}. */
export interface ConditionOptions {
  /** Name in reports, as `condition NAME`. */
  readonly name: string;
}

const CONDITION_OPTIONS = is.optionsOf<ConditionOptions>({ name: NAME }, {});
const MUTEX = is.satisfying('a Mutex', (value) => value instanceof Mutex);

/** Limits of a wait on a condition; its owner is that of the hold. */
export type ConditionWait = Omit<WaitOptions, 'owner'>;

const { timeoutMs, signal } = WAIT_FIELDS;
const CONDITION_WAIT = is.optionsOf<ConditionWait>({}, { timeoutMs, signal });

/** A condition. Made by {@link createCondition}. */
export class Condition {
  /** Name given on creation. */
  readonly name: string;
  readonly #mutex: PermitLock;
  readonly #site: LockSite;
  readonly #line: WaitLine<undefined, undefined>;

  /** @internal */
  constructor(mutex: Mutex, { name }: ConditionOptions) {
    this.name = name;
    this.#mutex = Mutex.lockOf(mutex);
    this.#site = new LockSite(this.#mutex.site.world, 'condition', name);
    this.#line = new WaitLine({ site: this.#site, goal: this.#site.title });
  }

  /** Number of waiters that have not been notified yet. */
  get waiting(): number {
    return this.#line.size;
  }

  /**
   * Releases the mutex, waits for a notification, and acquires the mutex again for the same `hold`. The awaited state
   * may have changed back by then, so call this in a loop. The limits apply to the wait for a notification; the mutex
   * is then awaited without a limit, also after a timeout or a cancellation.
   *
   * @throws RunnerError (as a rejection) `RUNNER_MUTEX_REQUIRED` unless `hold` currently holds the mutex,
   * `RUNNER_TIMED_OUT`, `RUNNER_WAIT_CANCELLED`.
   */
  async wait(hold: LockHold, options: ConditionWait = {}): Promise<void> {
    check('options', options, CONDITION_WAIT);
    const mutex = this.#mutex;
    if (!LockHold.isOf(hold, mutex) || !hold.isHeld) throw this.#withoutMutex(hold);
    const notified = this.#line.wait(undefined, { ...is.only(WAIT_FIELDS, options), owner: hold.owner });
    mutex.lend(hold);
    try {
      await notified;
    } finally {
      await mutex.grant(hold);
    }
  }

  /**
   * Wakes the first waiter; if the mutex is not fair, one that the exploration chooses. Returns false if there is none.
   */
  notify(): boolean {
    const next = this.#site.pick([...this.#line], this.#mutex.isFair);
    if (next === undefined) return false;
    this.#wake(next);
    return true;
  }

  /** Wakes all waiters, each in an event of its own; returns their number. */
  notifyAll(): number {
    const all = [...this.#line];
    for (const waiter of all) this.#wake(waiter);
    return all.length;
  }

  #wake(waiter: Waiter<undefined, undefined>): void {
    this.#line.leave(waiter);
    const topic = this.#site.topic('notifies', waiter.owner);
    this.#site.world.clock.post(topic, () => waiter.resolve(undefined));
  }

  #withoutMutex(hold: unknown): RunnerError {
    const { title } = this.#mutex.site;
    const message = `${this.#site.title}: expected a hold of ${title} to wait with, got ${this.#textOf(hold)}`;
    return new RunnerError('RUNNER_MUTEX_REQUIRED', message, { actual: hold });
  }

  #textOf(hold: unknown): string {
    if (!LockHold.isOf(hold, this.#mutex)) return 'something else';
    if (LockHold.isLent(hold)) return `the hold of ${hold.owner}, which waits with it already`;
    return `the hold of ${hold.owner}, which has released it`;
  }
}

/**
 * Creates a condition on a mutex.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a mutex and a name.
 * @example
 * ```ts
 * import { createCondition, createMutex } from 'dryrunner/cluster';
 * import { simulate } from 'dryrunner';
 * const { held } = await simulate({
 *   async scenario(sim) {
 *     const queue: string[] = [];
 *     const mutex = createMutex(sim.world, { name: 'queue' });
 *     const filled = createCondition(mutex, { name: 'filled' });
 *     const taken = mutex.run(
 *       async (hold) => {
 *         while (queue.length === 0) await filled.wait(hold);
 *         return queue.shift();
 *       },
 *       { owner: 'consumer' },
 *     );
 *     await mutex.run(() => queue.push('job'), { owner: 'producer' });
 *     filled.notify();
 *     sim.check((await taken) === 'job', 'the job was taken');
 *   },
 * });
 * console.log(held); // true
 * ```
 */
export function createCondition(mutex: Mutex, options: ConditionOptions): Condition {
  check('mutex', mutex, MUTEX);
  check('options', options, CONDITION_OPTIONS);
  return new Condition(mutex, options);
}
