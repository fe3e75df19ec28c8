/** The answers of a decision in the order of the values that they stand for. */
import { answerText } from './question-text.ts';
import type { ObservedDecision } from './observed-run.ts';

/** With at most this many answers, those with the same meaning are recognized. */
export const DESCRIBED_MAX = 64;

const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g;

/**
 * The answers in the order of their values, if each stands for one number or a range; undefined if they are in order
 * already, as far as known.
 */
export function answersByValue(
  decision: Pick<ObservedDecision, 'question' | 'n' | 'describe'>,
): number[] | undefined {
  const { n, describe } = decision;
  if (describe === undefined || n > DESCRIBED_MAX) return undefined;
  const values = new Map<number, number>();
  let shape: string | undefined;
  for (let answer = 0; answer < n; answer += 1) {
    const text = answerText(decision, answer) ?? '';
    const [value, end = value, ...others] = numbersIn(text);
    shape ??= shapeOf(text);
    if (value === undefined || end === undefined || end < value || others.length > 0) return undefined;
    if (shapeOf(text) !== shape) return undefined;
    values.set(answer, value);
  }
  return [...values.keys()].sort((a, b) => (values.get(a) ?? 0) - (values.get(b) ?? 0) || a - b);
}

/** Distance between the numbers in texts that differ in nothing else; 0 if there are none to compare. */
export function numbersApart(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined || shapeOf(one) !== shapeOf(other)) return 0;
  const [first, second] = [numbersIn(one), numbersIn(other)];
  return first.reduce((sum, number, at) => sum + Math.abs(number - (second[at] ?? number)), 0);
}

function shapeOf(text: string): string {
  return text.replace(NUMBER, '#');
}

function numbersIn(text: string): number[] {
  return Array.from(text.match(NUMBER) ?? [], Number);
}
