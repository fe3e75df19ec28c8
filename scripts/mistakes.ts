// The named mistakes of the programs in sims/cluster: how many executions each strategy needs until it has found one, over some cold
// starts. A row per mistake as it comes, then the mean of all hunts, one that was given up counting as all that it was allowed, and how
// the first strategy compares with the best of the others on each mistake.
//   --only TEXT         the scenarios with TEXT in their name
//   --part odd|even     the first, third … mistake of them, or the second, fourth …: strategies are tuned with the odd ones
//   --strategies NAME,… (portfolio,random,pct,pos)
//   --starts N          cold starts of each (3)
//   --executions N      at most so many per hunt (20000)
//   --seed S            other cold starts (1)
//   --healthy           explores the correct programs instead, which must hold
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createCoverage, createExecutor, createStrategy, explore } from '../src/explore/index.ts';
import { tuneEngine } from '../src/threads/engine-settings.ts';
import type { ScenarioDefinition } from '../src/index.ts';
import { clusterPrograms } from '../sims/cluster/index.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    part: { type: 'string', default: '' },
    strategies: { type: 'string', default: 'portfolio,random,pct,pos' },
    starts: { type: 'string', default: '3' },
    executions: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    healthy: { type: 'boolean', default: false },
  },
});

interface Hunt {
  readonly executions: number;
  readonly found: boolean;
  readonly message: string;
}

async function hunt(scenario: ScenarioDefinition, strategy: string, start: number): Promise<Hunt> {
  let message = '';
  const { executions, failures } = await explore(
    createExecutor(scenario),
    createStrategy(strategy, `${scenario.name} ${values.seed} ${start}`),
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

function meanOf(hunts: readonly Hunt[]): number {
  return hunts.reduce((sum, { executions }) => sum + executions, 0) / hunts.length;
}

async function chosenScenarios(): Promise<ScenarioDefinition[]> {
  const programs = await Promise.all(clusterPrograms.map((load) => load()));
  const scenarios = programs.flatMap(({ program, mistakes }) => (values.healthy ? [program] : mistakes));
  const remainder = { odd: 0, even: 1 }[values.part];
  return scenarios.filter(
    ({ name }, index) => name.includes(values.only) && (remainder === undefined || index % 2 === remainder),
  );
}

tuneEngine();
const strategies = values.healthy ? ['portfolio'] : values.strategies.split(',');
const starts = Array.from({ length: Number(values.starts) }, (_, start) => start + 1);
console.log(`| scenario | ${strategies.join(' | ')} | what fails |`);
console.log(`| --- | ${strategies.map(() => '---:').join(' | ')} | --- |`);
let isAsExpected = true;
/** Per scenario, per strategy. */
const rows: Hunt[][][] = [];
const quotients: { readonly name: string; readonly quotient: number }[] = [];
for (const scenario of await chosenScenarios()) {
  const row: Hunt[][] = [];
  for (const strategy of strategies) {
    const hunts: Hunt[] = [];
    for (const start of starts) hunts.push(await hunt(scenario, strategy, start));
    row.push(hunts);
    if (strategy === 'portfolio' && hunts.some(({ found }) => found === values.healthy)) isAsExpected = false;
  }
  rows.push(row);
  const [first = NaN, ...others] = row.map(meanOf);
  quotients.push({ name: scenario.name, quotient: first / Math.min(...others) });
  const message = row.flat().find(({ found }) => found)?.message ?? '';
  console.log(`| ${scenario.name} | ${row.map(cell).join(' | ')} | ${message} |`);
}
const means = strategies.map((_, column) => meanOf(rows.flatMap((row) => row[column] ?? [])).toFixed(0));
console.log(`| **mean** | ${means.join(' | ')} | |`);
if (strategies.length > 1) {
  const worst = [...quotients].sort((a, b) => b.quotient - a.quotient).slice(0, 5);
  console.log(
    `${strategies[0]} against the best of the others, by the mean of a scenario: ${worst.map(({ name, quotient }) => `${name} ${quotient.toFixed(2)} ×`).join(', ')} at most`,
  );
}
process.exitCode = isAsExpected ? 0 : 1;
