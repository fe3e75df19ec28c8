/**
 * Where an event was made. Invariant: a stack becomes text only once somebody reads it, for that costs many times what it costs to take it,
 * and of most events nobody asks where they were made.
 */

import { stackOf } from './errors.ts';

/** The line that says what was thrown, and the clock's own frames. */
const LINES_ABOVE = 4;

/** The event with its place, which is read from `taken` when it is asked for. */
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
