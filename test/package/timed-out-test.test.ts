import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeUserProject } from '../cli/user-project.ts';

interface JsonReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

const TESTS = `
import { simTest } from 'dryrunner/vitest';
simTest('never ends', async (sim) => { for (;;) await sim.sleep(1); }, { timeout: 50, maxEvents: 1e12 });
simTest('comes after it', (sim) => sim.sleep(5), { seeds: 3 });
simTest.skip('is skipped', () => { throw new Error('it is run'); });
`;

test('R-13: a test whose time is up ends its simulation, and the tests after it run', async () => {
  const project = makeUserProject();
  try {
    const report = join(project.folder, 'report.json');
    project.write('sim.test.mjs', TESTS);
    await project.node('node_modules/vitest/vitest.mjs', 'run', '--reporter=json', `--outputFile=${report}`);
    const { testResults } = JSON.parse(await readFile(report, 'utf8')) as JsonReport;
    const results = testResults.flatMap(({ assertionResults }) => assertionResults);
    expect(results.map(({ title, status }) => [title, status])).toEqual([
      ['never ends', 'failed'],
      ['comes after it', 'passed'],
      ['is skipped', 'skipped'],
    ]);
  } finally {
    project.remove();
  }
});
