/**
 * A pass that begins anew: of the questions that a log answers otherwise than plainly, it tries any two with all answers, everything
 * else being plain. It finds the way to the same failure that no small change of the log leads to.
 */
import { keyOf } from './keyed-log.ts';
import type { KeyedDecision } from './keyed-log.ts';
import type { ShrinkPass } from './shrink-pass.ts';

/** With more answers than this, pairs are too many; with less than three, there is nothing to win. */
const ANSWERS_MAX = 8;
const ANSWERS_MIN = 3;
/** How many executions it may take at most; the longer the log, the fewer, because executions take longer. */
const PROPOSALS_MAX = 1_500;
const QUESTIONS_MAX = 150_000;

/** See the head of the file. */
export const rebuildPairs: ShrinkPass = function* (state) {
  const { answers, log } = state;
  if (answers.length < ANSWERS_MIN || answers.length > ANSWERS_MAX) return;
  const most = Math.min(PROPOSALS_MAX, QUESTIONS_MAX / log.length);
  const pairs = answers.flatMap((first) =>
    answers.filter((second) => keyOf(first) < keyOf(second)).map((second) => [first, second] as const),
  );
  const each = Math.floor(Math.sqrt(most / pairs.length));
  for (const [first, second] of pairs) {
    for (const one of valuesOf(first, each)) {
      for (const other of valuesOf(second, each)) {
        // Fewer answers are simpler whatever they are; the passes that lower them come again.
        if ((yield [one, other]).isAccepted) return;
      }
    }
  }
};

/** Other answers to a question, evenly spread if there are more than may be tried; the largest is one of them. */
function valuesOf(entry: KeyedDecision, most: number): KeyedDecision[] {
  const count = Math.min(entry.n - 1, most);
  return Array.from({ length: count }, (_, at) => ({
    ...entry,
    answer: Math.round(((at + 1) * (entry.n - 1)) / count),
  }));
}
