/**
 * Passes each open question to one source and records the answers. Invariant: the log holds every answer to a question
 * with more than one alternative, in order, and nothing else.
 */
import * as is from './shape.ts';
import { check } from './argument-check.ts';
import type { Choices, Decision, DecisionSource, DescribeAnswer, DueEvents } from './decisions.ts';
import { invalidArgument } from './errors.ts';
import {
  canonicalQuestion,
  isSameTopic,
  Question,
  topicOf,
  type QuestionKind,
  type Topic,
} from './question.ts';
import type { RollingHash } from './rolling-hash.ts';
import type { TextWords } from './text-words.ts';

/** Entries times three numbers: a multiple of 3. */
const CHUNK_LENGTH = 3072;
/**
 * Length of the last chunk of the previous log: the logs of one exploration have similar lengths, and an array that
 * grows is copied.
 */
let usualLength = 0;

/** Options of {@link createDecisions}. */
export interface DecisionLogOptions {
  /** Records the entries; if false, only `count` grows. Default true. */
  readonly record?: boolean;
  /** Hash to which each answer is added as it is given: text of the question, n, answer. */
  readonly hash?: RollingHash;
}

const DECISION_SOURCE = is.withMethods('decide');
const LOG_OPTIONS = is.optionsOf<DecisionLogOptions>(
  {},
  { record: is.BOOLEAN, hash: is.withMethods('addWords', 'addNumber') },
);

/** A question that was asked, with its entry data. */
interface AskedQuestion {
  readonly question: Question;
  /** Index of the question in the order of first asking. */
  readonly index: number;
  occurrences: number;
}

let logsMade = 0;
const PLAIN: DecisionSource = { decide: () => 0 };

/** Choices with a log; create them with {@link createDecisions}. */
export class DecisionLog implements Choices {
  /** Questions refer to the log by this number, because they may outlive it. */
  private readonly id = ++logsMade;
  private source: DecisionSource;
  private record: boolean;
  private hash: RollingHash | undefined;
  /** By kind and text of the topic: two objects may be the same question. */
  private readonly asked: Record<QuestionKind, Map<string, AskedQuestion> | undefined> = {
    order: undefined,
    fault: undefined,
    delay: undefined,
    draw: undefined,
    choice: undefined,
  };
  private readonly questions: Question[] = [];
  /**
   * Three numbers per entry: index of its question, n, answer. This avoids an object per decision, and arrays so long
   * that growing them is costly.
   */
  private readonly fullChunks: number[][] = [];
  private chunk: number[] = new Array<number>(usualLength);
  private used = 0;
  private given = 0;

  constructor(source: DecisionSource, options: DecisionLogOptions) {
    this.source = source;
    this.record = options.record ?? true;
    this.hash = options.hash;
  }

  /** Number of decisions taken. */
  get count(): number {
    return this.given;
  }

  choose(question: Question | string, n: number, describe?: DescribeAnswer): number {
    if (n === 1) return 0;
    if (!(Number.isSafeInteger(n) && n > 1)) throw invalidArgument('n', 'an integer ≥ 1', n);
    const asked = this.askedOf(question);
    return this.keep(asked, n, this.source.decide(asked.question, n, asked.occurrences, describe));
  }

  order(due: DueEvents): number {
    const { source } = this;
    const { count } = due;
    const asked = this.#askedOrder(due.topicOf(0));
    const answer =
      source.order === undefined
        ? source.decide(asked.question, count, asked.occurrences)
        : source.order(asked.question, due, asked.occurrences);
    return this.keep(asked, count, answer);
  }

  drawn(name: string, value: unknown, asked: number): void {
    this.source.drawn?.(name, value, asked);
  }

  /**
   * The decisions so far, or the first `max` of them; empty if they are not recorded. Each call creates new objects.
   */
  entries(max: number = Infinity): Decision[] {
    const entries: Decision[] = [];
    for (const chunk of [...this.fullChunks, this.chunk]) {
      const end = chunk === this.chunk ? this.used : CHUNK_LENGTH;
      for (let i = 0; i < end && entries.length < max; i += 3) {
        const question = this.questions[chunk[i] as number] as Question;
        entries.push({ question, n: chunk[i + 1] as number, answer: chunk[i + 2] as number });
      }
    }
    return entries;
  }

  /** @internal From now on questions get the plain answer and are not logged. */
  end(): void {
    this.source = PLAIN;
    this.record = false;
    this.hash = undefined;
  }

  private keep(asked: AskedQuestion, n: number, answer: number): number {
    if (!(answer >= 0 && answer < n && Number.isInteger(answer))) {
      throw invalidArgument(`answer to "${asked.question.text}"`, `an integer in [0, ${n})`, answer);
    }
    asked.occurrences += 1;
    this.given += 1;
    if (this.record) this.note(asked.index, n, answer);
    if (this.hash !== undefined) addDecision(this.hash, asked.question.words, n, answer);
    return answer;
  }

  private note(index: number, n: number, answer: number): void {
    if (this.used === CHUNK_LENGTH) {
      this.fullChunks.push(this.chunk);
      this.chunk = new Array<number>(CHUNK_LENGTH);
      this.used = 0;
    }
    const { chunk, used } = this;
    chunk[used] = index;
    chunk[used + 1] = n;
    chunk[used + 2] = answer;
    this.used = used + 3;
    usualLength = used + 3;
  }

  private askedOf(question: Question | string): AskedQuestion {
    if (typeof question === 'string') {
      return this.asked.choice?.get(question) ?? this.firstAsked(topicOf(question).asks('choice'));
    }
    if (!Question.is(question)) throw invalidArgument('question', 'a question or a text', question);
    const kept = question.keptBy(this.id) as AskedQuestion | undefined;
    if (kept !== undefined) return kept;
    return this.#keptIn(
      question,
      this.asked[question.kind]?.get(question.topic.text) ?? this.firstAsked(question),
    );
  }

  /** Many events have a topic of their own; for those no question object is created. */
  #askedOrder(topic: Topic): AskedQuestion {
    const own = topic.asked('order');
    const kept = own?.keptBy(this.id) as AskedQuestion | undefined;
    if (kept !== undefined) return kept;
    const asked = this.asked.order?.get(topic.text) ?? this.firstAsked(own ?? topic.asks('order'));
    if (asked.question.topic !== topic && isSameTopic(topic, asked.question.topic)) {
      topic.share(asked.question);
    }
    return this.#keptIn(asked.question, asked);
  }

  #keptIn(question: Question, asked: AskedQuestion): AskedQuestion {
    question.keep(this.id, asked);
    return asked;
  }

  private firstAsked(first: Question): AskedQuestion {
    const question = canonicalQuestion(first);
    const asked = { question, index: this.questions.push(question) - 1, occurrences: 0 };
    (this.asked[question.kind] ??= new Map()).set(question.topic.text, asked);
    return asked;
  }
}

function addDecision(hash: RollingHash, question: TextWords, n: number, answer: number): void {
  hash.addWords(question);
  hash.addNumber(n);
  hash.addNumber(answer);
}

/**
 * Creates choices that `source` answers, with their log.
 *
 * @example
 * ```ts
 * import { createDecisions, randomDecisions } from 'dryrunner/kernel';
 * const decisions = createDecisions(randomDecisions(42));
 * const answer = decisions.choose('latency of run/0', 100);
 * if (decisions.entries()[0]?.answer !== answer) throw new Error('every answer is in the log');
 * ```
 */
export function createDecisions(source: DecisionSource, options: DecisionLogOptions = {}): DecisionLog {
  check('source', source, DECISION_SOURCE);
  check('options', options, LOG_OPTIONS);
  return new DecisionLog(source, options);
}
