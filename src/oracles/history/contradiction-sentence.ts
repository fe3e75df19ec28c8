/**
 * Says what is wrong with a few operations in one sentence: the last reply, after what came before it. Invariant: it stays short, also
 * where a contradiction could not be made small.
 */
import type { ContradictingOperation } from './contradiction.ts';
import { isBefore } from './history-operation.ts';

/** So many operations are told on either side of the reply; of more only the latest. */
const TOLD_MAX = 4;

type Told = ContradictingOperation<unknown, unknown>;

/** The sentence about operations that contradict each other, given in the order in which they began. */
export function contradictionSentence(operations: readonly Told[]): string {
  const returned = operations.filter(({ operation }) => operation.outcome === 'returned');
  const subject = returned.reduce<Told | undefined>(
    (last, told) =>
      last === undefined || told.operation.respondedAt > last.operation.respondedAt ? told : last,
    undefined,
  );
  if (subject === undefined) return 'the operations contradict the model’s initial state';
  const others = operations.filter((told) => told !== subject);
  const earlier = others.filter(({ operation }) => isBefore(operation, subject.operation));
  const meanwhile = others.filter((told) => !earlier.includes(told));
  const main = `${callBy(subject)} ${subject.reply === '' ? 'returned' : `said ${subject.reply}`}`;
  if (others.length === 0) return `${main}, which nothing that came before explains`;
  const untold = others.length - Math.min(earlier.length, TOLD_MAX) - Math.min(meanwhile.length, TOLD_MAX);
  const more = untold === 0 ? '' : `, and ${untold} more`;
  return [main, after(earlier.slice(-TOLD_MAX)), ...meanwhile.slice(-TOLD_MAX).map(during), more].join('');
}

function after(earlier: readonly Told[]): string {
  return earlier
    .map((told, index) => {
      const last = earlier[index - 1];
      if (last === undefined) return ` after ${ended(told)}`;
      return `${isBefore(last.operation, told.operation) ? ', then' : ' and'} ${ended(told)}`;
    })
    .join('');
}

function during(told: Told): string {
  if (told.operation.outcome === 'open') return `, while ${callBy(told)} had not returned`;
  return `, while ${callBy(told)} ${told.reply === '' ? 'went on' : `said ${told.reply}`}`;
}

function ended(told: Told): string {
  return `${callBy(told)} had ${told.reply === '' ? 'returned' : `said ${told.reply} and returned`}`;
}

function callBy({ call, client }: Told): string {
  return `${call} by ${client}`;
}
