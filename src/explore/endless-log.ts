/**
 * The log of an execution that a bound on events has ended. Invariant: it is limited, because ten million decisions as
 * objects fill the memory of a thread; after its last entry every answer is the default.
 */
import type { Decision } from '../kernel/decisions.ts';
import type { Verdict } from '../simulation/verdict.ts';

/** One for each event that can be watched. */
export const ENDLESS_DECISIONS: number = 1 << 18;

/** All decisions of an execution; of one without an end the first ones. */
export function logOf(verdict: Verdict): Decision[] {
  return verdict.decisions(verdict.failure?.kind === 'budget' ? ENDLESS_DECISIONS : Infinity);
}

/** True if the log may be that of a beginning, so that an execution that asks more questions fits as well. */
export function isBeginning(log: readonly Decision[]): boolean {
  return log.length >= ENDLESS_DECISIONS;
}
