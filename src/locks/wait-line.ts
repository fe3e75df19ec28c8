/**
 * Those who wait at a lock, a channel or the like, in the order of coming. Invariant: each waiter leaves exactly once, be it served, timed
 * out or cancelled, and with it go its timer, its place with its signal and its wait in the trace; what it was about to get stays with the
 * lock, which learns that it has left.
 */
import * as is from '../kernel/shape.ts';
import type { Timer } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import { namedTopic, type Topic } from '../kernel/question.ts';
import { LimitedWaiter } from '../kernel/signal-waiters.ts';
import { beginWait, type LockWorld, NAME, ownerIn } from './noted-wait.ts';

/** How somebody waits. */
export interface WaitOptions {
  /** Who waits, and then holds. Default: the node whose world it is, or else `scenario`. */
  readonly owner?: string;
  /** The wait rejects with `RUNNER_TIMED_OUT` after so long. Default: `Infinity`, no limit. */
  readonly timeoutMs?: number;
  /** The wait rejects with `RUNNER_WAIT_CANCELLED` when it aborts. */
  readonly signal?: AbortSignal;
}

/** See {@link WaitOptions}. */
export const WAIT_FIELDS: is.OptionalShapes<WaitOptions> = {
  owner: NAME,
  timeoutMs: is.limit(),
  signal: is.ABORT_SIGNAL,
};

/** All of them. */
export const WAIT_OPTIONS: is.RecordShape = is.optionsOf<WaitOptions>({}, WAIT_FIELDS);

/** What a lock is and where it lives. */
export class LockSite {
  readonly world: LockWorld;
  /** `mutex jobs`. */
  readonly title: string;
  /** The same with the node that it lives on, for events of the clock. */
  readonly #place: string;

  constructor(world: LockWorld, kind: string, name: string) {
    this.world = world;
    this.title = `${kind} ${name}`;
    this.#place = world.node === undefined ? this.title : `${world.node} ${this.title}`;
  }

  ownerOf({ owner }: Pick<WaitOptions, 'owner'>): string {
    return ownerIn(this.world, owner);
  }

  topic(what: string, subject = ''): Topic {
    return namedTopic(this.#place, what, subject);
  }

  /** Which of several gets something: the first, unless the exploration decides otherwise. */
  pick<T extends { readonly owner: string }>(candidates: readonly T[], isFair: boolean): T | undefined {
    if (isFair || candidates.length < 2) return candidates[0];
    const owners = candidates.map(({ owner }) => owner);
    const asked = this.topic('next').asks('choice');
    return candidates[this.world.choices.choose(asked, owners.length, (answer) => owners[answer])];
  }

  /** Notes that an owner has the lock, or no longer. */
  record(type: 'acquired' | 'freed', owner: string): void {
    const { clock, tracer, node = '' } = this.world;
    if (tracer === undefined) return;
    const lock = { runner: node, runId: '', resource: 'lock', name: this.title, owner } as const;
    tracer.record({ at: clock.now(), type, ...lock });
  }
}

interface Settling<W, R> {
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
  readonly cancel: (waiter: Waiter<W, R>, reason: unknown) => void;
}

/** Somebody who waits with `wish`, such as a number of permits, for an `R`. */
export class Waiter<W, R> extends LimitedWaiter {
  readonly owner: string;
  readonly wish: W;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
  readonly #cancel: (waiter: Waiter<W, R>, reason: unknown) => void;
  /** The event that will serve it, where each waiter has one of its own. */
  service: Timer | undefined = undefined;
  endNote: () => void = () => undefined;

  constructor(owner: string, wish: W, { resolve, reject, cancel }: Settling<W, R>) {
    super();
    this.owner = owner;
    this.wish = wish;
    this.resolve = resolve;
    this.reject = reject;
    this.#cancel = cancel;
  }

  cancelRequested(): void {
    this.#cancel(this, this.abortReason);
  }
}

/** What a line is for. */
export interface WaitLineOptions {
  readonly site: LockSite;
  /** What is awaited, as reports name it: `mutex jobs`, `a value from channel results`. */
  readonly goal: string;
  /** Who is to end the waits, if somebody is known to be. */
  readonly from?: string | undefined;
  /** Called after a waiter has timed out or was cancelled: another one may be next now. */
  readonly onLeft?: () => void;
  /** Said after `did not get … within … ms`, such as who holds it. */
  readonly why?: () => string;
}

/** The line. */
export class WaitLine<W, R> implements Iterable<Waiter<W, R>> {
  readonly #options: WaitLineOptions;
  readonly #waiters = new Set<Waiter<W, R>>();

  constructor(options: WaitLineOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiters.size;
  }

  get first(): Waiter<W, R> | undefined {
    const [first] = this.#waiters;
    return first;
  }

  [Symbol.iterator](): Iterator<Waiter<W, R>> {
    return this.#waiters.values();
  }

  has(waiter: Waiter<W, R>): boolean {
    return this.#waiters.has(waiter);
  }

  /** Waits at the end of the line. `options` were checked. */
  wait(wish: W, options: WaitOptions): Promise<R> {
    const { timeoutMs = Infinity, signal } = options;
    const { site, goal: name, from } = this.#options;
    const { world } = site;
    const owner = site.ownerOf(options);
    return new Promise((resolve, reject) => {
      const waiter = new Waiter<W, R>(owner, wish, {
        resolve,
        reject,
        cancel: (one, reason) => this.#cancel(one, reason),
      });
      if (signal?.aborted === true) {
        reject(this.#cancelled(owner, signal.reason));
        return;
      }
      const timer =
        timeoutMs < Infinity
          ? world.clock.timer(site.topic('timeout', owner), timeoutMs, () => this.#expire(waiter, timeoutMs))
          : undefined;
      waiter.limitBy(timer, signal);
      this.#waiters.add(waiter);
      waiter.endNote = beginWait(world, { name, owner, from });
    });
  }

  /** Takes a waiter out, who is still to be settled. */
  leave(waiter: Waiter<W, R>): void {
    this.#waiters.delete(waiter);
    waiter.leaveLimits();
    waiter.service?.cancel();
    waiter.endNote();
  }

  /** Gives a waiter what it waits for. */
  serve(waiter: Waiter<W, R>, result: R): void {
    this.leave(waiter);
    waiter.resolve(result);
  }

  /** Ends all waits with an error. */
  failAll(makeError: (owner: string) => unknown): void {
    for (const waiter of [...this.#waiters]) {
      this.leave(waiter);
      waiter.reject(makeError(waiter.owner));
    }
  }

  #expire(waiter: Waiter<W, R>, timeoutMs: number): void {
    const { goal, why, onLeft } = this.#options;
    const because = why?.() ?? '';
    this.leave(waiter);
    waiter.reject(
      new RunnerError(
        'RUNNER_TIMED_OUT',
        `${waiter.owner} did not get ${goal} within ${timeoutMs} ms${because}`,
      ),
    );
    onLeft?.();
  }

  #cancel(waiter: Waiter<W, R>, reason: unknown): void {
    this.leave(waiter);
    waiter.reject(this.#cancelled(waiter.owner, reason));
    this.#options.onLeft?.();
  }

  #cancelled(owner: string, reason: unknown): RunnerError {
    const message = `the wait of ${owner} for ${this.#options.goal} was cancelled`;
    return new RunnerError('RUNNER_WAIT_CANCELLED', message, { cause: reason });
  }
}
