// The table of depths: after how many executions each strategy meets orderings of some depth, in a program of five tasks with twenty steps
// each in one instant, and answers that have to be right one after the other. Invariant: which steps an ordering is about is drawn by
// the seed, another one for each start, and a strategy sees nothing of it but in the rows with feedback.
import { createCoverage, createExecutor, createStrategy, explore } from '../../src/explore/index.ts';
import type { Strategy } from '../../src/explore/strategies/strategy.ts';
import { strategyNames } from '../../src/explore/strategies/strategy-names.ts';
import { defineScenario, type ScenarioDefinition, type Simulation } from '../../src/index.ts';
import type { Choices } from '../../src/kernel/decisions.ts';
import { createDecisions, randomDecisions } from '../../src/kernel/index.ts';
import { tuneEngine } from '../../src/threads/engine-settings.ts';
import { median } from './hunt-report.ts';

const TASKS = 5;
const STEPS = 20;
const DEPTHS: readonly number[] = [1, 2, 3, 4, 5];
const STRETCH_MIN = 5;
const DIGITS = 6;
const BASE = 10;

const PCT_OF_DEPTH = 'pct-of-depth';

/** The columns: all that look for an order, and PCT that knows the depth. A sweep is about faults, which there are none of. */
export const DEPTH_STRATEGIES: readonly string[] = [
  ...strategyNames.filter((name) => !['plain', 'sweep'].includes(name)),
  PCT_OF_DEPTH,
];

/** A step of a task, by its place among all: task × 20 + step. */
type Place = number;

/** The first fires before the second. */
type Constraint = readonly [Place, Place];

/** Constraints that have to hold together. */
export type Ordering = readonly Constraint[];

const placeOf = (task: number, step: number): Place => task * STEPS + step;

function drawTasks(choices: Choices): readonly [number, number] {
  const first = choices.choose('task', TASKS);
  return [first, (first + 1 + choices.choose('other task', TASKS - 1)) % TASKS];
}

/** Two tasks take turns step by step somewhere in the middle: a gap of one step for each constraint but the first. */
export function shortOrdering(choices: Choices, depth: number): Ordering {
  const tasks = drawTasks(choices);
  const from = [7 + choices.choose('first from', 3), 7 + choices.choose('second from', 3)] as const;
  const at = (turn: number): Place => {
    const which = turn % 2 === 0 ? 0 : 1;
    return placeOf(tasks[which], from[which] + (turn >> 1));
  };
  return Array.from({ length: depth }, (_, turn): Constraint => [at(turn), at(turn + 1)]);
}

/** How many steps a task has done after each of its `count` stretches. */
function drawStretches(choices: Choices, count: number): number[] {
  const lengths = Array.from({ length: count }, () => STRETCH_MIN);
  for (let left = STEPS - count * STRETCH_MIN; left > 0; left -= 1) {
    const stretch = choices.choose('longer stretch', count);
    lengths[stretch] = (lengths[stretch] as number) + 1;
  }
  let done = 0;
  return lengths.map((length) => (done += length));
}

/**
 * Two tasks take turns with a long stretch of their steps at a time: a constraint says that a stretch is over, but for its last step,
 * before the other task has gone on for more than one.
 */
export function longOrdering(choices: Choices, depth: number): Ordering {
  const tasks = drawTasks(choices);
  const ends = [
    drawStretches(choices, Math.ceil((depth + 1) / 2)),
    drawStretches(choices, Math.floor((depth + 1) / 2)),
  ] as const;
  return Array.from({ length: depth }, (_, turn): Constraint => {
    const [which, other] = turn % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    const over = ends[which][turn >> 1] as number;
    // Of the other task's stretches so many are over: none before its first.
    const begun = ends[other][((turn + 1) >> 1) - 1] ?? 0;
    return [placeOf(tasks[which], over - 2), placeOf(tasks[other], begun + 1)];
  });
}

/** True if all of them hold; `firedAt` says when the step at each place has fired. */
export function holds(ordering: Ordering, firedAt: ArrayLike<number>): boolean {
  return ordering.every(([before, after]) => (firedAt[before] as number) < (firedAt[after] as number));
}

/** How many constraints hold from the first on. */
function heldFromFirst(ordering: Ordering, firedAt: ArrayLike<number>): number {
  const missing = ordering.findIndex((constraint) => !holds([constraint], firedAt));
  return missing < 0 ? ordering.length : missing;
}

/** Five tasks of twenty steps each, all in one instant; says when each step fires. */
function postTasks(sim: Simulation, firedAt: Int32Array): void {
  let fired = 0;
  for (let task = 0; task < TASKS; task += 1) {
    const post = (step: number): void => {
      sim.world.clock.post({ subject: `task/${task}`, what: 'step' }, () => {
        firedAt[placeOf(task, step)] = fired++;
        if (step + 1 < STEPS) post(step + 1);
      });
    };
    post(0);
  }
}

function scenario(name: string, run: (sim: Simulation) => Promise<void>): ScenarioDefinition {
  return defineScenario<unknown>({ name, description: `the depth table's ${name}`, run });
}

/** Which constraints hold is noted as soon as it is known, so that coverage sees how far an execution has come. */
function feedbackScenario(ordering: Ordering): ScenarioDefinition {
  return scenario('ordering-with-feedback', async (sim) => {
    const firedAt = new Int32Array(TASKS * STEPS);
    postTasks(sim, firedAt);
    await sim.sleep(1);
    const held = heldFromFirst(ordering, firedAt);
    for (let met = 1; met <= held; met += 1) sim.note(`${'I'.repeat(met)} met`);
    sim.check(held < ordering.length, 'the ordering');
  });
}

/** All digits have to be right; with feedback each is said to be. */
function digitsScenario(choices: Choices, hasFeedback: boolean): ScenarioDefinition {
  const right = Array.from({ length: DIGITS }, (_, i) => choices.choose(`digit ${i}`, BASE));
  return scenario('digits', async (sim) => {
    let isRight = true;
    for (const [i, digit] of right.entries()) {
      isRight = sim.choose(`digit ${i}`, BASE) === digit && isRight;
      if (isRight && hasFeedback) sim.note(`${'I'.repeat(i + 1)} right`);
      await sim.sleep(1);
    }
    sim.check(!isRight, 'open');
  });
}

/** Executions until something was found; undefined if it was not. */
type Found = number | undefined;

async function explored(
  definition: ScenarioDefinition,
  strategy: Strategy,
  maxExecutions: number,
  isOver: () => boolean = () => false,
  onExecution: (execution: number) => void = () => {},
): Promise<Found> {
  let execution = 0;
  const { failures, executions } = await explore(createExecutor(definition), strategy, {
    maxExecutions,
    coverage: createCoverage(),
    shouldStop: isOver,
    onExecution: () => onExecution((execution += 1)),
  });
  return failures > 0 ? executions : undefined;
}

/** A row of the table. */
interface Row {
  readonly name: string;
  /** What one in PCT's bound is. */
  readonly bound: number | undefined;
}

const boundOf = (depth: number): number => TASKS * (TASKS * STEPS) ** (depth - 1);

/** How much to try. */
export interface DepthPlan {
  readonly strategies: readonly string[];
  readonly starts: number;
  readonly executions: number;
  readonly seed: string;
}

type Report = (row: Row, strategy: string, found: Found) => void;

/** The orderings without feedback, all in the same executions: a strategy sees none of them, so each is met as if it were alone. */
async function huntOrderings(
  strategy: Strategy,
  orderings: readonly { readonly row: Row; readonly ordering: Ordering }[],
  executions: number,
): Promise<Map<Row, number>> {
  const firedAt = new Int32Array(TASKS * STEPS);
  const met = new Map<Row, number>();
  const definition = scenario('tasks', async (sim) => {
    postTasks(sim, firedAt);
    await sim.sleep(1);
  });
  const note = (execution: number): void => {
    for (const { row, ordering } of orderings) {
      if (!met.has(row) && holds(ordering, firedAt)) met.set(row, execution);
    }
  };
  await explored(definition, strategy, executions, () => met.size === orderings.length, note);
  return met;
}

const ROWS = {
  short: DEPTHS.map((depth): Row => ({ name: `short, d = ${depth}`, bound: boundOf(depth) })),
  long: DEPTHS.map((depth): Row => ({ name: `long, d = ${depth}`, bound: boundOf(depth) })),
  feedback: DEPTHS.map((depth): Row => ({ name: `long, d = ${depth}, feedback`, bound: boundOf(depth) })),
  digits: { name: `one in 10^${DIGITS}`, bound: undefined } as Row,
  digitsFeedback: { name: `one in 10^${DIGITS}, feedback`, bound: undefined } as Row,
};
const FEEDBACK_FROM = 3;

/** One cold start of one strategy, on everything. */
async function huntAllRows(name: string, start: number, plan: DepthPlan, report: Report): Promise<void> {
  const { executions, seed } = plan;
  const drawn = createDecisions(randomDecisions(`depth ${seed} ${start}`));
  const make = (depth: number): Strategy =>
    name === PCT_OF_DEPTH
      ? createStrategy('pct', `${seed} ${start}`, { depth })
      : createStrategy(name, `${seed} ${start}`);
  const orderings = DEPTHS.flatMap((depth, i) => [
    { row: ROWS.short[i] as Row, depth, ordering: shortOrdering(drawn, depth) },
    { row: ROWS.long[i] as Row, depth, ordering: longOrdering(drawn, depth) },
  ]);
  const groups =
    name === PCT_OF_DEPTH
      ? DEPTHS.map((depth) => orderings.filter((one) => one.depth === depth))
      : [orderings];
  for (const group of groups) {
    const met = await huntOrderings(make(group[0]?.depth ?? 1), group, executions);
    for (const { row } of group) report(row, name, met.get(row));
  }
  for (const depth of DEPTHS.filter((each) => each >= FEEDBACK_FROM)) {
    const definition = feedbackScenario(longOrdering(drawn, depth));
    report(ROWS.feedback[depth - 1] as Row, name, await explored(definition, make(depth), executions));
  }
  for (const hasFeedback of [false, true]) {
    const found = await explored(digitsScenario(drawn, hasFeedback), make(1), executions);
    report(hasFeedback ? ROWS.digitsFeedback : ROWS.digits, name, found);
  }
}

function cell(found: readonly Found[]): string {
  const all = found.filter((each) => each !== undefined);
  const share = all.length === found.length ? '' : `(${all.length}/${found.length})`;
  return [all.length === 0 ? '' : String(Math.round(median(all))), share]
    .filter((part) => part !== '')
    .join(' ');
}

/** The table, in Markdown; `onStart` is called after each cold start. */
export async function depthTable(
  plan: DepthPlan,
  signal: AbortSignal,
  onStart: (strategy: string, start: number) => void,
): Promise<string[]> {
  tuneEngine();
  const cells = new Map<Row, Map<string, Found[]>>();
  for (const strategy of plan.strategies) {
    for (let start = 1; start <= plan.starts && !signal.aborted; start += 1) {
      onStart(strategy, start);
      await huntAllRows(strategy, start, plan, (row, name, found) => {
        const ofRow = cells.get(row) ?? new Map<string, Found[]>();
        cells.set(row, ofRow.set(name, [...(ofRow.get(name) ?? []), found]));
      });
    }
  }
  const rows = [...ROWS.short, ...ROWS.long, ...ROWS.feedback, ROWS.digits, ROWS.digitsFeedback];
  return [
    `| ordering | bound of PCT | ${plan.strategies.join(' | ')} |`,
    `| --- | ---: | ${plan.strategies.map(() => '---:').join(' | ')} |`,
    ...rows
      .filter((row) => cells.has(row))
      .map(
        (row) =>
          `| ${[
            row.name,
            row.bound === undefined ? '–' : row.bound.toLocaleString('en-US'),
            ...plan.strategies.map((strategy) => cell(cells.get(row)?.get(strategy) ?? [])),
          ].join(' | ')} |`,
      ),
  ];
}
