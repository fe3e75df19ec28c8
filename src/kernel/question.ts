/**
 * Questions to an exploration, and topics of clock events, as data: the code that asks states the parts once. The text
 * for people is derived from them and never parsed. Invariants: two questions are the same if kind and text agree; a
 * question and its topic never change.
 */
import * as is from './shape.ts';
import { check, unreadable } from './argument-check.ts';
import { textWords, type TextWords } from './text-words.ts';

/**
 * Kinds of questions. Faults end with `sim.heal`, and sweeps and swarms target them: answer 0 means no fault and the
 * highest answer means one; the code that asks defines the answers in between. Answer 0 to a `delay` is no delay.
 * `draw` is a part of a drawn value, and `choice` anything else that a scenario or workload leaves open.
 */
export type QuestionKind = 'order' | 'fault' | 'delay' | 'draw' | 'choice';

/** All question kinds. */
export const QUESTION_KINDS: readonly QuestionKind[] = Object.freeze([
  'fault',
  'delay',
  'order',
  'choice',
  'draw',
]);

/** Something with an id of its own, such as a run or a filer: `run/3`. Create one with {@link thing}. */
export class Thing {
  readonly type: string;
  readonly id: string;
  /** Where ids are unique, such as the runner of a run, for people; not part of the text, and empty if unknown. */
  readonly home: string;
  #text: string | undefined;

  /** @internal */
  constructor(type: string, id: string, home = '') {
    this.type = type;
    this.id = id;
    this.home = home;
  }

  get text(): string {
    return (this.#text ??= `${this.type}/${this.id}`);
  }

  /** The topic `THING WHAT`, such as `run/3 deadline`. */
  topic(what: string): Topic {
    return new Topic('', what, this);
  }
}

/** An owner or a subject: something with an id of its own, or a name. */
export type Entity = string | Thing;

/** The parts of a topic: what an event or a question is about. */
export interface TopicParts {
  /**
   * Who asks, or whose event it is, such as a runner, link or node: `chaos`. Default: the scenario, which the text does
   * not name.
   */
  readonly owner?: string | Thing;
  /** What happens, in the same words for all events or questions of this sort: `run`, `deadline`. */
  readonly what: string;
  /** Which one it is about among those of this sort: `job-1`, a run, or another topic. Default: none. */
  readonly subject?: string | Thing | Topic;
}

/**
 * How authors name the topic of an event or a question: in parts, or as a text, which is shown unchanged and then is
 * all that is known.
 */
export type Label = string | TopicParts;

/** See {@link TopicParts}. Create one with {@link topicOf}. */
export class Topic implements TopicParts {
  readonly owner: string | Thing;
  readonly what: string;
  readonly subject: string | Thing | Topic;
  /** Created lazily: most events are alone in their instant and are never named. */
  #text: string | undefined;
  /**
   * The question asked last about this topic, linked to the one before it: the same few kinds are asked time and again.
   */
  #asked: Question | undefined;
  /** The latest follower topic, linked to the one before it, so that a recurring follower is created once. */
  #follower: Topic | undefined;
  #before: Topic | undefined;

  /** @internal */
  constructor(owner: string | Thing, what: string, subject: string | Thing | Topic) {
    this.owner = owner;
    this.what = what;
    this.subject = subject;
  }

  /** True if `value` is a topic; runs no code of a proxy. */
  static is(value: unknown): value is Topic {
    return typeof value === 'object' && value !== null && #text in value;
  }

  /** Text for people: `run/3 deadline`, `chaos run job-1`, `n1 crash at n1 run job-1 reply`. */
  get text(): string {
    const { owner, what, subject } = this;
    return (this.#text ??= textOfParts(textOf(owner), what, textOf(subject), subject instanceof Topic));
  }

  /** The text with `#` in place of subjects and ids: the same for every topic of one place in the code. */
  get site(): string {
    const { owner, what, subject } = this;
    const of = subject instanceof Topic ? subject.site : subject instanceof Thing ? `${subject.type}/#` : '#';
    return textOfParts(textOf(owner), what, subject === '' ? '' : of, subject instanceof Topic);
  }

  /** Text of the one thing that it is about, such as `run/3`; empty if it may be about anything. */
  get about(): string {
    const { subject } = this;
    return subject instanceof Topic ? subject.about : textOf(subject);
  }

  /** @internal The question of that kind that was asked about this topic or shared with it. */
  asked(kind: QuestionKind): Question | undefined {
    let asked = this.#asked;
    while (asked !== undefined && asked.kind !== kind) asked = Question.before(asked);
    return asked;
  }

  /** @internal Shares a question of an equal topic, which is used from now on. */
  share(same: Question): void {
    this.#asked = same;
  }

  /** The question of kind `kind` about this topic. */
  asks(kind: QuestionKind): Question {
    return this.asked(kind) ?? (this.#asked = new Question(kind, this, this.#asked));
  }

  /** A topic that follows from this one, such as `bound` from `run/3 upload`. */
  plus(what: string): Topic {
    let follower = this.#follower;
    while (follower !== undefined && follower.what !== what) follower = follower.#before;
    if (follower !== undefined) return follower;
    const made = new Topic('', what, this);
    made.#before = this.#follower;
    this.#follower = made;
    return made;
  }
}

/** An open question. Create one with {@link question} or {@link Topic.asks}. */
export class Question {
  readonly kind: QuestionKind;
  readonly topic: Topic;
  /** A question of another kind that was asked about the same topic before. */
  readonly #before: Question | undefined;
  /** Number of the log that used the question last, with its entry: avoids most look-ups. */
  #logId = 0;
  #kept: unknown;
  #key: string | undefined;
  #site: string | undefined;
  #words: TextWords | undefined;
  /** Value of `timesForgotten` when it became canonical; 0 if it never did. */
  #canonicalSince = 0;

  /** @internal */
  constructor(kind: QuestionKind, topic: Topic, before?: Question) {
    this.kind = kind;
    this.topic = topic;
    this.#before = before;
  }

  /** @internal True if it stands for all equal questions, and the cache was not cleared since. */
  get isCanonical(): boolean {
    return this.#canonicalSince === timesForgotten;
  }

  /** @internal */
  becomeCanonical(): void {
    this.#canonicalSince = timesForgotten;
  }

  /** @internal A question of another kind that was asked about the same topic before. */
  static before(asked: Question): Question | undefined {
    return asked.#before;
  }

  /** @internal The entry of log `logId`, if that used the question last. */
  keptBy(logId: number): unknown {
    return this.#logId === logId ? this.#kept : undefined;
  }

  /** @internal */
  keep(logId: number, kept: unknown): void {
    this.#logId = logId;
    this.#kept = kept;
  }

  /** True if `value` is a question; runs no code of a proxy. */
  static is(value: unknown): value is Question {
    return typeof value === 'object' && value !== null && #key in value;
  }

  /** Text for people: `order run/3 deadline`, `chaos run job-1 fault`. */
  get text(): string {
    return TEXTS[this.kind](this.topic.text);
  }

  /** Equal for equal questions, different for all others. */
  get key(): string {
    return (this.#key ??= `${this.kind} ${this.topic.text}`);
  }

  /** The same text for every question of one place in the code. */
  get site(): string {
    return (this.#site ??= `${this.kind} ${this.topic.site}`);
  }

  /** A hash of the text, for keyed random answers. */
  get hash(): number {
    return this.words.high;
  }

  /** Its kind and the parts of its topic. */
  toJSON(): QuestionData {
    return questionData(this);
  }

  /** The two words that it adds to a rolling hash. */
  get words(): TextWords {
    return (this.#words ??= textWords(this.text));
  }
}

const TEXTS: Readonly<Record<QuestionKind, (topic: string) => string>> = {
  order: (topic) => `order ${topic}`,
  fault: (topic) => `${topic} fault`,
  delay: (topic) => `${topic} delay`,
  draw: (topic) => topic,
  choice: (topic) => topic,
};

const LABELS_KEPT = 8_192;

/** Caches of pure functions: their content affects speed only. */
const labels = new Map<string, Topic>();
const questions = new Map<QuestionKind, Map<string, Question>>(
  QUESTION_KINDS.map((kind) => [kind, new Map<string, Question>()]),
);

/**
 * Incremented when the cache of canonical questions is cleared: after that, another question may become the canonical
 * one. Starts at 1.
 */
let timesForgotten = 1;

function textOf(part: string | Thing | Topic): string {
  return typeof part === 'string' ? part : part.text;
}

function spaced(one: string, other: string): string {
  if (one === '') return other;
  return other === '' ? one : `${one} ${other}`;
}

/** `chaos run job-1`, `n1 crash at n1 run job-1`; without an owner the subject comes first: `run/3 deadline`. */
function textOfParts(owner: string, what: string, subject: string, isTopic: boolean): string {
  if (owner === '') return spaced(subject, what);
  return spaced(spaced(owner, what), isTopic ? `at ${subject}` : subject);
}

/**
 * Something with an id of its own, to be used as the owner or the subject of topics.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless both are texts.
 * @example
 * ```ts
 * import { thing } from 'dryrunner/kernel';
 * if (thing('lease', '7').topic('ends').text !== 'lease/7 ends') throw new Error('expected its text');
 * ```
 */
export function thing(type: string, id: string): Thing {
  check('type', type, is.TEXT);
  check('id', id, is.TEXT);
  return new Thing(type, id);
}

/**
 * The topic of a label.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a text, or parts with a text as `what`.
 * @example
 * ```ts
 * import { topicOf } from 'dryrunner/kernel';
 * const { text, about } = topicOf({ owner: 'link', what: 'send', subject: 'message-3' });
 * if (text !== 'link send message-3' || about !== 'message-3') throw new Error('expected both');
 * ```
 */
export function topicOf(label: Label): Topic {
  if (typeof label === 'string') return topicOfText(label);
  return Topic.is(label) ? label : topicOfParts(label);
}

function topicOfText(text: string): Topic {
  const known = labels.get(text);
  if (known !== undefined) return known;
  if (labels.size >= LABELS_KEPT) labels.clear();
  const topic = new Topic('', text, '');
  labels.set(text, topic);
  return topic;
}

/**
 * By what, owner and subject; topics without a subject by what and owner, so that 10,000 owners do not need a map each.
 */
const named = new Map<string, Map<string, Map<string, Topic>>>();
const namedAlone = new Map<string, Map<string, Topic>>();
let namedCount = 0;

/**
 * The topic of three names, cached as one object for topics that recur in this execution and the next, so that its text
 * is created once.
 */
export function namedTopic(owner: string, what: string, subject: string): Topic {
  const known = subject === '' ? namedAlone.get(what)?.get(owner) : named.get(what)?.get(owner)?.get(subject);
  if (known !== undefined) return known;
  if (namedCount >= LABELS_KEPT) {
    named.clear();
    namedAlone.clear();
    namedCount = 0;
  }
  namedCount += 1;
  const topic = new Topic(owner, what, subject);
  if (subject === '') inner(namedAlone, what).set(owner, topic);
  else inner(inner(named, what), owner).set(subject, topic);
  return topic;
}

function inner<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const map = maps.get(key) ?? new Map<string, V>();
  maps.set(key, map);
  return map;
}

const LABEL = is.objectOf<TopicParts>(
  'a text, or an object with owner, what and subject',
  { what: is.TEXT },
  {
    owner: is.satisfying('a text or a thing', isEntity),
    subject: is.satisfying('a text, a thing or a topic', (value) => isEntity(value) || Topic.is(value)),
  },
);

function isEntity(value: unknown): boolean {
  return typeof value === 'string' || value instanceof Thing;
}

function topicOfParts(parts: TopicParts): Topic {
  check('label', parts, LABEL);
  const { owner = '', what, subject = '' } = parts;
  return typeof owner === 'string' && typeof subject === 'string'
    ? namedTopic(owner, what, subject)
    : new Topic(owner, what, subject);
}

const KIND = is.oneOf(...QUESTION_KINDS);

/**
 * A question of the given kind about the topic of `label`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an unknown kind, or a label that {@link topicOf} rejects.
 * @example
 * ```ts
 * import { createDecisions, question, randomDecisions } from 'dryrunner/kernel';
 * const decisions = createDecisions(randomDecisions(42));
 * const asked = question('fault', { owner: 'link', what: 'send', subject: 'message-3' });
 * decisions.choose(asked, 8);
 * if (decisions.entries()[0]?.question.text !== 'link send message-3 fault') throw new Error('expected it in the log');
 * ```
 */
export function question(kind: QuestionKind, label: Label): Question {
  check('kind', kind, KIND);
  return topicOf(label).asks(kind);
}

/** True if two topics have the same parts; equal texts may have different parts. */
export function isSameTopic(one: Topic, other: Topic): boolean {
  return (
    one === other ||
    (one.what === other.what && isSamePart(one.owner, other.owner) && isSamePart(one.subject, other.subject))
  );
}

function isSamePart(one: string | Thing | Topic, other: string | Thing | Topic): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other;
  if (one instanceof Topic) return other instanceof Topic && isSameTopic(one, other);
  return other instanceof Thing && one.type === other.type && one.id === other.id;
}

/**
 * The one object that stands for all questions with the same parts; once the cache was cleared, another one takes over.
 * A question with the same text and other parts stands for itself, so that earlier questions of this process have no
 * effect.
 */
export function canonicalQuestion(asked: Question): Question {
  if (asked.isCanonical) return asked;
  const { kind, topic } = asked;
  const ofKind = questions.get(kind) as Map<string, Question>;
  const known = ofKind.get(topic.text);
  if (known !== undefined) return isSameTopic(known.topic, topic) ? known : asked;
  if (ofKind.size >= LABELS_KEPT) {
    ofKind.clear();
    timesForgotten += 1;
  }
  ofKind.set(topic.text, asked);
  asked.becomeCanonical();
  return asked;
}

/** A thing as plain data. */
export interface ThingData {
  readonly type: string;
  readonly id: string;
}

/** A topic as plain data, for files and messages; empty parts are absent. */
export interface TopicData {
  readonly owner?: string | ThingData;
  readonly what: string;
  readonly subject?: string | ThingData | TopicData;
}

/** The same question about other things: each owner and subject is replaced by the result of `exchange`. */
export function questionAbout(asked: Question, exchange: (part: Entity) => Entity): Question {
  return topicAbout(asked.topic, exchange).asks(asked.kind);
}

function topicAbout({ owner, what, subject }: Topic, exchange: (part: Entity) => Entity): Topic {
  return new Topic(
    owner === '' ? '' : exchange(owner),
    what,
    subject instanceof Topic ? topicAbout(subject, exchange) : subject === '' ? '' : exchange(subject),
  );
}

/** A question as plain data. */
export interface QuestionData extends TopicData {
  readonly kind: QuestionKind;
}

/** The plain data of a question, for files and messages. */
export function questionData({ kind, topic }: Question): QuestionData {
  return { kind, ...topicData(topic) };
}

function topicData({ owner, what, subject }: Topic): TopicData {
  return {
    ...(owner === '' ? {} : { owner: partData(owner) }),
    what,
    ...(subject === '' ? {} : { subject: subject instanceof Topic ? topicData(subject) : partData(subject) }),
  };
}

function partData(part: string | Thing): string | ThingData {
  return typeof part === 'string' ? part : { type: part.type, id: part.id };
}

/**
 * Restores a question from parsed JSON: a log of decisions can be written to a file and read back.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for any other value.
 * @example
 * ```ts
 * import { question, questionFrom } from 'dryrunner/kernel';
 * const asked = question('fault', { owner: 'link', what: 'send', subject: 'message-3' });
 * const again = questionFrom(JSON.parse(JSON.stringify(asked)));
 * if (again.text !== asked.text) throw new Error('expected the same');
 * ```
 */
export function questionFrom(data: QuestionData): Question {
  try {
    check('question', data, is.anObject('an object with kind, owner, what and subject'));
    return question(data.kind, topicFrom(data));
  } catch (error) {
    throw unreadable('question', data, error);
  }
}

function topicFrom({ owner = '', what, subject = '' }: TopicData): Topic {
  const isTopic = typeof subject === 'object' && (subject as unknown) !== null && 'what' in subject;
  const madeSubject = isTopic ? topicFrom(subject) : partFrom(subject as string | ThingData);
  return owner === '' && madeSubject === ''
    ? topicOf(what)
    : topicOfParts({ owner: partFrom(owner), what, subject: madeSubject });
}

function partFrom(part: string | ThingData): string | Thing {
  return typeof part === 'string' ? part : thing(part.type, part.id);
}
