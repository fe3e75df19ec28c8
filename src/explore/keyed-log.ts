/**
 * A log by key: what was asked, how often before, and what was answered. Invariant: a key (question, occurrence) occurs
 * once, and a question that is not in the log is answered 0, so entries can be removed, lowered and moved one by one.
 */
import type { Decision, DecisionSource } from '../kernel/decisions.ts';
import type { Question } from '../kernel/question.ts';
import { mixBits } from '../kernel/text-hash.ts';
import { textWords } from '../kernel/text-words.ts';

/** A decision, with how often its question was asked before. */
export interface KeyedDecision extends Decision {
  readonly occurrence: number;
}

type Key = Pick<KeyedDecision, 'question' | 'occurrence'>;

/** Adds keys to the decisions of a complete log, in the order of asking. */
export function keyDecisions(log: readonly Decision[]): KeyedDecision[] {
  const asked = new Map<string, number>();
  return log.map(({ question, n, answer }) => {
    const occurrence = asked.get(question.key) ?? 0;
    asked.set(question.key, occurrence + 1);
    return { question, occurrence, n, answer };
  });
}

/** The entries whose answer is not the default, 0. */
export function nonZeroOf(log: readonly KeyedDecision[]): KeyedDecision[] {
  return log.filter(({ answer }) => answer > 0);
}

/** The number of non-default answers. */
export function unusualCount(log: readonly Decision[]): number {
  return log.filter(({ answer }) => answer > 0).length;
}

/** A text that is unique to the key. */
export function keyOf({ question, occurrence }: Key): string {
  return `${occurrence} ${question.key}`;
}

/** True if both have the same key. */
export function isSameKey(a: Key, b: Key): boolean {
  return a.occurrence === b.occurrence && isSameQuestion(a.question, b.question);
}

/** True if both are the same question. */
function isSameQuestion(a: Question, b: Question): boolean {
  return a === b || (a.kind === b.kind && a.topic.text === b.topic.text);
}

/** The log with that entry's answer changed; 0 removes the entry. */
export function withAnswer(
  log: readonly KeyedDecision[],
  entry: KeyedDecision,
  answer: number,
): KeyedDecision[] {
  const others = log.filter((other) => !isSameKey(other, entry));
  return answer === 0 ? others : [...others, { ...entry, answer }];
}

/** A short text that is equal for the same answers in any order. */
export function hashAnswers(log: readonly KeyedDecision[]): string {
  let high = 0;
  let low = 0;
  for (const { question, occurrence, answer } of log) {
    const words = textWords(question.key);
    const beyond = answer < 2 ** 32 ? 0 : Math.floor(answer / 2 ** 32);
    high = (high + mixBits(mixBits(words.high + answer) + occurrence)) >>> 0;
    low = (low + mixBits(mixBits(mixBits(words.low + beyond) + occurrence) + answer)) >>> 0;
  }
  return `${high.toString(16)}.${low.toString(16)}`;
}

/** Answers from the log by key; 0 if the key is missing or its answer is not below `n`. */
export function answersOf(log: readonly KeyedDecision[]): DecisionSource {
  const answers = new Map<string, Map<number, number>>();
  for (const { question, occurrence, answer } of log) {
    const byOccurrence = answers.get(question.key) ?? new Map<number, number>();
    answers.set(question.key, byOccurrence.set(occurrence, answer));
  }
  return {
    decide({ key }, n, occurrence) {
      const answer = answers.get(key)?.get(occurrence) ?? 0;
      return answer < n ? answer : 0;
    },
  };
}
