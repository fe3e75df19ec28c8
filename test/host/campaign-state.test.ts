import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readNextIndex, writeCampaignState } from '../../src/host/campaign-state.ts';

const campaign = { scenario: 'mine', reference: 'mine.js', strategy: 'pos', seed: '1', shard: 0, shards: 1 };
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-state-'));
});

afterAll(() => rm(dir, { recursive: true }));

test.for([
  ['a pipe', (path: string) => promisify(execFile)('mkfifo', [path])],
  ['a folder', (path: string) => mkdir(path)],
] as const)('%s in the place of a state is refused and not waited for', async ([name, make]) => {
  const path = join(dir, name);
  await make(path);
  await expect(readNextIndex(path, campaign)).rejects.toMatchObject({
    code: 'RUNNER_TRACE_FORMAT',
    message: `${path}: expected a file, got something else; without it the campaign begins anew`,
  });
});

test('a pipe in the place of a state is replaced', async () => {
  const path = join(dir, 'old pipe');
  await promisify(execFile)('mkfifo', [path]);
  await writeCampaignState(path, { ...campaign, nextIndex: 7 });
  expect(await readNextIndex(path, campaign)).toBe(7);
});
