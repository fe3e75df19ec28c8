/**
 * Identifies failures of the same bug: kind, rule and message without the parts that differ between runs. The shrinker
 * accepts only the same key, and a campaign counts failures by it. Invariant: anything below the first paragraph of a
 * check's message, or in double quotes, is data and not part of the key; the message of a thrown error is kept whole,
 * because assertion errors all begin alike, but for the value that an assertion got.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { formatCount } from '../model/plural.ts';
import type { Failure, Verdict } from '../simulation/verdict.ts';

/** Stands for the key of an execution that was cut off, which may or may not fail. */
export const CUT_OFF_KEY = 'cut off';

/** The fields that make a key; campaigns have more kinds than verdicts. */
type NamedFailure = Pick<Failure, 'rule' | 'message'> & { readonly kind: string };

/** Quoted data in a check. Other kinds quote names of properties, which are not data. */
const QUOTED = /"[^"]*"/g;
/** The beginning of an assertion error of Vitest or Chai: the value that it got, which is data. */
const ASSERTION = /^expected [^]*? (?=(?:not )?to )/;
/**
 * What differs between runs of one bug: numbers as JavaScript prints them, UUIDs, and digests of data, whole or cut to
 * eight digits; a word has no digit in it. One expression, because a part of one may look like another: `1.2345678e+21`
 * ends like a digest.
 */
const VARYING = new RegExp(
  [
    /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/,
    /\b\d(?:\.\d+)?e[+-]\d+/,
    /\d+\.\d+/,
    /\b(?=[a-f]*\d)[0-9a-f]{8,}\b/,
    /\d+/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
);
/** Lists of numbers, or of digests with their sizes, whose length also differs between runs. */
const LISTS = /(#(?:\/#)?)(?:, ?\1)+/g;
/** A plural noun behind a number: one timer is left, or two timers are. */
const PLURAL = /(# [a-z]{2,}[a-rt-z])s\b/g;
/** An id may have a prefix that contains numbers. */
const PREFIXED_RUN = /\brun (id )?(?:\p{L}+ )?[\p{L}#_-]*-#/gu;
/**
 * The leftovers of a scenario: a smaller execution may leave fewer kinds, and only an explained one names the error
 * that is thrown.
 */
const LEFT =
  /^.*\bleft # (?:timeout|interval|immediate|timer|resource)(?:(?:,| and) # (?:interval|immediate|timer|resource))*$/;
const HAS_LEFT = 'The scenario has ended and left # timer and # resource';

/** Limits the key, because it is part of the command line to paste. */
const LENGTH_MAX = 500;

/**
 * A short text that is equal for the same failure at another time, of another run, or after more events. Long messages
 * are long because of their data, so the first 500 characters are used.
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
  const runs = withoutData(kind, head)
    .replace(VARYING, '#')
    .replace(PREFIXED_RUN, (_, id = '') => `run ${id}#`);
  const numberless = runs.replace(LISTS, '$1').replace(PLURAL, '$1');
  const text = kind === 'leftovers' ? numberless.replace(LEFT, HAS_LEFT) : numberless;
  return [kind, rule, text].join(' ').replace(/\s+/g, ' ').trim().slice(0, LENGTH_MAX);
}

function withoutData(kind: string, head: string): string {
  if (kind === 'check') return head.replace(QUOTED, '"…"');
  return kind === 'error' ? head.replace(ASSERTION, 'expected … ') : head;
}

/**
 * True for a verdict that shows a fault: not for an execution that its strategy abandoned, nor for one that was ended
 * from outside.
 */
export function hasFailed({ failure }: Verdict): boolean {
  return failure !== undefined && failure.kind !== 'abandoned' && failure.kind !== 'interrupted';
}

/** A message split in two. */
export interface FailureHeadline {
  /**
   * The first paragraph as one line; with the next paragraph if the first one announces it. Of a long one, the first 500
   * characters, and how many there are more.
   */
  readonly headline: string;
  /** The remaining lines unchanged, without blank ones at the start and end. */
  readonly rest: readonly string[];
}

/** Used in sentences in place of an empty message. */
const NO_MESSAGE = '(without a message)';
const PARAGRAPHS = /\n[ \t]*\n/;
/** Limits the headline, which stands in sentences and lines: a message may list hundreds of values. */
const HEADLINE_MAX = 500;

/**
 * Splits a message into a headline and the rest, such as the timelines of a contradiction or the diff of an assertion.
 * Invariant: headline and rest together lose only white space, the colon at the end of a headline, because a sentence may
 * continue after it, and the end of a single line that is too long. Lines of a headline that is too long are in the rest.
 */
export function headlineOf(message: string): FailureHeadline {
  const { headline, rest } = splitMessage(message);
  const whole = headline.replace(/[\s:]+$/, '') || NO_MESSAGE;
  if (whole.length <= HEADLINE_MAX) return { headline: whole, rest };
  const cut = whole.slice(0, HEADLINE_MAX).replace(/[\ud800-\udbff]$/, '');
  const lines = message.trim().split('\n');
  const hasLines = lines.length > 1 && lines[1]?.trim() !== '';
  return {
    headline: `${cut}… (${formatCount(whole.length - cut.length)} more characters)`,
    rest: hasLines ? lines.map((line) => line.trimEnd()) : rest,
  };
}

/** Splits a message without removing the colon, which the keys that are kept in files contain. */
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
