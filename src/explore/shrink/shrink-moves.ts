/**
 * Passes that let the same thing happen elsewhere: to an earlier run, in an earlier round, on another runner. They are what brings
 * different seeds of one bug to the same log, because which of many alike runs was hit is chance.
 */
import { decisionKind } from '../../kernel/decision-kind.ts';
import { isSameKey, keyOf, withAnswer } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import { numberedThingsIn, withNumber, withSwappedThings } from './label-numbers.ts';
import { siteOf } from '../label-parts.ts';
import type { ShrinkAttempt, ShrinkPass, ShrinkState } from './shrink-pass.ts';

/** At how many questions one answer is tried, at most and at least; the longer the log, the fewer, because executions take longer. */
const PLACES_MAX = 160;
const PLACES_MIN = 12;
const QUESTIONS_MAX = 100_000;
/** How many answers are tried for each question, about, if there are as many questions as may be. */
const ANSWERS_EACH = 3;
/** With more answers than this, moving each would cost more executions than there are. */
const MOVED_MAX = 40;
/** With more answers than this, pairs are too many. */
const MERGED_MAX = 6;
/** Most smaller numbers by which one in a label is replaced. */
const NUMBERS_MAX = 8;

/**
 * All answers about run 7 become answers about run 0, or those about both change places, and the third time becomes the first, all at
 * once.
 */
export const renameSubjects: ShrinkPass = function* (state) {
  if (state.answers.length > MOVED_MAX) return;
  const things = state.answers.flatMap(({ label }) => numberedThingsIn(label));
  const numbers = new Set(things.map(({ number }) => number));
  for (const from of [...numbers].sort((a, b) => b - a)) {
    for (let to = 0; to < Math.min(from, NUMBERS_MAX); to += 1) {
      yield withoutTwins(
        state.answers.map((entry) => ({ ...entry, label: withNumber(entry.label, from, to) })),
      );
    }
  }
  yield* swapThings(state);
  const least = state.answers.reduce((min, { occurrence }) => Math.min(min, occurrence), Infinity);
  if (least > 0 && least < Infinity) {
    yield state.answers.map((entry) => ({ ...entry, occurrence: entry.occurrence - least }));
  }
  for (const label of new Set(state.answers.map((entry) => entry.label))) yield* bringForward(state, label);
};

/** Client 1 becomes client 0 and client 0 client 1, whatever their rounds are; where nothing was about client 0, that is a move. */
const swapThings: ShrinkPass = function* (state) {
  const numbersOf = new Map<string, Set<number>>();
  for (const { word, number } of state.answers.flatMap(({ label }) => numberedThingsIn(label))) {
    numbersOf.set(word, (numbersOf.get(word) ?? new Set()).add(number));
  }
  for (const [word, numbers] of numbersOf) {
    for (const from of [...numbers].sort((a, b) => b - a)) {
      for (let to = 0; to < Math.min(from, NUMBERS_MAX); to += 1) {
        yield state.answers.map((entry) => ({
          ...entry,
          label: withSwappedThings(entry.label, word, from, to),
        }));
      }
    }
  }
};

function* bringForward(state: ShrinkState, label: string): ShrinkAttempt {
  const least = state.answers.reduce(
    (min, entry) => (entry.label === label ? Math.min(min, entry.occurrence) : min),
    Infinity,
  );
  if (least === Infinity || least === 0) return false;
  const moved = state.answers.map((entry) =>
    entry.label === label ? { ...entry, occurrence: entry.occurrence - least } : entry,
  );
  return (yield moved).isAccepted;
}

/** Each answer in turn is taken out and given to another question that is asked then. */
export const moveAnswers: ShrinkPass = function* (state) {
  if (state.answers.length > MOVED_MAX) return;
  for (const entry of [...state.answers]) {
    if (!isIn(state, entry)) continue;
    yield* moveElsewhere(state, withAnswer(state.answers, entry, 0), [entry]);
  }
};

/**
 * Each answer in turn is lowered by one, and what is no longer asked then is given to another question: a number of jobs falls, and
 * the job that made the difference becomes one of those that are left.
 */
export const lowerCounts: ShrinkPass = function* (state) {
  if (state.answers.length > MERGED_MAX) return;
  for (const entry of [...state.answers]) {
    if (!isIn(state, entry)) continue;
    const lowered = withAnswer(state.answers, entry, entry.answer - 1);
    const { isAccepted, asked } = yield lowered;
    if (isAccepted || asked === undefined) continue;
    const rest = lowered.filter((answer) => asked.some((place) => isSameKey(place, answer)));
    const gone = lowered.filter((answer) => !rest.includes(answer));
    if (gone.length > 0) yield* moveElsewhere(state, rest, gone);
  }
};

/** Two answers are taken out and one is put in elsewhere. */
export const mergeAnswers: ShrinkPass = function* (state) {
  if (state.answers.length < 2 || state.answers.length > MERGED_MAX) return;
  for (const first of [...state.answers]) {
    for (const second of [...state.answers]) {
      if (keyOf(first) >= keyOf(second) || !isIn(state, first) || !isIn(state, second)) continue;
      const rest = withAnswer(withAnswer(state.answers, first, 0), second, 0);
      yield* moveElsewhere(state, rest, [first, second]);
    }
  }
};

function* moveElsewhere(
  state: ShrinkState,
  rest: readonly KeyedDecision[],
  taken: readonly KeyedDecision[],
): ShrinkAttempt {
  const { isAccepted, asked = state.log } = yield rest;
  if (isAccepted) return true;
  const free = asked.filter((place) => !rest.some((entry) => isSameKey(entry, place)));
  const most = Math.max(PLACES_MIN, Math.min(PLACES_MAX, Math.floor(QUESTIONS_MAX / asked.length)));
  const places = nearestFirst(free, taken).slice(0, most);
  const eachMax = Math.floor((ANSWERS_EACH * most) / Math.max(1, places.length));
  for (const place of places) {
    for (const answer of answersFor(place, taken, eachMax)) {
      if ((yield [...rest, { ...place, answer }]).isAccepted) return true;
    }
  }
  return false;
}

/** Same label, then labels that differ in numbers only, then the same kind; in each the order of asking. */
function nearestFirst(places: readonly KeyedDecision[], taken: readonly KeyedDecision[]): KeyedDecision[] {
  const labels = new Set(taken.map(({ label }) => label));
  const sites = new Set(taken.map(({ label }) => siteOf(label)));
  const kinds = new Set(taken.map(({ label }) => decisionKind(label)));
  const distance = ({ label }: KeyedDecision): number => {
    if (labels.has(label)) return 0;
    if (sites.has(siteOf(label))) return 1;
    return kinds.has(decisionKind(label)) ? 2 : 3;
  };
  return places
    .map((place, index) => ({ place, index, distance: distance(place) }))
    .sort((a, b) => a.distance - b.distance || a.index - b.index)
    .map(({ place }) => place);
}

/**
 * The smallest, what was answered before, the largest (which is always a fault where there is one), and from the rest as many as are
 * affordable, evenly spread.
 */
function answersFor({ n }: KeyedDecision, taken: readonly KeyedDecision[], most: number): number[] {
  const answers = new Set([1, ...taken.map(({ answer }) => answer), n - 1]);
  const step = Math.max(1, Math.ceil(n / Math.max(1, most)));
  if (step < n / 2) for (let answer = step; answer < n; answer += step) answers.add(answer);
  return [...answers].filter((answer) => answer < n);
}

function isIn({ answers }: ShrinkState, entry: KeyedDecision): boolean {
  return answers.some((other) => isSameKey(other, entry));
}

/** Where two answers have come to the same question, the first one counts. */
function withoutTwins(answers: readonly KeyedDecision[]): KeyedDecision[] {
  const seen = new Set<string>();
  return answers.filter((entry) => {
    const key = keyOf(entry);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
