// What the scenarios over foreign packages promise about themselves; the packages themselves are not installed for this.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';
import { foreignScenarios } from '../../sims/foreign/index.ts';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
const { dependencies } = JSON.parse(read('sims/foreign/package.json')) as {
  dependencies: Record<string, string>;
};

describe('scenarios over foreign packages', () => {
  test('are about at least 20 packages, each pinned to one version and used', () => {
    const used = [...new Set(foreignScenarios.map((scenario) => scenario.package))].sort();
    expect(used).toEqual(Object.keys(dependencies).sort());
    expect(used.length).toBeGreaterThanOrEqual(20);
    for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test('have names of their own, so that --only means one', () => {
    const names = foreignScenarios.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

test.for([
  [['--only', 'left-pad'], '--only: there is no package and no promise left-pad'],
  [['--fault', 'rain'], 'faults: expected stall, dateBehind or wallStep, got "rain"'],
] as const)('npm run foreign refuses %j, before it installs anything', ([args, message]) => {
  const command = [join(projectRoot, 'scripts/foreign.ts'), ...args];
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', ...command], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  expect(stderr).toBe(`foreign: ${message}\n`);
  expect(status).toBe(2);
});
