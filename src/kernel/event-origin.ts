/**
 * Where an event was created. Invariant: a stack is formatted only when it is read, because that costs many times as
 * much as capturing it, and most are never read.
 */

import { stackOf } from './errors.ts';

/** The message line, and the clock's own frames. */
const LINES_ABOVE = 4;

/** Adds a lazily formatted `place` to the event. */
export function withPlace<Info extends object>(info: Info, taken: Error): Info & { readonly place: string } {
  let read: string | undefined;
  return {
    ...info,
    get place() {
      read ??= textOf(taken);
      return read;
    },
  };
}

function textOf(taken: Error): string {
  const stack = stackOf(taken) ?? '';
  return stack
    .split('\n')
    .slice(LINES_ABOVE)
    .map((line) => line.trim())
    .join('\n');
}
