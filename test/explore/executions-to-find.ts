/** How long a strategy looks for a bug, by count. */
import { createCoverage } from '../../src/explore/coverage.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explore, type ExplorationSummary } from '../../src/explore/explorer.ts';
import type { Strategy } from '../../src/explore/strategies/strategy.ts';
import type { ScenarioDefinition } from '../../src/simulation/scenario.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';

/** Executions until the first failure, that one included; `Infinity` if there is none in `max`. */
export async function executionsToFind(
  scenario: ScenarioDefinition,
  strategy: Strategy,
  max: number,
): Promise<number> {
  const options = { maxExecutions: max, coverage: createCoverage() };
  const { executions, failures } = await explore(createExecutor(scenario), strategy, options);
  return failures === 0 ? Infinity : executions;
}

/** Runs `executions` executions whatever fails, and reports each. */
export function exploreAll(
  scenario: ScenarioDefinition,
  strategy: Strategy,
  executions: number,
  onExecution: (verdict: Verdict, index: number) => void = () => {},
): Promise<ExplorationSummary> {
  return explore(createExecutor(scenario), strategy, {
    maxExecutions: executions,
    coverage: createCoverage(),
    onExecution,
    onFailure: () => true,
  });
}

/** The value in the middle; of an even number the upper one. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
