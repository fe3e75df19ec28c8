/** Refuses anything but a log of decisions. Invariant: only its form is looked at; what does not fit a scenario shows when it is run. */
import { checkArray, isInstance } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { Question } from '../kernel/question.ts';

/** Refuses anything but an array of entries with a question, a number of answers and an answer. */
export function checkLog(name: string, log: unknown): void {
  checkArray(name, 'a log of decisions', log);
  // Not by `find` and its like, which may skip the holes of an array.
  for (const [index, entry] of (log as readonly unknown[]).entries()) {
    if (!isDecision(entry)) {
      throw invalidArgument(`${name}[${index}]`, 'a decision with a question, n and answer', entry);
    }
  }
}

function isDecision(value: unknown): boolean {
  try {
    const { question, n, answer } = (value ?? {}) as Readonly<Record<string, unknown>>;
    return isInstance(question, Question) && Number.isSafeInteger(n) && Number.isSafeInteger(answer);
  } catch {
    return false;
  }
}
