/**
 * Makes each continuation an event of the clock of the code that awaits: see {@link AwaitLevel}. Invariant: the
 * continuations on one promise keep their order, whichever of their events fires first.
 */
import type { Timer } from '../../kernel/clock.ts';
import { noteStandIn } from '../../kernel/drain-awaits.ts';
import { topicOfSite } from './await-topic.ts';
import { type AwaitClock, type AwaitParts, Awaits, nativeThen } from './controlled-awaits.ts';

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

/** See the top of the file. */
export class LateAwaits extends Awaits {
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
    const late = new Promise((resolve, reject) => {
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
    noteStandIn(late, promise);
    return late;
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
