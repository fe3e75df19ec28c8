/**
 * A log that was changed here and there, as answers to questions. Invariant: what the changes do not touch is answered as in the log
 * by question and occurrence, so that a change moves nothing else; where the log knows nothing, the answer is not defined here.
 */
import type { Question } from '../../kernel/question.ts';
import type { DrawStream } from './draw-stream.ts';
import type { IndexedDecision, IndexedLog } from './indexed-log.ts';

const CHANGES_MAX = 8;

/** A changed log. */
export class LogMutant {
  readonly #base: IndexedLog;
  readonly #changes: string[] = [];
  readonly #overrides = new Map<string, Map<number, number>>();
  /** Questions from this one on, in the order of asking, are answered by `#other`, or not at all. */
  #cut = Infinity;
  #other: IndexedLog | undefined;
  #zeroFrom = 0;
  #zeroTo = 0;
  #asked = 0;

  constructor(base: IndexedLog) {
    this.#base = base;
  }

  /** What was changed, in a few words. */
  get description(): string {
    return this.#changes.join(', ');
  }

  /** Changes the log in 1 place, in half of the cases in another one, and so on, 8 at most. `other` is the log to splice with. */
  mutate(draws: DrawStream, other: IndexedLog): void {
    const { length } = this.#base.entries;
    if (length === 0) {
      this.#changes.push('nothing to change');
      return;
    }
    let changes = 0;
    do {
      this.#change(draws, length, other);
      changes += 1;
    } while (changes < CHANGES_MAX && draws.below(2) === 0);
  }

  /** The answer to a question, undefined if it is left open. To be asked once per question, in order. */
  answer(question: Question, n: number, occurrence: number): number | undefined {
    const position = this.#asked;
    this.#asked += 1;
    const override = this.#overrides.get(question.key)?.get(occurrence);
    if (override !== undefined && override < n) return override;
    const isBase = position < this.#cut;
    const entry = (isBase ? this.#base : this.#other)?.find(question, occurrence);
    if (entry === undefined || entry.answer >= n) return undefined;
    return isBase && entry.position >= this.#zeroFrom && entry.position < this.#zeroTo ? 0 : entry.answer;
  }

  #change(draws: DrawStream, length: number, other: IndexedLog): void {
    const { faults } = this.#base;
    const way = draws.below(16);
    if (way < 9) this.#override(this.#entry(latePosition(draws, length)), draws);
    else if (way < 12 && faults.length > 0) {
      this.#override(this.#entry(faults[draws.below(faults.length)] as number), draws);
    } else if (way < 13) this.#zero(draws.below(length), 1 + draws.below(length));
    else if (way < 15) this.#cutAt(latePosition(draws, length), undefined, 'new end');
    else this.#cutAt(draws.below(length), other, 'end of another');
  }

  #entry(position: number): IndexedDecision {
    return this.#base.entries[position] as IndexedDecision;
  }

  #override(entry: IndexedDecision, draws: DrawStream): void {
    const { question, occurrence } = entry;
    const answer = otherAnswer(entry, draws);
    let byOccurrence = this.#overrides.get(question.key);
    if (byOccurrence === undefined) {
      this.#overrides.set(question.key, (byOccurrence = new Map<number, number>()));
    }
    byOccurrence.set(occurrence, answer);
    this.#changes.push(`${question.text} [${occurrence}] = ${answer}`);
  }

  #zero(from: number, length: number): void {
    this.#zeroFrom = from;
    this.#zeroTo = from + length;
    this.#changes.push(`plain from ${from} to ${from + length}`);
  }

  #cutAt(position: number, other: IndexedLog | undefined, what: string): void {
    this.#cut = position;
    this.#other = other;
    this.#changes.push(`${what} from ${position}`);
  }
}

/** Any position, those near the end more often: what came first led to something new, and the last question is the one to go on from. */
function latePosition(draws: DrawStream, length: number): number {
  if (draws.below(2) === 0) return draws.below(length);
  return length - 1 - draws.below(Math.ceil(length / (1 << draws.below(6))));
}

/** An answer that differs: a fault is taken away or made, everything else is drawn anew, moved by one, or made extreme. */
function otherAnswer({ question, n, answer }: IndexedDecision, draws: DrawStream): number {
  if (question.kind === 'fault') {
    if (answer !== 0 && draws.below(2) === 0) return 0;
    return draws.below(2) === 0 ? n - 1 : 1 + draws.below(n - 1);
  }
  switch (draws.below(8)) {
    case 0:
      return (answer + 1) % n;
    case 1:
      return (answer + n - 1) % n;
    case 2:
      return answer === 0 ? n - 1 : 0;
    default:
      return (answer + 1 + draws.below(n - 1)) % n;
  }
}
