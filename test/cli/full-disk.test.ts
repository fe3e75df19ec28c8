// What the command line prints into a file is there whole, or it says that it is not: Node takes a short write for a whole one.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { SmallDisk, smallDiskMissingBecause, titledForSmallDisk } from '../host/remote/small-disk.ts';
import { builtCommand } from './command.ts';

const KIB = 1024;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

describe.runIf(existsSync('/dev/full'))('a failure that cannot be printed, because of a full disk', () => {
  const dir = mkdtempSync(join(tmpdir(), 'dryrunner-full-'));
  const file = join(dir, 's.mjs');
  writeFileSync(
    file,
    "export default { name: 'bad', description: 'of a test', run: (sim) => sim.check(false, 'boom') };",
  );
  afterAll(() => rmSync(dir, { recursive: true }));

  test.for([
    ['run'],
    ['run', '--json'],
    ['explore', '--executions', '2', '--workers', '1', '--corpus', join(dir, 'corpus')],
    ['explain'],
  ])('%j exits with 1', ([command = '', ...options]) => {
    const out = openSync('/dev/full', 'w');
    ends.push(() => closeSync(out));
    const { status, stderr } = spawnSync(process.execPath, [...builtCommand, command, file, ...options], {
      stdio: ['ignore', out, 'pipe'],
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([1, expect.stringContaining('stdout cannot be written: ')]);
  });

  test('what holds exits with 2', () => {
    const out = openSync('/dev/full', 'w');
    ends.push(() => closeSync(out));
    const { status } = spawnSync(process.execPath, [...builtCommand, 'run', 'lost-reply'], {
      stdio: ['ignore', out, 'ignore'],
    });
    expect(status).toBe(2);
  });
});

test.runIf(smallDiskMissingBecause === undefined).for([
  ['more than the disk has room for is an error', KIB * KIB, 125, /stdout cannot be written: ENOSPC/],
  ['what fits is all there', 512 * KIB, 0, /COMPLETE 0/],
] as const)(titledForSmallDisk('exec into a file: %s'), ([, bytes, code, said]) => {
  const disk = new SmallDisk(KIB);
  ends.push(() => disk.remove());
  // With it the last chunk of a file as large as the disk is cut short, and no later write fails in its place.
  writeFileSync(join(disk.dir, 'before'), Buffer.alloc(4 * KIB));
  const path = join(disk.dir, 'out');
  const out = openSync(path, 'w');
  const args = [...builtCommand, 'exec', '--', 'head', '-c', String(bytes), '/dev/zero'];
  const { status, stderr } = spawnSync(process.execPath, args, {
    stdio: ['ignore', out, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(out);
  expect(stderr).toMatch(said);
  expect(status).toBe(code);
  if (code === 0) expect(statSync(path).size).toBe(bytes);
});
