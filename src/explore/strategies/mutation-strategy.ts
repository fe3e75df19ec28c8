/**
 * Mutation of logs that reached something new. Invariant: what it keeps is bounded, and the same executions in the same order make it
 * go on in the same way.
 */
import type { Question } from '../../kernel/question.ts';
import { DrawStream } from './draw-stream.ts';
import { LogMutant } from './log-mutant.ts';
import { MutationCorpus, type CorpusLog } from './mutation-corpus.ts';
import { QuestionCoverage } from './question-coverage.ts';
import type { Execution, Strategy } from './strategy.ts';
import { ValuePolicy } from './value-policy.ts';

/** One execution in so many is new from its beginning. */
const FRESH_ONE_IN = 16;
/** A condition that was reached for the first time is worth as much as so many edges of a trace. */
const CONDITION_NOVELTY = 16;

/** The strategy as the portfolio sees it, which has it learn from what others reached. */
export class MutationStrategy implements Strategy {
  readonly name = 'mutation';
  readonly wantsCoverage = true;
  readonly #values: ValuePolicy;
  readonly #draws: DrawStream;
  readonly #corpus = new MutationCorpus();
  readonly #questions = new QuestionCoverage();
  /** What `sim.sometimes` named and some execution has reached. */
  readonly #conditions = new Set<string>();
  #parent: CorpusLog | undefined;
  #mutant: LogMutant | undefined;
  /** What no log knows is answered plainly in half of the executions. */
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
    draws.restart(index);
    this.#values.begin(index);
    this.#isPlain = draws.below(2) === 0;
    this.#parent = undefined;
    this.#mutant = undefined;
    if (this.#corpus.size === 0 || draws.below(FRESH_ONE_IN) === 0) {
      // The first execution is the plain one; what is new later is drawn throughout.
      this.#isPlain = this.#corpus.size === 0;
      return true;
    }
    const parent = this.#corpus.choose(draws);
    parent.tries += 1;
    this.#parent = parent;
    this.#mutant = new LogMutant(parent.log);
    this.#mutant.mutate(draws, this.#corpus.choose(draws).log);
    return true;
  }

  decide(question: Question, n: number, occurrence: number): number {
    this.note(question, occurrence);
    const known = this.#mutant?.answer(question, n, occurrence);
    if (known !== undefined) return known;
    return this.#isPlain ? 0 : this.#values.decide(question, n, occurrence);
  }

  end(execution: Execution): void {
    if (this.learn(execution) > 0 && this.#parent !== undefined) this.#parent.tries = 0;
  }

  /** Takes note of a question, no matter who answers it. */
  note(question: Question, occurrence: number): void {
    this.#questions.note(question.hash, occurrence);
  }

  /** Keeps the log of an execution if anything in it was new, and says how much. A failing log would only lead to its failure again. */
  learn({ verdict, novelty }: Execution): number {
    const conditions = this.#newConditions(verdict) * CONDITION_NOVELTY;
    const total = novelty + this.#questions.takeNovelty() + conditions;
    if (total > 0 && verdict.held) this.#corpus.add(verdict.decisions(), total);
    return total;
  }

  #newConditions({ sometimes }: Execution['verdict']): number {
    const before = this.#conditions.size;
    for (const name of Object.keys(sometimes)) if (sometimes[name] === true) this.#conditions.add(name);
    return this.#conditions.size - before;
  }
}

/**
 * Coverage-guided mutation, as fuzzers do it with inputs (Zalewski: AFL; Padhye, Lemieux, Sen, Simon, Vijayakumar: FuzzFactory, OOPSLA
 * 2019): logs that reached something new are kept, chosen with more energy the more they reached and the less they were tried, and
 * changed: other answers, another order, faults made or taken away, a stretch made plain, a new end, or the end of another log.
 * New is what the exploration's coverage meter says, any question that was never asked before, and whatever `sim.sometimes` names when
 * it is reached. Answers go by question and occurrence; what a log does not know is plain or drawn from a swarm configuration. An execution depends on seed, index and the
 * executions before.
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
