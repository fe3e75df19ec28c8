/**
 * Results that may be available already. Collaborators that answer synchronously cost no event (see ARCHITECTURE.md).
 */
import { unreadable } from '../kernel/argument-check.ts';

/** A result, or a promise of it. */
export type MaybePromise<T> = T | PromiseLike<T>;

/**
 * True if the result is a promise. If reading `then` throws, the error counts as the failure of the operation and is
 * passed on.
 */
export function isPending<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/**
 * True for a promise of the language, whose `then` only listens. Any other object with a `then`, such as the query
 * builder of a database package, may begin its work when `then` is called, so only code that wants its value may.
 */
export function isEagerPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise && value.then === Promise.prototype.then;
}

/**
 * True if the result is a promise. Exported as `isPending`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an object whose `then` cannot be read.
 * @example
 * ```ts
 * import { isPending } from 'dryrunner/kit';
 * console.log(isPending(7), isPending(Promise.resolve(7))); // false true
 * ```
 */
export function isResultPending<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  try {
    return isPending(value);
  } catch (error) {
    throw unreadable('value', value, error);
  }
}

/**
 * Calls `onValue` or `onError` with what `await value` gives. A thenable is an untrusted object: its `then` is read
 * once and called once, in a later reaction; its first settlement counts, whatever it calls or throws afterwards, and a
 * thenable that it resolves with is followed. A value that is none is passed on synchronously, so that it costs no
 * reaction; what `onValue` then throws, the caller gets.
 */
export function whenSettled<T>(
  value: MaybePromise<T>,
  onValue: (value: T) => void,
  onError: (error: unknown) => void,
): void {
  const settled = isEagerPromise(value) ? value : adopted(value);
  if (settled === undefined) onValue(value as T);
  else void (settled as Promise<T>).then(onValue, onError);
}

/** A promise of the language for a thenable; undefined for any other value. */
function adopted(value: unknown): Promise<unknown> | undefined {
  // `await` goes by the class of a promise, and does not read a `then` that one has of its own.
  if (value instanceof Promise) return (async (): Promise<unknown> => await value)();
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  let then: unknown;
  try {
    ({ then } = value as { readonly then?: unknown });
  } catch (error) {
    return (async () => {
      throw error;
    })();
  }
  if (typeof then !== 'function') return undefined;
  const call = then;
  return Promise.resolve({
    then: (resolve: unknown, reject: unknown): unknown => Reflect.apply(call, value, [resolve, reject]),
  });
}

/** Done when all are; undefined if none is pending. */
export function allDone(works: readonly MaybePromise<void>[]): MaybePromise<void> {
  const pending = works.filter(isPending);
  return pending.length === 0 ? undefined : Promise.all(pending).then(() => undefined);
}

/** Runs `work`; if it throws or rejects, the result is what `onError` returns. */
export function orElse<T>(work: () => MaybePromise<T>, onError: (error: unknown) => T): MaybePromise<T> {
  try {
    const result = work();
    return isPending(result) ? followed(result).then(undefined, onError) : result;
  } catch (error) {
    return onError(error);
  }
}

/** Applies `use` to a result: synchronously if it is available, otherwise when the promise resolves. */
export function whenThere<T, U>(value: MaybePromise<T>, use: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPending(value) ? followed(value).then(use) : use(value);
}

/** A promise of the language: the `then` of another need not return anything. */
function followed<T>(value: PromiseLike<T>): Promise<T> {
  return isEagerPromise(value) ? (value as Promise<T>) : Promise.resolve(value);
}
