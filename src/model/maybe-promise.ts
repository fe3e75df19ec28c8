/** A result that is there already or comes later. Collaborators that answer synchronously cost no event (see ARCHITECTURE.md). */
export type MaybePromise<T> = T | PromiseLike<T>;

/** True if the result is still to come. */
export function isPending<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
