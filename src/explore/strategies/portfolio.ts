/**
 * All strategies in turns, because none is best for every bug; those whose turns bring something new get more of them.
 * Invariants: the member that runs an execution depends only on seed, index, whether the sweep has ended, and what the
 * members of this shard brought before, in that order, so that running the same shard again gives the same result; each
 * member keeps a floor. A change of who runs what must raise the version in `campaign-state.ts`: a state kept before
 * would leave executions out.
 */
import type { DueEvents, DescribeAnswer } from '../../kernel/decisions.ts';
import { STRATEGY_ODDS } from '../../model/odds.ts';
import { invariant } from '../../kernel/invariant.ts';
import { seedText } from '../../kernel/seeded-random.ts';
import type { Question } from '../../kernel/question.ts';
import { failureKey, hasFailed } from '../failure-key.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import { DrawStream } from './draw-stream.ts';
import { MemberShares } from './member-shares.ts';
import { MutationStrategy } from './mutation-strategy.ts';
import { OrderNovelty } from './order-novelty.ts';
import { pctStrategy } from './pct-strategy.ts';
import { posStrategy } from './pos-strategy.ts';
import type { Execution, Strategy } from './strategy.ts';
import { randomStrategy } from './random-strategy.ts';
import { swarmStrategy } from './swarm-strategy.ts';
import { sweepStrategy } from './sweep-strategy.ts';
import { StratifiedBySite } from './value-policy.ts';
import { walkStrategy } from './walk-strategy.ts';

/**
 * Position of the plain schedule, which is index 0 of `stratified`. In the first position it would cost one execution
 * for each bug that it does not show, and most bugs are found in fewer than these.
 */
const PLAIN_AT = 16;

/**
 * From this index on swarm has turns, and one execution in this many is one of the sweep, if it has any left. Not
 * sooner: both deliberately leave out much of what could happen, and bugs that few executions suffice for are found
 * sooner by strategies that draw from everything.
 */
const NARROW_FROM = 32;
/** From this index on mutation has turns: earlier it would only repeat what was hardly tried. */
const MUTATION_FROM = 128;

const { members: TURNS, sweepOneIn } = STRATEGY_ODDS;

/** Shallow and deep PCT are two members, so that the shares can learn which of them a scenario needs. */
const SHALLOW_MAX = 3;
/** Number of distinct failures that are remembered. */
const FAILURES_REMEMBERED = 1000;
/** Worth of an execution that reached nothing new, if its order is as rare as possible. */
const RARE_WORTH = 0.5;

/** A strategy and its part of the executions. */
interface Member {
  readonly strategy: Strategy;
  /**
   * How often it is drawn before anything is learned, relative to the others; the second number applies if nothing but
   * the order of events is left open.
   */
  readonly priors: readonly [number, number];
  /** The first index at which it may have a turn. */
  readonly from: number;
}

class PortfolioStrategy implements Strategy {
  readonly name = 'portfolio';
  readonly wantsCoverage = true;
  readonly #draws: DrawStream;
  readonly #sweep = sweepStrategy();
  readonly #mutation: MutationStrategy;
  readonly #stratified: Strategy;
  readonly #members: readonly Member[];
  readonly #shares: MemberShares;
  /** Priors of the members for the execution that begins. */
  readonly #priors: Float64Array;
  readonly #novelty = new OrderNovelty();
  readonly #failures = new Set<string>();
  readonly #forwardFiring: NonNullable<Strategy['onFire']> = (event, made) =>
    this.#member.onFire?.(event, made);
  #member: Strategy = this.#sweep;
  /** Whether any execution has asked for an order, or for anything else. */
  readonly #asked = { order: false, other: false };

  constructor(seed: string | number) {
    const text = seedText(seed);
    this.#draws = new DrawStream(text, 'portfolio');
    // All members share one seed for values, so that what is spread over indices is also spread over members.
    this.#mutation = new MutationStrategy(text);
    this.#stratified = new StratifiedBySite(text);
    this.#members = [
      { strategy: this.#stratified, priors: TURNS.stratified, from: 0 },
      { strategy: randomStrategy(text), priors: TURNS.random, from: 0 },
      { strategy: pctStrategy(text, { maxDepth: SHALLOW_MAX }), priors: TURNS.shallowPct, from: 0 },
      { strategy: pctStrategy(text, { minDepth: SHALLOW_MAX + 1 }), priors: TURNS.deepPct, from: 0 },
      { strategy: posStrategy(text), priors: TURNS.pos, from: 0 },
      { strategy: walkStrategy(text), priors: TURNS.walk, from: 0 },
      { strategy: swarmStrategy(text), priors: TURNS.swarm, from: NARROW_FROM },
      { strategy: this.#mutation, priors: TURNS.mutation, from: MUTATION_FROM },
    ];
    for (const { strategy } of this.#members) checkMember(strategy);
    this.#shares = new MemberShares(this.#members.length);
    this.#priors = new Float64Array(this.#members.length);
  }

  get configuration(): string {
    const { name, configuration } = this.#member;
    return configuration === undefined ? name : `${name}: ${configuration}`;
  }

  /** Undefined if the current member does not use it, because the call costs an object per event. */
  get onFire(): Strategy['onFire'] {
    return this.#member.onFire === undefined ? undefined : this.#forwardFiring;
  }

  begin(index: number): boolean {
    this.#novelty.begin();
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
    if (question.kind !== 'order') this.#asked.other = true;
    return this.#member.decide(question, n, occurrence, describe);
  }

  order(question: Question, due: DueEvents, occurrence: number): number {
    const answer = this.#order(question, due, occurrence);
    this.#asked.order = true;
    this.#novelty.noteOrder(due, answer);
    return answer;
  }

  onState(read: () => string): void {
    this.#novelty.noteState(read());
  }

  learn(execution: Execution): void {
    this.#noteFailure(execution);
    this.#mutation.learn(execution);
  }

  avoid(unusual: readonly KeyedDecision[]): void {
    this.#sweep.avoid?.(unusual);
  }

  end(execution: Execution): void {
    const member = this.#member;
    const isNewFailure = this.#noteFailure(execution);
    const reached =
      member === this.#mutation ? this.#mutation.end(execution) : this.#mutation.learn(execution);
    if (member !== this.#mutation) member.end(execution);
    const place = this.#members.findIndex(({ strategy }) => strategy === member);
    // The sweep is systematic, and has its turns by index.
    if (place < 0) return;
    this.#shares.learn(place, isNewFailure || reached > 0 ? 1 : RARE_WORTH * this.#novelty.rarity());
  }

  #order(question: Question, due: DueEvents, occurrence: number): number {
    const member = this.#member;
    if (member.order === undefined) return this.decide(question, due.count, occurrence);
    this.#mutation.note(question, occurrence);
    return member.order(question, due, occurrence);
  }

  /** True for a failure that no execution has shown before. */
  #noteFailure({ verdict }: Execution): boolean {
    if (verdict.failure === undefined || !hasFailed(verdict) || this.#failures.size >= FAILURES_REMEMBERED) {
      return false;
    }
    const before = this.#failures.size;
    return this.#failures.add(failureKey(verdict.failure)).size > before;
  }

  #draw(index: number): Strategy {
    this.#draws.restart(index);
    let left = this.#draws.fraction();
    const isOrderAll = this.#asked.order && !this.#asked.other;
    const members = this.#members;
    const chances = this.#priors;
    for (let at = 0; at < members.length; at += 1) {
      const { from, priors } = members[at] as Member;
      chances[at] = from > index ? 0 : priors[isOrderAll ? 1 : 0];
    }
    const shares = this.#shares.shares(chances);
    for (let at = 0; at < members.length; at += 1) {
      const share = shares[at] as number;
      left -= share;
      if (left < 0 && share > 0) return (members[at] as Member).strategy;
    }
    return this.#stratified;
  }
}

const NOT_PASSED_ON = ['watcher', 'isolator', 'onState', 'drawn'] as const;

/** Checks that a member uses no hook that the portfolio does not forward. */
function checkMember(strategy: Strategy): void {
  for (const part of NOT_PASSED_ON) {
    invariant(strategy[part] === undefined, () => `the portfolio passes ${part} on to ${strategy.name}`);
  }
}

/**
 * The index passed to a member: index 0, the plain schedule of stratified, comes later, so earlier ones move up by one.
 */
function memberIndex(index: number): number {
  if (index === PLAIN_AT) return 0;
  return index < PLAIN_AT ? index + 1 : index;
}

/** The sweep's own index for execution `index`, if it is the sweep's turn. */
function sweepTurn(index: number): number | undefined {
  const since = index - NARROW_FROM;
  return since >= 0 && since % sweepOneIn === 0 ? since / sweepOneIn : undefined;
}

/**
 * The default strategy. Stratified sampling, random, PCT of depth 1 to 3 and of 4 to 13, POS and walk take turns, drawn
 * at random. The 17th execution is the plain schedule. From the 33rd on swarm has turns, and every 32nd execution is
 * one of {@link sweepStrategy} until that has nothing left. From the 129th on mutation has turns too. While no
 * execution has asked for anything but the order of events, PCT gets most turns of stratified sampling, because there
 * are no values to spread. All executions feed mutation's corpus, if there is a coverage meter. `configuration` names
 * the member and what it drew.
 *
 * How often each member has its turn is learned during the campaign from its recent results: a new failure, anything
 * that coverage or mutation counts as new, and an order of events (which kind came after which, and past how many
 * others) or a state declared by `sim.state` that was rare in earlier executions.
 *
 * This is a bandit for rewards that change during the campaign. Probabilities are proportional to the rewards, with a
 * floor for each arm, after EXP3 (Auer, Cesa-Bianchi, Freund, Schapire: The Nonstochastic Multiarmed Bandit Problem,
 * SIAM Journal on Computing 2002), and older rewards are discounted (Garivier, Moulines: On Upper-Confidence Bound
 * Policies for Switching Bandit Problems, ALT 2011); for fuzzing, after Woo, Cha, Gottlieb, Brumley: Scheduling
 * Black-box Mutational Fuzzing, CCS 2013. The weight of a member changes by a factor of at most four, and no share is
 * below 1 / 32, because novelty is a sign of bugs and not a bug.
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
