/**
 * Answers for order strategies everything that is not about order: stratified in most executions (a third of these
 * raise the rates of some kinds of faults, half give some sites their longest delay or none), and by a swarm
 * configuration in the rest. Invariant: an answer depends only on seed, index of the execution, question, occurrence
 * and n.
 */
import type { AskedFault, DecisionSource, DescribeAnswer, DueEvents } from '../../kernel/decisions.ts';
import type { Question } from '../../kernel/question.ts';
import { hashText, mixBits } from '../../kernel/text-hash.ts';
import { DrawStream } from './draw-stream.ts';
import type { Execution, Strategy } from './strategy.ts';
import { StratifiedStrategy } from './stratified-strategy.ts';
import { SwarmStrategy } from './swarm-strategy.ts';
import { STRATEGY_ODDS } from '../../model/odds.ts';

/**
 * Swarm configurations start after the first executions, because they leave things out and shallow bugs show without
 * them.
 */
const STRATIFIED_UNTIL = 16;
const STEP = 0x9e3779b1;
const QUESTIONS_KEPT = 8192;
const { swarmOneIn, moreFaultsOneIn, intensities, answersPerStrike, uniformDelaysOneIn, delayHabits } =
  STRATEGY_ODDS;
const INTENSITY_MAX = Math.max(...intensities);

/**
 * Answers the questions that are not about order, one execution after the other. In some executions, some sites (one
 * direction of a link, one kind of message) always have their longest delay, or none: if each delay were drawn
 * independently, a long run of slow ones would be rare. FoundationDB's simulator draws latencies once per pair of
 * machines for the same reason (`setPairLatencyIfNotSet` in `fdbrpc/sim2.actor.cpp`). Sites are drawn as a swarm draws
 * its kinds of faults.
 */
export class ValuePolicy implements DecisionSource {
  readonly #stratified: StratifiedStrategy;
  readonly #swarm: SwarmStrategy;
  readonly #draws: DrawStream;
  /** By question: hash of its kind of fault. */
  readonly #kinds = new Map<Question, number>();
  /** By question of a delay: hash of its site. */
  readonly #sites = new Map<Question, number>();
  readonly #variesDelaysAlone: boolean;
  #isSwarm = false;
  /** 0 while faults are as the scenario has them; else the intensities are drawn by it. */
  #intensity = 0;
  /** 0 while all delays are drawn one by one; else seeds the habits of the sites. */
  #habits = 0;

  /**
   * With `variesDelaysAlone`, fault rates are always the scenario's own and no execution uses a swarm configuration.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
   */
  constructor(seed: string | number, variesDelaysAlone: boolean = false) {
    this.#variesDelaysAlone = variesDelaysAlone;
    this.#stratified = new StratifiedStrategy(seed);
    this.#swarm = new SwarmStrategy(seed);
    this.#draws = new DrawStream(seed, 'values');
  }

  get configuration(): string {
    if (this.#isSwarm) return this.#swarm.configuration;
    const faults = this.#intensity === 0 ? '' : ', more faults';
    return `stratified${faults}${this.#habits === 0 ? '' : ', delays by site'}`;
  }

  begin(index: number): void {
    this.#draws.restart(index);
    const isSwarm = index >= STRATIFIED_UNTIL && this.#draws.below(swarmOneIn) === 0;
    const hasMoreFaults = index > 0 && this.#draws.below(moreFaultsOneIn) === 0;
    const intensity = 1 + this.#draws.word();
    const isUniform = index === 0 || this.#draws.below(uniformDelaysOneIn) === 0;
    this.#habits = isUniform ? 0 : 1 + this.#draws.word();
    this.#isSwarm = isSwarm && !this.#variesDelaysAlone;
    this.#intensity = hasMoreFaults && !this.#variesDelaysAlone ? intensity : 0;
    if (this.#isSwarm) this.#swarm.begin(index);
    else this.#stratified.begin(index);
  }

  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number {
    if (this.#isSwarm) return this.#swarm.decide(question, n, occurrence, describe);
    const answer = this.#stratified.decide(question, n, occurrence);
    if (question.kind === 'delay' && this.#habits !== 0) return this.#byHabit(question, n, answer);
    if (this.#intensity === 0 || question.kind !== 'fault' || answer === 0) return answer;
    const faults = describe?.faults;
    if (faults !== undefined) return this.#amongKinds(faults, question, n, answer, occurrence);
    const isNear = answer >= n - INTENSITY_MAX && answer < n - 1;
    if (!isNear) return answer;
    const times = Math.min(this.#intensityOf(this.#kindOf(question)), Math.floor(n / answersPerStrike));
    return answer >= n - times ? n - 1 : answer;
  }

  /** One kind strikes after all if another draw says so, and that kind is to be so often. */
  #amongKinds(
    faults: readonly AskedFault[],
    question: Question,
    n: number,
    answer: number,
    occurrence: number,
  ): number {
    const least = faults.reduce((lowest, fault) => Math.min(lowest, fault.answer), n);
    if (answer >= least || n < answersPerStrike * faults.length) return answer;
    for (let again = 1; again < INTENSITY_MAX; again += 1) {
      const salt = mixBits(this.#intensity ^ Math.imul(INTENSITY_MAX * occurrence + again, STEP));
      const drawn = (mixBits(question.hash ^ salt) >>> 0) % n;
      if (drawn < least) continue;
      const [asked] = faults
        .filter((fault) => fault.answer >= drawn)
        .sort((one, other) => one.answer - other.answer);
      if (asked !== undefined && again < this.#intensityOf(hashText(asked.kind))) return drawn;
    }
    return answer;
  }

  #byHabit(question: Question, n: number, answer: number): number {
    const habit = delayHabits[(mixBits(this.#siteOf(question) ^ this.#habits) >>> 0) % delayHabits.length];
    if (habit === 'none') return 0;
    return habit === 'longest' ? n - 1 : answer;
  }

  #siteOf(question: Question): number {
    const known = this.#sites.get(question);
    if (known !== undefined) return known;
    if (this.#sites.size >= QUESTIONS_KEPT) this.#sites.clear();
    const site = hashText(question.site);
    this.#sites.set(question, site);
    return site;
  }

  /** How many times as often that kind strikes. */
  #intensityOf(kind: number): number {
    return intensities[(mixBits(kind ^ this.#intensity) >>> 0) % intensities.length] as number;
  }

  #kindOf(question: Question): number {
    const known = this.#kinds.get(question);
    if (known !== undefined) return known;
    if (this.#kinds.size >= QUESTIONS_KEPT) this.#kinds.clear();
    const { what, site } = question.topic;
    const kind = hashText(what === '' ? site : what);
    this.#kinds.set(question, kind);
    return kind;
  }
}

/** Stratified sampling that gives sites delays of their own in some executions; the order of events is uniform. */
export class StratifiedBySite implements Strategy {
  readonly name = 'stratified';
  readonly #values: ValuePolicy;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number. */
  constructor(seed: string | number) {
    this.#values = new ValuePolicy(seed, true);
  }

  get configuration(): string {
    return this.#values.configuration;
  }

  begin(index: number): boolean {
    this.#values.begin(index);
    return true;
  }

  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number {
    return this.#values.decide(question, n, occurrence, describe);
  }

  end(): void {}
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
