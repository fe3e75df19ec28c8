// The named mistakes of the programs in sims/cluster: how many executions each strategy needs until it has found one, over some cold
// starts. --only TEXT takes the scenarios with TEXT in their name, --healthy explores the correct programs instead, which must hold.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createCoverage, createExecutor, createStrategy, explore } from '../src/explore/index.ts';
import { tuneEngine } from '../src/threads/engine-settings.ts';
import type { ScenarioDefinition } from '../src/index.ts';
import { clusterPrograms } from '../sims/cluster/index.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    strategies: { type: 'string', default: 'portfolio,random,pct,pos' },
    starts: { type: 'string', default: '3' },
    executions: { type: 'string', default: '20000' },
    healthy: { type: 'boolean', default: false },
  },
});

interface Hunt {
  readonly executions: number;
  readonly found: boolean;
  readonly message: string;
}

async function hunt(scenario: ScenarioDefinition, strategy: string, seed: number): Promise<Hunt> {
  let message = '';
  const { executions, failures } = await explore(
    createExecutor(scenario),
    createStrategy(strategy, `${scenario.name} ${seed}`),
    {
      maxExecutions: Number(values.executions),
      coverage: createCoverage(),
      onFailure: ({ failure }) => {
        message = failure?.message.split('\n')[0] ?? '';
        return false;
      },
    },
  );
  return { executions, found: failures > 0, message };
}

/** Executions until the failure, each start by itself; those that found nothing in brackets. */
function cell(hunts: readonly Hunt[]): string {
  return hunts.map(({ executions, found }) => (found ? String(executions) : `(${executions})`)).join(', ');
}

tuneEngine();
const strategies = values.strategies.split(',');
const starts = Array.from({ length: Number(values.starts) }, (_, start) => start + 1);
const columns = values.healthy ? ['portfolio'] : strategies;
console.log(`| scenario | ${columns.join(' | ')} | what fails |`);
console.log(`| --- | ${columns.map(() => '---:').join(' | ')} | --- |`);
let isAsExpected = true;
for (const { program, mistakes } of await Promise.all(clusterPrograms.map((load) => load()))) {
  for (const scenario of values.healthy ? [program] : mistakes) {
    if (!scenario.name.includes(values.only)) continue;
    const cells: string[] = [];
    let message = '';
    for (const strategy of columns) {
      const hunts: Hunt[] = [];
      for (const start of starts) hunts.push(await hunt(scenario, strategy, start));
      cells.push(cell(hunts));
      message ||= hunts.find(({ found }) => found)?.message ?? '';
      if (strategy === 'portfolio' && hunts.some(({ found }) => found === values.healthy)) {
        isAsExpected = false;
      }
    }
    console.log(`| ${scenario.name} | ${cells.join(' | ')} | ${message} |`);
  }
}
process.exitCode = isAsExpected ? 0 : 1;
