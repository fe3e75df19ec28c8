// A process that hunts in one copy of the package, many times over, because loading the copy takes longer than most hunts. Takes a
// TrialTask as its argument and prints a Trial per plan, in order, a line each. Invariant: it is compiled into the copy, and imports
// nothing of the checkout but types, so that all that it runs has the bug.
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import type * as Exploration from '../../src/explore/index.ts';
import type { ScenarioDefinition } from '../../src/simulation/scenario.ts';
import { huntWithFastCheck } from './fast-check-hunt.ts';
import { FAST_CHECK, type Trial, type TrialPlan, type TrialTask } from './trial.ts';

/** Executions that show whether time passes in a scenario. */
const PROBES = 100;

type Exploring = typeof Exploration;

async function load(path: string): Promise<Readonly<Record<string, unknown>>> {
  return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
}

function scenarioOf(module: Readonly<Record<string, unknown>>): ScenarioDefinition {
  const isScenario = (value: unknown): boolean =>
    typeof (value as { run?: unknown } | null)?.run === 'function';
  return Object.values(module).find(isScenario) as ScenarioDefinition;
}

/** The strategy of a plan, with its first executions in the order that the plan gives. */
function strategyOf(
  explore: Exploring,
  { strategy: name, seed, order = [] }: TrialPlan,
): Exploration.Strategy {
  const strategy = explore.createStrategy(name, seed);
  const begin = strategy.begin.bind(strategy);
  return Object.assign(strategy, { begin: (index: number) => begin(order[index] ?? index) });
}

/** Hunts as `dryrunner explore` does in one of its threads. */
async function huntWith(explore: Exploring, scenario: ScenarioDefinition, plan: TrialPlan): Promise<Trial> {
  const deadlineMs = performance.now() + plan.timeMs;
  let difference: Exploration.AuditDifference | undefined;
  const { executions, failures } = await explore.runCampaign(
    explore.createExecutor(scenario),
    strategyOf(explore, plan),
    {
      maxExecutions: plan.executions,
      coverage: explore.createCoverage(),
      shouldStop: () => difference !== undefined || performance.now() > deadlineMs,
      onEvent: (event) => {
        if (event.type === 'nondeterministic') difference ??= event.difference;
      },
    },
  );
  if (difference !== undefined) {
    return {
      found: true,
      executions: difference.execution + 1,
      sentence: `not deterministic: ${difference.text}`,
    };
  }
  const [failure] = failures;
  if (failure === undefined) return { found: false, executions, sentence: '' };
  return { found: true, executions: failure.executions, sentence: failure.message };
}

/** True if no execution of some lets time pass. */
async function isTimeless(explore: Exploring, scenario: ScenarioDefinition): Promise<boolean> {
  const executor = explore.createExecutor(scenario);
  let virtualMs = 0;
  await explore.explore(executor, explore.createStrategy('random', 'probe'), {
    maxExecutions: PROBES,
    onExecution: (verdict) => (virtualMs = Math.max(virtualMs, verdict.virtualMs)),
    onFailure: () => true,
  });
  return virtualMs === 0;
}

async function huntFast(explore: Exploring, scenario: ScenarioDefinition, plan: TrialPlan): Promise<Trial> {
  const cannot: Trial = { executions: 0, sentence: '' };
  if (!(await isTimeless(explore, scenario))) return cannot;
  const hunt = await huntWithFastCheck(explore.createExecutor(scenario), plan);
  if (hunt.type === 'cannot') return cannot;
  return { found: hunt.type === 'found', executions: hunt.executions, sentence: hunt.sentence };
}

const { folder, scenario: name, plans } = JSON.parse(process.argv[2] ?? '') as TrialTask;
const explore = (await load(join(folder, 'dist/explore/index.js'))) as unknown as Exploring;
const scenario = scenarioOf(await load(join(folder, 'dist/sims/zoo', `${name}.js`)));
for (const plan of plans) {
  const trial = await (plan.strategy === FAST_CHECK ? huntFast : huntWith)(explore, scenario, plan);
  process.stdout.write(`${JSON.stringify(trial)}\n`);
}
