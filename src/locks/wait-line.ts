/**
 * Waiters at a lock, a channel or the like, in order of arrival. Invariant: each waiter leaves exactly once, whether
 * served, timed out or cancelled, and its timer, its signal listener and its wait in the trace go with it; what it was
 * about to get stays with the lock, which is notified that it has left.
 */
import * as is from '../kernel/shape.ts';
import type { Timer } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import { namedTopic, type Topic } from '../kernel/question.ts';
import { LimitedWaiter } from '../kernel/signal-waiters.ts';
import { beginWait, type LockWorld, NAME, ownerIn } from './noted-wait.ts';

/** Owner and limits of a wait. */
export interface WaitOptions {
  /** Who waits, and then holds. Default: the node to which the world belongs, or else `scenario`. */
  readonly owner?: string;
  /** Timeout in milliseconds, after which the wait rejects with `RUNNER_TIMED_OUT`. Default: `Infinity`, no limit. */
  readonly timeoutMs?: number;
  /** When it aborts, the wait rejects with `RUNNER_WAIT_CANCELLED`. */
  readonly signal?: AbortSignal;
}

/** Shapes of the fields of {@link WaitOptions}. */
export const WAIT_FIELDS: is.OptionalShapes<WaitOptions> = {
  owner: NAME,
  timeoutMs: is.limit(),
  signal: is.ABORT_SIGNAL,
};

/** Argument shape of {@link WaitOptions}. */
export const WAIT_OPTIONS: is.RecordShape = is.optionsOf<WaitOptions>({}, WAIT_FIELDS);

/** The identity of a lock, and the world that it lives in. */
export class LockSite {
  readonly world: LockWorld;
  /** Kind and name: `mutex jobs`. */
  readonly title: string;
  /** Title and node, for events of the clock. */
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

  /** Chooses who is served: the first, unless the lock is unfair and the exploration chooses another. */
  pick<T extends { readonly owner: string }>(candidates: readonly T[], isFair: boolean): T | undefined {
    if (isFair || candidates.length < 2) return candidates[0];
    const owners = candidates.map(({ owner }) => owner);
    const asked = this.topic('next').asks('choice');
    return candidates[this.world.choices.choose(asked, owners.length, (answer) => owners[answer])];
  }

  /** Records that an owner has acquired the lock, or freed it. */
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

/** A waiter that requests a `W`, such as a number of permits, and gets an `R`. */
export class Waiter<W, R> extends LimitedWaiter {
  readonly owner: string;
  readonly request: W;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
  readonly #cancel: (waiter: Waiter<W, R>, reason: unknown) => void;
  /** The event that will serve it, if each waiter has one of its own. */
  service: Timer | undefined = undefined;
  endNote: () => void = () => undefined;

  constructor(owner: string, request: W, { resolve, reject, cancel }: Settling<W, R>) {
    super();
    this.owner = owner;
    this.request = request;
    this.resolve = resolve;
    this.reject = reject;
    this.#cancel = cancel;
  }

  cancelRequested(): void {
    this.#cancel(this, this.abortReason);
  }
}

/** Options of a {@link WaitLine}. */
export interface WaitLineOptions {
  readonly site: LockSite;
  /** What is awaited, as named in reports: `mutex jobs`, `a value from channel results`. */
  readonly goal: string;
  /** Who is expected to end the waits, if known. */
  readonly from?: string | undefined;
  /** Called after a waiter has timed out or was cancelled: another may be next now. */
  readonly onLeft?: () => void;
  /** Reason to append to the message `did not get … within … ms`, such as who holds the lock. */
  readonly why?: () => string;
}

/** A line of waiters in order of arrival. */
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

  /** Waits at the end of the line. `options` must have been checked. */
  wait(request: W, options: WaitOptions): Promise<R> {
    const { timeoutMs = Infinity, signal } = options;
    const { site, goal: name, from } = this.#options;
    const { world } = site;
    const owner = site.ownerOf(options);
    return new Promise((resolve, reject) => {
      const waiter = new Waiter<W, R>(owner, request, {
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

  /** Removes a waiter without settling it. */
  leave(waiter: Waiter<W, R>): void {
    this.#waiters.delete(waiter);
    waiter.leaveLimits();
    waiter.service?.cancel();
    waiter.endNote();
  }

  /** Settles a waiter with its result. */
  serve(waiter: Waiter<W, R>, result: R): void {
    this.leave(waiter);
    waiter.resolve(result);
  }

  /** Rejects all waiters. */
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
