import { describe, expect, test } from 'vitest';
import {
  depthTable,
  holds,
  longOrdering,
  shortOrdering,
  type Ordering,
} from '../../scripts/zoo/depth-table.ts';
import { createDecisions, randomDecisions } from '../../src/kernel/index.ts';

const STEPS = 20;

/** Fires the steps of five tasks, each task's in order, so that all constraints hold; undefined if they contradict each other. */
function firedBy(ordering: Ordering): Int32Array | undefined {
  const next = [0, 0, 0, 0, 0];
  const firedAt = new Int32Array(5 * STEPS).fill(1000);
  for (let fired = 0; fired < firedAt.length; fired += 1) {
    const task = next.findIndex(
      (step, each) =>
        step < STEPS &&
        ordering.every(([before, after]) => after !== each * STEPS + step || firedAt[before] !== 1000),
    );
    if (task < 0) return undefined;
    const step = next[task] as number;
    firedAt[task * STEPS + step] = fired;
    next[task] = step + 1;
  }
  return firedAt;
}

describe.each([
  ['short', shortOrdering],
  ['long', longOrdering],
] as const)('a %s ordering', (_name, draw) => {
  const drawn = [1, 2, 3, 4, 5].flatMap((depth) =>
    ['a', 'b', 'c', 'd'].map((seed) => ({
      depth,
      ordering: draw(createDecisions(randomDecisions(`${seed} ${depth}`)), depth),
    })),
  );

  test('of depth d has d constraints, which can hold together', () => {
    for (const { depth, ordering } of drawn) {
      expect(ordering).toHaveLength(depth);
      const firedAt = firedBy(ordering);
      expect(firedAt !== undefined && holds(ordering, firedAt)).toBe(true);
    }
  });

  test('needs each of them: the others can hold without it', () => {
    for (const { ordering } of drawn) {
      for (const [i, [before, after]] of ordering.entries()) {
        const without = ordering.with(i, [after, before]);
        const firedAt = firedBy(without);
        expect(firedAt !== undefined && holds(without, firedAt)).toBe(true);
        expect(holds(ordering, firedAt ?? [])).toBe(false);
      }
    }
  });
});

test('a long ordering has one task far ahead of the other at each turn', () => {
  const ordering = longOrdering(createDecisions(randomDecisions('far')), 3);
  const [[first = 0, second = 0] = []] = ordering;
  expect((first % STEPS) - (second % STEPS)).toBeGreaterThanOrEqual(2);
  expect(ordering.every(([before, after]) => Math.floor(before / STEPS) !== Math.floor(after / STEPS))).toBe(
    true,
  );
});

test('the table has a row per ordering and needle, beside the bound of PCT', async () => {
  const plan = { strategies: ['random', 'pct-of-depth'], starts: 2, executions: 40, seed: 'test' };
  const [header = '', , ...rows] = await depthTable(plan, new AbortController().signal, () => {});
  expect(header).toBe('| ordering | bound of PCT | random | pct-of-depth |');
  expect(rows).toHaveLength(15);
  const [name, bound, ...cells] = (rows[5] ?? '').split('|').slice(1, -1);
  expect([name, bound].map((text) => text?.trim())).toEqual(['long, d = 1', '5']);
  expect(cells[0]?.trim()).toBe('(0/2)');
  expect(Number(cells[1])).toBeLessThanOrEqual(40);
});
