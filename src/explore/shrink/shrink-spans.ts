/**
 * A pass for what is asked again and again, such as the parts of a drawn list: a span of its answers is cut out and the
 * later ones move up, while a number before it, which may be how many there are, is lowered by one. Hypothesis deletes spans alike.
 */
import { nonZeroOf } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import type { ShrinkAttempt, ShrinkPass, ShrinkState } from './shrink-pass.ts';

const LENGTHS: readonly number[] = [8, 6, 5, 4, 3, 2, 1];
/** Of longer series the shorter spans would cost more executions than there are. */
const SERIES_MAX = 400;
/** How many of the numbers that stand nearest before a span are tried as its count, beside the first of all. */
const COUNTS_NEAR = 3;

/** For each question that is asked several times. */
export const cutSpans: ShrinkPass = function* (state) {
  const keys = new Set(state.answers.map(({ question }) => question.key));
  for (const key of keys) {
    if (seriesOf(state, key).length < 2) continue;
    for (const length of LENGTHS) yield* cutAll(state, key, length);
  }
};

function* cutAll(state: ShrinkState, key: string, length: number): ShrinkAttempt {
  let isAny = false;
  for (let start = 0; start + length <= seriesOf(state, key).length;) {
    const isCut = yield* cutOne(state, key, start, length);
    isAny ||= isCut;
    // After a cut, what comes next stands at the same place.
    if (!isCut) start += 1;
  }
  return isAny;
}

function* cutOne(state: ShrinkState, key: string, start: number, length: number): ShrinkAttempt {
  const series = seriesOf(state, key);
  if (series.length > SERIES_MAX) return false;
  const others = state.answers.filter((entry) => entry.question.key !== key);
  const cut = [...series.slice(0, start), ...series.slice(start + length)];
  const counts = countsBefore(series, start);
  for (const count of [undefined, ...counts]) {
    const rest = cut.map((entry, at) => ({
      ...entry,
      occurrence: at,
      answer: at === count ? entry.answer - 1 : entry.answer,
    }));
    if ((yield [...others, ...nonZeroOf(rest)]).isAccepted) return true;
  }
  return false;
}

/** Positions of the numbers that may be how many there are of what follows. */
function countsBefore(series: readonly KeyedDecision[], start: number): number[] {
  const positions = series.flatMap(({ answer }, at) => (answer > 0 && at < start ? [at] : []));
  return [...new Set([...positions.slice(0, 1), ...positions.slice(-COUNTS_NEAR)])];
}

/** All answers to that question, plain ones too, in the order of asking. */
function seriesOf({ log }: ShrinkState, key: string): KeyedDecision[] {
  return log.filter((entry) => entry.question.key === key);
}
