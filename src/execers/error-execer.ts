/** An execer that cannot start anything. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { InstantExecer } from './done-execer.ts';
import { createDoneExecer } from './done-execer.ts';

/**
 * Makes an execer whose `exec` always throws `error` (R145).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless given an Error (D72).
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
  check('error', error, is.ERROR);
  return createDoneExecer({ execError: error });
}
