/** A lock that one owner at a time holds. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { WORLD_OF_CHOICES } from '../model/world.ts';
import { type LockWorld, NAME } from './noted-wait.ts';
import { type LockedTask, type LockHold, PermitLock } from './permit-lock.ts';
import { LockSite, WAIT_OPTIONS, type WaitOptions } from './wait-line.ts';

/** What {@link createMutex} takes. */
export interface MutexOptions {
  /** Reports call it `mutex NAME`; one for each mutex that lives in the same world. */
  readonly name: string;
  /** False leaves it to the exploration who gets it of those who wait. Default true: who came first. */
  readonly fair?: boolean;
}

const MUTEX_OPTIONS = is.optionsOf<MutexOptions>({ name: NAME }, { fair: is.BOOLEAN });
/** Who releases, or asks without waiting. */
export const OWNER_OPTIONS: is.RecordShape = is.optionsOf<Pick<WaitOptions, 'owner'>>({}, { owner: NAME });

/** A mutex. An owner who asks for it a second time waits for itself. Made by {@link createMutex}. */
export class Mutex {
  /** As it was made with. */
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

  /** How many wait. */
  get waiting(): number {
    return this.#lock.waiting;
  }

  /** Who holds it. */
  get holder(): string | undefined {
    return this.#lock.owners[0];
  }

  /**
   * Takes it, at once if it is free and nobody waits.
   *
   * @throws RunnerError (as a rejection) `RUNNER_TIMED_OUT` after `timeoutMs`, `RUNNER_WAIT_CANCELLED` when `signal` aborts,
   * `RUNNER_INVALID_ARGUMENT` for other options.
   */
  async acquire(options: WaitOptions = {}): Promise<LockHold> {
    check('options', options, WAIT_OPTIONS);
    return this.#lock.take(1, options);
  }

  /** Takes it if it is free and nobody waits; else undefined. */
  tryAcquire(options: Pick<WaitOptions, 'owner'> = {}): LockHold | undefined {
    check('options', options, OWNER_OPTIONS);
    return this.#lock.tryTake(1, options);
  }

  /**
   * Releases it in the name of an owner, for those who keep no {@link LockHold}.
   *
   * @throws RunnerError `RUNNER_LOCK_NOT_HELD` if that owner does not hold it.
   */
  release(options: Pick<WaitOptions, 'owner'> = {}): void {
    check('options', options, OWNER_OPTIONS);
    this.#lock.giveBackOf(options);
  }

  /** Holds it while `task` runs, and releases it however that ends. */
  async run<T>(task: LockedTask<T>, options: WaitOptions = {}): Promise<T> {
    check('task', task, is.FUNCTION);
    check('options', options, WAIT_OPTIONS);
    return this.#lock.during(task, 1, options);
  }
}

/**
 * Makes a mutex. Who waits gets it in the order of asking, in an event of the clock of its own after each release, so that what is due
 * together with that is explored; `fair: false` makes who is next a decision.
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
 * console.log(failure?.details[0]); // a circle of waits: a → mutex results (b) → mutex jobs (a)
 * ```
 */
export function createMutex(world: LockWorld, options: MutexOptions): Mutex {
  check('world', world, WORLD_OF_CHOICES);
  check('options', options, MUTEX_OPTIONS);
  return new Mutex(new LockSite(world, 'mutex', options.name), options);
}
