/**
 * What makes two failures the same bug: kind, rule and message without what differs from run to run. A shrinker accepts only the
 * same key, a campaign counts failures by it.
 */
import type { Failure, Verdict } from '../simulation/verdict.ts';

/** What a key is made of; a campaign has kinds of its own beside those of a verdict. */
type NamedFailure = Pick<Failure, 'rule' | 'message'> & { readonly kind: string };

const NUMBER = /\d+(?:\.\d+)?/g;
/** How many numbers are listed differs from run to run as well. */
const NUMBERS = /#(?:, ?#)+/g;

/**
 * A short text that stays the same for the same failure at another time, of another run, after more events.
 *
 * @example
 * ```ts
 * import { failureKey } from 'dryrunner/explore';
 * const one = { kind: 'check', message: 'job-3 was started 2 times', atMs: 5, details: [] } as const;
 * const other = { ...one, message: 'job-11 was started 3 times' };
 * if (failureKey(one) !== failureKey(other)) throw new Error('the same bug');
 * ```
 */
export function failureKey({ kind, rule = '', message }: NamedFailure): string {
  return [kind, rule, message.replace(NUMBER, '#').replace(NUMBERS, '#')]
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** True for a verdict that shows something wrong: not for an execution that its strategy gave up, for it shows nothing new. */
export function hasFailed({ failure }: Verdict): boolean {
  return failure !== undefined && failure.kind !== 'abandoned';
}
