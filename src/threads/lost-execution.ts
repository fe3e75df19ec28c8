/**
 * What is reported of an execution that ended neither by itself nor by its simulation. Invariant: the same in a thread
 * that explores and in the thread of a command.
 */
import { failureKey } from '../explore/failure-key.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { Failure } from '../simulation/verdict.ts';

/** One that has made no progress for so long. */
export function hangText(silentMs: number): string {
  // Always in seconds: keys of failures are compared without the numbers, but with the unit.
  const seconds =
    silentMs < 100 ? Math.max(1, Math.round(silentMs)) / 1_000 : Math.round(silentMs / 100) / 10;
  return `the execution made no progress for ${seconds} s: a loop that never ends nor waits`;
}

/** Stands above the lines of a loop. */
export const LOOPS_HERE = 'it loops here';

/** Where it was, in a line; none if it had decided nothing. */
export function lastDecisionLines(decisions: readonly Decision[]): string[] {
  const last = decisions.at(-1);
  return last === undefined ? [] : [`last decision: ${JSON.stringify(last.question.text)} out of ${last.n}`];
}

/** See `failureKey`; beside the message, only the last decision says what the execution did. */
export function lostKey({
  kind,
  message,
  details,
}: Pick<Failure, 'message' | 'details'> & { readonly kind: string }): string {
  return failureKey({ kind, message: [message, details[0] ?? ''].join(' ') });
}
