/**
 * Explores a workload: a scenario that nobody wrote for a bug. Invariant: what was found is plain data, made small and explained, and what was
 * never reached is named.
 */
import * as is from '../../kernel/shape.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { SEED } from '../../kernel/seeded-random.ts';
import { runCampaign } from '../../explore/campaign.ts';
import { createCoverage } from '../../explore/coverage.ts';
import { createExecutor, type Executor } from '../../explore/executor.ts';
import type { FailingExecution } from '../../explore/failing-execution.ts';
import { settleFailure } from '../../explore/shrink-and-explain.ts';
import { portfolioStrategy } from '../../explore/strategies/portfolio.ts';
import type { ScenarioDefinition } from '../../simulation/scenario.ts';

/** How much is explored, and what it must reach. */
export interface ExploreWorkloadOptions {
  /** Executions at most; default 1,000. */
  readonly executions?: number;
  /** Seed of the exploration; default 1. */
  readonly seed?: string | number;
  /** So many executions must have reached everything; after fewer, what is missed is only reported. Default 3,000. */
  readonly reachWithin?: number;
  /** What need not be reached, with the reason. */
  readonly mayMiss?: Readonly<Record<string, string>>;
  /** Asked before each execution: true ends the exploration. It answers at once; a promise is refused. */
  readonly shouldStop?: () => boolean;
}

/** See {@link ExploreWorkloadOptions}. */
export const EXPLORE_FIELDS: is.ShapesOf<ExploreWorkloadOptions> = {
  executions: is.COUNT,
  reachWithin: is.COUNT,
  seed: SEED,
  mayMiss: is.mapOf(is.TEXT),
  shouldStop: is.FUNCTION,
};

/** How a subject failed. On the machine's time and on held time only the message is known. */
export type SubjectFailure = Pick<FailingExecution, 'message'> & Partial<FailingExecution>;

/** What an exploration of a subject came to. */
export interface SubjectExploration<F extends SubjectFailure = FailingExecution> {
  /** Something was executed, nothing has failed, and what must be reached was, or there were too few executions for that (`reachWithin`). */
  readonly held: boolean;
  readonly executions: number;
  /** The first failure, made small and explained. */
  readonly failure?: F;
  /** What was never reached, though it must be. Empty after a failure, which ends the exploration before it comes to all of it. */
  readonly missed: readonly string[];
}

const REACH_WITHIN = 3_000;
/** Executions at most for making a failure small, and for explaining it. */
const SHRINK_EXECUTIONS = 3_000;
const EXPLAIN_EXECUTIONS = 1_000;

/** Explores a workload until its first failure, or to the end of its executions. */
export async function exploreWorkload(
  workload: ScenarioDefinition,
  options: ExploreWorkloadOptions,
): Promise<SubjectExploration> {
  const { executions: maxExecutions = 1_000, reachWithin = REACH_WITHIN, seed = 1 } = options;
  const { mayMiss, shouldStop } = options;
  const mustStop = stopOf(shouldStop);
  const executor = createExecutor(workload);
  const report = await runCampaign(executor, portfolioStrategy(seed), {
    maxExecutions,
    shouldStop: mustStop,
    coverage: createCoverage(),
  });
  const { executions, sometimes, failures } = report;
  const [first] = failures;
  if (first !== undefined) {
    return { held: false, executions, failure: await settled(executor, first, mustStop), missed: [] };
  }
  const missed = executions === 0 ? [] : missedOf(Object.entries(sometimes), mayMiss);
  const held = executions > 0 && (missed.length === 0 || executions < reachWithin);
  return { held, executions, missed };
}

/** What must be reached, and was not. */
export function missedOf(
  sometimes: Iterable<readonly [name: string, isReached: boolean]>,
  mayMiss: Readonly<Record<string, string>> = {},
): readonly string[] {
  const left = [...sometimes].filter(([name, isReached]) => !isReached && !Object.hasOwn(mayMiss, name));
  return left.map(([name]) => name);
}

/** What the option is, as one that answers with true or false: a promise would end every exploration before its first execution. */
export function stopOf(shouldStop: (() => boolean) | undefined): () => boolean {
  if (shouldStop === undefined) return () => false;
  return () => {
    const answer: unknown = shouldStop();
    if (typeof answer !== 'boolean') throw invalidArgument('shouldStop()', 'true or false', answer);
    return answer;
  };
}

/** Made small and explained within a number of executions: there is no other measure of effort here. */
async function settled(
  executor: Executor,
  failing: FailingExecution,
  mustStop: () => boolean,
): Promise<FailingExecution> {
  let executed = 0;
  const counted: Executor = {
    scenario: executor.scenario,
    execute: (request) => {
      executed += 1;
      return executor.execute(request);
    },
  };
  const limits = {
    shrinkMs: SHRINK_EXECUTIONS,
    explainMs: EXPLAIN_EXECUTIONS,
    mustStop,
    now: () => executed,
  };
  return { ...failing, ...(await settleFailure(counted, failing, limits)) };
}
