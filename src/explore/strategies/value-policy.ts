/**
 * How strategies that are about order answer everything else: stratified in some executions, by a swarm configuration in the others.
 * Invariant: an answer depends on seed, index of the execution, question, occurrence and n alone.
 */
import type { DecisionSource, DescribeAnswer, DueEvents } from '../../kernel/decisions.ts';
import type { Question } from '../../kernel/question.ts';
import { DrawStream } from './draw-stream.ts';
import type { Execution, Strategy } from './strategy.ts';
import { StratifiedStrategy } from './stratified-strategy.ts';
import { SwarmStrategy } from './swarm-strategy.ts';

/** Shallow bugs come first: a configuration that leaves things out is for those that the first executions have not found. */
const STRATIFIED_UNTIL = 16;
const SWARM_ONE_IN = 3;

/** Values for one execution after the other. */
export class ValuePolicy implements DecisionSource {
  readonly #stratified: StratifiedStrategy;
  readonly #swarm: SwarmStrategy;
  readonly #draws: DrawStream;
  #isSwarm = false;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number. */
  constructor(seed: string | number) {
    this.#stratified = new StratifiedStrategy(seed);
    this.#swarm = new SwarmStrategy(seed);
    this.#draws = new DrawStream(seed, 'values');
  }

  get configuration(): string {
    return this.#isSwarm ? this.#swarm.configuration : 'stratified';
  }

  begin(index: number): void {
    this.#draws.restart(index);
    this.#isSwarm = index >= STRATIFIED_UNTIL && this.#draws.below(SWARM_ONE_IN) === 0;
    if (this.#isSwarm) this.#swarm.begin(index);
    else this.#stratified.begin(index);
  }

  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number {
    if (this.#isSwarm) return this.#swarm.decide(question, n, occurrence, describe);
    return this.#stratified.decide(question, n, occurrence);
  }
}

/** A strategy that is about order, and leaves everything else to a {@link ValuePolicy}. */
export abstract class OrderStrategy implements Strategy {
  readonly name: string;
  protected readonly values: ValuePolicy;
  protected readonly draws: DrawStream;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number. */
  constructor(name: string, seed: string | number) {
    this.name = name;
    this.values = new ValuePolicy(seed);
    this.draws = new DrawStream(seed, name);
  }

  get configuration(): string {
    return this.values.configuration;
  }

  begin(index: number): boolean {
    this.values.begin(index);
    this.draws.restart(index);
    this.restart();
    return true;
  }

  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number {
    return this.values.decide(question, n, occurrence, describe);
  }

  abstract order(question: Question, due: DueEvents): number;

  abstract end(execution: Execution): void;

  /** Forgets the events of the execution before. */
  protected abstract restart(): void;
}
