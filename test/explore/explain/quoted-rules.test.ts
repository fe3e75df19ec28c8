import { expect, test } from 'vitest';
import { readProjectFile } from '../../../scripts/module-graph.ts';
import { contractRulesModule } from '../../../scripts/numbered-pages.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { formatExplanation } from '../../../src/explore/explain/explanation-text.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';

async function linesOf(message: string): Promise<string[]> {
  const scenario = defineScenario({
    name: 'named',
    description: 'fails',
    run: (sim) => sim.check(false, message),
  });
  return formatExplanation(await explain(createExecutor(scenario), [])).map(({ text }) => text);
}

test('the rules that a failure names follow the sentence in the words of the contract, each once', async () => {
  const lines = await linesOf('R31 R2 query ended at 6 ms (R31), R999 does not exist');
  expect(lines[1]).toBe('What the contract says');
  expect(lines[2]).toMatch(
    /^ {2}R31 Nothing matches and timeout > 0: wait for the first later accepted write/,
  );
  expect(lines[3]).toMatch(/^ {2}R2 Terminal: COMPLETE, FAILED, ABORTED, TIMEDOUT and UNKNOWN/);
  expect(lines[4]).toBe('What happened');
});

test('a failure that names no rule quotes none', async () => {
  const lines = await linesOf('an addition was lost, D31 and PR2 are not rules');
  expect(lines).not.toContain('What the contract says');
});

test('the quoted rules are those of the page; `npm run rules -- --write` writes them', () => {
  expect(readProjectFile(contractRulesModule.path)).toBe(contractRulesModule.text());
});
