/** Passes that make answers smaller: one by one, and two together where one alone does not do. */
import { isSameKey, withAnswer } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import type { ShrinkAttempt, ShrinkPass, ShrinkState } from './shrink-pass.ts';

/** How many proposals trying every smaller answer may cost a pass; beyond that it is searched by halves. */
const EXHAUSTIVE_MAX = 512;
/** With more answers than this, pairs are too many. */
const PAIRED_MAX = 12;

/** Each answer down to the smallest that fails in the same way. */
export const lowerAnswers: ShrinkPass = function* (state) {
  const eachMax = EXHAUSTIVE_MAX / Math.max(1, state.answers.length);
  for (const entry of [...state.answers]) yield* lowerOne(state, entry, eachMax);
};

function* lowerOne(state: ShrinkState, entry: KeyedDecision, eachMax: number): ShrinkAttempt {
  let low = 0;
  if (entry.answer <= eachMax) {
    for (low = 1; low < answerIn(state, entry); low += 1) {
      if ((yield withAnswer(state.answers, entry, low)).isAccepted) return true;
    }
    return false;
  }
  // The answer falls with each acceptance, or is gone; the last proposal is the one just below it.
  while (answerIn(state, entry) - low > 1) {
    const middle = low + Math.floor((answerIn(state, entry) - low) / 2);
    if (!(yield withAnswer(state.answers, entry, middle)).isAccepted) low = middle;
  }
  return low > 0;
}

/**
 * Pairs: both lower, or one lower by what the other gains, which brings two seeds of one bug to the same split. The second is what
 * Hypothesis calls redistribution.
 */
export const lowerPairs: ShrinkPass = function* (state) {
  if (state.answers.length > PAIRED_MAX) return;
  for (const first of [...state.answers]) {
    for (const second of [...state.answers]) {
      if (isSameKey(first, second)) continue;
      yield* lowerPair(state, first, second);
    }
  }
};

function* lowerPair(state: ShrinkState, first: KeyedDecision, second: KeyedDecision): ShrinkAttempt {
  for (;;) {
    const a = answerIn(state, first);
    const b = answerIn(state, second);
    if (a === 0 || b === 0) return false;
    const wanted: readonly (readonly [number, number])[] = [
      [0, b + a],
      [Math.floor(a / 2), Math.floor(b / 2)],
      [a - 1, b - 1],
      [0, second.n - 1],
      [a - Math.ceil(a / 2), b + Math.ceil(a / 2)],
      [a - 1, b + 1],
    ];
    let isLower = false;
    for (const [one, other] of wanted) {
      if (other >= second.n) continue;
      const lowered = withAnswer(state.answers, first, one);
      if (!(yield withAnswer(lowered, second, other)).isAccepted) continue;
      isLower = true;
      break;
    }
    if (!isLower) return false;
  }
}

function answerIn({ answers }: ShrinkState, entry: KeyedDecision): number {
  return answers.find((other) => isSameKey(other, entry))?.answer ?? 0;
}
