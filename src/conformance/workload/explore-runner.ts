/** Explores a subject with the workload of its kind: nobody writes a scenario. Invariant: what was found is plain data, made small and explained. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { runCampaign } from '../../explore/campaign.ts';
import { createCoverage } from '../../explore/coverage.ts';
import { createExecutor } from '../../explore/executor.ts';
import type { FailingExecution } from '../../explore/failing-execution.ts';
import { settleFailure } from '../../explore/shrink-and-explain.ts';
import { portfolioStrategy } from '../../explore/strategies/portfolio.ts';
import type { ScenarioDefinition } from '../../simulation/scenario.ts';
import type { ConformanceSubject } from '../subject.ts';
import { runnerWorkload, type WorkloadLimits } from './runner-workload.ts';

/** How a subject is explored. */
export interface ExploreSubjectOptions extends WorkloadLimits {
  /** Executions at most; default 1,000. */
  readonly executions?: number;
  /** Seed of the exploration; default 1. */
  readonly seed?: string | number;
  /** What need not be reached, with the reason. */
  readonly mayMiss?: Readonly<Record<string, string>>;
  /** Asked before each execution: true ends the exploration. */
  readonly shouldStop?: () => boolean;
}

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

const OPTIONS = is.optionsOf<ExploreSubjectOptions>(
  {},
  {
    ...is.each(['executions', 'clients', 'operations'], is.COUNT),
    seed: is.anyOf('a text or a number', is.TEXT, is.limit()),
    mayMiss: is.OPAQUE,
    shouldStop: is.FUNCTION,
  },
);

/**
 * Drives a runner with everything that the contract allows, and holds everything that comes back to the contract. Nobody writes a scenario:
 * clients, operations and parts are drawn from the decision log, and what fails is made small, explained and can be replayed.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) for a subject that no case can be run against.
 * @example
 * ```ts
 * import { createSimulatedRunner } from 'dryrunner';
 * import { exploreRunner, simCommands, supportsAllBut } from 'dryrunner/conformance';
 * const { held, failure } = await exploreRunner(
 *   {
 *     name: 'mine',
 *     supports: supportsAllBut({ outputs: 'its outputs are written elsewhere' }),
 *     commands: simCommands,
 *     create: (world, options) => ({ service: createSimulatedRunner(world, options) }),
 *   },
 *   { executions: 50 },
 * );
 * if (!held) throw new Error(failure?.message);
 * ```
 */
export async function exploreRunner(
  subject: ConformanceSubject,
  options: ExploreSubjectOptions = {},
): Promise<SubjectExploration> {
  check('options', options, OPTIONS);
  return exploreWorkload(runnerWorkload(subject, options), options);
}

async function exploreWorkload(
  workload: ScenarioDefinition,
  { executions = 1_000, seed = 1, shouldStop = () => false }: ExploreSubjectOptions,
): Promise<SubjectExploration> {
  const executor = createExecutor(workload);
  const report = await runCampaign(executor, portfolioStrategy(seed), {
    maxExecutions: executions,
    shouldStop,
    coverage: createCoverage(),
  });
  const missed = Object.keys(report.sometimes).filter((name) => report.sometimes[name] === false);
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
