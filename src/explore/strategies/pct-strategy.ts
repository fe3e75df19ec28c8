/** Probabilistic concurrency testing over chains of events. */
import * as is from '../../kernel/shape.ts';
import type { DueEvents } from '../../kernel/decisions.ts';
import type { DrawStream } from './draw-stream.ts';
import { EventNumbers } from './event-numbers.ts';
import { HighestDue } from './highest-due.ts';
import type { Question } from '../../kernel/question.ts';
import type { Strategy } from './strategy.ts';
import { OrderStrategy } from './value-policy.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { STRATEGY_ODDS } from '../../model/odds.ts';

const FIRST = 16;
const WINDOW = 64;

/**
 * Upper estimate of the number of order decisions in the next execution, learned from earlier ones. Invariant: at least
 * 1.
 *
 * The maximum of the last 64 to 128 executions: too low a bound leaves places out, too high a bound thins them out.
 */
export class LengthEstimate {
  #before = 0;
  #now = 0;
  #learned = 0;

  /** An integer ≥ 1. */
  get value(): number {
    if (this.#learned === 0 && this.#before === 0) return FIRST;
    return Math.max(1, this.#before, this.#now);
  }

  learn(length: number): void {
    if (this.#learned === WINDOW) {
      this.#before = this.#now;
      this.#now = 0;
      this.#learned = 0;
    }
    this.#learned += 1;
    this.#now = Math.max(this.#now, length);
  }
}

/**
 * Chains of events and their priorities, found during one execution as events become due. Invariant: in a chain, each
 * event was caused by the one before it, so all earlier events of a chain happened before the later ones; every event
 * that was due together with others belongs to one chain.
 */
class PctChains {
  private readonly draws: DrawStream;
  private readonly chainOf = new EventNumbers();
  /** Per chain, from 1: the id of its last event. */
  private lastOf: number[] = [0];
  /** Per chain, from 1: ≥ 1 as drawn, below 1 once lowered. */
  private priorities: number[] = [0];

  constructor(draws: DrawStream) {
    this.draws = draws;
  }

  clear(): void {
    this.chainOf.clear();
    this.lastOf = [0];
    this.priorities = [0];
  }

  /** The priority of the chain to which a due event belongs. */
  priorityOf(id: number, due: DueEvents, k: number): number {
    return this.priorities[this.find(id, due, k)] as number;
  }

  /** Changes the priority of a known event's chain. */
  lower(id: number, priority: number): void {
    this.priorities[this.chainOf.get(id)] = priority;
  }

  /** An event continues the chain of its cause, unless another event has done so already. */
  private find(id: number, due: DueEvents, k: number): number {
    const known = this.chainOf.get(id);
    if (known !== 0) return known;
    const cause = due.causeOf(k);
    let chain = this.chainOf.get(cause);
    if (chain === 0 || this.lastOf[chain] !== cause) {
      chain = this.lastOf.push(id) - 1;
      this.priorities.push(1 + this.draws.fraction());
    } else this.lastOf[chain] = id;
    this.chainOf.set(id, chain);
    return chain;
  }
}

const DEPTHS: readonly number[] = STRATEGY_ODDS.pctDepths;
/** Largest depth that is ever drawn. */
const DEPTH_MAX = DEPTHS.at(-1) as number;
/** Largest depth that may be given: each execution draws as many places. */
const GIVEN_DEPTH_MAX = 1_000;

/** Options of {@link pctStrategy}. */
export interface PctOptions {
  /** Depth of the bugs to look for: how many orderings must coincide; 1000 at most. Default: drawn for each execution. */
  readonly depth?: number;
  /** Least depth to draw, one of 1, 2, 3, 4, 6, 9 and 13; 13 at most. Default: 1. */
  readonly minDepth?: number;
  /** Largest depth to draw; default 13. At least `minDepth`. */
  readonly maxDepth?: number;
}

interface ChangePoint {
  /** The order decision, from 1, at which the chain that would continue is lowered. */
  readonly at: number;
  /** Its priority from then on, below 1. */
  readonly priority: number;
}

/** Places from 1 to `length` for change points, each with one of its own while any is free. */
export function changePlaces(draws: DrawStream, length: number, count: number): number[] {
  const taken = new Set<number>();
  return Array.from({ length: count }, () => {
    let at = 1 + draws.below(length);
    while (taken.has(at) && taken.size < length) at = (at % length) + 1;
    taken.add(at);
    return at;
  });
}

class PctStrategy extends OrderStrategy {
  readonly #chains: PctChains;
  readonly #highest: HighestDue;
  readonly #length = new LengthEstimate();
  readonly #depths: readonly number[];
  #drawnDepth = 1;
  #changePoints: readonly ChangePoint[] = [];
  #asked = 0;

  constructor(seed: string | number, depths: readonly number[]) {
    super('pct', seed);
    const chains = new PctChains(this.draws);
    this.#chains = chains;
    this.#highest = new HighestDue((id, due, k) => chains.priorityOf(id, due, k));
    this.#depths = depths;
  }

  override get configuration(): string {
    return `depth ${this.#drawnDepth}; ${super.configuration}`;
  }

  protected restart(): void {
    this.#chains.clear();
    this.#highest.clear();
    this.#asked = 0;
    const depths = this.#depths;
    this.#drawnDepth = depths[depths.length === 1 ? 0 : this.draws.below(depths.length)] as number;
    this.#changePoints = this.#drawChangePoints(this.#drawnDepth);
  }

  order(_question: Question, due: DueEvents): number {
    this.#asked += 1;
    const chosen = this.#highest.find(due);
    const change = this.#changePoints.find(({ at }) => at === this.#asked);
    if (change === undefined) return chosen;
    const id = due.idOf(chosen);
    this.#chains.lower(id, change.priority);
    this.#highest.changed(id, change.priority);
    return this.#highest.find(due);
  }

  end(): void {
    this.#length.learn(this.#asked);
  }

  /** Each has a lower priority than those drawn before it. */
  #drawChangePoints(depth: number): ChangePoint[] {
    return changePlaces(this.draws, this.#length.value, depth - 1).map((at, i) => ({
      at,
      priority: 1 - (i + 1) / depth,
    }));
  }
}

/** Argument shapes of {@link PctOptions}. */
export const PCT_FIELDS: Readonly<Record<keyof PctOptions, is.NumberShape>> = {
  depth: is.integer(1, GIVEN_DEPTH_MAX),
  minDepth: is.integer(1, DEPTH_MAX),
  maxDepth: is.integer(1),
};
const PCT_OPTIONS = is.optionsOf<PctOptions>({}, PCT_FIELDS);

/**
 * PCT (Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees of Finding
 * Bugs, ASPLOS 2010): the due event of the highest priority fires first, and at depth − 1 random places the chain that
 * would continue gets the lowest priority. A bug of depth d among w chains and k order decisions shows with probability
 * ≥ 1 / (w k^(d−1)).
 *
 * Priorities belong to chains of events instead of threads (Ozkan, Majumdar, Niksic, Befrouei, Weissenbacher:
 * Randomized Testing of Distributed Systems with Probabilistic Guarantees, OOPSLA 2018): an event continues the chain
 * of the event that caused it. An event that is due alone is not seen, so its chain ends, and the events it causes
 * begin new chains. k is estimated from earlier executions, so an execution depends on seed, index and the lengths of
 * those.
 *
 * Everything but order is answered as by the stratified strategy, with two changes: in one of three executions, some
 * kinds of faults are two or four times as frequent as in the scenario; in half of the executions, some sites have the
 * longest delays, or none. From the 17th execution on, one of sixteen is answered as by the swarm strategy.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number, a depth is not an
 *   integer ≥ 1, `depth` is above 1000, or no depth lies between the least and the largest.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createExecutor, explore, pctStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'last-first',
 *   description: 'the first of twenty is never the last',
 *   async run(sim) {
 *     const order: number[] = [];
 *     for (let i = 0; i < 20; i += 1) sim.world.clock.post(`event ${i}`, () => order.push(i));
 *     await sim.sleep(1);
 *     sim.check(order.at(-1) !== 0, 'the first came last');
 *   },
 * });
 * const { failures } = await explore(createExecutor(scenario), pctStrategy(1, { depth: 1 }), { maxExecutions: 200 });
 * if (failures !== 1) throw new Error('expected it to be found');
 * ```
 */
export function pctStrategy(seed: string | number = 1, options: PctOptions = {}): Strategy {
  check('options', options, PCT_OPTIONS);
  const { depth, minDepth = 1, maxDepth = DEPTH_MAX } = options;
  const depths =
    depth === undefined ? DEPTHS.filter((each) => each >= minDepth && each <= maxDepth) : [depth];
  if (depths.length === 0) {
    throw invalidArgument('maxDepth', `at least one of ${DEPTHS.join(', ')} from ${minDepth} on`, maxDepth);
  }
  return new PctStrategy(seed, depths);
}
