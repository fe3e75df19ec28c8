// A shell may stand in a folder that has been removed.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeToken } from '../../src/explore/replay-token.ts';
import { startWith, type Finished } from './command.ts';

let dir = '';
const at = (name: string): string => join(dir, name);
/** In a folder that is gone by the time the command begins. */
const dryrunner = (...args: readonly string[]): Promise<Finished> =>
  startWith({ NODE_OPTIONS: `--import ${pathToFileURL(at('lose.mjs')).href}` }, ...args).finished;

const token = (scenario: string): string =>
  encodeToken({ scenario, failureKey: 'check no', traceHash: '0'.repeat(16), decisions: [] });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-lost-'));
  await writeFile(
    at('lose.mjs'),
    `import { isMainThread } from 'node:worker_threads';
    import { mkdirSync, rmdirSync } from 'node:fs';
    if (isMainThread) {
      const folder = ${JSON.stringify(at('gone'))} + process.pid;
      mkdirSync(folder);
      process.chdir(folder);
      rmdirSync(folder);
    }`,
  );
  await writeFile(
    at('bad.mjs'),
    `export default { name: 'bad', description: 'of a test', run: (sim) => sim.check(false, 'boom') };`,
  );
});
afterAll(() => rm(dir, { recursive: true }));

describe('in a folder that has been removed', () => {
  test.for([
    ['exec', 125, () => ['exec', '--', 'true']],
    ['explore', 2, () => ['explore', at('bad.mjs'), '--executions', '1', '--corpus', at('corpus')]],
    ['replay of a token of a shipped scenario', 2, () => ['replay', token('lost-reply')]],
    ['replay of a token of a file next to it', 2, () => ['replay', token('./bad.mjs#bad')]],
    ['run of a file next to it', 2, () => ['run', './bad.mjs']],
  ] as const)('%s says so in one line, and exits with %i', async ([, expected, args]) => {
    const { code, out, err } = await dryrunner(...args());
    expect(err).toBe('error: the current folder has been removed: go to one that is there\n');
    expect([code, out]).toEqual([expected, '']);
  });

  test('run of a file elsewhere shows the failure', async () => {
    const { code, out, err } = await dryrunner('run', at('bad.mjs'));
    expect(out).toContain(`\n  boom\n    at Object.run (${at('bad.mjs')}:1:`);
    expect(out).toContain(` run ${at('bad.mjs')}#bad --seed 1\n`);
    expect([code, err]).toEqual([1, '']);
  });
});
