// What a campaign keeps outlives a crash of the machine: the state that skips an execution never outlives its log.
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeCampaignState } from '../../../src/host/corpus/campaign-state.ts';
import { CorpusFolder } from '../../../src/host/corpus/corpus-folder.ts';
import { CUT_OFF_KEY } from '../../../src/explore/failure-key.ts';
import { failingWith } from '../../explore/failing-executions.ts';

let dir = '';
/** The files in the folder of the scenario whenever one is synced. */
let synced: string[][] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-synced-'));
  synced = [];
  const file = await open(dir);
  const handles = Object.getPrototypeOf(file) as typeof file;
  await file.close();
  const { sync } = handles;
  vi.spyOn(handles, 'sync').mockImplementation(async function (this: typeof file) {
    synced.push(await readdir(dir, { recursive: true }));
    return sync.call(this);
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

const corpus = (): CorpusFolder =>
  new CorpusFolder({
    ...{ root: dir, scenario: 'mine', reference: './mine.js#mine' },
    onTrouble: (text) => {
      throw new Error(text);
    },
  });
const state = { scenario: 'mine', reference: 'mine.js', strategy: 'pos', seed: '1', shard: 0, shards: 1 };

test.for([
  ['the log of a failure', () => corpus().keep(failingWith({}))],
  ['a log that was cut off', () => corpus().keep(failingWith({ key: CUT_OFF_KEY }))],
  ['a log that is kept for what it reached', () => corpus().keepSeeds([[]])],
  ['the state', () => writeCampaignState(join(dir, 'mine/state.jsonl'), { ...state, nextIndex: 7 })],
] as const)('%s is on the disk before it gets its name', async ([, keep]) => {
  await keep();
  expect(synced).toHaveLength(1);
  expect(synced[0]?.filter((name) => name.endsWith('.jsonl'))).toEqual([]);
  const names = await readdir(dir, { recursive: true });
  expect(names.filter((name) => name.endsWith('.jsonl'))).toHaveLength(1);
});
