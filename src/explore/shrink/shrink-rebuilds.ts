/**
 * Passes that choose answers anew instead of changing them little by little: any two with all values, beside the others, without them,
 * or at any two questions at all. They find the way to the same failure that no small change of the log leads to.
 */
import { isSameKey, keyOf } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import type { ShrinkPass, ShrinkState } from './shrink-pass.ts';

/** With more answers than this, pairs are too many; with less than three, leaving the others out is nothing to win. */
const ANSWERS_MAX = 8;
const ANSWERS_MIN = 3;
/** How many executions a pass may take at most; the longer the log, the fewer, because executions take longer. */
const PROPOSALS_MAX = 6_000;
const QUESTIONS_MAX = 400_000;
/** How many values are tried of a question that is like one that has an answer, and of any other. */
const NEAR_VALUES = 48;
const FAR_VALUES = 3;

/** Any two answers with all values, everything else being plain. */
export const rebuildPairs: ShrinkPass = function* (state) {
  const { answers } = state;
  if (answers.length < ANSWERS_MIN) return;
  yield* choosePairs(state, () => []);
};

/** Any two answers with all values, the others being as they are. */
export const rechoosePairs: ShrinkPass = (state) =>
  choosePairs(state, (first, second) =>
    state.answers.filter((entry) => !isSameKey(entry, first) && !isSameKey(entry, second)),
  );

function* choosePairs(
  state: ShrinkState,
  othersOf: (first: KeyedDecision, second: KeyedDecision) => readonly KeyedDecision[],
): ReturnType<ShrinkPass> {
  const { answers } = state;
  if (answers.length > ANSWERS_MAX) return;
  const pairs = answers.flatMap((first) =>
    answers.filter((second) => keyOf(first) < keyOf(second)).map((second) => [first, second] as const),
  );
  const each = mostProposals(state) / pairs.length;
  for (const [first, second] of pairs) {
    const others = othersOf(first, second);
    const [most, mostOther] = shares(first.n - 1, second.n - 1, each);
    for (const one of spread(first, most)) {
      for (const other of spread(second, mostOther)) {
        // The passes that lower and move answers come again.
        if ((yield [...others, one, other]).isAccepted) return;
      }
    }
  }
}

/** How many values each of two questions may have, for so many pairs of values. */
function shares(count: number, other: number, most: number): readonly [number, number] {
  const even = Math.floor(Math.sqrt(most));
  if (count <= even) return [count, Math.floor(most / count)];
  if (other <= even) return [Math.floor(most / other), other];
  return [even, even];
}

function mostProposals({ log }: ShrinkState): number {
  return Math.min(PROPOSALS_MAX, QUESTIONS_MAX / log.length);
}

/**
 * One or two answers at any questions that are asked: what the shortest logs are, so that where one of them fails in the same way, every
 * seed comes to the simplest of them. For the end, because it does not depend on the log that it begins with.
 */
export const rebuildSmall: ShrinkPass = function* (state): ReturnType<ShrinkPass> {
  const values = new ValueChoice(state);
  let left = mostProposals(state);
  const { asked: places = [] } = yield [];
  for (const first of values.of(places)) {
    left -= 1;
    if (left <= 0 || state.answers.length === 0) return;
    yield [first];
  }
  for (const first of values.of(places)) {
    if (state.answers.length < 2) return;
    const { asked = [] } = yield [first];
    const at = asked.findIndex((place) => isSameKey(place, first));
    for (const second of values.of(asked.slice(at + 1))) {
      left -= 1;
      if (left <= 0) return;
      yield [first, second];
    }
  }
};

/** Which values of a question are tried. */
class ValueChoice {
  readonly #sites: ReadonlySet<string>;
  readonly #answers: readonly number[];
  readonly #hasFaults: boolean;

  constructor({ answers }: ShrinkState) {
    this.#sites = new Set(answers.map(({ question }) => question.site));
    this.#answers = [...new Set(answers.map(({ answer }) => answer))];
    this.#hasFaults = answers.some(({ question }) => question.kind === 'fault');
  }

  /** Those of each place; none of a fault if the log has none, since a fault is never simpler. */
  of(places: readonly KeyedDecision[]): KeyedDecision[] {
    return places.flatMap((place) => {
      if (!this.#hasFaults && place.question.kind === 'fault') return [];
      if (this.#sites.has(place.question.site)) return spread(place, NEAR_VALUES);
      const values = new Set([1, ...this.#answers, ...spread(place, FAR_VALUES).map(({ answer }) => answer)]);
      return [...values].filter((answer) => answer < place.n).map((answer) => ({ ...place, answer }));
    });
  }
}

/** Other answers to a question, evenly spread if there are more than may be tried; the largest is one of them. */
function spread(entry: KeyedDecision, most: number): KeyedDecision[] {
  const count = Math.min(entry.n - 1, most);
  return Array.from({ length: count }, (_, at) => ({
    ...entry,
    answer: Math.round(((at + 1) * (entry.n - 1)) / count),
  }));
}
