import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NODE_MAJORS, TYPESCRIPTS, VITESTS, vitestsOn } from '../../scripts/matrix/versions.ts';
import {
  isGreen,
  reportText,
  worseFigures,
  type FigureRow,
  type MatrixReport,
} from '../../scripts/matrix/report.ts';
import { projectRoot } from '../../scripts/module-graph.ts';
import { differingHashes } from '../../scripts/scenario-hashes.ts';

const row = (moreIsBetter: boolean, ...values: number[]): FigureRow => ({
  name: 'figure',
  unit: '/s',
  moreIsBetter,
  values: new Map(values.map((value, index) => [20 + 2 * index, value])),
});

const green: MatrixReport = {
  engines: [
    { major: 20, version: 'v20.1.0', program: 'node', folder: '.' },
    { major: 22, version: 'v22.2.0', program: 'node', folder: '.' },
  ],
  hashes: [{ node: 20, simulations: 3, differing: [] }],
  suites: [{ node: 20, vitest: 4, passed: 2, failed: 0, skipped: 1, seconds: 9, failures: [] }],
  consumers: [{ name: 'install', ok: true, note: 'no complaint' }],
  figures: [row(true, 100, 84)],
};

describe('the report of the matrix', () => {
  test.for([
    [true, [100, 86, 130], []],
    [true, [100, 84, 70], ['figure on Node 22', 'figure on Node 24']],
    [false, [100, 115, 70], []],
    [false, [100, 120], ['figure on Node 22']],
  ] as const)('of figures where more is better: %s, %o are worse: %o', ([moreIsBetter, values, worse]) => {
    expect(worseFigures([row(moreIsBetter, ...values)], 20)).toEqual(worse);
  });

  test('is green although a figure is slower, and names the figure', () => {
    expect(isGreen(green)).toBe(true);
    const text = reportText(green);
    expect(text).toContain('figure, /s: 20: 100, 22: 84 (×0.84)');
    expect(text).toContain('SLOWER    figure on Node 22: by more than 15 %');
  });

  test.for<[string, Partial<MatrixReport>]>([
    ['a hash that differs', { hashes: [{ node: 22, simulations: 3, differing: ['pool 7'] }] }],
    ['no hash at all', { hashes: [{ node: 22, simulations: 0, differing: [] }] }],
    ['a failing test', { suites: [{ ...green.suites[0]!, failed: 1, failures: ['pool 7'] }] }],
    ['a suite that ran no test', { suites: [{ ...green.suites[0]!, passed: 0 }] }],
    ['a package that npm complains about', { consumers: [{ name: 'pool 7', ok: false, note: 'ERESOLVE' }] }],
  ])('is red for %s', ([, part]) => {
    expect(isGreen({ ...green, ...part })).toBe(false);
  });

  test('lists which hashes differ, those that are missing on one side too', () => {
    const one = new Map([
      ['a 1', 'x held'],
      ['a 2', 'y held'],
      ['a 3', 'z held'],
    ]);
    const other = new Map([
      ['a 1', 'x held'],
      ['a 2', 'y failed'],
      ['a 4', 'z held'],
    ]);
    expect(differingHashes(one, other)).toEqual(['a 2', 'a 3', 'a 4']);
    const report = { ...green, hashes: [{ node: 22, simulations: 4, differing: ['a 2'] }] };
    expect(reportText(report)).toContain('1 differ from Node 20\n            a 2');
  });

  test('each Node is tried with the majors of Vitest that run on it', () => {
    expect([20, 22, 26].map(vitestsOn)).toEqual([[4], [4, 5], [4, 5]]);
  });

  test('the peer range of Vitest allows the majors that are tried, and no others', () => {
    const manifest = JSON.parse(readFileSync(`${projectRoot}/package.json`, 'utf8')) as {
      readonly peerDependencies: Readonly<Record<string, string>>;
    };
    const ranges = manifest.peerDependencies['vitest']?.split(' || ') ?? [];
    expect(ranges.map((range) => Number(/^\^(\d+)\./.exec(range)?.[1]))).toEqual(VITESTS);
  });

  test.for([
    ['Node', NODE_MAJORS.map(String)],
    ['Vitest', VITESTS.map(String)],
    ['TypeScript', TYPESCRIPTS],
  ] as const)('docs/platforms.md says of %s what is tried', ([what, versions]) => {
    const rows = readFileSync(`${projectRoot}/docs/platforms.md`, 'utf8').split('\n');
    const tried = rows.find((line) => line.startsWith(`| ${what}`))?.split('|')[3] ?? '';
    const [said = ''] = tried.split(';');
    const numbers = [...said.matchAll(/(?<![\d.])(\d+)\.\d+/g)].map(([number, major]) => [number, major]);
    const untried = numbers.filter((names) => !versions.some((version) => names.includes(version)));
    const missing = versions.filter((version) => !numbers.some((names) => names.includes(version)));
    expect({ untried, missing }).toEqual({ untried: [], missing: [] });
  });
});
