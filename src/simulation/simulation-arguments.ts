/** Checks of what the verbs of a simulation are given. Invariant: what is wrong throws `RUNNER_INVALID_ARGUMENT` before anything is done. */
import { checkArray, checkRecord } from '../kernel/argument-check.ts';
import type { Choices, DescribeAnswer } from '../kernel/decisions.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { question, type Label } from '../kernel/question.ts';
import type { Holds } from './watched-properties.ts';

/** A property has a name, and a function that says whether it holds. */
export function checkProperty(name: string, holds: Holds): void {
  if (typeof (name as unknown) !== 'string') throw invalidArgument('name', 'a text', name);
  if (typeof (holds as unknown) !== 'function') throw invalidArgument('holds', 'a function', holds);
}

/** How long a property may take to come true. */
export function checkWithinMs(limits: { readonly withinMs: number }): void {
  checkRecord('limits', 'an object with withinMs', limits);
  const { withinMs } = limits;
  if (withinMs >= 0 && withinMs < Infinity) return;
  throw invalidArgument('withinMs', 'a finite number ≥ 0', withinMs);
}

/** How a choice is described is optional. */
export function checkDescribe(describe: unknown): void {
  if (describe === undefined || typeof describe === 'function') return;
  throw invalidArgument('describe', 'a function', describe);
}

/** One of `values` by a choice; what explanations show is the value. */
export function pickFrom<T>(
  choices: Choices,
  label: Label,
  values: readonly T[],
  describe: (value: T) => unknown = (value) => value,
): T {
  checkArray('values', 'a list', values);
  checkDescribe(describe);
  if (values.length === 0) throw invalidArgument('values', 'at least one value', values);
  const describeAnswer: DescribeAnswer = (answer) => describe(values[answer] as T);
  return values[choices.choose(question('choice', label), values.length, describeAnswer)] as T;
}
