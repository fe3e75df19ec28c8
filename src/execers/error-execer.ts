/** An execer that cannot start anything. */
import { isInstance } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { InstantExecer } from './done-execer.ts';
import { createDoneExecer } from './done-execer.ts';

/**
 * Makes an execer whose `exec` always throws `error` (R145).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the error is missing or is none (D72).
 *
 * @example
 * ```ts
 * import { createErrorExecer } from 'dryrunner/kit';
 * const execer = createErrorExecer(new Error('no such program'));
 * let text = '';
 * try {
 *   execer.exec();
 * } catch (error) {
 *   text = String(error);
 * }
 * if (text !== 'Error: no such program') throw new Error('expected the configured error');
 * ```
 */
export function createErrorExecer(error: Error): InstantExecer {
  if (!isInstance(error, Error)) throw invalidArgument('error', 'an Error', error);
  return createDoneExecer({ execError: error });
}
