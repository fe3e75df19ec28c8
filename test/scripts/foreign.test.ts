// What the scenarios over foreign packages promise about themselves; the packages themselves are not installed for this.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../src/explore/index.ts';
import { projectRoot } from '../../scripts/module-graph.ts';
import { isGood, summary, verdictOn, type Row } from '../../scripts/foreign/foreign-row.ts';
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

  test('can be run, as promised and under faults of time', () => {
    for (const scenario of foreignScenarios) {
      for (const each of [scenario, scenario.withFaults({ stall: true })]) {
        expect(() => createExecutor(each, undefined)).not.toThrow();
      }
    }
  });
});

test.for([
  [['--only', 'left-pad'], '--only: there is no package and no promise left-pad'],
  [['--fault', 'rain'], 'faults: expected only the fields stall, dateBehind, wallStep, got a field "rain"'],
] as const)('npm run foreign refuses %j, before it installs anything', ([args, message]) => {
  const command = [join(projectRoot, 'scripts/foreign.ts'), ...args];
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', ...command], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  expect(stderr).toBe(`foreign: ${message}\n`);
  expect(status).toBe(2);
});

describe('what was seen of a promise', () => {
  const held: Row = {
    ...{ package: 'left-pad', version: '1.0.0', promise: 'pads', says: 'it pads', seeds: 10, failures: 0 },
    ...{ messages: [], alsoFound: [], random: undefined, portfolio: undefined, fastCheck: undefined },
    ...{ differing: 0, escapes: [], warnings: [], seedsPerSecond: 1, judged: undefined },
  };
  const judged = { judgement: 'bug', of: /^padded right$/ } as const;
  const byChance: Row = { ...held, failures: 2, messages: [['padded right', 2]], random: 3 };
  const byPortfolio: Row = { ...held, portfolio: 4, alsoFound: ['padded right'] };
  const byFastCheck: Row = { ...held, fastCheck: 4, alsoFound: ['padded right'] };
  const otherwise: Row = {
    ...byChance,
    messages: [
      ['padded right', 2],
      ['not padded', 1],
    ],
    judged,
  };

  test.for([
    ['held', held, '', true],
    ['differs', { ...held, differing: 1 }, '', false],
    ['escapes', { ...held, escapes: ['a real timer'] }, '', false],
    ['fails by chance', byChance, 'not judged', false],
    ['fails for the portfolio alone', byPortfolio, 'not judged', false],
    ['fails for fast-check alone', byFastCheck, 'not judged', false],
    ['fails as it is judged', { ...byChance, judged }, 'bug', true],
    ['fails as it is judged, for the portfolio alone', { ...byPortfolio, judged }, 'bug', true],
    ['fails in another way as well', otherwise, 'bug, and not judged', false],
    [
      'fails in another way for the portfolio',
      { ...byPortfolio, alsoFound: ['late'], judged },
      'bug, and not judged',
      false,
    ],
    ['is judged, and held', { ...held, judged }, 'bug, and held', true],
  ] as const)('that %s', ([, row, verdict, good]) => {
    expect([verdictOn(row), isGood(row, false)]).toEqual([verdict, good]);
  });

  test('may fail under faults of time, and must be the same when run again all the same', () => {
    expect(isGood(byChance, true)).toBe(true);
    expect(isGood({ ...byChance, differing: 1 }, true)).toBe(false);
  });

  test('is counted by all three searches, and what is judged and held is named', () => {
    expect(summary([held, byChance, byPortfolio, { ...held, judged }])).toBe(
      '1 packages, 4 promises, 40 seeds run twice: 0 hashes differ, 0 escapes; 2 promises of 1 packages fail; judged, and held: pads',
    );
  });
});

test('no judgement is about all failures', () => {
  for (const { judged, name } of foreignScenarios) {
    if (judged === undefined) continue;
    expect([name, judged.of.test('')]).toEqual([name, false]);
  }
});
