/**
 * A failure as one line that can be pasted: scenario, decisions, and the expected outcome. Invariants: default answers
 * are omitted, because a missing answer means the default; a token that was cut, changed or made by another version is
 * rejected, never guessed.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError, describeValue, invalidArgument } from '../kernel/errors.ts';
import { questionData, questionFrom, type Question, type QuestionData } from '../kernel/question.ts';
import { hashText } from '../kernel/text-hash.ts';
import { keyOf } from './keyed-log.ts';
import type { KeyedDecision } from './keyed-log.ts';
import { KEYED_LOG } from './argument-shapes.ts';

/** Contents of a token. */
export interface ReplayToken {
  /**
   * Reference of the scenario on a command line: its name, a file, or `FILE#NAME`; for a `simTest`, `vitest:FILE#NAME`.
   */
  readonly scenario: string;
  /** Key of the failure that it shows; see `failureKey`. */
  readonly failureKey: string;
  /** Hash of the execution that it repeats; see `Verdict.traceHash`. */
  readonly traceHash: string;
  /**
   * Number of events after which the execution is cut off, for a failure of kind `budget` if the scenario sets no
   * bound.
   */
  readonly maxEvents?: number;
  /** Seed of `world.random`, if the failure was found by `run --seed`; absent for an exploration. */
  readonly seed?: string;
  /** All non-default decisions, in the order of asking. */
  readonly decisions: readonly KeyedDecision[];
}

const TOKEN = is.objectOf<ReplayToken>(
  'a replay token',
  { ...is.each(['scenario', 'failureKey', 'traceHash'], is.TEXT), decisions: KEYED_LOG },
  { maxEvents: is.ANY, seed: is.TEXT },
);

const FORMAT = /^dr(\d+):/;
/** What is left of a token without its beginning: `WyJ` is `["` in base64, with which each payload begins. */
const REST = /^(?:(?:d?r)?\d*:)?WyJ[\w-]{8,}|^\S{0,4}[\w-]{16,}\.[\da-z]{12}$/i;
const VERSION = '2';
const WORD = 0x1_0000_0000;
const CHECK_BASIS = 0x0dd5eed5;
const CHECK_LENGTH = 12;
/** Upper limit of counts; no execution asks that often. */
const COUNT_MAX = 2 ** 48;

/**
 * Encodes a token as text: letters, digits, `-`, `_`, `.` and `:`, which no shell splits.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a token.
 * @example
 * ```ts
 * import { question, thing } from 'dryrunner/kernel';
 * import { decodeToken, encodeToken } from 'dryrunner/explore';
 * const abort = question('order', { subject: thing('run', '0'), what: 'abort' });
 * const decisions = [{ question: abort, occurrence: 0, n: 2, answer: 1 }];
 * const token = { scenario: './mine.js#race', failureKey: 'check both ended', traceHash: '00c0ffee00c0ffee', decisions };
 * const text = encodeToken(token);
 * if (decodeToken(text).decisions[0]?.answer !== 1) throw new Error('lost');
 * ```
 */
export function encodeToken(token: ReplayToken): string {
  check('token', token, TOKEN);
  const { scenario, failureKey, traceHash, seed, decisions, maxEvents } = token;
  const questions = new Map(decisions.map(({ question }) => [question.key, question]));
  const index = new Map([...questions.keys()].map((key, at) => [key, at]));
  const rows = decisions.flatMap(({ question, occurrence, n, answer }) => [
    index.get(question.key),
    occurrence,
    n,
    answer,
  ]);
  const extras = seed === undefined ? [maxEvents] : [maxEvents ?? null, seed];
  const asked = [...questions.values()].map(questionData);
  const fields = [scenario, failureKey, traceHash, asked, rows];
  const text = JSON.stringify(extras[0] === undefined ? fields : [...fields, ...extras]);
  readToken(text, (expected, actual) => invalidArgument('token', expected, actual));
  const payload = Buffer.from(text, 'utf8').toString('base64url');
  return `dr${VERSION}:${payload}.${checkText(payload)}`;
}

/** True if the text begins like a token of this or another version. */
export function isTokenText(text: string): boolean {
  return FORMAT.test(text.trim());
}

/**
 * True for a token, and for one whose beginning got lost, as when it was not selected whole. No seed that somebody chose
 * looks so.
 */
export function isLikeToken(text: string): boolean {
  return isTokenText(text) || REST.test(text.trim());
}

/**
 * Decodes a text of {@link encodeToken}; surrounding white space is ignored.
 *
 * @throws RunnerError `RUNNER_TRACE_FORMAT` for a text that is not a token, was cut or damaged, or is of another
 * version; `RUNNER_INVALID_ARGUMENT` for anything but a text.
 */
export function decodeToken(text: string): ReplayToken {
  check('token', text, is.TEXT);
  const token = text.trim();
  const version = FORMAT.exec(token)?.[1];
  if (version === undefined) throw refused(`a token that begins with "dr${VERSION}:"`, describeValue(token));
  if (version !== VERSION) {
    const hint = Number(version) < Number(VERSION) ? '; run dryrunner explore again to get a new one' : '';
    throw refused(`a token of version ${VERSION}`, `one of version ${version}${hint}`);
  }
  const [payload = '', sum = '', ...rest] = token.slice(token.indexOf(':') + 1).split('.');
  if (sum.length < CHECK_LENGTH) {
    throw refused('a whole token', `one that was cut off after ${token.length} characters`);
  }
  if (rest.length > 0 || sum !== checkText(payload)) {
    throw refused('a token as it was printed', 'one that was changed');
  }
  return readToken(Buffer.from(payload, 'base64url').toString('utf8'), (expected, actual) =>
    refused(expected, describeValue(actual)),
  );
}

/** Creates the error for the first invalid part. */
type Refuse = (expected: string, actual: unknown) => Error;

function refused(expected: string, actual: string): RunnerError {
  return new RunnerError('RUNNER_TRACE_FORMAT', `replay token: expected ${expected}, got ${actual}`, {
    expected,
    actual,
  });
}

/** Two independent hashes: a damaged token passes with a chance of one in 2^60. */
function checkText(payload: string): string {
  const high = hashText(payload) >>> 0;
  const low = hashText(payload, CHECK_BASIS) >>> 0;
  return (BigInt(high) * BigInt(WORD) + BigInt(low)).toString(36).padStart(13, '0').slice(-CHECK_LENGTH);
}

function readToken(text: string, refuse: Refuse): ReplayToken {
  const fields = parse(text, refuse);
  if (!Array.isArray(fields) || fields.length < 5 || fields.length > 7) {
    throw refuse('five to seven fields', fields);
  }
  const [scenario, failureKey, traceHash, asked, rows] = fields as readonly unknown[];
  for (const [name, value] of Object.entries({ scenario, failureKey, traceHash })) {
    if (typeof value !== 'string' || value === '') throw refuse(`a ${name} that is a text`, value);
  }
  const questions = readQuestions(asked, refuse);
  if (!isListOf(rows, Number.isSafeInteger) || rows.length % 4 !== 0) {
    throw refuse('rows of four integers', rows);
  }
  return {
    ...readExtras(fields.slice(5), refuse),
    scenario: scenario as string,
    failureKey: failureKey as string,
    traceHash: traceHash as string,
    decisions: readRows(questions, rows as number[], refuse),
  };
}

/** Reads the optional parts of a token: a bound on events, `null` for none, and a seed behind it. */
function readExtras(extras: readonly unknown[], refuse: Refuse): Pick<ReplayToken, 'maxEvents' | 'seed'> {
  const [maxEvents, seed] = extras;
  const isUnbounded = extras.length === 0 || (extras.length === 2 && maxEvents === null);
  if (!isUnbounded && !(Number.isSafeInteger(maxEvents) && (maxEvents as number) >= 1)) {
    throw refuse('an integer ≥ 1 of events', maxEvents);
  }
  if (extras.length === 2 && (typeof seed !== 'string' || seed === '')) {
    throw refuse('a seed that is a text', seed);
  }
  return {
    ...(isUnbounded ? {} : { maxEvents: maxEvents as number }),
    ...(extras.length === 2 ? { seed: seed as string } : {}),
  };
}

function parse(text: string, refuse: Refuse): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw refuse('JSON inside', text);
  }
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): value is readonly unknown[] {
  return Array.isArray(value) && value.every(isItem);
}

function readQuestions(asked: unknown, refuse: Refuse): Question[] {
  if (!isListOf(asked, (data) => typeof data === 'object')) throw refuse('a list of questions', asked);
  try {
    return (asked as readonly QuestionData[]).map(questionFrom);
  } catch {
    throw refuse('questions with kind, owner, what and subject', asked);
  }
}

function readRows(questions: readonly Question[], rows: readonly number[], refuse: Refuse): KeyedDecision[] {
  const decisions: KeyedDecision[] = [];
  const keys = new Set<string>();
  for (let at = 0; at < rows.length; at += 4) {
    const [index, occurrence, n, answer] = rows.slice(at, at + 4) as [number, number, number, number];
    const question = questions[index];
    if (question === undefined) throw refuse(`the number of one of ${questions.length} questions`, index);
    if (occurrence < 0 || occurrence > COUNT_MAX) {
      throw refuse(`an occurrence in [0, ${COUNT_MAX}] of ${describeValue(question.text)}`, occurrence);
    }
    if (n < 2 || answer < 1 || answer >= n) {
      throw refuse(`an answer in [1, ${n}) to ${describeValue(question.text)}`, answer);
    }
    const key = keyOf({ question, occurrence });
    if (keys.has(key)) {
      throw refuse(`one answer to each question, such as ${describeValue(question.text)}`, 'two');
    }
    keys.add(key);
    decisions.push({ question, occurrence, n, answer });
  }
  return decisions;
}
