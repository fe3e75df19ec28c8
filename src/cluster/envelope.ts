/** A message in flight between two nodes, and the transport that carries it. */
import { namedTopic, type Topic } from '../kernel/question.ts';
import { linkName, stepName } from '../model/message-text.ts';
import type { MessageKind } from '../model/trace-event.ts';
import { copyOf, packErrors, type PackedErrors, unpackErrors } from './copy.ts';
import { sentError } from './sent-error.ts';

/** Addresses whichever process of the receiver is alive on arrival. */
export const ANY_INCARNATION = -1;

/** An envelope as plain data, to pass between threads. */
export interface EnvelopeData {
  readonly kind: MessageKind;
  readonly from: string;
  readonly incarnation: number;
  readonly to: string;
  readonly toIncarnation: number;
  readonly name: string;
  readonly id: number;
  readonly body: unknown;
  /** The errors that the body contained, if there are any. */
  readonly errors?: PackedErrors | undefined;
}

/** The two copies of a message that was duplicated, and how many of them may still bring an answer. */
class Copies {
  #living = 2;
  #lostAnswer: Envelope | undefined = undefined;

  /** See {@link Envelope.lose}; `lost` is a copy, or the answer to one. */
  lose(lost: Envelope): Envelope | undefined {
    // A lost answer comes before a lost call, which would say that nothing was carried out.
    if (lost.kind !== 'call') this.#lostAnswer = lost;
    this.#living -= 1;
    return this.#living > 0 ? undefined : (this.#lostAnswer ?? lost);
  }
}

/** A call, reply, error or one-way message in flight. */
export class Envelope {
  readonly kind: MessageKind;
  readonly from: string;
  /** Incarnation of the sending process. */
  readonly incarnation: number;
  readonly to: string;
  /**
   * Incarnation it is addressed to: that of the caller for a reply, the own one for what a process sends to itself,
   * else {@link ANY_INCARNATION}.
   */
  readonly toIncarnation: number;
  /** Name of the method or message. */
  readonly name: string;
  /** A reply has the id of its call. */
  readonly id: number;
  /** Arguments, result, `SentError` or message: the receiver's own copy. */
  readonly body: unknown;
  /** The value's own `describe()` text, if it has one. */
  readonly words: string | undefined;
  /** For an answer, the copy of the call that it answers. */
  readonly answered: Envelope | undefined;
  /** Its number among the messages of its link, from 1 in the order of sending; 0 before it is sent. */
  order = 0;
  /** Shared with its duplicate, if there is one: the fate of this one says nothing about the other. */
  #copies: Copies | undefined = undefined;
  #topic: Topic | undefined = undefined;

  // eslint-disable-next-line max-params -- made for each message: an options object would be a second allocation
  constructor(
    kind: MessageKind,
    from: string,
    incarnation: number,
    to: string,
    toIncarnation: number,
    name: string,
    id: number,
    body: unknown,
    words?: string,
    answered?: Envelope,
  ) {
    this.kind = kind;
    this.from = from;
    this.incarnation = incarnation;
    this.to = to;
    this.toIncarnation = toIncarnation;
    this.name = name;
    this.id = id;
    this.body = body;
    this.words = words;
    this.answered = answered;
  }

  /** Makes an envelope from its plain data. */
  static of({ kind, from, incarnation, to, toIncarnation, name, id, body, errors }: EnvelopeData): Envelope {
    const whole = errors === undefined ? body : unpackErrors(body, errors);
    return new Envelope(kind, from, incarnation, to, toIncarnation, name, id, whole);
  }

  /** Its plain data. */
  data(): EnvelopeData {
    const { kind, from, incarnation, to, toIncarnation, name, id, body } = this;
    return { kind, from, incarnation, to, toIncarnation, name, id, ...packErrors(body) };
  }

  /** Topic of its questions and events: `a to locks acquire`, `locks to a reply to acquire`. */
  get topic(): Topic {
    return (this.#topic ??= topicsOf(this.from, this.to).of(this.kind, this.name));
  }

  /** Topic of the call's timeout. */
  get timeoutTopic(): Topic {
    return topicsOf(this.from, this.to).ofTimeout(this.name);
  }

  /** A duplicate with a body of its own. */
  again(): Envelope {
    const { kind, from, incarnation, to, toIncarnation, name, id, words, answered } = this;
    const body = copyOf(this.body, () => 'a duplicate');
    const copy = new Envelope(kind, from, incarnation, to, toIncarnation, name, id, body, words, answered);
    copy.order = this.order;
    this.#copies = new Copies();
    copy.#copies = this.#copies;
    return copy;
  }

  /** True if a duplicate exists. */
  get isDoubled(): boolean {
    return this.#copies !== undefined;
  }

  /**
   * Called when this call or answer is lost. Returns what its caller has lost by that: undefined while another copy of
   * the call or of its answer may still bring one.
   */
  lose(): Envelope | undefined {
    const lost = this.#loseCopy(this);
    return lost === undefined || this.answered === undefined ? lost : this.answered.#loseCopy(lost);
  }

  #loseCopy(lost: Envelope): Envelope | undefined {
    return this.#copies === undefined ? lost : this.#copies.lose(lost);
  }
}

/**
 * The error envelope that a caller gets in place of an answer that will never come; `lost` is its call or the answer.
 */
export function failedAnswer(lost: Envelope, error: Error): Envelope {
  const { kind, from, incarnation, to, toIncarnation, name, id } = lost;
  const body = sentError(error);
  return kind === 'call'
    ? new Envelope('error', to, ANY_INCARNATION, from, incarnation, name, id, body, undefined, lost)
    : new Envelope('error', from, incarnation, to, toIncarnation, name, id, body);
}

/** Carries what endpoints send. */
export interface Transport {
  /** An id for the next call or message, unique in its network. */
  nextId(): number;
  post(envelope: Envelope): void;
}

/** Caches the topics of one link by name: making a topic's text would cost more than the rest of a message's trip. */
class LinkTopics {
  readonly #link: string;
  readonly #calls = new Map<string, Topic>();
  readonly #replies = new Map<string, Topic>();
  readonly #errors = new Map<string, Topic>();
  readonly #timeouts = new Map<string, Topic>();

  constructor(link: string) {
    this.#link = link;
  }

  of(kind: MessageKind, name: string): Topic {
    switch (kind) {
      case 'call':
      case 'message':
        return this.#of(this.#calls, kind, name);
      case 'reply':
        return this.#of(this.#replies, kind, name);
      case 'error':
        return this.#of(this.#errors, kind, name);
    }
  }

  ofTimeout(name: string): Topic {
    return this.#of(this.#timeouts, 'limit', name);
  }

  #of(topics: Map<string, Topic>, kind: Parameters<typeof stepName>[0], name: string): Topic {
    let topic = topics.get(name);
    if (topic === undefined) {
      if (topics.size >= NAMES_MAX) topics.clear();
      topic = namedTopic(this.#link, stepName(kind, name), '');
      topics.set(name, topic);
    }
    return topic;
  }
}

const links = new Map<string, Map<string, LinkTopics>>();
const NAMES_MAX = 1_024;

function topicsOf(from: string, to: string): LinkTopics {
  let ofSender = links.get(from);
  if (ofSender === undefined) {
    if (links.size >= NAMES_MAX) links.clear();
    ofSender = new Map();
    links.set(from, ofSender);
  }
  let topics = ofSender.get(to);
  if (topics === undefined) {
    if (ofSender.size >= NAMES_MAX) ofSender.clear();
    topics = new LinkTopics(linkName(from, to));
    ofSender.set(to, topics);
  }
  return topics;
}

const HEAD_BYTES = 32;
const NUMBER_BYTES = 8;

/** Estimated size of a message in bytes: one per character, eight per number, and 32 for the header. */
export function sizeOf(body: unknown): number {
  return HEAD_BYTES + bytesOf(body, new Set());
}

/** Objects in `seen` are not counted again, which also ends cycles. */
function bytesOf(value: unknown, seen: Set<object>): number {
  if (typeof value === 'string') return value.length;
  if (typeof value === 'number' || typeof value === 'bigint') return NUMBER_BYTES;
  if (typeof value !== 'object' || value === null || seen.has(value)) return 1;
  seen.add(value);
  return bytesOfObject(value, seen);
}

function bytesOfObject(value: object, seen: Set<object>): number {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength;
  let bytes = 0;
  if (value instanceof Map) for (const pair of value) bytes += bytesOf(pair, seen);
  else if (value instanceof Set) for (const item of value) bytes += bytesOf(item, seen);
  else if (Array.isArray(value)) for (const item of value) bytes += bytesOf(item, seen);
  else for (const [key, item] of Object.entries(value)) bytes += key.length + bytesOf(item, seen);
  return bytes;
}
