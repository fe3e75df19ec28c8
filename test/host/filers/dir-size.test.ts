import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDirMonitor, dirSizeKb } from '../../../src/host/filers/dir-size.ts';
import { writeTree } from './disk-tree.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dryrunner-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const du = (path: string): number =>
  Number(execFileSync('du', ['-sk', path], { encoding: 'utf8' }).split('\t')[0]);

test('R182 sizes equal those of du: blocks of files and directories, hard links once, links not followed', async () => {
  writeTree(dir, { 'a/b/c': 'x'.repeat(50_000), 'a/d': 'y', empty: 'dir', e: '', 'é☃': 'z'.repeat(5_000) });
  for (let nth = 0; nth < 5; nth += 1) linkSync(join(dir, 'a/b/c'), join(dir, `hard${nth}`));
  symlinkSync('/usr', join(dir, 'usr'));
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.of(0xff)]), 'w'.repeat(9_000));
  for (const path of [dir, join(dir, 'a'), join(dir, 'empty'), join(dir, 'a/d')]) {
    expect([path, await dirSizeKb(path)]).toEqual([path, du(path)]);
  }
  const before = await dirSizeKb(dir);
  writeFileSync(join(dir, 'new'), 'n'.repeat(100_000));
  expect((await dirSizeKb(dir)) - before).toBe(du(join(dir, 'new')));
});

test('R182 the monitor gives a size by suffix, following the path it was given, and leaves out what cannot be measured', async () => {
  mkdirSync(join(dir, 'real'));
  writeFileSync(join(dir, 'real', 'file'), 'x'.repeat(20_000));
  symlinkSync(join(dir, 'real'), join(dir, 'link'));
  const paths = new Map([
    ['real', join(dir, 'real')],
    ['gone', join(dir, 'gone')],
    ['link', join(dir, 'link')],
  ]);
  const monitor = createDirMonitor(paths);
  paths.clear();
  const size = du(join(dir, 'real'));
  expect(await monitor.sizesKb()).toEqual(
    new Map([
      ['real', size],
      ['link', size],
    ]),
  );
});

test('R182 a directory with a part that may not be read is left out', async () => {
  // The superuser may read everything, so that the test must be somebody else for a while.
  const isRoot = process.geteuid?.() === 0;
  chmodSync(dir, 0o777);
  if (isRoot) process.seteuid?.(65_534);
  try {
    mkdirSync(join(dir, 'outer', 'locked'), { recursive: true });
    chmodSync(join(dir, 'outer', 'locked'), 0o000);
    expect(await createDirMonitor(new Map([['outer', join(dir, 'outer')]])).sizesKb()).toEqual(new Map());
  } finally {
    chmodSync(join(dir, 'outer', 'locked'), 0o700);
    if (isRoot) process.seteuid?.(0);
  }
});

test('R182 files that come and go while being measured do no harm', async () => {
  const names = Array.from({ length: 50 }, (_, nth) => join(dir, `f${nth}`));
  for (let round = 0; round < 10; round += 1) {
    for (const name of names) writeFileSync(name, 'x');
    const measuring = dirSizeKb(dir);
    await setTimeout(1);
    for (const name of names) rmSync(name);
    expect(await measuring).toBeGreaterThan(0);
  }
});

test.for([undefined, { a: '/x' }, new Map([['a', '']]), new Map([['a', 7]])])(
  'R182 %j is refused',
  (dirs) => {
    expect(() => createDirMonitor(dirs as never)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected: 'a Map of suffix to path' }),
    );
  },
);
