/** A lock with several permits, which can have several owners at a time. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { WORLD_OF_CHOICES } from '../model/world.ts';
import { type MutexOptions, OWNER_OPTIONS } from './mutex.ts';
import { type LockWorld, NAME } from './noted-wait.ts';
import { type LockedTask, type LockHold, PermitLock } from './permit-lock.ts';
import { LockSite, WAIT_FIELDS, type WaitOptions } from './wait-line.ts';

/** Options of {@link createSemaphore}. */
export interface SemaphoreOptions extends MutexOptions {
  /** Number of permits, ≥ 1. */
  readonly permits: number;
}

/** Options of acquiring permits. */
export interface PermitOptions extends WaitOptions {
  /** Number of permits, acquired all at once; from 1, the default, up to all that exist. */
  readonly permits?: number;
}

const PERMITS = is.integer(1);
const SEMAPHORE_OPTIONS = is.optionsOf<SemaphoreOptions>(
  { name: NAME, permits: PERMITS },
  { fair: is.BOOLEAN },
);
const PERMIT_OPTIONS = is.optionsOf<PermitOptions>({}, { ...WAIT_FIELDS, permits: PERMITS });

/** A semaphore. Made by {@link createSemaphore}. */
export class Semaphore {
  /** Name given on creation. */
  readonly name: string;
  /** Number of permits, free or held. */
  readonly permits: number;
  readonly #lock: PermitLock;

  /** @internal */
  constructor(site: LockSite, { name, permits, fair = true }: SemaphoreOptions) {
    this.name = name;
    this.permits = permits;
    this.#lock = new PermitLock(site, permits, fair);
  }

  /** Number of waiters. */
  get waiting(): number {
    return this.#lock.waiting;
  }

  /** Number of permits that nobody holds. */
  get available(): number {
    return this.#lock.free;
  }

  /** Owners of permits, one entry per hold, longest first. */
  get holders(): readonly string[] {
    return this.#lock.owners;
  }

  /**
   * Acquires permits; at once if enough are free and nobody waits. With `fair`, a first waiter that needs more than are
   * free blocks those behind it.
   *
   * @throws RunnerError (as a rejection) as `acquire` of a mutex; `RUNNER_INVALID_ARGUMENT` for more permits than there
   * are.
   */
  async acquire(options: PermitOptions = {}): Promise<LockHold> {
    return this.#lock.take(this.#wanted(options), options);
  }

  /** Acquires permits if enough are free and nobody waits; otherwise returns undefined. */
  tryAcquire(options: Pick<PermitOptions, 'owner' | 'permits'> = {}): LockHold | undefined {
    return this.#lock.tryTake(this.#wanted(options), options);
  }

  /**
   * Releases the hold that the owner has had longest, for callers that keep no {@link LockHold}.
   *
   * @throws RunnerError `RUNNER_LOCK_NOT_HELD` if that owner holds nothing.
   */
  release(options: Pick<PermitOptions, 'owner'> = {}): void {
    check('options', options, OWNER_OPTIONS);
    this.#lock.giveBackOf(options);
  }

  /** Holds permits while `task` runs, and releases them however `task` ends. */
  async run<T>(task: LockedTask<T>, options: PermitOptions = {}): Promise<T> {
    check('task', task, is.FUNCTION);
    return this.#lock.during(task, this.#wanted(options), options);
  }

  #wanted(options: PermitOptions): number {
    check('options', options, PERMIT_OPTIONS);
    const { permits = 1 } = options;
    if (permits <= this.permits) return permits;
    throw invalidArgument('permits', `at most the ${this.permits} of semaphore ${this.name}`, permits);
  }
}

/**
 * Creates a semaphore. Permits are handed over like a mutex; see {@link createMutex}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a world, a name and an integer ≥ 1 of permits.
 * @example
 * ```ts
 * import { createSemaphore } from 'dryrunner/cluster';
 * import { simulate } from 'dryrunner';
 * const { held, virtualMs } = await simulate({
 *   async scenario(sim) {
 *     const slots = createSemaphore(sim.world, { name: 'slots', permits: 2 });
 *     await Promise.all(['a', 'b', 'c'].map((owner) => slots.run(() => sim.sleep(10), { owner })));
 *   },
 * });
 * console.log(held, virtualMs); // true 20
 * ```
 */
export function createSemaphore(world: LockWorld, options: SemaphoreOptions): Semaphore {
  check('world', world, WORLD_OF_CHOICES);
  check('options', options, SEMAPHORE_OPTIONS);
  return new Semaphore(new LockSite(world, 'semaphore', options.name), options);
}
