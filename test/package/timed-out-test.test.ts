import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

interface JsonReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

const root = resolve(import.meta.dirname, '../..');

const TESTS = `
import { simTest } from ${JSON.stringify(join(root, 'src/vitest/index.ts'))};
simTest('never ends', async (sim) => { for (;;) await sim.sleep(1); }, { timeout: 50, maxEvents: 1e12 });
simTest('comes after it', (sim) => sim.sleep(5), { seeds: 3 });
simTest.skip('is skipped', () => { throw new Error('it is run'); });
`;

test('R-13: a test whose time is up ends its simulation, and the tests after it run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dryrunner-timed-out-'));
  try {
    const report = join(folder, 'report.json');
    await writeFile(join(folder, 'sim.test.mjs'), TESTS);
    const args = ['run', '--root', folder, '--reporter=json', `--outputFile=${report}`];
    await new Promise((done) => {
      execFile(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], done);
    });
    const { testResults } = JSON.parse(await readFile(report, 'utf8')) as JsonReport;
    const results = testResults.flatMap(({ assertionResults }) => assertionResults);
    expect(results.map(({ title, status }) => [title, status])).toEqual([
      ['never ends', 'failed'],
      ['comes after it', 'passed'],
      ['is skipped', 'skipped'],
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
