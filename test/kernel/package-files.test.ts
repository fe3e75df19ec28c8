import { describe, expect, test } from 'vitest';
import { codePathOf, fileOfFrame, packageFile, scenarioPathOf } from '../../src/kernel/package-files.ts';
import { readModules } from '../../scripts/module-graph.ts';

const root = decodeURIComponent(packageFile('.').pathname);

describe('files of this package', () => {
  test.for([
    ['src/kernel/drain.ts', 'kernel/drain.ts', undefined],
    ['dist/kernel/drain-x1.js', 'kernel/drain-x1.js', undefined],
    ['dist/index.js', 'index.js', undefined],
    ['sims/zoo/odds.ts', undefined, 'zoo/odds.ts'],
    ['dist/sims/zoo/odds.js', undefined, 'zoo/odds.js'],
    ['test/kernel/package-files.test.ts', undefined, undefined],
    ['node_modules/vitest/dist/run.js', undefined, undefined],
  ] as const)('%s', ([path, code, scenario]) => {
    expect(codePathOf(`${root}${path}`)).toBe(code);
    expect(scenarioPathOf(`${root}${path}`)).toBe(scenario);
    expect(fileOfFrame(`    at async run (file://${encodeURI(root)}${path}:3:5)`)).toBe(`${root}${path}`);
  });

  test('are decided in one place', () => {
    const asking = readModules(['src']).filter(({ text }) => text.includes('import.meta'));
    expect(asking.map(({ path }) => path)).toEqual(['src/kernel/package-files.ts']);
  });
});
