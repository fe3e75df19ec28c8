/**
 * A log by key: what was asked, how often before, and what was answered. Invariant: a key (question, occurrence) occurs once, and what
 * is not in a log is answered 0, so that entries can be taken out, lowered and moved one by one.
 */
import type { Decision, DecisionSource } from '../kernel/decisions.ts';
import type { Question } from '../kernel/question.ts';
import { hashText, mixBits } from '../kernel/text-hash.ts';

/** A decision with how often its question was asked before. */
export interface KeyedDecision extends Decision {
  readonly occurrence: number;
}

type Key = Pick<KeyedDecision, 'question' | 'occurrence'>;

/** The decisions of a whole log with their keys, in the order of asking. */
export function keyDecisions(log: readonly Decision[]): KeyedDecision[] {
  const asked = new Map<string, number>();
  return log.map(({ question, n, answer }) => {
    const occurrence = asked.get(question.key) ?? 0;
    asked.set(question.key, occurrence + 1);
    return { question, occurrence, n, answer };
  });
}

/** What a log says that the plain choice does not. */
export function nonZeroOf(log: readonly KeyedDecision[]): KeyedDecision[] {
  return log.filter(({ answer }) => answer > 0);
}

/** How many answers it takes that the plain choice does not give. */
export function unusualCount(log: readonly Decision[]): number {
  return log.filter(({ answer }) => answer > 0).length;
}

/** Text that distinguishes keys. */
export function keyOf({ question, occurrence }: Key): string {
  return `${occurrence} ${question.key}`;
}

/** Both have the same key. */
export function isSameKey(a: Key, b: Key): boolean {
  return a.occurrence === b.occurrence && isSameQuestion(a.question, b.question);
}

/** Both are the same question. */
function isSameQuestion(a: Question, b: Question): boolean {
  return a === b || (a.kind === b.kind && a.topic.text === b.topic.text);
}

/** The log with that entry changed to another answer; 0 takes it out. */
export function withAnswer(
  log: readonly KeyedDecision[],
  entry: KeyedDecision,
  answer: number,
): KeyedDecision[] {
  const others = log.filter((other) => !isSameKey(other, entry));
  return answer === 0 ? others : [...others, { ...entry, answer }];
}

const OTHER_BASIS = 0x2545f491;

/** A short text that is the same for the same answers, whatever their order. */
export function hashAnswers(log: readonly KeyedDecision[]): string {
  let high = 0;
  let low = 0;
  for (const { question, occurrence, answer } of log) {
    const key = `${answer} ${occurrence} ${question.key}`;
    high = (high + mixBits(hashText(key))) >>> 0;
    low = (low + mixBits(hashText(key, OTHER_BASIS))) >>> 0;
  }
  return `${high.toString(16)}.${low.toString(16)}`;
}

/** Answers from the log by key; what is missing there, or no longer fits into `n`, is 0. */
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
