// What the command line prints into a file is there whole, or it says that it is not: Node takes a short write for a whole one.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, expect, test } from 'vitest';
import { SmallDisk, smallDiskMissingBecause, titledForSmallDisk } from '../host/remote/small-disk.ts';
import { builtCommand } from './command.ts';

const KIB = 1024;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
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
