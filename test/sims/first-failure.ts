// What an exploration of a scenario finds first.
import { createCoverage } from '../../src/explore/coverage.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explore } from '../../src/explore/explorer.ts';
import { createStrategy } from '../../src/explore/strategies/create-strategy.ts';
import type { ScenarioDefinition } from '../../src/simulation/scenario.ts';

/** The first failure of so many executions. */
export async function failureOf(
  scenario: ScenarioDefinition<unknown>,
  maxExecutions: number,
): Promise<string | undefined> {
  let message: string | undefined;
  await explore(createExecutor(scenario), createStrategy('portfolio', 1), {
    maxExecutions,
    coverage: createCoverage(),
    onFailure: ({ failure }) => {
      message = failure?.message ?? '';
      return false;
    },
  });
  return message;
}
