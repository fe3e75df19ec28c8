/** How long to wait: not at all, for ever, or a checked time. */
import { unreadable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Wait } from './query.ts';

/** Answers at once from the current state (R25, R30). */
export const NO_WAIT: Wait = Object.freeze({ timeoutMs: 0 });

const FOREVER: Wait = Object.freeze({ timeoutMs: Infinity });

/**
 * Waits without limit; no timer is set (R32). The signal, if given, ends the wait (R34).
 *
 * @example
 * ```ts
 * import { waitForever } from 'dryrunner';
 * const stop = new AbortController();
 * const wait = waitForever(stop.signal);
 * ```
 */
export function waitForever(signal?: AbortSignal): Wait {
  return signal === undefined ? FOREVER : Object.freeze({ timeoutMs: Infinity, signal });
}

/**
 * Checks that `wait` is one: `timeoutMs` 0 or more, `Infinity` included, and `signal` an `AbortSignal` if given.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT`, for a negative timeout too (R33).
 */
export function checkWait(wait: unknown): asserts wait is Wait {
  try {
    if (typeof wait !== 'object' || wait === null) {
      throw invalidArgument('wait', 'an object with timeoutMs', wait);
    }
    const { timeoutMs, signal } = wait as { readonly [field in keyof Wait]: unknown };
    if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {
      throw invalidArgument('wait.timeoutMs', 'a number of milliseconds, 0 or more', timeoutMs);
    }
    if (signal !== undefined && !isAbortSignal(signal)) {
      throw invalidArgument('wait.signal', 'an AbortSignal', signal);
    }
  } catch (error) {
    throw unreadable('wait', wait, error);
  }
}

/** By shape, because signals of other realms and of polyfills serve as well. */
function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  );
}
