/**
 * Makes the awaits of one simulation decisions. Invariants: all code that awaits one promise continues in the order in
 * which it began to await, as always in JavaScript; values and errors are unchanged.
 */
import type { Choices } from '../../kernel/decisions.ts';
import type { ProcessClock } from '../../model/process-host.ts';
import { hub, type AwaitControl } from '../hub.ts';

/** The clock on which continuations are events. */
export type AwaitClock = Omit<ProcessClock, 'slowed' | 'epochMs'>;

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
export type Then = (
  this: Promise<unknown>,
  onFulfilled?: ((value: unknown) => unknown) | null,
  onRejected?: ((reason: unknown) => unknown) | null,
) => Promise<unknown>;

// The engine's own `then`, kept because a stand-in may replace it.
// eslint-disable-next-line @typescript-eslint/unbound-method -- it is called on a promise
export const nativeThen = Promise.prototype.then as Then;

interface AnyIterable {
  readonly [Symbol.asyncIterator]?: unknown;
  readonly [Symbol.iterator]?: unknown;
}
type AnyMethod = (...args: unknown[]) => unknown;

/** The part common to both levels. An iteration is treated as a series of awaits. */
export abstract class Awaits implements ControlledAwaits {
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
