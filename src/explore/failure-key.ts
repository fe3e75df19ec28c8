/**
 * What makes two failures the same bug: kind, rule and message without what differs from run to run. A shrinker accepts only the
 * same key, a campaign counts failures by it.
 */
import type { Failure } from '../simulation/verdict.ts';

const NUMBER = /\d+(?:\.\d+)?/g;

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
export function failureKey({ kind, rule = '', message }: Failure): string {
  return [kind, rule, message.replace(NUMBER, '#')].join(' ').replace(/\s+/g, ' ').trim();
}
