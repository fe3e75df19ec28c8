// The mistakes of classic programs: the named ones of sims/cluster, and the races of the zoo, planted into copies of the package. How many
// executions each strategy needs until it has found one, over some cold starts. A row per mistake as it comes, then the mean of all hunts for
// each set and for both, one that was given up counting as all that it was allowed, and how the first strategy compares with the others.
//   --only TEXT         the scenarios with TEXT in their name
//   --part odd|even     the first, third … mistake of them, or the second, fourth …: strategies are tuned with the odd ones
//   --strategies NAME,… which compare (portfolio,random,pct,pos)
//   --starts N          cold starts of each (3)
//   --executions N      at most N per hunt (20000)
//   --seed S            other cold starts (1)
//   --healthy           explores the correct programs instead, which must hold
//   --help              this text
// Exits 1 if the first strategy misses a mistake (with --healthy: if a program fails or is not explored), 2 on wrong usage.
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createCoverage, createExecutor, createStrategy, explore } from '../src/explore/index.ts';
import { isStrategyName, strategyNames } from '../src/explore/strategies/strategy-names.ts';
import { tuneEngine } from '../src/threads/engine-settings.ts';
import type { ScenarioDefinition } from '../src/index.ts';
import { clusterPrograms } from '../sims/cluster/index.ts';
import { endOfWrongUse, optionsOrEnd, positiveInteger } from './command-line.ts';
import {
  isAsExpected,
  mistakeHeader,
  mistakeLine,
  mistakeSummary,
  type MistakeHunt,
  type MistakeRow,
} from './mistakes/mistake-table.ts';
import { raceBugs } from './zoo/catalog/race-bugs.ts';
import { PackageCopies } from './zoo/package-copy.ts';
import { startSeed } from './zoo/tabulation.ts';
import { runTrials } from './zoo/trials.ts';

const OPTIONS = {
  only: { type: 'string', default: '' },
  part: { type: 'string', default: '' },
  strategies: { type: 'string', default: 'portfolio,random,pct,pos' },
  starts: { type: 'string', default: '3' },
  executions: { type: 'string', default: '20000' },
  seed: { type: 'string', default: '1' },
  healthy: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function options() {
  const { values } = parseArgs({ options: OPTIONS });
  if (!['', 'odd', 'even'].includes(values.part)) {
    throw new Error(`--part: expected odd or even, got ${values.part}`);
  }
  const strategies = values.healthy ? ['portfolio'] : values.strategies.split(',');
  const unknown = strategies.find((name) => !isStrategyName(name));
  if (unknown !== undefined) {
    throw new Error(`--strategies: expected some of ${strategyNames.join(', ')}, got ${unknown}`);
  }
  return {
    ...values,
    strategies,
    starts: positiveInteger('starts', values.starts),
    executions: positiveInteger('executions', values.executions),
  };
}

const values = optionsOrEnd(import.meta.url, options);
/** A race takes far less; this ends one that hangs. */
const RACE_MS_MAX = 600_000;
const copies = new PackageCopies(fileURLToPath(new URL('../.dryrunner/mistakes', import.meta.url)));
const { strategies, executions: maxExecutions } = values;
const starts = Array.from({ length: values.starts }, (_, start) => start + 1);

/** What is hunted for. */
interface Target {
  readonly set: string;
  readonly name: string;
  /** All hunts, by strategy. */
  readonly hunt: () => Promise<MistakeHunt[][]>;
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? '';
}

async function huntOnce(scenario: ScenarioDefinition, strategy: string, start: number): Promise<MistakeHunt> {
  let message = '';
  const { executions, failures } = await explore(
    createExecutor(scenario),
    createStrategy(strategy, startSeed(scenario.name, values.seed, start)),
    {
      maxExecutions,
      coverage: createCoverage(),
      onFailure: ({ failure }) => {
        message = firstLine(failure?.message ?? '');
        return false;
      },
    },
  );
  return { executions, found: failures > 0, message };
}

function programTarget(scenario: ScenarioDefinition): Target {
  return {
    set: 'cluster',
    name: scenario.name,
    async hunt() {
      const row: MistakeHunt[][] = [];
      for (const strategy of strategies) {
        const hunts: MistakeHunt[] = [];
        for (const start of starts) hunts.push(await huntOnce(scenario, strategy, start));
        row.push(hunts);
      }
      return row;
    },
  };
}

/** The scenario of a race knows nothing of its bug, so that one is hunted in a copy of the package that has it. */
function raceTarget({ id, scenario, edits }: (typeof raceBugs)[number]): Target {
  return {
    set: 'races',
    name: id,
    async hunt() {
      const row: MistakeHunt[][] = strategies.map(() => []);
      const plans = strategies.flatMap((strategy, column) =>
        starts.map((start) => ({
          ...{ column, strategy, seed: startSeed(id, values.seed, start) },
          ...{ executions: maxExecutions, timeMs: RACE_MS_MAX },
        })),
      );
      const folder = values.healthy ? copies.base : copies.makeMutant({ id, edits });
      await runTrials({ folder, scenario, plans }, new AbortController().signal, ({ column }, trial) => {
        const { executions, found = false, sentence, hasDied = false } = trial;
        row[column]?.push({ executions, found, message: firstLine(sentence), hasDied });
      });
      return row;
    },
  };
}

async function chosenTargets(): Promise<Target[]> {
  const programs = await Promise.all(clusterPrograms.map((load) => load()));
  const targets = [
    ...programs
      .flatMap(({ program, mistakes }) => (values.healthy ? [program] : mistakes))
      .map(programTarget),
    ...raceBugs.map(raceTarget),
  ];
  const remainder = { odd: 0, even: 1 }[values.part];
  const chosen = targets.filter(
    ({ name }, index) => name.includes(values.only) && (remainder === undefined || index % 2 === remainder),
  );
  if (chosen.length > 0) return chosen;
  const what = values.healthy ? 'program' : 'mistake';
  return endOfWrongUse(
    import.meta.url,
    new Error(`--only: there is no ${what} with ${values.only} in its name`),
  );
}

tuneEngine();
const targets = await chosenTargets();
for (const line of mistakeHeader(strategies)) console.log(line);
const rows: MistakeRow[] = [];
if (targets.some(({ set }) => set === 'races')) copies.makeBase();
for (const { set, name, hunt } of targets) {
  const row: MistakeRow = { set, name, hunts: await hunt() };
  rows.push(row);
  console.log(mistakeLine(row));
}
for (const line of mistakeSummary(rows, strategies)) console.log(line);
process.exitCode = rows.every((row) => isAsExpected(row, values.healthy)) ? 0 : 1;
