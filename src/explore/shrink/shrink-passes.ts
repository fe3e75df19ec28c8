/**
 * The passes of the shrinker: what each proposes in place of a failing log. The first ones move the failure elsewhere
 * (to an earlier run, an earlier round, another runner); since it is chance which of many similar runs was hit, this
 * brings different seeds of one bug to the same log. Later passes drop answers, lower them, or rebuild the log from few
 * answers.
 */
import { questionAbout, Topic, type Entity, QUESTION_KINDS } from '../../kernel/question.ts';
import { isSameKey, keyOf, withAnswer, type KeyedDecision, nonZeroOf } from '../keyed-log.ts';
import type { ShrinkAttempt, ShrinkPass, ShrinkState } from './shrink-pass.ts';
import { seriesBySite, type SiteSeries } from './site-answers.ts';

/**
 * Limits of the number of questions at which one answer is tried; a longer log gets fewer, because its executions take
 * longer.
 */
const PLACES_MAX = 160;
const PLACES_MIN = 12;
const QUESTIONS_MAX = 100_000;
/** About how many answers are tried per question, if the number of questions is at its limit. */
const ANSWERS_EACH = 3;
/** With more answers than this, moving each would cost more executions than there are. */
const MOVED_MAX = 40;
/** With more answers than this, there are too many pairs. */
const MERGED_MAX = 6;
/** Number of earlier subjects for which an answer is tried. */
const EARLIER_MAX = 8;

/**
 * All answers about the seventh run become answers about the first, and those about the seventh job answers about the
 * first one; or two that are alike change places; and the third time becomes the first, all at once.
 */
export const renameSubjects: ShrinkPass = function* (state) {
  if (state.answers.length > MOVED_MAX) return;
  const alike = new PartFamilies(state.log);
  const about = (exchange: (part: Entity) => Entity): KeyedDecision[] =>
    withoutTwins(
      state.answers.map((entry) => ({ ...entry, question: questionAbout(entry.question, exchange) })),
    );
  for (const from of alike.ranksIn(state.answers)) {
    for (let to = 0; to < Math.min(from, EARLIER_MAX); to += 1) {
      yield about((part) => (alike.rankOf(part) === from ? alike.memberAt(part, to) : part));
    }
  }
  for (const from of alike.partsIn(state.answers)) {
    for (let to = 0; to < Math.min(alike.rankOf(from), EARLIER_MAX); to += 1) {
      const other = alike.memberAt(from, to);
      yield about((part) => (isSamePart(part, from) ? other : isSamePart(part, other) ? from : part));
    }
  }
  const least = state.answers.reduce((min, { occurrence }) => Math.min(min, occurrence), Infinity);
  if (least > 0 && least < Infinity) {
    yield state.answers.map((entry) => ({ ...entry, occurrence: entry.occurrence - least }));
  }
  for (const key of new Set(state.answers.map(({ question }) => question.key))) {
    yield* shiftOccurrences(state, key);
  }
};

/**
 * Groups similar owners and subjects: those in the same place of similar questions. Invariant: the members of a family
 * are in the order of first asking, and their rank is their index in it.
 */
class PartFamilies {
  readonly #families = new Map<string, readonly Entity[]>();
  readonly #ranks = new Map<string, number>();

  constructor(log: readonly KeyedDecision[]) {
    const heads = new Map<string, string>();
    const headOf = (name: string): string => {
      let head = name;
      for (let next = heads.get(head); next !== undefined; next = heads.get(head)) head = next;
      return head;
    };
    const parts = new Map<string, Entity>();
    for (const { question } of log) {
      for (const { place, part } of placedPartsOf(question.topic)) {
        const text = textOfPart(part);
        if (!parts.has(text)) parts.set(text, part);
        const [one, other] = [headOf(`place ${place}`), headOf(`part ${text}`)];
        if (one !== other) heads.set(other, one);
      }
    }
    const families = new Map<string, Entity[]>();
    for (const [text, part] of parts) {
      const head = headOf(`part ${text}`);
      const family = families.get(head) ?? [];
      families.set(head, family);
      this.#families.set(text, family);
      this.#ranks.set(text, family.push(part) - 1);
    }
  }

  rankOf(part: Entity): number {
    return this.#ranks.get(textOfPart(part)) ?? 0;
  }

  /** The member of that rank in the family of `part`; `part` itself if there is none. */
  memberAt(part: Entity, rank: number): Entity {
    return this.#families.get(textOfPart(part))?.[rank] ?? part;
  }

  /** The owners and subjects of the answers, the last of each kind first. */
  partsIn(answers: readonly KeyedDecision[]): Entity[] {
    const found = new Map<string, Entity>();
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
  readonly part: Entity;
}

function placedPartsOf({ owner, what, subject }: Topic): PlacedPart[] {
  const owners = owner === '' ? [] : [{ place: `owner ${what}`, part: owner }];
  if (subject instanceof Topic) return [...owners, ...placedPartsOf(subject)];
  return subject === '' ? owners : [...owners, { place: `subject ${what}`, part: subject }];
}

function textOfPart(part: Entity): string {
  return typeof part === 'string' ? part : part.text;
}

function isSamePart(one: Entity, other: Entity): boolean {
  return textOfPart(one) === textOfPart(other);
}

function* shiftOccurrences(state: ShrinkState, key: string): ShrinkAttempt {
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

/** Removes each answer in turn and gives it to another question that is asked then. */
export const moveAnswers: ShrinkPass = function* (state) {
  if (state.answers.length > MOVED_MAX) return;
  for (const entry of [...state.answers]) {
    if (!isIn(state, entry)) continue;
    yield* moveElsewhere(state, withAnswer(state.answers, entry, 0), [entry]);
  }
};

/**
 * Lowers each answer in turn by one, and gives another question what that removes: a number of jobs falls, and the job
 * that made the difference becomes one of the remaining ones.
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

/** Removes two answers and adds one elsewhere. */
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

/**
 * First the same question, then questions that differ only in their subject, then the same kind; each group in the
 * order of asking.
 */
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
 * The smallest answer, earlier answers, the largest (always a fault if there is one), and evenly spread others as far
 * as the limit allows.
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

/** If two answers end up at the same question, the first one counts. */
function withoutTwins(answers: readonly KeyedDecision[]): KeyedDecision[] {
  const seen = new Set<string>();
  return answers.filter((entry) => {
    const key = keyOf(entry);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** With more answers than this, each move would take too many others along. */
const SITES_MAX = 16;
/** How far back an answer is moved, and up to where in a series one is cut out. */
const SHIFT_MAX = 12;

/**
 * A pass that lets things happen in another order or one time earlier: a job moves to the batch before, and all answers
 * about it with it. No change of single answers does that, because in another batch the questions about the job are
 * other ones.
 *
 * At each site with an answer that is not plain: one time cut out, or an answer moved to an earlier time.
 */
export const shiftSites: ShrinkPass = function* (state) {
  if (state.answers.length > SITES_MAX) return;
  for (let at = 0; at < SHIFT_MAX; at += 1) {
    for (const sites of groupsOf([...answeredSites(state).keys()])) {
      yield changed(state, sites, (series) => series.toSpliced(at, 1));
    }
  }
  for (const site of answeredSites(state).keys()) {
    for (let from = 1; from < SHIFT_MAX; from += 1) {
      for (let to = 0; to < from; to += 1) {
        if (!((seriesBySite(state.log).get(site)?.[from] ?? 0) > 0)) break;
        yield changed(state, [site], (series) => movedUp(series, from, to));
        // The proposal just accepted may have left a log with fewer questions.
        yield changed(state, [site], (series) => (from < series.length ? swapped(series, from, to) : series));
      }
    }
  }
};

function answeredSites({ log }: ShrinkState): SiteSeries {
  return new Map([...seriesBySite(log)].filter(([, series]) => series.some((answer) => answer > 0)));
}

/** All together, each alone, each pair. */
function groupsOf(sites: readonly string[]): (readonly string[])[] {
  const pairs = sites.flatMap((one, at) => sites.slice(at + 1).map((other) => [one, other]));
  return [sites, ...sites.map((site) => [site]), ...pairs];
}

function changed(
  { log }: ShrinkState,
  sites: readonly string[],
  change: (series: readonly number[]) => readonly number[],
): SiteSeries {
  const bySite: Map<string, readonly number[]> = seriesBySite(log);
  for (const site of sites) bySite.set(site, change(bySite.get(site) ?? []));
  return bySite;
}

/** Entries in between move up by one. */
function movedUp(series: readonly number[], from: number, to: number): readonly number[] {
  return series.toSpliced(from, 1).toSpliced(to, 0, series[from] as number);
}

function swapped(series: readonly number[], from: number, to: number): readonly number[] {
  return series.with(from, series[to] as number).with(to, series[from] as number);
}

type Group = (entry: KeyedDecision) => boolean;

/**
 * Passes that take answers out: whole groups first, then spans of falling length, down to single ones.
 *
 * Everything, then all faults, all of each other kind, all that differ in their subjects only.
 */
export const dropGroups: ShrinkPass = function* (state) {
  const sites = new Set(state.answers.map(({ question }) => question.site));
  const groups: Group[] = [
    () => true,
    ...QUESTION_KINDS.map(
      (kind): Group =>
        ({ question }) =>
          question.kind === kind,
    ),
    ...[...sites].map(
      (site): Group =>
        ({ question }) =>
          question.site === site,
    ),
  ];
  for (const isMember of groups) {
    const rest = state.answers.filter((entry) => !isMember(entry));
    if (rest.length < state.answers.length) yield rest;
  }
};

/** Drops spans of faults, before anything else is tried. */
export const dropFaults: ShrinkPass = (state) => dropSpansOf(state, isFault);

/** Drops spans of all answers. */
export const dropSpans: ShrinkPass = (state) => dropSpansOf(state, () => true);

/**
 * Spans of half the answers, of a quarter, … of one: the complements of ddmin (Zeller & Hildebrandt, "Simplifying and
 * Isolating Failure-Inducing Input", TSE 2002). From the end, because what happens late matters least for what comes
 * before it.
 */
function* dropSpansOf(state: ShrinkState, isMember: Group): ReturnType<ShrinkPass> {
  const members = (): KeyedDecision[] => state.answers.filter(isMember);
  for (let length = Math.ceil(members().length / 2); length >= 1; length = nextLength(length)) {
    for (let end = members().length; end > 0; end -= length) {
      const entries = members();
      // An accepted proposal may have removed more than the span.
      if (end > entries.length) continue;
      const span = new Set(entries.slice(Math.max(0, end - length), end));
      yield state.answers.filter((entry) => !span.has(entry));
    }
  }
}

function isFault({ question }: KeyedDecision): boolean {
  return question.kind === 'fault';
}

function nextLength(length: number): number {
  return length === 1 ? 0 : Math.ceil(length / 2);
}

const LENGTHS: readonly number[] = [8, 6, 5, 4, 3, 2, 1];
/** In longer series the shorter spans would cost more executions than there are. */
const SERIES_MAX = 400;
/** How many of the numbers nearest before a span are tried as its count, in addition to the first of all. */
const COUNTS_NEAR = 3;

/**
 * A pass for what is asked again and again, such as the parts of a drawn list: a span of its answers is cut out and the
 * later ones move up, while a number before it, which may be how many there are, is lowered by one. Hypothesis deletes
 * spans alike.
 *
 * For each question that is asked several times.
 */
export const cutSpans: ShrinkPass = function* (state) {
  const times = new Map<string, number>();
  for (const { question } of state.log) times.set(question.key, (times.get(question.key) ?? 0) + 1);
  const keys = new Set(state.answers.map(({ question }) => question.key));
  for (const key of keys) {
    const asked = times.get(key) ?? 0;
    if (asked < 2 || asked > SERIES_MAX) continue;
    for (const length of LENGTHS) yield* cutAll(state, key, length);
  }
};

function* cutAll(state: ShrinkState, key: string, length: number): ShrinkAttempt {
  let isAny = false;
  for (let start = 0; ;) {
    const series = seriesOf(state, key);
    if (series.length > SERIES_MAX || start + length > series.length) return isAny;
    const isCut = yield* cutOne(state, series, start, length);
    isAny ||= isCut;
    // After a cut, the next span is at the same place.
    if (!isCut) start += 1;
  }
}

function* cutOne(
  state: ShrinkState,
  series: readonly KeyedDecision[],
  start: number,
  length: number,
): ShrinkAttempt {
  const key = series[0]?.question.key;
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

/** Positions of numbers that may be the count of what follows. */
function countsBefore(series: readonly KeyedDecision[], start: number): number[] {
  const positions = series.flatMap(({ answer }, at) => (answer > 0 && at < start ? [at] : []));
  return [...new Set([...positions.slice(0, 1), ...positions.slice(-COUNTS_NEAR)])];
}

/** All answers to that question, defaults included, in the order of asking. */
function seriesOf({ log }: ShrinkState, key: string): KeyedDecision[] {
  return log.filter((entry) => entry.question.key === key);
}

/** Above this number of proposals a pass does not try every smaller answer, but bisects. */
const EXHAUSTIVE_MAX = 512;
/** With more answers than this, there are too many pairs. */
const PAIRED_MAX = 12;

/**
 * Passes that make answers smaller: one by one, and two together where one alone does not do.
 *
 * Each answer down to the smallest that fails in the same way.
 */
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
  // The answer falls with each acceptance, or disappears; the last proposal is the one just below it.
  while (answerIn(state, entry) - low > 1) {
    const middle = low + Math.floor((answerIn(state, entry) - low) / 2);
    if (!(yield withAnswer(state.answers, entry, middle)).isAccepted) low = middle;
  }
  return low > 0;
}

/**
 * Pairs: both lower, or one lower by what the other gains, which brings two seeds of one bug to the same split. The
 * second is what Hypothesis calls redistribution.
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

/**
 * With more answers than this, there are too many pairs; with fewer than three, leaving the others out gains nothing.
 */
const REBUILT_ANSWERS_MAX = 8;
const ANSWERS_MIN = 3;
/** Maximum number of executions of a pass; a longer log gets fewer, because its executions take longer. */
const PROPOSALS_MAX = 6_000;
const REBUILT_QUESTIONS_MAX = 400_000;
/** How many values are tried of a question similar to one with an answer, and of any other. */
const NEAR_VALUES = 48;
const FAR_VALUES = 3;

/**
 * Passes that choose answers anew instead of changing them little by little: any two with all values, beside the
 * others, without them, or at any two questions at all. They find the way to the same failure that no small change of
 * the log leads to.
 *
 * Any two answers with all values, everything else being plain.
 */
export const rebuildPairs: ShrinkPass = function* (state) {
  const { answers } = state;
  if (answers.length < ANSWERS_MIN) return;
  yield* choosePairs(state, () => []);
};

/** Tries any two answers with all values, leaving the others as they are. */
export const rechoosePairs: ShrinkPass = (state) =>
  choosePairs(state, (first, second) =>
    state.answers.filter((entry) => !isSameKey(entry, first) && !isSameKey(entry, second)),
  );

function* choosePairs(
  state: ShrinkState,
  othersOf: (first: KeyedDecision, second: KeyedDecision) => readonly KeyedDecision[],
): ReturnType<ShrinkPass> {
  const { answers } = state;
  if (answers.length > REBUILT_ANSWERS_MAX) return;
  const pairs = answers.flatMap((first) =>
    answers.filter((second) => keyOf(first) < keyOf(second)).map((second) => [first, second] as const),
  );
  const each = mostProposals(state) / pairs.length;
  for (const [first, second] of pairs) {
    const others = othersOf(first, second);
    const [most, mostOther] = shares(first.n - 1, second.n - 1, each);
    for (const one of spread(first, most)) {
      for (const other of spread(second, mostOther)) {
        // The passes that lower and move answers run again anyway.
        if ((yield [...others, one, other]).isAccepted) return;
      }
    }
  }
}

/** How many values each of two questions may have, for a given number of pairs. */
function shares(count: number, other: number, most: number): readonly [number, number] {
  const even = Math.floor(Math.sqrt(most));
  if (count <= even) return [count, Math.floor(most / count)];
  if (other <= even) return [Math.floor(most / other), other];
  return [even, even];
}

function mostProposals({ log }: ShrinkState): number {
  return Math.min(PROPOSALS_MAX, REBUILT_QUESTIONS_MAX / log.length);
}

/**
 * One or two answers at any questions that are asked: what the shortest logs are, so that where one of them fails in
 * the same way, every seed comes to the simplest of them. For the end, because it does not depend on the log that it
 * begins with.
 */
export const rebuildSmall: ShrinkPass = function* (state): ReturnType<ShrinkPass> {
  const values = new ValueChoice(state);
  let left = mostProposals(state);
  const { asked: places = state.log } = yield [];
  for (const first of values.of(places)) {
    left -= 1;
    if (left <= 0 || state.answers.length === 0) return;
    yield [first];
  }
  for (const first of values.of(places)) {
    if (state.answers.length < 2) return;
    const { asked = places } = yield [first];
    const at = asked.findIndex((place) => isSameKey(place, first));
    for (const second of values.of(asked.slice(at + 1))) {
      left -= 1;
      if (left <= 0) return;
      yield [first, second];
    }
  }
};

/** Chooses which values of a question are tried. */
class ValueChoice {
  readonly #sites: ReadonlySet<string>;
  readonly #answers: readonly number[];
  readonly #hasFaults: boolean;

  constructor({ answers }: ShrinkState) {
    this.#sites = new Set(answers.map(({ question }) => question.site));
    this.#answers = [...new Set(answers.map(({ answer }) => answer))];
    this.#hasFaults = answers.some(({ question }) => question.kind === 'fault');
  }

  /**
   * The values of each place; none for faults if the log has none, because adding a fault is never simpler. One after
   * the other, because a long log has more than are ever tried.
   */
  *of(places: Iterable<KeyedDecision>): Generator<KeyedDecision, void> {
    for (const place of places) yield* this.#ofPlace(place);
  }

  #ofPlace(place: KeyedDecision): KeyedDecision[] {
    if (!this.#hasFaults && place.question.kind === 'fault') return [];
    if (this.#sites.has(place.question.site)) return spread(place, NEAR_VALUES);
    const values = new Set([1, ...this.#answers, ...spread(place, FAR_VALUES).map(({ answer }) => answer)]);
    return [...values].filter((answer) => answer < place.n).map((answer) => ({ ...place, answer }));
  }
}

/** Other answers to a question, evenly spread if there are too many; the largest is included. */
function spread(entry: KeyedDecision, most: number): KeyedDecision[] {
  const count = Math.min(entry.n - 1, most);
  return Array.from({ length: count }, (_, at) => ({
    ...entry,
    answer: Math.round(((at + 1) * (entry.n - 1)) / count),
  }));
}
