/**
 * Puts each open question to one source and keeps the answers. Invariant: the log holds every answer that was given to a question
 * with more than one alternative, in order, and nothing else.
 */
import { checkMethods, checkOptions } from './argument-check.ts';
import type { Choices, Decision, DecisionSource, DescribeAnswer, DueEvents } from './decisions.ts';
import { invalidArgument } from './errors.ts';
import type { RollingHash } from './rolling-hash.ts';
import { textWords, type TextWords } from './text-words.ts';

/** A multiple of 3. */
const CHUNK_LENGTH = 3072;

/** What {@link createDecisions} takes beside the source. */
export interface DecisionLogOptions {
  /** Keeps the entries; without them only `count` grows. Default: true. */
  readonly record?: boolean;
  /** Takes in every answer as it is given: label, n, answer. */
  readonly hash?: RollingHash;
}

/** A label that was asked, with what is kept per label. */
interface AskedLabel {
  readonly label: string;
  /** Position among the labels in the order of first asking. */
  readonly index: number;
  readonly words: TextWords;
  occurrences: number;
}

/** Choices with their log. Made by {@link createDecisions}. */
export class DecisionLog implements Choices {
  private readonly source: DecisionSource;
  private readonly record: boolean;
  private readonly hash: RollingHash | undefined;
  private readonly asked = new Map<string, AskedLabel>();
  private readonly labels: string[] = [];
  /** Per entry: index of its label, n, answer. No object per decision, and no array so long that growing it costs more. */
  private readonly fullChunks: number[][] = [];
  private chunk: number[] = [];
  private given = 0;

  constructor(source: DecisionSource, options: DecisionLogOptions) {
    this.source = source;
    this.record = options.record ?? true;
    this.hash = options.hash;
  }

  /** How many decisions were taken. */
  get count(): number {
    return this.given;
  }

  choose(label: string, n: number, describe?: DescribeAnswer): number {
    if (n === 1) return 0;
    if (!(Number.isSafeInteger(n) && n > 1)) throw invalidArgument('n', 'an integer ≥ 1', n);
    const asked = this.asked.get(label) ?? this.firstAsked(label);
    return this.keep(asked, n, this.source.decide(label, n, asked.occurrences, asked.words.high, describe));
  }

  order(label: string, due: DueEvents): number {
    const { source } = this;
    if (source.order === undefined) return this.choose(label, due.count);
    const asked = this.asked.get(label) ?? this.firstAsked(label);
    return this.keep(asked, due.count, source.order(label, due, asked.occurrences, asked.words.high));
  }

  drawn(label: string, value: unknown, asked: number): void {
    this.source.drawn?.(label, value, asked);
  }

  /** The decisions so far; empty if they are not recorded. The objects are made by this call. */
  entries(): Decision[] {
    const entries: Decision[] = [];
    for (const chunk of [...this.fullChunks, this.chunk]) {
      for (let i = 0; i < chunk.length; i += 3) {
        const [index, n, answer] = chunk.slice(i, i + 3) as [number, number, number];
        entries.push({ label: this.labels[index] as string, n, answer });
      }
    }
    return entries;
  }

  private keep(asked: AskedLabel, n: number, answer: number): number {
    if (!(answer >= 0 && answer < n && Number.isInteger(answer))) {
      throw invalidArgument(`answer to "${asked.label}"`, `an integer in [0, ${n})`, answer);
    }
    asked.occurrences += 1;
    this.given += 1;
    if (this.record) this.note(asked.index, n, answer);
    if (this.hash !== undefined) addDecision(this.hash, asked.words, n, answer);
    return answer;
  }

  private note(labelIndex: number, n: number, answer: number): void {
    if (this.chunk.length === CHUNK_LENGTH) {
      this.fullChunks.push(this.chunk);
      this.chunk = [];
    }
    this.chunk.push(labelIndex);
    this.chunk.push(n);
    this.chunk.push(answer);
  }

  private firstAsked(label: string): AskedLabel {
    if (typeof label !== 'string') throw invalidArgument('label', 'a string', label);
    const asked = { label, index: this.labels.push(label) - 1, words: textWords(label), occurrences: 0 };
    this.asked.set(label, asked);
    return asked;
  }
}

function addDecision(hash: RollingHash, label: TextWords, n: number, answer: number): void {
  hash.addWords(label);
  hash.addNumber(n);
  hash.addNumber(answer);
}

/**
 * Makes choices that are answered by `source` and logged.
 *
 * @example
 * ```ts
 * import { createDecisions, randomDecisions } from 'dryrunner';
 * const decisions = createDecisions(randomDecisions(42));
 * const answer = decisions.choose('latency of run/0', 100);
 * if (decisions.entries()[0]?.answer !== answer) throw new Error('every answer is in the log');
 * ```
 */
export function createDecisions(source: DecisionSource, options: DecisionLogOptions = {}): DecisionLog {
  checkMethods('source', source, ['decide']);
  checkOptions(options);
  return new DecisionLog(source, options);
}
