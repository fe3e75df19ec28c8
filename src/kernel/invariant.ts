/**
 * Checks of what this package promises itself, always enabled. A failure is a bug of this package and is never caught
 * and dropped.
 */
import { describeValue, messageOf, RunnerError } from './errors.ts';

/**
 * Throws `RUNNER_INVARIANT` unless `condition` holds. The message may be a function, so that hot paths pay nothing.
 *
 * @example
 * ```ts
 * import { invariant } from 'dryrunner/kernel';
 * invariant(1 + 1 === 2, 'expected arithmetic to hold');
 * ```
 */
export function invariant(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw brokenInvariant(textOf(message) ?? 'an invariant without a text');
}

/** Marks a branch that the types say cannot be reached; use it after an exhaustive switch. */
export function unreachable(value: never): never {
  throw brokenInvariant(`reached the unreachable with ${textOf(value) ?? String(value)}`);
}

/** Undefined for a message that is missing or empty. */
function textOf(message: string | (() => string)): string | undefined {
  try {
    const text: unknown = typeof message === 'function' ? message() : message;
    if (text === undefined || text === '') return undefined;
    return typeof text === 'string' ? text : describeValue(text);
  } catch (error) {
    // The broken invariant matters more than its message.
    return `its message could not be made: ${messageOf(error)}`;
  }
}

function brokenInvariant(text: string): RunnerError {
  return new RunnerError('RUNNER_INVARIANT', `Broken invariant of dryrunner: ${text}`);
}
