import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bug } from '../../scripts/zoo/bug.ts';
import { bugs } from '../../scripts/zoo/catalog.ts';
import { difficultyOf, measureDifficulties } from '../../scripts/zoo/difficulty.ts';
import { gate, healthyGate, type GatePlan } from '../../scripts/zoo/gate.ts';
import type { HuntTarget } from '../../scripts/zoo/hunt-queue.ts';
import { PackageCopies } from '../../scripts/zoo/package-copy.ts';
import { isHeadline, standingLine, type Difficulty } from '../../scripts/zoo/standing.ts';

describe('the difficulty of a bug', () => {
  const cellsOf = (all: Readonly<Record<string, readonly (number | undefined)[]>>) =>
    Object.entries(all).flatMap(([strategy, starts]) =>
      starts.map((at) => ({
        ...{ id: 'D1', strategy },
        trial: { found: at !== undefined, executions: at ?? 3, sentence: '' },
      })),
    );

  test.for([
    ['is plain if the plain schedule shows it', { plain: [1, 1], random: [1, 1] }, 'plain'],
    [
      'is within three if half of the starts of one strategy find it',
      { plain: [undefined], pct: [3, undefined], random: [undefined, undefined] },
      'within three',
    ],
    [
      'needs exploration if no strategy finds it from half of its starts',
      { plain: [undefined], pct: [1, undefined, undefined], random: [undefined, 2, undefined] },
      'exploration',
    ],
    ['needs exploration if it is found later', { plain: [undefined], pct: [4, 4] }, 'exploration'],
  ] as const)('%s', ([, cells, expected]) => {
    expect(difficultyOf(cellsOf(cells))).toBe(expected);
  });

  test.for([
    ['exploration', undefined, true],
    ['exploration', 'the one input that shows it', false],
    ['within three', undefined, false],
    ['plain', undefined, false],
  ] as const)('%s, known: %s, is in the headline: %s', ([difficulty, knows, expected]) => {
    expect(isHeadline({ difficulty, knows })).toBe(expected);
  });

  test('what is outside of the headline is counted by its reason', () => {
    const knows = 'the one input that shows it';
    const others = [
      { difficulty: 'plain' },
      { difficulty: 'plain', knows },
      { difficulty: 'exploration', knows },
    ];
    expect(standingLine(others as { difficulty: Difficulty }[])).toBe(
      'not in the headline (1 plain, 0 within three, 2 known to their scenarios)',
    );
  });
});

describe('in copies of the package', () => {
  const folder = join(import.meta.dirname, '../../.dryrunner', `zoo-gate-test-${process.pid}`);
  const copies = new PackageCopies(folder);
  const { signal } = new AbortController();
  const bugOf = (id: string): Bug => bugs.find((candidate) => candidate.id === id)!;
  const mutant = (id: string): Bug & HuntTarget => ({
    ...bugOf(id),
    folder: () => copies.makeMutant(bugOf(id)),
  });
  const healthy = (id: string): Bug & HuntTarget => ({ ...bugOf(id), folder: () => copies.base });

  beforeAll(() => copies.makeBase());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function planInto(rows: string[]): GatePlan {
    const print = (text: string): void => void rows.push(text);
    const hunt = { strategy: 'portfolio', timeMs: 60_000, executions: 3 };
    return { ...hunt, explains: false, json: false, onRow: print, onFigures: print };
  }

  test('difficulties are measured: what the plain schedule shows, and what no strategy finds', async () => {
    const measured = await measureDifficulties([mutant('race-lost-update'), healthy('D12')], signal);
    expect([...measured]).toEqual([
      ['race-lost-update', 'plain'],
      ['D12', 'exploration'],
    ]);
  });

  test('the gate fails for a headline that is not found, however much of the rest is, with each seed', async () => {
    const rows: string[] = [];
    const targets = [mutant('race-lost-update'), healthy('D12')];
    expect(await gate(targets, planInto(rows), ['1', '2'], signal)).toBe(false);
    expect(rows.map((row) => row.replaceAll(/ +/g, ' ').replace(/,.*|\n.*/s, ''))).toEqual(
      ['1', '2'].flatMap((seed) => [
        `seed ${seed}`,
        expect.stringMatching(/^D12 MISSED 3 executions/) as string,
        'headline: 0 of 1 found',
        expect.stringMatching(/^race-lost-update found \d executions/) as string,
        'not in the headline (1 plain',
      ]),
    );
  });

  test('without a headline the gate is about all that was chosen', async () => {
    expect(await gate([mutant('race-lost-update')], planInto([]), ['1'], signal)).toBe(true);
  });

  test('a stopped gate does not pass', async () => {
    expect(await gate([mutant('race-lost-update')], planInto([]), ['1'], AbortSignal.abort())).toBe(false);
  });

  test('without any bug nothing may be found', async () => {
    const rows: string[] = [];
    expect(await healthyGate([healthy('race-lost-update')], planInto(rows), '1', signal)).toBe(true);
    expect(await healthyGate([mutant('race-lost-update')], planInto(rows), '1', signal)).toBe(false);
    expect(rows[0]).toContain('held');
  });

  test.for([
    ['a package that does not load', { folder: () => join(folder, 'nowhere') }],
    ['a scenario that is not there', { scenario: 'nobody' }],
  ] as const)('%s has not held, with or without explanations', async ([, wrong]) => {
    const target = { ...healthy('race-lost-update'), ...wrong };
    for (const explains of [false, true]) {
      const rows: string[] = [];
      expect(await healthyGate([target], { ...planInto(rows), explains }, '1', signal)).toBe(false);
      expect(rows[0]).toContain('FAILED');
    }
  });

  test('what holds has held with explanations, too', async () => {
    const rows: string[] = [];
    const plan = { ...planInto(rows), explains: true };
    expect(await healthyGate([healthy('race-lost-update')], plan, '1', signal)).toBe(true);
    expect(rows[0]).toMatch(/^===== race-lost-update held\n.*no failure\n/);
  });
});
