/**
 * Callbacks of users, such as logs. Invariant: what one throws, or rejects with, is a warning of the process, and changes
 * nothing else.
 */
import { messageOf } from '../kernel/errors.ts';
import { guarded } from '../model/callback.ts';

/** Runs the call of a callback of that name. */
export function guardCallback(name: string, call: () => unknown): void {
  guarded(call, (error) => process.emitWarning(`${name} threw: ${messageOf(error)}`));
}

/** Gives a callback of that name each text, but not one that it has just got. */
export function sayingOnce(
  name: string,
  callback: ((text: string) => void) | undefined,
): (text: string) => void {
  let said: string | undefined;
  return (text) => {
    if (text === said) return;
    said = text;
    guardCallback(name, () => callback?.(text));
  };
}
