/**
 * Permits that owners acquire, hold and release: the core of a mutex and a semaphore. Invariants: no more permits are
 * held than exist; a free permit is handed over in an event of the clock, to the waiter that is next when the event
 * fires, so that a waiter that has timed out or was cancelled by then takes none; nobody overtakes a waiter that can be
 * served.
 */
import * as is from '../kernel/shape.ts';
import type { Timer } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import { type LockSite, WAIT_FIELDS, type Waiter, WaitLine, type WaitOptions } from './wait-line.ts';

/** A lock held by an owner until it is released; made by `acquire` and `tryAcquire` of a mutex or semaphore. */
export class LockHold {
  readonly owner: string;
  /** Number of permits; 1 for a mutex. */
  readonly permits: number;
  readonly #lock: PermitLock;
  #sinceMs = NaN;
  #isLent = false;

  /** @internal */
  constructor(lock: PermitLock, owner: string, permits: number) {
    this.#lock = lock;
    this.owner = owner;
    this.permits = permits;
  }

  /** @internal */
  static isOf(hold: unknown, lock: PermitLock): hold is LockHold {
    return typeof hold === 'object' && hold !== null && #lock in hold && hold.#lock === lock;
  }

  /** @internal Starts the hold: it has its permits from now on. */
  static begin(hold: LockHold, atMs: number): void {
    hold.#sinceMs = atMs;
    hold.#isLent = false;
  }

  /** @internal A condition waits with it until it has its permits again. */
  static lend(hold: LockHold): void {
    hold.#isLent = true;
  }

  /** Start of the hold, in milliseconds on the clock of the lock's world. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** False once released, and while a condition waits with it. */
  get isHeld(): boolean {
    return this.#lock.has(this);
  }

  /** @internal True while a condition waits with it. */
  static isLent(hold: LockHold): boolean {
    return hold.#isLent;
  }

  /**
   * Releases the lock; the next waiter gets it in an event of its own.
   *
   * @throws RunnerError `RUNNER_LOCK_RELEASED` if it was released before, or a condition waits with it.
   */
  release(): void {
    if (!this.isHeld) {
      const { title } = this.#lock.site;
      const how = this.#isLent ? ' while a condition waits with this hold' : ', and had done so before';
      throw new RunnerError('RUNNER_LOCK_RELEASED', `${title}: ${this.owner} released it${how}`);
    }
    this.#lock.giveBack(this);
  }
}

/** A task that runs while a lock is held. */
export type LockedTask<T> = (hold: LockHold) => T | Promise<T>;

/** The core of mutex and semaphore. */
export class PermitLock {
  readonly site: LockSite;
  readonly isFair: boolean;
  #available: number;
  readonly #holds = new Set<LockHold>();
  /** Each waiter requests the hold that it will get. */
  readonly #line: WaitLine<LockHold, LockHold>;
  #handOver: Timer | undefined;

  constructor(site: LockSite, permits: number, isFair: boolean) {
    this.site = site;
    this.isFair = isFair;
    this.#available = permits;
    this.#line = new WaitLine({
      site,
      goal: site.title,
      onLeft: () => this.#arrange(),
      why: () => (this.#holds.size === 0 ? '' : `: ${this.#holdersText()}`),
    });
  }

  /** Number of waiters. */
  get waiting(): number {
    return this.#line.size;
  }

  /** Number of permits not held; waiters have priority for them. */
  get free(): number {
    return this.#available;
  }

  get owners(): readonly string[] {
    return Array.from(this.#holds, ({ owner }) => owner);
  }

  has(hold: LockHold): boolean {
    return this.#holds.has(hold);
  }

  take(permits: number, options: WaitOptions): Promise<LockHold> {
    return this.grant(this.#newHold(permits, options), options);
  }

  tryTake(permits: number, options: Pick<WaitOptions, 'owner'>): LockHold | undefined {
    const hold = this.#newHold(permits, options);
    return this.#canServe(hold) ? this.#give(hold) : undefined;
  }

  /** Gives the hold its permits, at once or when its turn comes; without `options` it waits without limit. */
  async grant(hold: LockHold, options: WaitOptions = {}): Promise<LockHold> {
    if (options.signal?.aborted !== true && this.#canServe(hold)) return this.#give(hold);
    return this.#line.wait(hold, { ...is.only(WAIT_FIELDS, options), owner: hold.owner });
  }

  /** Frees the permits of a hold. */
  giveBack(hold: LockHold): void {
    this.#holds.delete(hold);
    this.#available += hold.permits;
    this.site.record('freed', hold.owner);
    this.#arrange();
  }

  /** As `giveBack`, until the hold is granted again. */
  lend(hold: LockHold): void {
    LockHold.lend(hold);
    this.giveBack(hold);
  }

  /** Releases the hold that the owner has had longest. */
  giveBackOf(options: Pick<WaitOptions, 'owner'>): void {
    const owner = this.site.ownerOf(options);
    const hold = [...this.#holds].find((one) => one.owner === owner);
    if (hold === undefined) {
      const others = this.#holds.size === 0 ? 'nobody holds it' : this.#holdersText();
      const message = `${this.site.title}: ${owner} released it without holding it; ${others}`;
      throw new RunnerError('RUNNER_LOCK_NOT_HELD', message);
    }
    hold.release();
  }

  /** Holds permits while a task runs. */
  async during<T>(task: LockedTask<T>, permits: number, options: WaitOptions): Promise<T> {
    const hold = await this.take(permits, options);
    try {
      return await task(hold);
    } finally {
      if (hold.isHeld) hold.release();
    }
  }

  #newHold(permits: number, options: Pick<WaitOptions, 'owner'>): LockHold {
    return new LockHold(this, this.site.ownerOf(options), permits);
  }

  #give(hold: LockHold): LockHold {
    LockHold.begin(hold, this.site.world.clock.now());
    this.#holds.add(hold);
    this.#available -= hold.permits;
    this.site.record('acquired', hold.owner);
    return hold;
  }

  #holdersText(): string {
    const since = Array.from(this.#holds, ({ owner, sinceMs }) => `${owner} holds it since ${sinceMs} ms`);
    return since.join(' and ');
  }

  /**
   * True if a newcomer can be served without overtaking: if the lock is fair, nobody waits; otherwise, no waiter can be
   * served.
   */
  #canServe({ permits }: LockHold): boolean {
    const isFirst = this.isFair ? this.#line.size === 0 : this.#candidates().length === 0;
    return isFirst && permits <= this.#available;
  }

  /** The waiters of which one can be served now. */
  #candidates(): Waiter<LockHold, LockHold>[] {
    const { first } = this.#line;
    if (first === undefined) return [];
    const asked = this.isFair ? [first] : [...this.#line];
    return asked.filter(({ request }) => request.permits <= this.#available);
  }

  /** Keeps a handover scheduled exactly while a waiter can be served. */
  #arrange(): void {
    if (this.#candidates().length === 0) {
      this.#handOver?.cancel();
      this.#handOver = undefined;
      return;
    }
    this.#handOver ??= this.site.world.clock.post(this.site.topic('hand-over'), () => {
      this.#handOver = undefined;
      this.#serveOne();
      this.#arrange();
    });
  }

  #serveOne(): void {
    const next = this.site.pick(this.#candidates(), this.isFair);
    if (next === undefined) return;
    this.#line.leave(next);
    next.resolve(this.#give(next.request));
  }
}
