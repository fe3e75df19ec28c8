/** Refuses options that lack what an execer works with, before anything is started with them. */
import { invalidArgument } from '../kernel/errors.ts';

/**
 * Checks that `value` is an object with a method of that name.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the option and what came.
 */
export function checkCollaborator(name: string, value: unknown, method: string): void {
  const fits = typeof value === 'object' && value !== null && method in value;
  if (fits && typeof (value as Record<string, unknown>)[method] === 'function') return;
  throw invalidArgument(name, `an object with ${method}()`, value);
}
