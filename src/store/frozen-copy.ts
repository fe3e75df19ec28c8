/** Deep frozen copies of plain data, for the one field of a status whose content is opaque (R39). */
import { invalidArgument } from '../kernel/errors.ts';

/**
 * Copies plain data and freezes the copy at every depth, byte arrays excepted, which cannot be frozen.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what cannot be copied, such as a function.
 */
export function frozenCopy<T extends object>(value: T): T {
  let copy: T;
  try {
    copy = structuredClone(value);
  } catch {
    throw invalidArgument('status.actionResult', 'plain data', value);
  }
  freezeDeep(copy);
  return copy;
}

/** What is frozen already, as plain values are, ends the walk; so do references back. */
function freezeDeep(value: unknown): void {
  if (Object.isFrozen(value) || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  for (const child of Object.values(value as object)) freezeDeep(child);
}
