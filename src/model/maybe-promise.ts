/** A result that is there already or comes later. Collaborators that answer synchronously cost no event (see ARCHITECTURE.md). */
import { unreadable } from '../kernel/argument-check.ts';

/** A result that is there, or a promise of it. */
export type MaybePromise<T> = T | PromiseLike<T>;

/** True if the result is still to come. What a thenable throws when it is looked at is what its operation has failed with. */
export function isPending<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/**
 * True if the result is still to come: the `isPending` of the door.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an object that throws when it is asked for its `then`.
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

/** Over when all are; at once if nothing is pending. */
export function allDone(works: readonly MaybePromise<void>[]): MaybePromise<void> {
  const pending = works.filter(isPending);
  return pending.length === 0 ? undefined : Promise.all(pending).then(() => undefined);
}

/** Does `work` now; what it throws or rejects with goes to `onError`, whose answer then stands for the result. */
export function orElse<T>(work: () => MaybePromise<T>, onError: (error: unknown) => T): MaybePromise<T> {
  try {
    const result = work();
    return isPending(result) ? result.then(undefined, onError) : result;
  } catch (error) {
    return onError(error);
  }
}

/** Applies `use` to a result as soon as it is there: now, if it is there already. */
export function whenThere<T, U>(value: MaybePromise<T>, use: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPending(value) ? value.then(use) : use(value);
}
