/**
 * All strategies in turns, because none is the best for every bug. Invariants: which member runs an execution depends on seed, index and
 * on whether the sweep has ended, so that a campaign can be sharded; members with memory learn from what their shard ran. A caller that changes
 * who runs what raises the version of `campaign-state.ts`: a state that was kept before would leave executions out.
 */
import type { DueEvents, DescribeAnswer } from '../../kernel/decisions.ts';
import { invariant } from '../../kernel/invariant.ts';
import { seedText } from '../../kernel/seeded-random.ts';
import type { Question } from '../../kernel/question.ts';
import { DrawStream } from './draw-stream.ts';
import { MutationStrategy } from './mutation-strategy.ts';
import { pctStrategy } from './pct-strategy.ts';
import { posStrategy } from './pos-strategy.ts';
import type { Execution, Strategy } from './strategy.ts';
import { stratifiedStrategy } from './stratified-strategy.ts';
import { swarmStrategy } from './swarm-strategy.ts';
import { sweepStrategy } from './sweep-strategy.ts';
import { walkStrategy } from './walk-strategy.ts';

/**
 * Where the plain schedule comes, which is index 0 of `stratified`. In the first place it would cost each bug that it does not show one
 * execution, and most are found in fewer than these.
 */
const PLAIN_AT = 16;

/**
 * From here on swarm has its turns, and one execution in so many is one of the sweep, if it has any left. Not sooner: both leave out on
 * purpose much of what could happen, and what a few executions find is found sooner by those who draw from all of it.
 */
const NARROW_FROM = 32;
const SWEEP_ONE_IN = 4;
/** From here on mutation has a turn: before, it would try again what was hardly tried. */
const MUTATION_FROM = 128;

/** A strategy with its part of the executions. */
interface Member {
  readonly strategy: Strategy;
  /** How often it is drawn, in relation to the others. */
  readonly shares: number;
  /** The first index that may be its own. */
  readonly from: number;
}

class PortfolioStrategy implements Strategy {
  readonly name = 'portfolio';
  readonly wantsCoverage = true;
  readonly #draws: DrawStream;
  readonly #sweep = sweepStrategy();
  readonly #mutation: MutationStrategy;
  readonly #stratified: Strategy;
  /** Each member as often as it has shares. */
  readonly #shares: readonly Member[];
  readonly #passOn: NonNullable<Strategy['onFire']> = (event, made) => this.#member.onFire?.(event, made);
  #member: Strategy = this.#sweep;

  constructor(seed: string | number) {
    const text = seedText(seed);
    this.#draws = new DrawStream(text, 'portfolio');
    // One seed for the values of all, so that what is spread over indices is spread over members.
    this.#mutation = new MutationStrategy(text);
    this.#stratified = stratifiedStrategy(text);
    const members: readonly Member[] = [
      { strategy: this.#stratified, shares: 4, from: 0 },
      { strategy: pctStrategy(text), shares: 4, from: 0 },
      { strategy: posStrategy(text), shares: 2, from: 0 },
      { strategy: walkStrategy(text), shares: 2, from: 0 },
      { strategy: swarmStrategy(text), shares: 1, from: NARROW_FROM },
      { strategy: this.#mutation, shares: 3, from: MUTATION_FROM },
    ];
    for (const { strategy } of members) checkMember(strategy);
    this.#shares = members.flatMap((member) => Array.from({ length: member.shares }, () => member));
  }

  get configuration(): string {
    const { name, configuration } = this.#member;
    return configuration === undefined ? name : `${name}: ${configuration}`;
  }

  /** Undefined when the member whose turn it is does not care, because the call costs an object per event. */
  get onFire(): Strategy['onFire'] {
    return this.#member.onFire === undefined ? undefined : this.#passOn;
  }

  begin(index: number): boolean {
    const turn = sweepTurn(index);
    if (turn !== undefined && this.#sweep.begin(turn)) {
      this.#member = this.#sweep;
      return true;
    }
    this.#member = index === PLAIN_AT ? this.#stratified : this.#draw(index);
    return this.#member.begin(memberIndex(index));
  }

  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number {
    if (this.#member !== this.#mutation) this.#mutation.note(question, occurrence, describe);
    return this.#member.decide(question, n, occurrence, describe);
  }

  order(question: Question, due: DueEvents, occurrence: number): number {
    const member = this.#member;
    if (member.order === undefined) return this.decide(question, due.count, occurrence);
    this.#mutation.note(question, occurrence);
    return member.order(question, due, occurrence);
  }

  learn(execution: Execution): void {
    this.#mutation.learn(execution);
  }

  end(execution: Execution): void {
    if (this.#member !== this.#mutation) this.#mutation.learn(execution);
    this.#member.end(execution);
  }

  #draw(index: number): Strategy {
    this.#draws.restart(index);
    const shares = this.#shares.filter(({ from }) => from <= index);
    return (shares[this.#draws.below(shares.length)] as Member).strategy;
  }
}

const NOT_PASSED_ON = ['watcher', 'isolator', 'onState', 'drawn'] as const;

/** What the portfolio does not pass on, a member would wait for in vain. */
function checkMember(strategy: Strategy): void {
  for (const part of NOT_PASSED_ON) {
    invariant(strategy[part] === undefined, () => `the portfolio passes ${part} on to ${strategy.name}`);
  }
}

/** The index that a member is given: 0, the plain one of stratified, comes later, so those before it move up by one. */
function memberIndex(index: number): number {
  if (index === PLAIN_AT) return 0;
  return index < PLAIN_AT ? index + 1 : index;
}

/** The sweep's own index of execution `index`, if it is the sweep's turn. */
function sweepTurn(index: number): number | undefined {
  const since = index - NARROW_FROM;
  return since >= 0 && since % SWEEP_ONE_IN === 0 ? since / SWEEP_ONE_IN : undefined;
}

/**
 * The default: stratified sampling, PCT of depth 1 to 3, POS and walk in turns that are drawn by index; the 17th execution is the plain
 * schedule; from the 33rd on swarm has its turns and every fourth execution is one of {@link sweepStrategy}, until that has nothing left; from
 * the 129th on mutation has its turns too. All of them feed the mutation's corpus, if a coverage meter is given. `configuration` names the member
 * and what it drew.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createExecutor, explore, portfolioStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'lost-reply',
 *   description: 'no reply of thirty is needed',
 *   run(sim) {
 *     for (let i = 0; i < 30; i += 1) sim.check(!sim.strikes(`call-${i}`, 'lost', { oneIn: 9_999 }), 'lost');
 *   },
 * });
 * const { executions } = await explore(createExecutor(scenario), portfolioStrategy(1), { maxExecutions: 100 });
 * if (executions === 100) throw new Error('random would need a hundred and fifty on average');
 * ```
 */
export function portfolioStrategy(seed: string | number = 1): Strategy {
  return new PortfolioStrategy(seed);
}
