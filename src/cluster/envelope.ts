/** A message on its way between two nodes, and what carries it. */
import { namedTopic, type Topic } from '../kernel/question.ts';
import { sentError } from './copy.ts';
import type { MessageKind } from '../model/trace-event.ts';

/** For whichever process of the receiver is there when it arrives. */
export const ANY_INCARNATION = -1;

/** An envelope as plain data, for threads. */
export interface EnvelopeData {
  readonly kind: MessageKind;
  readonly from: string;
  readonly incarnation: number;
  readonly to: string;
  readonly toIncarnation: number;
  readonly name: string;
  readonly id: number;
  readonly body: unknown;
}

/** What is sent. */
export class Envelope implements EnvelopeData {
  readonly kind: MessageKind;
  readonly from: string;
  /** Which process of it has sent this. */
  readonly incarnation: number;
  readonly to: string;
  /** The process that it is for; {@link ANY_INCARNATION}, or of a reply the one that has called. */
  readonly toIncarnation: number;
  /** The method, or what the message is called. */
  readonly name: string;
  /** A reply has that of its call. */
  readonly id: number;
  /** Arguments, result, `SentError` or message: the receiver's own copy. */
  readonly body: unknown;
  /** What it says in its own words, if it has any. */
  readonly words: string | undefined;

  constructor(
    kind: MessageKind,
    [from, incarnation]: readonly [string, number],
    [to, toIncarnation]: readonly [string, number],
    name: string,
    id: number,
    body: unknown,
    words?: string,
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
  }

  /** The same as the plain data of one. */
  static of({ kind, from, incarnation, to, toIncarnation, name, id, body }: EnvelopeData): Envelope {
    return new Envelope(kind, [from, incarnation], [to, toIncarnation], name, id, body);
  }

  /** What is asked of it and its events are about: `a to locks acquire`, `locks to a reply to acquire`. */
  get topic(): Topic {
    return namedTopic(linkName(this.from, this.to), this.what, '');
  }

  get what(): string {
    switch (this.kind) {
      case 'call':
      case 'message':
        return this.name;
      case 'reply':
        return `reply to ${this.name}`;
      case 'error':
        return `error to ${this.name}`;
    }
  }
}

/** The error that a caller gets in place of an answer that will not come: of its call, or of the answer that was lost. */
export function failedAnswer(
  { kind, from, incarnation, to, toIncarnation, name, id }: Envelope,
  error: Error,
): Envelope {
  const [answerer, caller] =
    kind === 'call'
      ? ([
          [to, ANY_INCARNATION],
          [from, incarnation],
        ] as const)
      : ([
          [from, incarnation],
          [to, toIncarnation],
        ] as const);
  return new Envelope('error', answerer, caller, name, id, sentError(error));
}

/** Takes what an endpoint sends. */
export interface Transport {
  /** A number for the next call or message; the same for no two of one network. */
  nextId(): number;
  post(envelope: Envelope): void;
}

const names = new Map<string, Map<string, string>>();
const NAMES_MAX = 4_096;

/** How a link is called: `a to locks`. Made once, as each message asks for it. */
function linkName(from: string, to: string): string {
  let ofSender = names.get(from);
  if (ofSender === undefined) {
    if (names.size >= NAMES_MAX) names.clear();
    ofSender = new Map();
    names.set(from, ofSender);
  }
  let name = ofSender.get(to);
  if (name === undefined) {
    if (ofSender.size >= NAMES_MAX) ofSender.clear();
    name = `${from} to ${to}`;
    ofSender.set(to, name);
  }
  return name;
}
