/**
 * Bounded exhaustive search: depth first over all answers, defaults first, each execution from the beginning. Of the
 * orders of independent events one is enough; values are all tried. Invariants: after an execution, everything it shows
 * to be worth trying is recorded at the questions of its path; no schedule is counted twice.
 *
 * Depth first rather than by the number of non-default answers: the reduction holds for any search order in which a
 * sleeping event was explored completely, memory stays that of one schedule, and simple counterexamples are the
 * shrinker's task. To get the simplest first, bound delays and faults, and raise the bounds.
 *
 * If a scenario declares its state, nothing is reduced either, and states are merged instead: see
 * `exhaustive-states.ts`.
 *
 * A bound on delays or decisions counts differently for equivalent schedules, so with it nothing is reduced: all orders
 * within the bound are run, and counted by class.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import type { DecisionSource, DueEvents } from '../../kernel/decisions.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import { randomDecisions } from '../../kernel/random-decisions.ts';
import type { Question } from '../../kernel/question.ts';
import type { OracleFactory } from '../../oracles/oracle.ts';
import type { ScenarioDefinition } from '../../simulation/scenario.ts';
import { BOUND_FIELDS, type Certificate, type SearchBounds, type SearchStop } from './certificate.ts';
import { ExhaustiveSearch } from './exhaustive-search.ts';
import { FootprintMeter } from './footprint.ts';
import { EXHAUSTIVE } from '../strategies/strategy-names.ts';
import type { Execution, Strategy } from '../strategies/strategy.ts';

const BOUNDS = is.optionsOf<SearchBounds>({}, BOUND_FIELDS);

/** A strategy that ends with a certificate. */
export class ExhaustiveStrategy implements Strategy {
  readonly name: string = EXHAUSTIVE;
  readonly isolator: FootprintMeter;
  readonly watcher: OracleFactory;
  readonly #scenario: string;
  readonly #bounds: SearchBounds;
  readonly #search: ExhaustiveSearch;
  /** Executions that came to their end. */
  #executions = 0;
  /** Decides after a state that is explored elsewhere, where a single continuation is enough. */
  #walk: DecisionSource | undefined;
  #stoppedBy: SearchStop | undefined = 'interruption';

  constructor(scenario: string, hasOracles: boolean, bounds: SearchBounds) {
    const meter = new FootprintMeter(hasOracles);
    this.isolator = meter;
    this.watcher = () => ({ watch: (event) => meter.watch(event), end: () => {} });
    this.#scenario = scenario;
    this.#bounds = bounds;
    this.#search = new ExhaustiveSearch(meter, bounds);
  }

  begin(): boolean {
    if (this.#stoppedBy === 'divergence') return false;
    const hasMore = this.#search.advance();
    if (this.#search.states.gap !== undefined) {
      this.#stoppedBy = 'incompleteState';
      return false;
    }
    if (!hasMore) {
      this.#stoppedBy = this.#search.states.recurring === undefined ? undefined : 'recurringState';
      return false;
    }
    if (this.#executions >= (this.#bounds.maxExecutions ?? Infinity)) {
      this.#stoppedBy = 'maxExecutions';
      return false;
    }
    this.#stoppedBy = 'interruption';
    this.#walk = undefined;
    this.#search.begin();
    return true;
  }

  decide(question: Question, n: number, occurrence: number): number {
    if (this.#walk === undefined) return this.#search.decide(question, n);
    // The rest of the fault bound does not fit into a single question.
    return this.#bounds.maxFaults === undefined ? this.#walk.decide(question, n, occurrence) : 0;
  }

  order(question: Question, due: DueEvents, occurrence: number): number {
    return this.#walk?.decide(question, due.count, occurrence) ?? this.#search.order(question, due);
  }

  onFire(event: EventInfo, made: number): void {
    if (this.#walk === undefined) this.#search.onFire(event, made);
  }

  onState(read: () => string, isLast: boolean): void {
    if (this.#walk !== undefined && !isLast) return;
    if (!this.#search.onState(read, isLast)) this.#walk = randomDecisions(this.#executions + 1);
  }

  end({ verdict }: Execution): void {
    this.#executions += 1;
    this.#search.end(verdict);
    if (this.#search.hasDiverged) this.#stoppedBy = 'divergence';
  }

  stoppedAtFailure(): void {
    if (!this.#search.hasDiverged) this.#stoppedBy = 'failure';
  }

  /** The certificate of the search so far. */
  certificate(): Certificate {
    const { schedules, failures, equivalent, limitedBy, states } = this.#search;
    return {
      scenario: this.#scenario,
      schedules,
      failures,
      executions: this.#executions,
      equivalent,
      ...(states.isDeclared ? { states: states.report() } : {}),
      bounds: this.#bounds,
      limitedBy,
      complete: this.#stoppedBy === undefined,
      ...(this.#stoppedBy === undefined ? {} : { stoppedBy: this.#stoppedBy }),
    };
  }
}

/**
 * Creates a search through all schedules of a scenario within bounds. It keeps state, so it cannot be sharded. It uses
 * the scenario only for its name, and to know whether it has oracles of its own.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a bound that is not an integer ≥ 0.
 * @example
 * ```ts
 * import { createFakeRunner, defineScenario, finalStatus } from 'dryrunner';
 * import { createExecutor, exhaustiveStrategy, explore } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'abort-race',
 *   description: 'an abort races with the end of a run',
 *   async run(sim) {
 *     const runner = createFakeRunner(sim.world, { script: () => ({ runMs: 10 }) });
 *     const { runId } = await runner.run({ argv: ['build'] });
 *     await sim.sleep(10);
 *     await runner.abort(runId);
 *     const { status } = await finalStatus(runner, runId);
 *     sim.check(status.state !== 'ABORTED', 'it was quick enough');
 *     await runner.release();
 *   },
 * });
 * const strategy = exhaustiveStrategy(scenario);
 * await explore(createExecutor(scenario), strategy, { onFailure: () => true });
 * const { complete, schedules, failures } = strategy.certificate();
 * if (!complete || failures === 0 || failures === schedules) throw new Error('expected both ends');
 * ```
 */
export function exhaustiveStrategy<Input>(
  scenario: Pick<ScenarioDefinition<Input>, 'name' | 'options'>,
  bounds: SearchBounds = {},
): ExhaustiveStrategy {
  check('scenario', scenario, is.readable('a scenario definition'));
  check('options', bounds, BOUNDS);
  return new ExhaustiveStrategy(scenario.name, scenario.options?.oracles !== undefined, bounds);
}
