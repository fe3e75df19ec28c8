/**
 * The clock contract that every time-dependent part takes by injection. There is a virtual clock (`virtual-clock.ts`)
 * and one on the machine's time (`src/host/system-clock.ts`); nothing else in the package reads time.
 */
import * as is from './shape.ts';
import { CallbackWaiter } from './signal-waiters.ts';
import { check, refuseGenerator } from './argument-check.ts';
import type { Label } from './question.ts';

/** A pending event. Cancelling an event that has fired or was cancelled is a no-op. */
export interface Timer {
  /** Removes the event from the queue at once, in O(log n); it will not fire. */
  cancel(): void;
}

/**
 * Time and the order of events.
 *
 * A label says what an event is about, in parts (`{ owner: 'link', what: 'send', subject: 'message-3' }`) or as a text:
 * decisions about order are keyed by it, reports show it, and strategies see from it which events are about the same
 * thing. On a hot path create it once with `topicOf`, not per event.
 */
export interface Clock {
  /** Milliseconds since the start of this clock, with microsecond resolution; monotonic. */
  now(): number;
  /** Milliseconds from the Unix epoch to `now() === 0`. Constant on a virtual clock, so that dates are reproducible. */
  readonly epochMs: number;
  /**
   * Fires once, `ms` from now. `ms` is finite and 0 or more; it is rounded to microseconds, and a positive delay is at
   * least 1 µs. Delays beyond 24.8 days work on every clock.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `ms` is negative or not finite.
   */
  timer(label: Label, ms: number, fire: () => void): Timer;
  /**
   * Fires once, now, after the callback that is running. The order among other events due now is a decision on the
   * virtual clock and first-in-first-out on the wall clock.
   */
  post(label: Label, fire: () => void): Timer;
  /** As `timer`, but after everything else due at that time, including what those events post (R35). */
  endOfInstant(label: Label, ms: number, fire: () => void): Timer;
}

/**
 * Fires an event of a clock, and returns what its callback returns.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if that is a generator, whose body nobody runs; what the callback throws.
 */
export function fireEvent(fire: () => unknown): unknown {
  const returned = fire();
  if (returned !== undefined) refuseGenerator('fire', returned);
  return returned;
}

/**
 * Waits for `ms` on `clock`. Rejects with `signal.reason` as soon as the signal aborts, and cancels the timer.
 *
 * @example
 * ```ts
 * import { createVirtualClock } from 'dryrunner/kernel';
 * import { sleep } from 'dryrunner';
 * const clock = createVirtualClock();
 * const slept = sleep(clock, 3_600_000);
 * await clock.runUntilIdle();
 * await slept;
 * if (clock.now() !== 3_600_000) throw new Error('an hour has passed');
 * ```
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (as a rejection) if `ms` is negative or not finite.
 */
export function sleep(clock: Clock, ms: number, label: Label = 'sleep', signal?: AbortSignal): Promise<void> {
  if (signal !== undefined) return abortableSleep(clock, ms, label, signal);
  const promise = new Promise<void>(takeResolve);
  try {
    clock.timer(label, ms, resolveTaken);
  } catch (error) {
    return refuseSleep(clock, error);
  }
  return promise;
}

/** Validates the clock only after an error, so that a sleep on a valid clock pays nothing for it. */
async function refuseSleep(clock: Clock, error: unknown): Promise<never> {
  check('clock', clock, is.CLOCK);
  throw error;
}

let resolveTaken = (): void => {};

/** One executor shared by all sleeps: a closure for each would cost an eighth of a sleep. */
function takeResolve(resolve: () => void): void {
  resolveTaken = resolve;
}

function abortableSleep(clock: Clock, ms: number, label: Label, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    check('clock', clock, is.CLOCK);
    check('signal', signal, is.ABORT_SIGNAL);
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const waiter = new CallbackWaiter((reason) => {
      waiter.leaveLimits();
      reject(reason);
    });
    const wake = (): void => {
      waiter.leaveLimits();
      resolve();
    };
    waiter.limitBy(clock.timer(label, ms, wake), signal);
  });
}
