/** A lock that one owner at a time can hold. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { WORLD_OF_CHOICES } from '../model/world.ts';
import { type LockWorld, NAME } from './noted-wait.ts';
import { type LockedTask, type LockHold, PermitLock } from './permit-lock.ts';
import { LockSite, WAIT_OPTIONS, type WaitOptions } from './wait-line.ts';

/** Options of {@link createMutex}. */
export interface MutexOptions {
  /** Name in reports, as `mutex NAME`; unique among the mutexes of a world. */
  readonly name: string;
  /** True, the default: waiters get it in order of arrival. False: the exploration chooses among them. */
  readonly fair?: boolean;
}

const MUTEX_OPTIONS = is.optionsOf<MutexOptions>({ name: NAME }, { fair: is.BOOLEAN });
/** Argument shape of options that only name an owner. */
export const OWNER_OPTIONS: is.RecordShape = is.optionsOf<Pick<WaitOptions, 'owner'>>({}, { owner: NAME });

/** A mutex. It is not reentrant: an owner that acquires it twice waits for itself. Made by {@link createMutex}. */
export class Mutex {
  /** Name given on creation. */
  readonly name: string;
  readonly #lock: PermitLock;

  /** @internal */
  constructor(site: LockSite, { name, fair = true }: MutexOptions) {
    this.name = name;
    this.#lock = new PermitLock(site, 1, fair);
  }

  /** @internal */
  static lockOf(mutex: Mutex): PermitLock {
    return mutex.#lock;
  }

  /** Number of waiters. */
  get waiting(): number {
    return this.#lock.waiting;
  }

  /** The current owner; undefined if it is free. */
  get holder(): string | undefined {
    return this.#lock.owners[0];
  }

  /**
   * Acquires the mutex; at once if it is free and nobody waits.
   *
   * @throws RunnerError (as a rejection) `RUNNER_TIMED_OUT` after `timeoutMs`, `RUNNER_WAIT_CANCELLED` when `signal`
   * aborts, `RUNNER_INVALID_ARGUMENT` for invalid options.
   */
  async acquire(options: WaitOptions = {}): Promise<LockHold> {
    check('options', options, WAIT_OPTIONS);
    return this.#lock.take(1, options);
  }

  /** Acquires the mutex if it is free and nobody waits; otherwise returns undefined. */
  tryAcquire(options: Pick<WaitOptions, 'owner'> = {}): LockHold | undefined {
    check('options', options, OWNER_OPTIONS);
    return this.#lock.tryTake(1, options);
  }

  /**
   * Releases the mutex in the name of an owner, for callers that keep no {@link LockHold}.
   *
   * @throws RunnerError `RUNNER_LOCK_NOT_HELD` if that owner does not hold it.
   */
  release(options: Pick<WaitOptions, 'owner'> = {}): void {
    check('options', options, OWNER_OPTIONS);
    this.#lock.giveBackOf(options);
  }

  /** Holds the mutex while `task` runs, and releases it however `task` ends. */
  async run<T>(task: LockedTask<T>, options: WaitOptions = {}): Promise<T> {
    check('task', task, is.FUNCTION);
    check('options', options, WAIT_OPTIONS);
    return this.#lock.during(task, 1, options);
  }
}

/**
 * Creates a mutex. Waiters get it in order of arrival. Each handover is an event of its own after the release, so that
 * the exploration orders it among the other events due then; `fair: false` also makes the choice of the next owner a
 * decision.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a world and a name.
 * @example
 * ```ts
 * import { createMutex } from 'dryrunner/cluster';
 * import { simulate } from 'dryrunner';
 * const { failure } = await simulate({
 *   async scenario(sim) {
 *     const [jobs, results] = ['jobs', 'results'].map((name) => createMutex(sim.world, { name }));
 *     const both = async (owner: string, first = jobs, second = results): Promise<void> => {
 *       const one = await first?.acquire({ owner });
 *       await sim.sleep(1);
 *       const two = await second?.acquire({ owner });
 *       two?.release();
 *       one?.release();
 *     };
 *     await Promise.all([both('a'), both('b', results, jobs)]);
 *   },
 * });
 * console.log(failure?.details[0]); // a circular wait: a → mutex results (b) → mutex jobs (a)
 * ```
 */
export function createMutex(world: LockWorld, options: MutexOptions): Mutex {
  check('world', world, WORLD_OF_CHOICES);
  check('options', options, MUTEX_OPTIONS);
  return new Mutex(new LockSite(world, 'mutex', options.name), options);
}
