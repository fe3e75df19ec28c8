/**
 * Mutation of logs that reached something new. Invariant: its memory is bounded, and the same executions in the same
 * order lead to the same continuation.
 */
import type { AskedFault, Decision, DescribeAnswer } from '../../kernel/decisions.ts';
import { DrawStream } from './draw-stream.ts';
import { IndexedLog, type IndexedDecision } from './indexed-log.ts';
import type { Question } from '../../kernel/question.ts';
import type { Execution, Strategy } from './strategy.ts';
import { ValuePolicy } from './value-policy.ts';
import { STRATEGY_ODDS } from '../../model/odds.ts';

const CELLS = 65_536;
const FAULTS_KEPT = 8_192;

/**
 * Remembers the questions of an exploration, because a new question means code that was not reached before. Invariant:
 * fixed in size, and a question costs a few instructions.
 *
 * Counts what is new: questions, and questions asked 2, 4, 8 … times in one execution.
 */
class QuestionCoverage {
  readonly #reached = new Uint8Array(CELLS);
  #novelty = 0;

  note(hash: number, occurrence: number): void {
    const asked = occurrence + 1;
    if ((asked & occurrence) !== 0) return;
    const bit = 1 << Math.min(7, 31 - Math.clz32(asked));
    const cell = (hash ^ (hash >>> 16)) & (CELLS - 1);
    const before = this.#reached[cell] as number;
    if ((before & bit) !== 0) return;
    this.#reached[cell] = before | bit;
    this.#novelty += 1;
  }

  /** Number of new questions since the last call. */
  takeNovelty(): number {
    const novelty = this.#novelty;
    this.#novelty = 0;
    return novelty;
  }
}

const LOGS_KEPT = 256;
/** Decisions of all kept logs together, at one to two hundred bytes each. */
const DECISIONS_KEPT = 1 << 20;
/** Decisions of the longest log that is kept, so that there are always some to choose from and to splice with. */
const LOG_DECISIONS_MAX = DECISIONS_KEPT / 8;

/** A kept log. */
export interface CorpusLog {
  /** Number in the order of keeping, from 1. */
  readonly id: number;
  readonly log: IndexedLog;
  /** How much of what it reached was new. */
  readonly novelty: number;
  /** How often it was mutated since it or a mutant of it last reached something new. */
  tries: number;
}

/**
 * How much effort a log deserves: more for more novelty, less for each fruitless try, as in the power schedules of
 * AFLFast (Böhme, Pham, Roychoudhury, CCS 2016). An integer ≥ 1, because rounding must not differ between machines.
 */
function energyOf({ novelty, tries }: CorpusLog): number {
  return 1 + Math.floor((64 * (33 - Math.clz32(novelty))) / (4 + tries));
}

/**
 * The logs that reached something new, and the choice of the one to mutate. Invariants: their number and size are
 * bounded; the choice depends only on what was added and drawn.
 */
class MutationCorpus {
  readonly #logs: CorpusLog[] = [];
  #added = 0;
  #decisions = 0;

  get size(): number {
    return this.#logs.length;
  }

  /** Adds a log of at most `LOG_DECISIONS_MAX` decisions. */
  add(decisions: readonly Decision[], novelty: number): void {
    while (this.#logs.length >= LOGS_KEPT || this.#decisions + decisions.length > DECISIONS_KEPT) {
      this.#dropWeakest();
    }
    this.#added += 1;
    this.#decisions += decisions.length;
    this.#logs.push({ id: this.#added, log: new IndexedLog(decisions), novelty, tries: 0 });
  }

  /** Draws a log in proportion to its energy; there must be one. */
  choose(draws: DrawStream): CorpusLog {
    let left = draws.below(this.#logs.reduce((sum, log) => sum + energyOf(log), 0));
    for (const log of this.#logs) {
      left -= energyOf(log);
      if (left < 0) return log;
    }
    return this.#logs[0] as CorpusLog;
  }

  #dropWeakest(): void {
    let weakest = 0;
    this.#logs.forEach((log, i) => {
      if (energyOf(log) < energyOf(this.#logs[weakest] as CorpusLog)) weakest = i;
    });
    const [dropped] = this.#logs.splice(weakest, 1);
    this.#decisions -= dropped?.log.entries.length ?? 0;
  }
}

const CHANGES_MAX = 8;

/** The faults of questions that ask for several kinds, by their keys. */
export type FaultsOf = (key: string) => readonly AskedFault[] | undefined;

/**
 * A mutated log as answers to questions. Invariant: questions that the changes do not touch are answered from the log
 * by question and occurrence, so that a change does not shift others; for questions unknown to the log there is no
 * answer here.
 */
export class LogMutant {
  readonly #base: IndexedLog;
  readonly #faultsOf: FaultsOf;
  readonly #changes: string[] = [];
  readonly #overrides = new Map<string, Map<number, number>>();
  /** Questions from this position on, in the order of asking, are answered by `#other`, or not at all. */
  #cut = Infinity;
  #other: IndexedLog | undefined;
  #zeroFrom = 0;
  #zeroTo = 0;
  #asked = 0;

  constructor(base: IndexedLog, faultsOf: FaultsOf = () => undefined) {
    this.#base = base;
    this.#faultsOf = faultsOf;
  }

  /** The changes, in a few words. */
  get description(): string {
    return this.#changes.join(', ');
  }

  /**
   * Changes the log in one place, in half of the cases in a second one, and so on, 8 at most. `other` is the log to
   * splice with.
   */
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

  /** The answer to a question; undefined if it is left open. Must be called once per question, in order. */
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
    const answer = otherAnswer(entry, draws, this.#faultsOf(question.key));
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

/**
 * A random position, late ones more often: the early part led to something new, and the last question is where to
 * continue.
 */
function latePosition(draws: DrawStream, length: number): number {
  if (draws.below(2) === 0) return draws.below(length);
  return length - 1 - draws.below(Math.ceil(length / (1 << draws.below(6))));
}

/** Another answer: a fault is removed or added, anything else is drawn again, moved by one, or made extreme. */
function otherAnswer(
  { question, n, answer }: IndexedDecision,
  draws: DrawStream,
  faults: readonly AskedFault[] | undefined,
): number {
  if (question.kind === 'fault') {
    if (answer !== 0 && draws.below(2) === 0) return 0;
    if (faults !== undefined) {
      const fault = faults[draws.below(faults.length)] as AskedFault;
      // The list of faults may have become shorter since.
      if (fault.answer < n) return fault.answer;
    }
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

/** Reaching a condition for the first time is worth as much as this many edges of a trace. */
const CONDITION_NOVELTY = 16;

/** The mutation strategy with the interface that the portfolio uses, which also lets it learn from other members. */
export class MutationStrategy implements Strategy {
  readonly name = 'mutation';
  readonly wantsCoverage = true;
  readonly #values: ValuePolicy;
  readonly #draws: DrawStream;
  readonly #corpus = new MutationCorpus();
  readonly #questions = new QuestionCoverage();
  readonly #faults = new Map<string, readonly AskedFault[]>();
  /** Names of `sim.sometimes` that any execution has reached. */
  readonly #conditions = new Set<string>();
  #parent: CorpusLog | undefined;
  #mutant: LogMutant | undefined;
  #hasBegun = false;
  /** True in half of the executions: questions unknown to the log then get the default answer. */
  #isPlain = false;

  constructor(seed: string | number) {
    this.#values = new ValuePolicy(seed);
    this.#draws = new DrawStream(seed, 'mutation');
  }

  get configuration(): string {
    if (this.#parent === undefined || this.#mutant === undefined) return `new; ${this.#values.configuration}`;
    return `log ${this.#parent.id}; ${this.#mutant.description}`;
  }

  begin(index: number): boolean {
    const draws = this.#draws;
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    draws.restart(index);
    this.#values.begin(index);
    this.#isPlain = draws.below(2) === 0;
    this.#parent = undefined;
    this.#mutant = undefined;
    if (this.#corpus.size === 0 || draws.below(STRATEGY_ODDS.freshOneIn) === 0) {
      // The first execution is the plain one, unless there is a log already; a fresh one later is drawn throughout.
      this.#isPlain = isFirst && this.#corpus.size === 0;
      return true;
    }
    const parent = this.#corpus.choose(draws);
    parent.tries += 1;
    this.#parent = parent;
    this.#mutant = new LogMutant(parent.log, (key) => this.#faults.get(key));
    this.#mutant.mutate(draws, this.#corpus.choose(draws).log);
    return true;
  }

  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number {
    this.note(question, occurrence, describe);
    const known = this.#mutant?.answer(question, n, occurrence);
    if (known !== undefined) return known;
    return this.#isPlain ? 0 : this.#values.decide(question, n, occurrence, describe);
  }

  /** Returns how much of the execution was new. */
  end(execution: Execution): number {
    const total = this.learn(execution);
    if (total > 0 && this.#parent !== undefined) this.#parent.tries = 0;
    return total;
  }

  /** Records a question, answered by this strategy or by another member. */
  note(question: Question, occurrence: number, describe?: DescribeAnswer): void {
    this.#questions.note(question.hash, occurrence);
    const faults = occurrence === 0 ? describe?.faults : undefined;
    if (faults === undefined || this.#faults.has(question.key)) return;
    if (this.#faults.size >= FAULTS_KEPT) this.#faults.clear();
    this.#faults.set(question.key, faults);
  }

  /**
   * Keeps the log of an execution if anything in it was new, and returns how much. A failing log is not kept, because
   * it would only lead to its failure again, nor is a very long one.
   */
  learn({ verdict, novelty }: Execution): number {
    const conditions = this.#newConditions(verdict) * CONDITION_NOVELTY;
    const total = novelty + this.#questions.takeNovelty() + conditions;
    if (total > 0 && verdict.held && verdict.decisionCount <= LOG_DECISIONS_MAX) {
      this.#corpus.add(verdict.decisions(), total);
    }
    return total;
  }

  #newConditions({ sometimes }: Execution['verdict']): number {
    const before = this.#conditions.size;
    for (const name of Object.keys(sometimes)) if (sometimes[name] === true) this.#conditions.add(name);
    return this.#conditions.size - before;
  }
}

/**
 * Coverage-guided mutation, as fuzzers do it with inputs (Zalewski: AFL; Padhye, Lemieux, Sen, Simon, Vijayakumar:
 * FuzzFactory, OOPSLA 2019): logs that reached something new are kept, chosen with more energy the more they reached
 * and the less they were tried, and changed: other answers, another order, faults added or removed, a stretch reset to
 * defaults, a new end, or the end of another log. New means: reported by the exploration's coverage meter, a question
 * never asked before, or a name of `sim.sometimes` reached for the first time. Answers go by question and occurrence;
 * questions unknown to a log get the default answer, or one drawn from a swarm configuration. An execution depends on
 * seed, index and the previous executions.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createCoverage, createExecutor, explore, mutationStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'safe',
 *   description: 'nobody guesses four digits one by one',
 *   run(sim) {
 *     const isOpen = [3, 1, 4, 1].every((digit, i) => sim.choose(`digit ${i}`, 10) === digit);
 *     sim.check(!isOpen, 'open');
 *   },
 * });
 * const options = { coverage: createCoverage(), maxExecutions: 2_000 };
 * const { failures } = await explore(createExecutor(scenario), mutationStrategy(1), options);
 * if (failures !== 1) throw new Error('expected one digit after the other');
 * ```
 */
export function mutationStrategy(seed: string | number = 1): Strategy {
  return new MutationStrategy(seed);
}
