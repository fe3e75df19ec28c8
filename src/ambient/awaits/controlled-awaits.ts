/**
 * Makes the awaits of one simulation decisions. Invariants: all code that awaits one promise continues in the order in
 * which it began to await, as always in JavaScript; values and errors are unchanged.
 */
import type { Timer } from '../../kernel/clock.ts';
import type { Choices } from '../../kernel/decisions.ts';
import { topicOf, type Topic } from '../../kernel/question.ts';
import type { ProcessClock } from '../../model/process-host.ts';
import { AWAIT_OWNERS } from '../../simulation/ambience.ts';
import { hub, type AwaitControl } from '../hub.ts';

/**
 * How late an await may continue. `hops`: a few more microtasks, in the engine's own order; a failure found this way
 * can happen wherever the code runs. `latency`: as late as anything else that is due at the same instant, as if the
 * await had waited for real I/O; each continuation is an event of the clock.
 */
export type AwaitLevel = 'hops' | 'latency';

/** All levels, for checks and help. */
export const AWAIT_LEVELS: readonly AwaitLevel[] = Object.freeze(['hops', 'latency']);

/** How awaits are controlled. */
export interface AwaitOptions {
  /**
   * Makes each `await` rewritten by `awaitTransform` a decision. `latency`: its continuation is an event, and may be as
   * late as anything that is due at the same instant. `hops`: it takes up to seven more microtasks. Default: awaits are
   * not controlled.
   */
  readonly awaits?: AwaitLevel | undefined;
  /**
   * True: also makes decisions of reactions set by `then`, `catch` and `finally` in any code of the simulation,
   * including this package; for code that cannot be rewritten. Requires `awaits`. Default false.
   */
  readonly thens?: boolean;
}

/** The clock on which continuations are events. */
type AwaitClock = Omit<ProcessClock, 'slowed' | 'epochMs'>;

/** The parts of a simulation that controlled awaits use. */
export interface AwaitParts {
  /** The clock of the scenario or process whose code runs. */
  readonly clockNow: () => AwaitClock;
  readonly choices: Choices;
  readonly capturePlaces: boolean;
}

/** Controls awaits until the simulation has ended. */
export interface ControlledAwaits extends AwaitControl {
  /** Starts controlling awaits. */
  enter(): void;
  /** Stops controlling awaits; from now on they behave as usual. */
  leave(): void;
  /** Drops pending continuations: they never run. */
  end(): void;
}

/** The type of {@link Promise.then}, called on a promise. */
type Then = (
  this: Promise<unknown>,
  onFulfilled?: ((value: unknown) => unknown) | null,
  onRejected?: ((reason: unknown) => unknown) | null,
) => Promise<unknown>;

// The engine's own `then`, kept because a stand-in may replace it.
// eslint-disable-next-line @typescript-eslint/unbound-method -- it is called on a promise
const nativeThen = Promise.prototype.then as Then;

interface AnyIterable {
  readonly [Symbol.asyncIterator]?: unknown;
  readonly [Symbol.iterator]?: unknown;
}
type AnyMethod = (...args: unknown[]) => unknown;

/** The part common to both levels. An iteration is treated as a series of awaits. */
abstract class Awaits implements ControlledAwaits {
  abstract awaited(value: unknown, site: string): unknown;
  abstract disposal(site: string): AsyncDisposable | null;
  abstract end(): void;
  readonly #controlsThens: boolean;
  #releaseThens: (() => void) | undefined;

  constructor(controlsThens: boolean) {
    this.#controlsThens = controlsThens;
  }

  enter(): void {
    hub.awaits = this;
    if (this.#controlsThens) this.#releaseThens ??= controlThens(this);
  }

  leave(): void {
    if (hub.awaits === this) hub.awaits = undefined;
    this.#releaseThens?.();
    this.#releaseThens = undefined;
  }

  each(iterable: unknown, site: string): unknown {
    if (iterable === undefined || iterable === null) return iterable;
    const asyncMethod = (iterable as AnyIterable)[Symbol.asyncIterator];
    const method = (iterable as AnyIterable)[Symbol.iterator];
    const late = (result: unknown): unknown => this.awaited(result, site);
    if (typeof asyncMethod === 'function') {
      return {
        [Symbol.asyncIterator]: () =>
          iteratorOf((asyncMethod as AnyMethod).call(iterable), (call) => late(call())),
      };
    }
    // For other iterables the engine creates an async iterator, and awaits their values.
    if ((asyncMethod !== undefined && asyncMethod !== null) || typeof method !== 'function') return iterable;
    const lateValue = ({ done, value }: IteratorResult<unknown, unknown>): unknown => {
      return { done, value: late(value) };
    };
    return {
      [Symbol.iterator]: () =>
        iteratorOf((method as AnyMethod).call(iterable), (call) =>
          lateValue(call() as IteratorResult<unknown, unknown>),
        ),
    };
  }
}

/**
 * An iterator whose results pass through `pass`. It has the methods of the `given` iterator, looked up when the engine
 * looks them up.
 */
function iteratorOf(given: unknown, pass: (call: () => unknown) => unknown): object {
  const inner = given as object;
  const next = (inner as { readonly next: AnyMethod }).next;
  const method = (name: 'return' | 'throw'): AnyMethod | undefined => {
    const found = (inner as Partial<Record<string, AnyMethod | null>>)[name] ?? undefined;
    return found && ((...args) => pass(() => found.apply(inner, args)));
  };
  return {
    next: (...args: unknown[]) => pass(() => next.apply(inner, args)),
    get return() {
      return method('return');
    },
    get throw() {
      return method('throw');
    },
  };
}

/** One controlled await. It first waits for its promise, then for its event. */
class Continuation {
  readonly site: string;
  /** The promise, or any other object with `then`, that is awaited: other code may await it too. */
  shared: object | undefined;
  readonly clock: AwaitClock;
  readonly place: Error | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
  hasFailed = false;
  value: unknown = undefined;
  cause = 0;
  event: Timer | undefined = undefined;
  /** Pending continuations form a doubly linked list. */
  previous: Continuation | undefined = undefined;
  next: Continuation | undefined = undefined;
  /** The next continuation on the same promise. Only the first of them keeps `last`, the end of this chain. */
  follower: Continuation | undefined = undefined;
  last: Continuation = this;

  constructor(
    site: string,
    shared: object | undefined,
    [clock, place]: readonly [AwaitClock, Error | undefined],
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    this.site = site;
    this.shared = shared;
    this.clock = clock;
    this.place = place;
    this.resolve = resolve;
    this.reject = reject;
  }

  resume(): void {
    if (this.hasFailed) this.reject(this.value);
    else this.resolve(this.value);
  }
}

/** The first pending reaction for each settled promise. */
type Reactions = Map<object, Continuation>;

/** Makes each continuation an event of the clock of the code that awaits: see {@link AwaitLevel}. */
class LateAwaits extends Awaits {
  readonly #clockNow: AwaitParts['clockNow'];
  readonly #capturesPlaces: boolean;
  /** The end of the list of all pending continuations. */
  #last: Continuation | undefined;
  /** Kept per process: the reactions of a process that has died never run, those of others do. */
  readonly #reactions = new Map<AwaitClock, Reactions>();
  #isOver = false;

  constructor({ clockNow, capturePlaces }: AwaitParts, controlsThens: boolean) {
    super(controlsThens);
    this.#clockNow = clockNow;
    this.#capturesPlaces = capturePlaces;
  }

  awaited(value: unknown, site: string): unknown {
    const promise = Promise.resolve(value);
    // Itself, because the promise may have been created just for this await.
    const shared = Object(value) === value ? (value as object) : undefined;
    const place = this.#capturesPlaces ? placeHere() : undefined;
    const clock = this.#clockNow();
    return new Promise((resolve, reject) => {
      const continuation = new Continuation(site, shared, [clock, place], resolve, reject);
      void nativeThen.call(
        promise,
        (result) => {
          // It is no promise, so that nothing orders those who await it.
          if (result === value) continuation.shared = undefined;
          this.#settled(continuation, result);
        },
        (reason) => {
          continuation.hasFailed = true;
          this.#settled(continuation, reason);
        },
      );
    });
  }

  disposal(site: string): AsyncDisposable {
    return { [Symbol.asyncDispose]: () => this.awaited(undefined, site) as Promise<void> };
  }

  end(): void {
    this.#isOver = true;
    for (let one = this.#last; one !== undefined; one = one.previous) one.event?.cancel();
    this.#last = undefined;
    this.#reactions.clear();
  }

  #settled(continuation: Continuation, value: unknown): void {
    if (this.#isOver) return;
    const { clock } = continuation;
    continuation.value = value;
    continuation.cause = clock.currentEventId;
    this.#append(continuation);
    continuation.previous = this.#last;
    if (this.#last !== undefined) this.#last.next = continuation;
    this.#last = continuation;
    const topic = topicOfSite(continuation.site);
    continuation.event = clock.queued(topic, clock.now(), continuation, () => this.#fire(continuation));
  }

  #fire(continuation: Continuation): void {
    const { previous, next } = continuation;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    if (previous !== undefined) previous.next = next;
    // In the old generation, a fired continuation would otherwise retain its former neighbours.
    continuation.previous = undefined;
    continuation.next = undefined;
    // Whichever of the events of one promise fires, its first pending reaction continues: the reactions keep their
    // order, and each runs in the end.
    this.#takeFirst(continuation).resume();
  }

  #append(continuation: Continuation): void {
    const { shared, clock } = continuation;
    if (shared === undefined) return;
    const reactions = this.#reactionsOn(clock);
    const first = reactions.get(shared);
    if (first === undefined) reactions.set(shared, continuation);
    else {
      first.last.follower = continuation;
      first.last = continuation;
    }
  }

  #reactionsOn(clock: AwaitClock): Reactions {
    let reactions = this.#reactions.get(clock);
    if (reactions === undefined) {
      reactions = new Map();
      this.#reactions.set(clock, reactions);
    }
    return reactions;
  }

  #takeFirst(continuation: Continuation): Continuation {
    const { shared, clock } = continuation;
    if (shared === undefined) return continuation;
    const reactions = this.#reactionsOn(clock);
    const first = reactions.get(shared) as Continuation;
    const { follower, last } = first;
    if (follower === undefined) reactions.delete(shared);
    else {
      follower.last = last;
      reactions.set(shared, follower);
    }
    return first;
  }
}

/** Adds a frame of this package above the await's, as {@link EventOrigin} expects. */
function placeHere(): Error {
  return new Error('place');
}

const SETTLED = Promise.resolve();
/** A race is usually decided by a few microtasks. */
const HOPS_MAX = 7;

/** Shared by all awaits of one promise, so that they continue in order. */
interface Hops {
  readonly count: number;
  awaiting: number;
}

/** Delays awaits by some microtasks: see {@link AwaitLevel}. */
class HoppingAwaits extends Awaits {
  readonly #choices: Choices;
  /** By awaited value, for those that are delayed now. */
  readonly #hops = new Map<unknown, Hops>();

  constructor({ choices }: AwaitParts, controlsThens: boolean) {
    super(controlsThens);
    this.#choices = choices;
  }

  awaited(value: unknown, site: string): unknown {
    if (typeof value !== 'object' || value === null) {
      const count = this.#choose(site);
      return count === 0 ? value : hop(value, count);
    }
    const known = this.#hops.get(value);
    const count = known?.count ?? this.#choose(site);
    if (count === 0) return value;
    const hops = known ?? { count, awaiting: 0 };
    if (known === undefined) this.#hops.set(value, hops);
    hops.awaiting += 1;
    return hop(value, count, () => {
      hops.awaiting -= 1;
      if (hops.awaiting === 0) this.#hops.delete(value);
    });
  }

  disposal(site: string): AsyncDisposable | null {
    const count = this.#choose(site);
    return count === 0 ? null : { [Symbol.asyncDispose]: () => hop(undefined, count) as Promise<void> };
  }

  end(): void {
    this.#hops.clear();
  }

  #choose(site: string): number {
    return this.#choices.choose(topicOfSite(site).asks('delay'), HOPS_MAX + 1);
  }
}

/** Settles as `value` does, `count` microtasks later than a plain await would. */
async function hop(value: unknown, count: number, onEnd?: () => void): Promise<unknown> {
  try {
    return await value;
  } finally {
    // The await of the result takes one microtask as well.
    for (let left = count - 1; left > 0; left -= 1) await SETTLED;
    onEnd?.();
  }
}

const topics = new Map<string, Topic>();
const TOPICS_KEPT = 8_192;
/** Matches the prefix of a site that names the owner of its questions. */
const OWNER = new RegExp(`^(${AWAIT_OWNERS.join('|').replaceAll('*', '\\*')})(?: |$)`);

function topicOfSite(site: string): Topic {
  let topic = topics.get(site);
  if (topic === undefined) {
    if (topics.size >= TOPICS_KEPT) topics.clear();
    const owner = OWNER.exec(site)?.[1] ?? '';
    topic = topicOf({ owner, what: site.slice(owner.length).trim() });
    topics.set(site, topic);
  }
  return topic;
}

/** Creates the control over awaits; undefined if awaits are not controlled. */
export function controlAwaits(
  { awaits, thens = false }: AwaitOptions,
  parts: AwaitParts,
): ControlledAwaits | undefined {
  if (awaits === undefined) return undefined;
  return awaits === 'hops' ? new HoppingAwaits(parts, thens) : new LateAwaits(parts, thens);
}

/**
 * Lets `awaits` also decide about reactions set by `then`, `catch` and `finally`, for code that is not rewritten.
 * Returns the function that undoes this. Instances of subclasses of `Promise` are left alone.
 */
function controlThens(awaits: AwaitControl): () => void {
  const before = Object.getOwnPropertyDescriptor(Promise.prototype, 'then') as PropertyDescriptor;
  const then: Then = function (onFulfilled, onRejected) {
    const isPlain = this instanceof Promise && this.constructor === Promise;
    if (!isPlain) return nativeThen.call(this, onFulfilled, onRejected);
    const late = awaits.awaited(this, siteOfThen(onFulfilled, onRejected)) as Promise<unknown>;
    return nativeThen.call(late, onFulfilled, onRejected);
  };
  void Object.defineProperty(Promise.prototype, 'then', { ...before, value: then });
  return () => {
    // Keeps a replacement that was installed in the meantime.
    if (Object.getOwnPropertyDescriptor(Promise.prototype, 'then')?.value === then) {
      void Object.defineProperty(Promise.prototype, 'then', before);
    }
  };
}

/** In code that is not rewritten, a place is known only by the names of the reaction functions. */
function siteOfThen(...reactions: readonly unknown[]): string {
  const named = reactions.find((reaction) => typeof reaction === 'function' && reaction.name !== '');
  return named === undefined ? 'then' : `then ${(named as AnyMethod).name}`;
}
