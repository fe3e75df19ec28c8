/**
 * Fault-point sweep: every fault that the plain schedule could meet, one at a time, then two at a time. Invariants: no
 * plan is tried twice; it ends only when it has tried all of its share itself; shards that each run some of the indices
 * together try each single fault once.
 */
import * as is from '../../kernel/shape.ts';
import type { DescribeAnswer } from '../../kernel/decisions.ts';
import type { Question } from '../../kernel/question.ts';
import { KEYED_LOG } from '../argument-shapes.ts';
import type { KeyedDecision } from '../keyed-log.ts';
import type { Execution, Strategy } from './strategy.ts';
import { check } from '../../kernel/argument-check.ts';

/** A question with a forced answer in a plan. */
export interface ForcedAnswer {
  readonly question: Question;
  readonly occurrence: number;
  readonly answer: number;
}

/**
 * Where a sweep strikes and with which answers. Invariant: the answers of a point go from the highest down, and their
 * number is bounded.
 */
export interface FaultPoint {
  readonly question: Question;
  readonly occurrence: number;
  readonly n: number;
  /** What its answers mean, if the caller of the question describes them. */
  readonly describe?: DescribeAnswer | undefined;
}

/** Up to this number all answers are tried; beyond it, those at distances 1, 2, 4 … from the highest, and 1. */
const ANSWERS_MAX = 128;

/** The answer of round `round`, from 0, at a point with `n` alternatives; undefined when all were tried. */
export function sweepAnswer(n: number, round: number): number | undefined {
  if (n <= ANSWERS_MAX) return round < n - 1 ? n - 1 - round : undefined;
  const distance = 2 ** round;
  if (distance < n - 1) return n - distance;
  return 2 ** (round - 1) < n - 1 ? 1 : undefined;
}

/** Every answer of every point alone: the highest of all points first, so that each point is struck early. */
function singlePlans(points: readonly FaultPoint[]): ForcedAnswer[] {
  const plans: ForcedAnswer[] = [];
  let open = points.map((point) => ({ point, answers: faultsOf(point) }));
  while (open.length > 0) {
    open = open.filter(({ point: { question, occurrence }, answers }) => {
      const { done, value } = answers.next();
      if (done !== true) plans.push({ question, occurrence, answer: value });
      return done !== true;
    });
  }
  return plans;
}

/**
 * Each distinct fault once: a rate of one in sixteen has fifteen answers without a fault, and three in sixteen the same
 * fault three times.
 */
function* faultsOf({ question, n, describe }: FaultPoint): Generator<number, undefined> {
  let before: unknown = undefined;
  for (let round = 0, answer = sweepAnswer(n, 0); answer !== undefined; answer = sweepAnswer(n, ++round)) {
    const words = wordsOf(describe, answer, question);
    if (words === '' || (words !== undefined && words === before)) continue;
    before = words;
    yield answer;
  }
}

function wordsOf(
  describe: DescribeAnswer | undefined,
  answer: number,
  question: Question,
): string | undefined {
  try {
    const words = describe?.(answer, question);
    return typeof words === 'string' ? words : undefined;
  } catch {
    // The description is code under test: if it throws, every answer is tried.
    return undefined;
  }
}

const PAIRS = 4096;

/** Options of {@link sweepStrategy}. */
export interface SweepOptions {
  /** How many combinations of two faults to try after the single ones. Default: 4096. */
  readonly pairs?: number;
}

type Plan = readonly ForcedAnswer[];

/** The same for a plan, and for the faults of an execution in which all of it struck. */
function planKey(plan: Plan): string {
  return plan
    .map(({ question, occurrence, answer }) => `${question.key} ${occurrence} ${answer}`)
    .sort()
    .join('\n');
}

/**
 * Every `stride`-th single fault. A sweep whose first index is not among the first ones of its shard continues another
 * one, so it starts with what that one has probably not tried. The rest follows: nobody remembers which executions of
 * the other one ran the plain schedule, and pairs need all single faults.
 */
function shareOf(singles: readonly ForcedAnswer[], firstIndex: number, stride: number): Plan[] {
  const share = singles.filter((_, at) => (at + 1 - firstIndex) % stride === 0).map((single) => [single]);
  const start = Math.floor(Math.max(0, firstIndex - 1) / stride) % Math.max(1, share.length);
  return [...share.slice(start), ...share.slice(0, start)];
}

class SweepStrategy implements Strategy {
  readonly name = 'sweep';
  readonly #pairsMax: number;
  #firstIndex: number | undefined;
  /** Distance of its indices; undefined until the second one. */
  #stride: number | undefined;
  /** All single faults; undefined until the plain schedule has run. */
  #singles: readonly ForcedAnswer[] | undefined;
  /** The plans of this share: single faults, then pairs. Undefined until the first of them is due. */
  #plans: Plan[] | undefined;
  #nextPlan = 0;
  #pairs = 0;
  readonly #avoided = new Set<string>();
  #plan: Plan = [];
  /** Number of the plan's faults that have struck in this execution. */
  #struck = 0;
  /** Points asked since the plan's last fault struck. */
  #points: FaultPoint[] = [];

  constructor(pairsMax: number) {
    this.#pairsMax = pairsMax;
  }

  get configuration(): string {
    if (this.#plan.length === 0) return 'no fault';
    return this.#plan
      .map(({ question, occurrence, answer }) => `${question.text} [${occurrence}] = ${answer}`)
      .join(', ');
  }

  begin(index: number): boolean {
    this.#struck = 0;
    this.#points = [];
    if (this.#firstIndex === undefined) this.#firstIndex = index;
    else this.#stride ??= Math.max(1, index - this.#firstIndex);
    const plan = this.#next();
    if (plan === undefined) return false;
    this.#plan = plan;
    return true;
  }

  decide(question: Question, n: number, occurrence: number, describe?: DescribeAnswer): number {
    if (question.kind !== 'fault') return 0;
    const answer = this.#plan.find(
      (forced) => forced.question.key === question.key && forced.occurrence === occurrence,
    )?.answer;
    if (answer !== undefined && answer < n) {
      this.#struck += 1;
      this.#points = [];
      return answer;
    }
    this.#points.push({ question, occurrence, n, describe });
    return 0;
  }

  end({ verdict }: Execution): void {
    if (this.#singles === undefined) this.#singles = singlePlans(this.#points);
    else if (verdict.held && this.#plan.length === 1 && this.#struck === 1) this.#addPairs();
    this.#points = [];
  }

  avoid(unusual: readonly KeyedDecision[]): void {
    check('unusual', unusual, KEYED_LOG);
    this.#avoided.add(planKey(unusual.filter(({ question }) => question.kind === 'fault')));
  }

  #next(): Plan | undefined {
    if (this.#singles === undefined) return [];
    this.#plans ??= shareOf(this.#singles, this.#firstIndex ?? 0, this.#stride ?? 1);
    for (;;) {
      const plan = this.#plans[this.#nextPlan];
      if (plan === undefined) return undefined;
      this.#nextPlan += 1;
      if (this.#avoided.size === 0 || !this.#avoided.has(planKey(plan))) return plan;
    }
  }

  /** Adds pairs with each question asked after a single fault, including those that only this fault made possible. */
  #addPairs(): void {
    for (const { question, occurrence, n, describe } of this.#points) {
      const faults = describe?.faults ?? [{ answer: sweepAnswer(n, 0) as number }];
      for (const { answer } of faults) {
        if (this.#pairs >= this.#pairsMax) return;
        this.#pairs += 1;
        this.#plans?.push([...this.#plan, { question, occurrence, answer }]);
      }
    }
  }
}

const SWEEP_OPTIONS = is.optionsOf<SweepOptions>({}, { pairs: is.COUNT });

/**
 * Fault-point sweep, after systematic fault injection (Gunawi and others: FATE and DESTINI, NSDI 2011; Alvaro, Rosen,
 * Hellerstein: Lineage-driven Fault Injection, SIGMOD 2015). Runs the plain schedule and records every question about a
 * fault. Then it gives one of them at a time an answer other than 0, the highest first, and each fault once if the
 * answers are described. Then it adds to each a second fault that was asked about later. A bug that a single fault with
 * its highest answer reveals is found within as many executions as there are such questions, plus one. Order and delays
 * stay plain. Ends when everything was tried.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `pairs` is not an integer ≥ 0.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createExecutor, explore, sweepStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'ninth-loss',
 *   description: 'no single lost message of fifty does harm',
 *   run(sim) {
 *     const lost = (i: number): boolean => sim.strikes(`message-${i}`, 'lost', { oneIn: 100 });
 *     for (let i = 0; i < 50; i += 1) sim.check(!lost(i) || i !== 9, 'the ninth was needed');
 *   },
 * });
 * const { executions } = await explore(createExecutor(scenario), sweepStrategy());
 * if (executions > 51) throw new Error('expected the plain one and one per message');
 * ```
 */
export function sweepStrategy(options: SweepOptions = {}): Strategy {
  check('options', options, SWEEP_OPTIONS);
  return new SweepStrategy(options.pairs ?? PAIRS);
}
