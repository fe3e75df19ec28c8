/**
 * Passes that let the same thing happen elsewhere: to an earlier run, in an earlier round, on another runner. They are what brings
 * different seeds of one bug to the same log, because which of many alike runs was hit is chance.
 */
import { questionAbout, Topic, type Party } from '../../kernel/question.ts';
import { isSameKey, keyOf, withAnswer } from '../keyed-log.ts';
import type { KeyedDecision } from '../keyed-log.ts';
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
/** At how many of those that were asked about earlier an answer is tried. */
const EARLIER_MAX = 8;

/**
 * All answers about the seventh run become answers about the first, and those about the seventh job answers about the first one; or two
 * that are alike change places; and the third time becomes the first, all at once.
 */
export const renameSubjects: ShrinkPass = function* (state) {
  if (state.answers.length > MOVED_MAX) return;
  const alike = new AlikeParts(state.log);
  const about = (exchange: (part: Party) => Party): KeyedDecision[] =>
    withoutTwins(
      state.answers.map((entry) => ({ ...entry, question: questionAbout(entry.question, exchange) })),
    );
  for (const from of alike.ranksIn(state.answers)) {
    for (let to = 0; to < Math.min(from, EARLIER_MAX); to += 1) {
      yield about((part) => (alike.rankOf(part) === from ? alike.alikeAt(part, to) : part));
    }
  }
  for (const from of alike.partsIn(state.answers)) {
    for (let to = 0; to < Math.min(alike.rankOf(from), EARLIER_MAX); to += 1) {
      const other = alike.alikeAt(from, to);
      yield about((part) => (isSamePart(part, from) ? other : isSamePart(part, other) ? from : part));
    }
  }
  const least = state.answers.reduce((min, { occurrence }) => Math.min(min, occurrence), Infinity);
  if (least > 0 && least < Infinity) {
    yield state.answers.map((entry) => ({ ...entry, occurrence: entry.occurrence - least }));
  }
  for (const key of new Set(state.answers.map(({ question }) => question.key))) {
    yield* bringForward(state, key);
  }
};

/**
 * Which owners and subjects are alike: those that stand in the same place of like questions. Invariant: the members of a family are in
 * the order of first asking, and their rank is their place in it.
 */
class AlikeParts {
  readonly #families = new Map<string, readonly Party[]>();
  readonly #ranks = new Map<string, number>();

  constructor(log: readonly KeyedDecision[]) {
    const heads = new Map<string, string>();
    const headOf = (name: string): string => {
      let head = name;
      for (let next = heads.get(head); next !== undefined; next = heads.get(head)) head = next;
      return head;
    };
    const parts = new Map<string, Party>();
    for (const { question } of log) {
      for (const { place, part } of placedPartsOf(question.topic)) {
        const text = textOfPart(part);
        if (!parts.has(text)) parts.set(text, part);
        const [one, other] = [headOf(`place ${place}`), headOf(`part ${text}`)];
        if (one !== other) heads.set(other, one);
      }
    }
    const families = new Map<string, Party[]>();
    for (const [text, part] of parts) {
      const head = headOf(`part ${text}`);
      const family = families.get(head) ?? [];
      families.set(head, family);
      this.#families.set(text, family);
      this.#ranks.set(text, family.push(part) - 1);
    }
  }

  rankOf(part: Party): number {
    return this.#ranks.get(textOfPart(part)) ?? 0;
  }

  /** The one of that rank that is like `part`; `part` itself if there are not so many. */
  alikeAt(part: Party, rank: number): Party {
    return this.#families.get(textOfPart(part))?.[rank] ?? part;
  }

  /** What the answers are about, the last of its kind first. */
  partsIn(answers: readonly KeyedDecision[]): Party[] {
    const found = new Map<string, Party>();
    for (const { question } of answers) {
      for (const { part } of placedPartsOf(question.topic)) found.set(textOfPart(part), part);
    }
    return [...found.values()].sort((a, b) => this.rankOf(b) - this.rankOf(a));
  }

  ranksIn(answers: readonly KeyedDecision[]): Set<number> {
    return new Set(this.partsIn(answers).map((part) => this.rankOf(part)));
  }
}

interface PlacedPart {
  readonly place: string;
  readonly part: Party;
}

function placedPartsOf({ owner, what, subject }: Topic): PlacedPart[] {
  const owners = owner === '' ? [] : [{ place: `owner ${what}`, part: owner }];
  if (subject instanceof Topic) return [...owners, ...placedPartsOf(subject)];
  return subject === '' ? owners : [...owners, { place: `subject ${what}`, part: subject }];
}

function textOfPart(part: Party): string {
  return typeof part === 'string' ? part : part.text;
}

function isSamePart(one: Party, other: Party): boolean {
  return textOfPart(one) === textOfPart(other);
}

function* bringForward(state: ShrinkState, key: string): ShrinkAttempt {
  const least = state.answers.reduce(
    (min, entry) => (entry.question.key === key ? Math.min(min, entry.occurrence) : min),
    Infinity,
  );
  if (least === Infinity || least === 0) return false;
  const moved = state.answers.map((entry) =>
    entry.question.key === key ? { ...entry, occurrence: entry.occurrence - least } : entry,
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

/** The same question, then those that differ in their subject only, then the same kind; in each the order of asking. */
function nearestFirst(places: readonly KeyedDecision[], taken: readonly KeyedDecision[]): KeyedDecision[] {
  const keys = new Set(taken.map(({ question }) => question.key));
  const sites = new Set(taken.map(({ question }) => question.site));
  const kinds = new Set(taken.map(({ question }) => question.kind));
  const distance = ({ question }: KeyedDecision): number => {
    if (keys.has(question.key)) return 0;
    if (sites.has(question.site)) return 1;
    return kinds.has(question.kind) ? 2 : 3;
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
