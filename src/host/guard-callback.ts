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

const HOUR_MS = 3_600_000;

/**
 * Gives a callback of that name each text, but the same one only once an hour, so that trouble with every call is no
 * flood, and trouble that lasts or comes again is not forgotten. `nowMs` is a clock that never goes back.
 */
export function sayingHourly(
  name: string,
  callback: ((text: string) => void) | undefined,
  nowMs: () => number = () => performance.now(),
): (text: string) => void {
  const saidAtMs = new Map<string, number>();
  return (text) => {
    const now = nowMs();
    for (const [said, atMs] of saidAtMs) if (now - atMs >= HOUR_MS) saidAtMs.delete(said);
    if (saidAtMs.has(text)) return;
    saidAtMs.set(text, now);
    guardCallback(name, () => callback?.(text));
  };
}
