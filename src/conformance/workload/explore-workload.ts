/**
 * Explores a workload: a scenario that nobody wrote for a bug. Invariant: what was found is plain data, made small and explained, and what was
 * never reached is named.
 */
import * as is from '../../kernel/shape.ts';
import { runCampaign } from '../../explore/campaign.ts';
import { createCoverage } from '../../explore/coverage.ts';
import { createExecutor } from '../../explore/executor.ts';
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
  /** What need not be reached, with the reason. */
  readonly mayMiss?: Readonly<Record<string, string>>;
  /** Asked before each execution: true ends the exploration. */
  readonly shouldStop?: () => boolean;
}

/** See {@link ExploreWorkloadOptions}. */
export const EXPLORE_FIELDS: is.ShapesOf<ExploreWorkloadOptions> = {
  executions: is.COUNT,
  seed: is.anyOf('a text or a number', is.TEXT, is.limit()),
  mayMiss: is.mapOf(is.TEXT),
  shouldStop: is.FUNCTION,
};

/** What an exploration of a subject came to. */
export interface SubjectExploration {
  /** Nothing has failed, and what must be reached was. */
  readonly held: boolean;
  readonly executions: number;
  /** The first failure, made small and explained. */
  readonly failure?: FailingExecution;
  /** What was never reached, though it must be. */
  readonly missed: readonly string[];
}

/** Explores a workload until its first failure, or to the end of its executions. */
export async function exploreWorkload(
  workload: ScenarioDefinition,
  { executions = 1_000, seed = 1, mayMiss = {}, shouldStop = () => false }: ExploreWorkloadOptions,
): Promise<SubjectExploration> {
  const executor = createExecutor(workload);
  const report = await runCampaign(executor, portfolioStrategy(seed), {
    maxExecutions: executions,
    shouldStop,
    coverage: createCoverage(),
  });
  const missed = Object.keys(report.sometimes).filter(
    (name) => report.sometimes[name] === false && !Object.hasOwn(mayMiss, name),
  );
  const [first] = report.failures;
  if (first === undefined) return { held: missed.length === 0, executions: report.executions, missed };
  const settled = await settleFailure(executor, first, {
    shrinkMs: Infinity,
    explainMs: Infinity,
    mustStop: shouldStop,
    now: () => 0,
  });
  return { held: false, executions: report.executions, failure: { ...first, ...settled }, missed };
}
