/** Always-on checks of what this package promises itself. A failure is a bug of ours and is never caught and dropped. */
import { RunnerError } from './errors.ts';

/**
 * Throws `RUNNER_INVARIANT` unless `condition` holds. The message may be a function, so that hot paths pay nothing.
 *
 * @example
 * ```ts
 * import { invariant } from 'dryrunner';
 * invariant(1 + 1 === 2, 'expected arithmetic to hold');
 * ```
 */
export function invariant(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw brokenInvariant(typeof message === 'string' ? message : message());
}

/** Marks a branch that the types say cannot be reached; use it after an exhaustive switch. */
export function unreachable(value: never): never {
  throw brokenInvariant(`reached the unreachable with ${String(value)}`);
}

function brokenInvariant(message: string): RunnerError {
  return new RunnerError('RUNNER_INVARIANT', `Broken invariant of dryrunner: ${message}`);
}
