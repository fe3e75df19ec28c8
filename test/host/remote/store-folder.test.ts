// What dead processes leave in the folder of a store goes, what living ones write stays, and a machine without /proc has stores as well.
import type * as Fs from 'node:fs';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ownName } from '../../../src/host/own-name.ts';
import { sweepFolder } from '../../../src/host/remote/store-folder.ts';

const HOUR_MS = 3_600_000;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Makes a file that was last written so long ago. */
function put(name: string, silentMs: number): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  const atS = (Date.now() - silentMs) / 1_000;
  utimesSync(path, atS, atS);
  return name;
}

/** A name of a process of this machine; the start time 0 says that nobody could find out when it was started. */
function nameOf(pid: number, startTicks: number): string {
  const machine = /^\d+-\d+-([0-9a-f]{12})-/.exec(ownName())?.[1] ?? '';
  return `${pid}-${startTicks}-${machine}-00`;
}

test('what this process writes stays however long it takes', () => {
  const own = put(ownName(), HOUR_MS);
  sweepFolder(folder);
  expect(readdirSync(folder)).toEqual([own]);
});

test('of a living process whose start nobody knows only what is fresh stays, as its pid may be used again', () => {
  put(nameOf(process.ppid, 0), HOUR_MS);
  const fresh = put(`${nameOf(process.ppid, 0)}1`, 0);
  sweepFolder(folder);
  expect(readdirSync(folder)).toEqual([fresh]);
});

test('what a dead process left goes at once, with and without its start', () => {
  put(nameOf(2 ** 30, 0), 0);
  put(nameOf(2 ** 30, 17), 0);
  put(nameOf(process.ppid, 1), 0);
  sweepFolder(folder);
  expect(readdirSync(folder)).toEqual([]);
});

test('of files that no store has made nothing goes, even if the folder leads to one of the user', () => {
  const theirs = join(folder, 'theirs');
  mkdirSync(theirs);
  const names = ['passwd', '.hidden', 'notes.txt', '1-2-report', `${'a'.repeat(64)}`];
  for (const name of names) put(join('theirs', name), HOUR_MS);
  const link = join(folder, 'incoming');
  symlinkSync(theirs, link);
  sweepFolder(link);
  expect(readdirSync(theirs).sort()).toEqual(names.sort());
});

test('what another machine has left goes after a minute', () => {
  put('7-17-0123456789ab-00', HOUR_MS);
  const fresh = put('7-17-0123456789ab-01', 0);
  sweepFolder(folder);
  expect(readdirSync(folder)).toEqual([fresh]);
});

test('a folder stays, and what cannot be removed; both keep nothing else from going', async () => {
  vi.resetModules();
  const stuck = nameOf(2 ** 30, 2);
  vi.doMock('node:fs', async (importOriginal) => {
    const fs = await importOriginal<typeof Fs>();
    const unlinkSync: typeof fs.unlinkSync = (path) => {
      if (String(path).endsWith(stuck)) throw Object.assign(new Error('EPERM'), { code: 'EPERM' });
      fs.unlinkSync(path);
    };
    return { ...fs, unlinkSync };
  });
  try {
    for (const pid of [1, 2, 3, 4]) put(nameOf(2 ** 30, pid), HOUR_MS);
    const inner = nameOf(2 ** 30, 5);
    mkdirSync(join(folder, inner, 'theirs'), { recursive: true });
    const other = await import('../../../src/host/remote/store-folder.ts');
    other.sweepFolder(folder);
    expect(readdirSync(folder).sort()).toEqual([stuck, inner].sort());
  } finally {
    vi.doUnmock('node:fs');
    vi.resetModules();
  }
});

test('there are names where nothing can be read of the machine', async () => {
  vi.resetModules();
  vi.doMock('node:fs', async (importOriginal) => {
    const fs = await importOriginal<typeof Fs>();
    const refuse = (path: string): never => {
      throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    };
    return { ...fs, readFileSync: refuse, readlinkSync: refuse, openSync: refuse };
  });
  try {
    const other = await import('../../../src/host/own-name.ts');
    expect(other.ownName()).toMatch(new RegExp(`^${process.pid}-0-[0-9a-f]{12}-[0-9a-f]{24}$`));
  } finally {
    vi.doUnmock('node:fs');
    vi.resetModules();
  }
});
