import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bugs } from '../../scripts/zoo/catalog.ts';
import type { HuntTarget } from '../../scripts/zoo/hunt-queue.ts';
import { columnPlan, PLAIN_AT, REORDERED } from '../../scripts/zoo/order.ts';
import { PackageCopies } from '../../scripts/zoo/package-copy.ts';
import type { TableCell } from '../../scripts/zoo/strategy-table.ts';
import { startSeed, tabulate, type TabulationPlan } from '../../scripts/zoo/tabulation.ts';
import { portfolioStrategy } from '../../src/explore/strategies/portfolio.ts';
import { question } from '../../src/kernel/question.ts';

const folder = join(import.meta.dirname, '../../.dryrunner', `zoo-table-test-${process.pid}`);
const copies = new PackageCopies(folder);
const signal = new AbortController().signal;
const plan: TabulationPlan = {
  strategies: ['portfolio'],
  starts: 1,
  executions: 200,
  timeMs: 60_000,
  seed: '1',
};

beforeAll(() => copies.makeBase());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function target(id: string): HuntTarget {
  const bug = bugs.find((candidate) => candidate.id === id)!;
  return { ...bug, folder: () => copies.makeMutant(bug) };
}

async function cellsOf(targets: readonly HuntTarget[], more: Partial<TabulationPlan>): Promise<TableCell[]> {
  const cells: TableCell[] = [];
  await tabulate(targets, { ...plan, ...more }, signal, (cell) => cells.push(cell));
  return cells;
}

describe('the trials of the table', () => {
  test('D67 hunts in the copy that has the bug, once per strategy and start', async () => {
    const cells = await cellsOf([target('D67')], {
      strategies: ['portfolio', 'random', 'fast-check'],
      starts: 2,
    });
    expect(cells.map(({ strategy }) => strategy)).toEqual(
      ['portfolio', 'random', 'fast-check'].flatMap((strategy) => [strategy, strategy]),
    );
    expect(cells.map(({ trial }) => trial.found)).toEqual([true, true, true, true, undefined, undefined]);
  });

  test('find nothing where nothing is planted', async () => {
    const healthy = { ...target('race-lost-update'), folder: () => copies.base };
    const [first, second] = await cellsOf([healthy], { strategies: ['portfolio', 'fast-check'] });
    for (const cell of [first, second]) {
      expect(cell?.trial).toEqual({ found: false, executions: 200, sentence: '' });
    }
  });

  test('run in a process of their own where a scenario ends its process, and the rest goes on', async () => {
    const file = 'sims/zoo/race-lock-order.ts';
    const find = 'const locks = new Locks();';
    const edits = [{ file, find, replace: `process.exit(7); ${find}` }];
    const deadly: HuntTarget = {
      ...target('race-lock-order'),
      folder: () => copies.makeMutant({ id: 'deadly', edits }),
    };
    const cells = await cellsOf([deadly, target('race-lost-update')], {});
    expect(cells.map(({ trial }) => trial.found)).toEqual([true, true]);
    // That process cannot run them in another order.
    const [reordered] = await cellsOf([deadly], { strategies: ['portfolio:shuffled'] });
    expect(reordered?.trial).toEqual({ executions: 0, sentence: 'its process has died', hasDied: true });
  });

  test('of the portfolio in another order run the same executions, sooner or later', async () => {
    const columns = ['portfolio', ...REORDERED];
    const cells = await cellsOf([target('race-lost-update')], { strategies: columns, executions: 1 });
    expect(cells.map(({ strategy }) => strategy)).toEqual(columns);
    const orders = REORDERED.map((column) => columnPlan(column, 'a cold start').order!);
    for (const order of orders) {
      expect(order.toSorted((a, b) => a - b)).toEqual(order.map((_, index) => index));
      expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    }
    // The plain schedule shows it, and the portfolio has it at this index.
    const plainFirst = cells.find(({ strategy }) => strategy === 'portfolio:plain-first');
    expect(plainFirst?.trial.found).toBe(true);
    const strategy = portfolioStrategy('a cold start');
    strategy.begin(PLAIN_AT);
    const answers = Array.from({ length: 20 }, (_, at) =>
      strategy.decide(question('draw', { what: `${at}` }), 9, 1),
    );
    expect(answers).toEqual(answers.map(() => 0));
  });

  test('have a seed for each bug and start', () => {
    const seeds = ['D1', 'D2'].flatMap((id) => [1, 2].map((start) => startSeed(id, '1', start)));
    expect(new Set(seeds).size).toBe(4);
  });
});
