// What a disk on the machine asks the system for. That a process is killed proves nothing about it: what was written is kept without a sync.
import type * as Files from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFolderDisk } from '../../../src/host/disks/folder-disk.ts';

const calls: string[] = [];
const failing = new Map<string, string>();
let folder = '';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof Files>();
  const note = (what: string, path: unknown): void => {
    calls.push(`${what} ${relative(folder, String(path)) || '.'}`);
    const code = failing.get(what);
    if (code !== undefined) throw Object.assign(new Error(`${code} from the system`), { code });
  };
  return {
    ...real,
    async open(path: string, flags: number): Promise<Files.FileHandle> {
      const file = await real.open(path, flags);
      const { sync, writeFile } = file;
      file.sync = async () => {
        note('sync', path);
        await sync.call(file);
      };
      file.writeFile = async (data) => {
        await writeFile.call(file, data);
        note('write', path);
      };
      return file;
    },
    async rename(from: string, to: string) {
      note('rename', from);
      await real.rename(from, to);
    },
  };
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dryrunner-disk-'));
  calls.length = 0;
});

afterEach(async () => {
  failing.clear();
  await rm(folder, { recursive: true });
});

async function callsOf(body: () => Promise<unknown>): Promise<string[]> {
  calls.length = 0;
  await body();
  return [...calls];
}

test('a sync of a file syncs it, its folder, and once the folders above', async () => {
  const disk = createFolderDisk({ folder });
  await disk.write('a/b/log', 'x');
  expect(await callsOf(() => disk.sync('a/b/log'))).toEqual(['sync a/b/log', 'sync a/b', 'sync a', 'sync .']);
  expect(await callsOf(() => disk.sync('a/b/log'))).toEqual(['sync a/b/log', 'sync a/b']);
  expect(await callsOf(() => disk.sync('a/b'))).toEqual(['sync a/b']);
  expect(await callsOf(() => disk.sync())).toEqual(['sync .']);
});

test('a folder that is made again is synced again by its name', async () => {
  const disk = createFolderDisk({ folder });
  await disk.write('a/log', 'x');
  await disk.sync('a/log');
  await disk.remove('a/log');
  await disk.write('a', 'now a file');
  await disk.remove('a');
  await disk.write('a/log', 'x');
  expect(await callsOf(() => disk.sync('a/log'))).toEqual(['sync a/log', 'sync a', 'sync .']);
});

test('a sync after a rename into another folder syncs both', async () => {
  const disk = createFolderDisk({ folder });
  await disk.write('in/1', 'x');
  await disk.write('out/0', 'x');
  await disk.sync('in/1');
  await disk.sync('out/0');
  await disk.rename('in/1', 'out/1');
  expect(await callsOf(() => disk.sync('out/1'))).toEqual(['sync out/1', 'sync out', 'sync in']);
  expect(await callsOf(() => disk.sync('out/1'))).toEqual(['sync out/1', 'sync out']);
});

test('a sync after renames among several folders syncs all, where files have come to before where they were', async () => {
  const disk = createFolderDisk({ folder });
  for (const path of ['new/1', 'new/2', 'a/0', 'b/0']) {
    await disk.write(path, 'x');
    await disk.sync(path);
  }
  await disk.rename('new/1', 'a/1');
  await disk.rename('new/2', 'b/2');
  expect(await callsOf(() => disk.sync('a/1'))).toEqual(['sync a/1', 'sync a', 'sync b', 'sync new']);
  expect(await callsOf(() => disk.sync('b'))).toEqual(['sync b']);
  await disk.rename('a/1', 'b/1');
  await disk.rename('b/1', 'new/1');
  expect(await callsOf(() => disk.sync('a'))).toEqual(['sync new', 'sync b', 'sync a']);
  expect(await callsOf(() => disk.sync())).toEqual(['sync .']);
});

type Moves = readonly (readonly [from: string, to: string])[];

test.each<{ moves: Moves; synced: string; order: readonly string[] }>([
  {
    moves: [
      ['b/1', 'c/1'],
      ['a/2', 'b/2'],
    ],
    synced: 'c',
    order: ['c', 'b', 'a'],
  },
  {
    moves: [
      ['a/2', 'b/2'],
      ['b/1', 'c/1'],
    ],
    synced: 'c',
    order: ['c', 'b', 'a'],
  },
  {
    moves: [
      ['b/1', 'c/1'],
      ['a/2', 'b/2'],
    ],
    synced: 'a',
    order: ['c', 'b', 'a'],
  },
  {
    moves: [
      ['b/1', 'c/1'],
      ['a/1', 'c/2'],
      ['a/2', 'b/2'],
    ],
    synced: 'b',
    order: ['c', 'b', 'a'],
  },
  {
    moves: [
      ['a/1', 'b/2'],
      ['b/1', 'a/2'],
      ['b/2', 'c/1'],
    ],
    synced: 'c',
    order: ['c', 'a', 'b'],
  },
  // The root, which a new folder is in, has itself lost a file.
  {
    moves: [
      ['0', 'c/1'],
      ['a/1', 'new/1'],
    ],
    synced: 'new',
    order: ['new', 'c', '.', 'a'],
  },
  {
    moves: [
      ['0', 'c/1'],
      ['a/1', 'c/2'],
      ['a/2', 'new/1'],
    ],
    synced: 'a',
    order: ['c', 'new', '.', 'a'],
  },
])('after the moves $moves a sync of $synced syncs $order', async ({ moves, synced, order }) => {
  const disk = createFolderDisk({ folder });
  for (const path of ['0', 'a/1', 'a/2', 'b/1', 'c/0']) {
    await disk.write(path, 'x');
    await disk.sync(path);
  }
  for (const [from, to] of moves) await disk.rename(from, to);
  expect(await callsOf(() => disk.sync(synced))).toEqual(order.map((each) => `sync ${each}`));
  expect(await callsOf(() => disk.sync(synced))).toEqual([`sync ${synced}`]);
});

test('a new folder is not made durable before a file that has left the folder that it is in', async () => {
  const disk = createFolderDisk({ folder });
  for (const path of ['0', 'c/0']) {
    await disk.write(path, 'x');
    await disk.sync(path);
  }
  await disk.rename('0', 'c/1');
  await disk.write('new/1', 'x');
  expect(await callsOf(() => disk.sync('new/1'))).toEqual(['sync new/1', 'sync new', 'sync c', 'sync .']);
});

test.each([
  { moved: 'in/deep/1', to: 'out/1', left: 'in', synced: ['out', '.'] },
  { moved: 'in/deep/1', to: 'out/1', left: 'in/deep', synced: ['out', 'in', '.'] },
  { moved: 'out/1', to: 'in/deep/1', left: 'in/deep', synced: ['in', '.', 'out'] },
])(
  'after a rename of $moved to $to, a sync of out syncs $synced, if a file has taken the name of $left',
  async ({ moved, to, left, synced }) => {
    const disk = createFolderDisk({ folder });
    await disk.write('out/0', 'x');
    await disk.sync('out/0');
    await disk.write(moved, 'x');
    await disk.rename(moved, to);
    if (to.startsWith(left)) await disk.remove(to);
    await disk.write(left, 'now a file');
    await disk.remove(left);
    expect(await callsOf(() => disk.sync('out'))).toEqual(synced.map((each) => `sync ${each}`));
    expect(await callsOf(() => disk.sync('out'))).toEqual(['sync out']);
  },
);

test('a disk that makes its folder syncs its name, and those of the folders above that were not there', async () => {
  const disk = createFolderDisk({ folder: join(folder, 'x', 'y') });
  expect(await callsOf(() => disk.list())).toEqual(['sync x', 'sync .']);
});

test.each([
  ['write', 'ENOSPC', 'RUNNER_DISK_NO_SPACE', 'write to log on disk locks: no space left'],
  ['write', 'EDQUOT', 'RUNNER_DISK_NO_SPACE', 'write to log on disk locks: no space left'],
  ['write', 'EFBIG', 'RUNNER_DISK_NO_SPACE', 'write to log on disk locks: no space left'],
  ['write', 'EIO', 'RUNNER_DISK_FAILED', 'write to log on disk locks: EIO from the system'],
  ['sync', 'EIO', 'RUNNER_DISK_FAILED', 'sync of log on disk locks: EIO from the system'],
  ['rename', 'EROFS', 'RUNNER_DISK_FAILED', 'rename of log to old on disk locks: EROFS from the system'],
])('when %s fails with %s it rejects with %s', async (what, code, expected, message) => {
  const disk = createFolderDisk({ folder, name: 'locks' });
  await disk.append('log', 'x');
  failing.set(what, code);
  const call =
    what === 'write'
      ? disk.write('log', 'y')
      : what === 'sync'
        ? disk.sync('log')
        : disk.rename('log', 'old');
  await expect(call).rejects.toMatchObject({ code: expected, message, cause: { code } });
  failing.clear();
  expect(await disk.list()).toEqual(['log']);
});
