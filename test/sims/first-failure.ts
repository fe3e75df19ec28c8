// What an exploration of a scenario finds.
import { createCoverage } from '../../src/explore/coverage.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explore } from '../../src/explore/explorer.ts';
import { createStrategy } from '../../src/explore/strategies/create-strategy.ts';
import type { ScenarioDefinition } from '../../src/simulation/scenario.ts';

/**
 * The first failure of some executions that is the wanted one, or else the first of all: what is broken shows in several ways, and which of
 * them comes first is up to the strategy.
 */
export async function failureOf(
  scenario: ScenarioDefinition<unknown>,
  maxExecutions: number,
  wanted: RegExp = /(?:)/,
): Promise<string | undefined> {
  let message: string | undefined;
  await explore(createExecutor(scenario), createStrategy('portfolio', 1), {
    maxExecutions,
    coverage: createCoverage(),
    onFailure: ({ failure }) => {
      const found = failure?.message ?? '';
      const isWanted = wanted.test(found);
      message = isWanted ? found : (message ?? found);
      return !isWanted;
    },
  });
  return message;
}
