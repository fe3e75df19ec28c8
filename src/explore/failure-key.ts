/**
 * What makes two failures the same bug: kind, rule and message without what differs from run to run. A shrinker accepts only the
 * same key, and a campaign counts failures by it. Invariant: what a check shows below its first paragraph, or in double quotes, is data and
 * not part of the key; the message of a thrown error is kept whole, because assertion errors all begin the same way.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';

/** Stands for the key of an execution that was cut off: nobody knows whether it fails. */
export const CUT_OFF_KEY = 'cut off';

/** What a key is made of; a campaign has kinds of its own beside those of a verdict. */
type NamedFailure = Pick<Failure, 'rule' | 'message'> & { readonly kind: string };

/** What a check quotes. The names of properties, which other kinds quote, are no data. */
const QUOTED = /"[^"]*"/g;
const NUMBER = /\d+(?:\.\d+)?/g;
/** How many numbers are listed differs from run to run as well. */
const NUMBERS = /#(?:, ?#)+/g;
/** One timer is left, or two timers are: the noun follows its number. */
const PLURAL = /(# [a-z]{2,}[a-rt-z])s\b/g;
/** An id may have a prefix, with numbers of its own. */
const PREFIXED_RUN = /\brun (id )?(?:\p{L}+ )?[\p{L}#_-]*-#/gu;
/** What the scenario has left: a smaller execution may leave fewer kinds of it, and only one that is explained says what it throws. */
const LEFT = /^.*\bleft # (?:timer|resource)(?: and # resource)?$/;
const HAS_LEFT = 'The scenario has ended and left # timer and # resource';

/** A key is a part of the line to paste. */
const LENGTH_MAX = 500;

/**
 * A short text that stays the same for the same failure at another time, of another run, after more events. What makes a message long
 * is its data: the first 500 characters say it.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a failure.
 *
 * @example
 * ```ts
 * import { failureKey } from 'dryrunner/explore';
 * const one = { kind: 'check', message: 'job-3 was started 2 times', atMs: 5, details: [] } as const;
 * const other = { ...one, message: 'job-11 was started 3 times' };
 * if (failureKey(one) !== failureKey(other)) throw new Error('the same bug');
 * ```
 */
export function failureKey(failure: NamedFailure): string {
  check('failure', failure, is.readable('a failure'));
  const { kind, rule = '', message } = failure;
  check('failure.message', message, is.TEXT);
  const head = kind === 'error' || message.trim() === '' ? message : splitMessage(message).headline;
  const named = kind === 'check' ? head.replace(QUOTED, '"…"') : head;
  const runs = named.replace(NUMBER, '#').replace(PREFIXED_RUN, (_, id = '') => `run ${id}#`);
  const numberless = runs.replace(NUMBERS, '#').replace(PLURAL, '$1');
  const text = kind === 'leftovers' ? numberless.replace(LEFT, HAS_LEFT) : numberless;
  return [kind, rule, text].join(' ').replace(/\s+/g, ' ').trim().slice(0, LENGTH_MAX);
}

/**
 * True for a verdict that shows something wrong: not for an execution that its strategy gave up, for it shows nothing new, nor for one
 * that was ended from outside, of which nobody knows.
 */
export function hasFailed({ failure }: Verdict): boolean {
  return failure !== undefined && failure.kind !== 'abandoned' && failure.kind !== 'interrupted';
}

/** A message in two parts. */
export interface FailureHeadline {
  /** The first paragraph, in one line; with the next one if it announces that. */
  readonly headline: string;
  /** The lines after it, as they are; none of the first and the last is blank. */
  readonly rest: readonly string[];
}

/** Stands where a sentence would have a hole. */
const NO_MESSAGE = '(without a message)';
const PARAGRAPHS = /\n[ \t]*\n/;

/**
 * Splits a message into its name and a picture of it, such as the time lines of a contradiction or the difference that an assertion shows.
 * Invariant: with the rest nothing of the message is lost but blank space, and the colon at the end of a headline, as sentences go on after it.
 */
export function headlineOf(message: string): FailureHeadline {
  const { headline, rest } = splitMessage(message);
  return { headline: headline.replace(/[\s:]+$/, '') || NO_MESSAGE, rest };
}

/** Keys, which are kept in files, have the headline with its colon. */
function splitMessage(message: string): FailureHeadline {
  const [first = '', second, ...others] = message.trim().split(PARAGRAPHS);
  const isAnnouncing = first.trimEnd().endsWith(':') && second !== undefined;
  const head = isAnnouncing ? `${first}\n${second}` : first;
  const rest = [...(isAnnouncing || second === undefined ? [] : [second]), ...others].join('\n\n');
  return {
    headline: head.replace(/\s*\n\s*/g, ' ').trim() || NO_MESSAGE,
    rest: rest === '' ? [] : rest.split('\n').map((line) => line.trimEnd()),
  };
}
