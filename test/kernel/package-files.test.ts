import { describe, expect, test } from 'vitest';
import { codePathOf, loadPeer, packageFile, scenarioPathOf } from '../../src/kernel/package-files.ts';
import { fileOfLine } from '../../src/kernel/stack-line.ts';
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
    expect(fileOfLine(`    at async run (file://${encodeURI(root)}${path}:3:5)`)).toBe(`${root}${path}`);
  });

  test('are decided in one place', () => {
    // A comment asks for nothing, nor does the message that names it to a user.
    const asks = /^(?!\s*\/?\*|.*['"`].*import\.meta).*\bimport\.meta\b/m;
    const asking = readModules(['src']).filter(({ text }) => asks.test(text));
    expect(asking.map(({ path }) => path)).toEqual(['src/kernel/package-files.ts']);
  });
});

describe('an optional package', () => {
  test('that is missing is a typed error that says what to install', async () => {
    const cause = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    await expect(
      loadPeer('prom-client', 'createPrometheusMetrics', () => Promise.reject(cause)),
    ).rejects.toMatchObject({
      code: 'RUNNER_MISSING_PACKAGE',
      message: 'createPrometheusMetrics needs the package prom-client: npm install prom-client',
      expected: 'prom-client',
      cause,
    });
  });

  test('that needs another one is missing together with that', async () => {
    const cause = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    await expect(loadPeer('a', 'It', () => Promise.reject(cause), { beside: ['b'] })).rejects.toThrow(
      'It needs the packages a and b: npm install a b',
    );
  });

  test('that fails to load says so itself', async () => {
    const broken = new SyntaxError('unexpected token');
    await expect(loadPeer('some', 'something', () => Promise.reject(broken))).rejects.toBe(broken);
  });

  test('that is installed is used', async () => {
    expect(await loadPeer('some', 'something', () => Promise.resolve('it'))).toBe('it');
  });
});
