import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  readNextIndex,
  writeCampaignState,
  type CampaignState,
} from '../../../src/host/corpus/campaign-state.ts';

const campaign = { scenario: 'mine', reference: 'mine.js', strategy: 'pos', seed: '1', shard: 0, shards: 1 };
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-state-'));
});

afterAll(() => rm(dir, { recursive: true }));

test.for([
  ['a pipe', (path: string) => promisify(execFile)('mkfifo', [path])],
  ['a folder', (path: string) => mkdir(path)],
] as const)('%s in place of a state is refused without waiting', async ([name, make]) => {
  const path = join(dir, name);
  await make(path);
  await expect(readNextIndex(path, campaign)).rejects.toMatchObject({
    code: 'RUNNER_TRACE_FORMAT',
    message: `${path}: expected a file, got something else; without it the campaign begins anew`,
  });
});

test.for([
  ['an index below 0', { nextIndex: -1 }],
  ['a part of an index', { nextIndex: 0.5 }],
  ['an index that no campaign comes to', { nextIndex: 2 ** 53 - 1 }],
  ['no index', { nextIndex: '7' }],
] as const)('a state with %s is refused', async ([name, part]) => {
  const path = join(dir, name);
  await writeCampaignState(path, { ...campaign, ...part } as CampaignState);
  await expect(readNextIndex(path, campaign)).rejects.toMatchObject({ code: 'RUNNER_TRACE_FORMAT' });
});

test('a state of any size is refused before it is read', async () => {
  const path = join(dir, 'large');
  await writeCampaignState(path, { ...campaign, nextIndex: 7 });
  // Sparse: there is no memory for it.
  await truncate(path, 2 ** 42);
  await expect(readNextIndex(path, campaign)).rejects.toMatchObject({
    code: 'RUNNER_TRACE_FORMAT',
    message: `${path}: expected at most 65536 bytes, got more; without it the campaign begins anew`,
  });
});

test('a pipe in place of a state is replaced', async () => {
  const path = join(dir, 'old pipe');
  await promisify(execFile)('mkfifo', [path]);
  await writeCampaignState(path, { ...campaign, nextIndex: 7 });
  expect(await readNextIndex(path, campaign)).toBe(7);
});
