/**
 * The loop of an exploration: begin, execute, end, until a limit, a failure or the end of the strategy. Invariant: it
 * keeps nothing per execution, so memory is constant over any number of them.
 */
import * as is from '../kernel/shape.ts';
import type { Verdict } from '../simulation/verdict.ts';
import type { ExecutionRequest, Executor } from './executor.ts';
import { hasFailed } from './failure-key.ts';
import type { Strategy } from './strategies/strategy.ts';
import { check, trueOrFalse } from '../kernel/argument-check.ts';
import { EXECUTOR, STRATEGY, COVERAGE } from './argument-shapes.ts';
import { stopOf } from './stop-condition.ts';

/** Why an exploration ended. */
export type StopCause =
  /** The strategy has nothing left to try. */
  | 'exhausted'
  /** `maxExecutions` executions were run. */
  | 'executions'
  /** `shouldStop` returned true: out of time, or interrupted. */
  | 'stopped'
  /** `onFailure` returned false. */
  | 'failure';

/** Options of {@link explore}. */
export interface ExploreOptions {
  /** Maximum number of executions; default unlimited. */
  readonly maxExecutions?: number;
  /** This explorer runs the executions `firstIndex`, `firstIndex + shards`, …; default 0. */
  readonly firstIndex?: number;
  /** Number of explorers that share the indices; default 1. */
  readonly shards?: number;
  /** Asked before each execution; true ends the exploration. */
  readonly shouldStop?: () => boolean;
  /**
   * Called for every execution, held or not; `novelty` is the amount that was new to the coverage meter, 0 without one.
   */
  readonly onExecution?: (verdict: Verdict, index: number, novelty: number) => void;
  /** Called for every failed execution; returns whether to continue. Default: stop at the first. */
  readonly onFailure?: (verdict: Verdict, index: number) => boolean;
  /** Measures the novelty of an execution; see `coverage.ts`. */
  readonly coverage?: CoverageMeter;
  /** Called at each turn of the real event loop. An error thrown here ends the execution as a failure. */
  readonly onTurn?: () => void;
  /** Called for an execution that was cut off. It is not counted, and the strategy's `end` is not called for it. */
  readonly onCutOff?: (verdict: Verdict, index: number) => void;
}

/** Watches executions and measures how much of each was new. */
export interface CoverageMeter {
  readonly watcher: NonNullable<Strategy['watcher']>;
  /** Returns how much of what was watched since the last call is new, and remembers it. */
  takeNovelty(): number;
}

/** Totals of an exploration. */
export interface ExplorationSummary {
  readonly stoppedBy: StopCause;
  readonly executions: number;
  readonly failures: number;
  readonly decisions: number;
  readonly firedEvents: number;
}

/**
 * Explores a scenario with a strategy. Rejects with any error thrown by a listener, the strategy or the executor.
 *
 * @throws RunnerError (rejects) `RUNNER_INVALID_ARGUMENT` for anything but an executor, a strategy and options.
 * @example
 * ```ts
 * import { defineScenario } from 'dryrunner';
 * import { createExecutor, explore, randomStrategy } from 'dryrunner/explore';
 * const scenario = defineScenario({
 *   name: 'coin',
 *   description: 'never three heads in a row',
 *   run: (sim) => {
 *     const heads = [1, 2, 3].filter((toss) => sim.choose(`toss ${toss}`, 2) === 1).length;
 *     sim.check(heads < 3, 'three heads');
 *   },
 * });
 * const summary = await explore(createExecutor(scenario), randomStrategy(1), { maxExecutions: 1_000 });
 * if (summary.stoppedBy !== 'failure') throw new Error('expected it to be found');
 * ```
 */
export async function explore(
  executor: Executor,
  strategy: Strategy,
  options: ExploreOptions = {},
): Promise<ExplorationSummary> {
  check('executor', executor, EXECUTOR);
  check('strategy', strategy, STRATEGY);
  check('options', options, EXPLORE_OPTIONS);
  const { maxExecutions = Infinity, firstIndex = 0, shards = 1, shouldStop, onFailure } = options;
  const coverage = strategy.wantsCoverage === true ? options.coverage : undefined;
  const tally = { executions: 0, failures: 0, decisions: 0, firedEvents: 0 };
  const shouldContinue = (verdict: Verdict, index: number): boolean => {
    tally.executions += 1;
    tally.decisions += verdict.decisionCount;
    tally.firedEvents += verdict.firedEvents;
    const novelty = coverage?.takeNovelty() ?? 0;
    strategy.end({ verdict, novelty });
    options.onExecution?.(verdict, index, novelty);
    // An execution abandoned by its strategy is not a failure of the scenario.
    if (!hasFailed(verdict)) return true;
    tally.failures += 1;
    return onFailure !== undefined && trueOrFalse('onFailure()', onFailure(verdict, index));
  };
  const mustStop = stopOf(shouldStop);
  const end = (stoppedBy: StopCause): ExplorationSummary => ({ stoppedBy, ...tally });
  for (;;) {
    if (tally.executions >= maxExecutions) return end('executions');
    if (mustStop()) return end('stopped');
    const index = firstIndex + tally.executions * shards;
    if (!strategy.begin(index)) return end('exhausted');
    const verdict = await executor.execute(requestOf(strategy, coverage, options.onTurn));
    if (verdict.failure?.kind === 'interrupted') {
      options.onCutOff?.(verdict, index);
      return end('stopped');
    }
    if (!shouldContinue(verdict, index)) {
      strategy.stoppedAtFailure?.();
      return end('failure');
    }
  }
}

const EXPLORE_OPTIONS = is.optionsOf<ExploreOptions>(
  {},
  {
    ...is.each(['shouldStop', 'onExecution', 'onFailure', 'onTurn', 'onCutOff'], is.FUNCTION),
    maxExecutions: is.limit(),
    firstIndex: is.COUNT,
    shards: is.integer(1),
    coverage: COVERAGE,
  },
);

function requestOf(
  strategy: Strategy,
  coverage: CoverageMeter | undefined,
  onTurn: (() => void) | undefined,
): ExecutionRequest {
  const { watcher, isolator } = strategy;
  const watchers = [];
  if (watcher !== undefined) watchers.push(watcher);
  if (coverage !== undefined) watchers.push(coverage.watcher);
  // All fields that others add are always present: see `executor.ts`.
  return {
    source: strategy,
    keepTrace: undefined,
    omitStacks: true,
    watchers,
    isolator,
    onState: strategy.onState === undefined ? undefined : (read, isLast) => strategy.onState?.(read, isLast),
    onFire: strategy.onFire === undefined ? undefined : (event, made) => strategy.onFire?.(event, made),
    defaultMaxEvents: undefined,
    hardMaxEvents: undefined,
    onTurn,
    nextTurn: undefined,
  };
}
