/** Checks the ids of outputs. Invariant: a valid id is one entry of one folder, on every platform. */
import { invalidArgument } from '../kernel/errors.ts';

const PLAIN = /^[\w.~-]+$/;
// Path separators of any platform, NUL, and lone surrogates, which no file system can store.
const FORBIDDEN = /[/\\\0\p{Cs}]/u;

/**
 * True if `id` can name an output: a non-empty string without path separators or NUL, and neither `.` nor `..` (R161).
 */
export function isOutputId(id: unknown): id is string {
  if (typeof id !== 'string' || id === '' || id === '.' || id === '..') return false;
  return isPlainId(id) || !FORBIDDEN.test(id);
}

/** A quick check that is true for nearly all ids: every character stands for itself in a URI and on every disk. */
export function isPlainId(id: string): boolean {
  return PLAIN.test(id);
}

/**
 * Throws for an id that could leave the folder of its outputs (R161).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if {@link isOutputId} does not hold.
 */
export function checkOutputId(id: unknown): asserts id is string {
  if (isOutputId(id)) return;
  throw invalidArgument('output id', 'a non-empty name without path separators, NUL, `.` or `..`', id);
}
