/**
 * A level-triggered request to stop: it belongs to one operation and holds from the moment it is made (R105, R173). The
 * `AbortSignal` that collaborators see is created only when one of them asks for it, because a controller costs more
 * than a step of a run.
 */
import { checkObject, unreadable } from '../kernel/argument-check.ts';

/** Passed to every long-running operation. Destructure `signal` only if you use it: reading it creates it. */
export interface Cancellable {
  readonly signal: AbortSignal;
  /** Same answer as `signal.aborted` without creating the signal; absent where only the signal knows. */
  readonly cancelled?: boolean;
}

/**
 * True if the operation has been asked to stop. Does not create the signal if `cancelled` is present.
 * See {@link Cancellation}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a `Cancellable`, such as an object with neither field.
 */
export function isCancelled(cancel: Cancellable | undefined): boolean {
  try {
    if (cancel === undefined) return false;
    checkObject('cancel', 'a Cancellable', cancel);
    if (cancel.cancelled !== undefined) return cancel.cancelled;
    const { signal } = cancel;
    checkObject('cancel.signal', 'an AbortSignal', signal);
    return signal.aborted;
  } catch (error) {
    throw unreadable('cancel', cancel, error);
  }
}

/**
 * The cancellation of one operation: pass it to a collaborator, and call `cancel` to stop the operation.
 *
 * @example
 * ```ts
 * import { Cancellation, isCancelled } from 'dryrunner/kit';
 * const cancellation = new Cancellation();
 * const before = isCancelled(cancellation);
 * cancellation.cancel('no longer wanted');
 * console.log(before, isCancelled(cancellation), cancellation.signal.reason); // false true no longer wanted
 * ```
 */
export class Cancellation implements Cancellable {
  #controller: AbortController | undefined;
  #reason: unknown;
  #cancelled = false;

  /** True from the first `cancel` on. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Aborts the signal, also one that is requested only later. The first reason counts. Never blocks. */
  cancel(reason?: unknown): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
