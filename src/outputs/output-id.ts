/** What may name an output. Invariant: a name that passes is one entry of one folder, on every platform. */
import { invalidArgument } from '../kernel/errors.ts';

// Separators of every platform, NUL, and halves of surrogate pairs, which no file system can store.
const FORBIDDEN = /[/\\\0\p{Cs}]/u;

/** True if `id` can name an output: a non-empty string without path separators or NUL, and neither `.` nor `..` (R161). */
export function isOutputId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id !== '.' && id !== '..' && !FORBIDDEN.test(id);
}

/**
 * Refuses what could leave the folder of its outputs (R161).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if {@link isOutputId} does not hold.
 */
export function checkOutputId(id: unknown): asserts id is string {
  if (isOutputId(id)) return;
  throw invalidArgument('output id', 'a non-empty name without path separators, NUL, `.` or `..`', id);
}
