/** Finds failing executions of a scenario, for tests of what is done with them. */
import type { Executor } from '../../src/explore/executor.ts';
import { explore } from '../../src/explore/explorer.ts';
import { failureKey } from '../../src/explore/failure-key.ts';
import { randomStrategy } from '../../src/explore/strategies/random-strategy.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';

/** The first failing execution of plain random with that seed. */
export async function findFailure(executor: Executor, seed: number | string): Promise<Verdict> {
  const found: Verdict[] = [];
  await explore(executor, randomStrategy(seed), {
    maxExecutions: 20_000,
    onFailure: (verdict) => found.push(verdict) < 1,
  });
  const [verdict] = found;
  if (verdict === undefined) throw new Error(`${executor.scenario}: nothing failed`);
  return verdict;
}

/** The key of a verdict that failed. */
export function keyOfVerdict({ failure, scenario }: Verdict): string {
  if (failure === undefined) throw new Error(`${scenario} held`);
  return failureKey(failure);
}
