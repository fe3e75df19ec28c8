import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTempDirFiler } from '../../../src/host/filers/temp-dir-filer.ts';
import { createTempDirs } from '../../../src/host/filers/temp-dirs.ts';
import { Cancellation } from '../../../src/model/cancellation.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dryrunner-test-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('the temp-dir filer', () => {
  test('R171 R174 D89 gives each checkout a new empty directory, which a release removes with all that is in it', async () => {
    const filer = createTempDirFiler({ root });
    const checkouts = await Promise.all(['a', 'a', '../../etc'].map((id) => filer.checkout(id)));
    expect(checkouts.map(({ id }) => id)).toEqual(['a', 'a', '../../etc']);
    expect(readdirSync(root).sort()).toEqual(checkouts.map(({ path }) => basename(path)).sort());
    for (const { path } of checkouts) {
      expect(readdirSync(path)).toEqual([]);
      mkdirSync(join(path, 'sub'));
      writeFileSync(join(path, 'sub', 'file'), '');
      symlinkSync(tmpdir(), join(path, 'link'));
    }
    await Promise.all(checkouts.map((checkout) => checkout.release()));
    await Promise.all(checkouts.map((checkout) => checkout.release()));
    expect([readdirSync(root), existsSync(tmpdir())]).toEqual([[], true]);
  });

  test('R172 D88 checkoutAt makes the directory or takes an empty one, and its release restores that', async () => {
    const filer = createTempDirFiler({ root });
    const [missing, empty] = [join(root, 'missing'), join(root, 'empty')];
    mkdirSync(empty);
    for (let round = 0; round < 2; round += 1) {
      for (const dir of [missing, empty]) {
        const checkout = await filer.checkoutAt('a', dir);
        expect({ ...checkout }).toEqual({ path: dir, id: 'a' });
        writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.of(0xff)]), '');
        await checkout.release();
      }
      expect([existsSync(missing), readdirSync(empty)]).toEqual([false, []]);
    }
  });

  test('R173 D97 makes nothing when cancelled before it began', async () => {
    const filer = createTempDirFiler({ root });
    const cancel = new Cancellation();
    cancel.cancel();
    for (const attempt of [
      () => filer.checkout('a', cancel),
      () => filer.checkoutAt('a', join(root, 'at'), cancel),
      () => filer.update(cancel),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'RUNNER_CANCELLED' });
    }
    expect(readdirSync(root)).toEqual([]);
  });

  test('R170 R174 D90 refuses to ingest, ids with NUL, and what the disk refuses', async () => {
    const filer = createTempDirFiler({ root });
    for (const attempt of [() => filer.ingest('/etc'), () => filer.ingestMap(new Map())]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        message: 'the temp-dir filer keeps no snapshots',
      });
    }
    for (const attempt of [
      () => filer.checkout('a\0'),
      () => filer.checkoutAt('a\0', root),
      () => filer.checkoutAt('a', 'x'),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    }
    await expect(createTempDirFiler({ root: join(root, 'none') }).checkout('a')).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      message: 'a temporary directory could not be made',
      exitCode: 212,
      cause: { code: 'ENOENT' },
    });
    expect([await filer.update(), filer.updateIntervalMs, filer.cancelBoundMs]).toEqual([
      undefined,
      0,
      5_000,
    ]);
  });
});

describe('temporary directories', () => {
  test('are private, carry the requested name, and are gone after the release', async () => {
    const dirs = createTempDirs({ root });
    const dir = await dirs.create('run/0 ../\0x');
    expect(basename(dir.path)).toMatch(/^dryrunner-run_0_..__x-\w{6}$/);
    expect([statSync(dir.path).mode & 0o777, dir.id, dirs.boundMs]).toEqual([0o700, '', 5_000]);
    await dir.release();
    expect(readdirSync(root)).toEqual([]);
    const odd = await createTempDirs({ root, prefix: '../' }).create('..');
    expect(readdirSync(root)).toEqual([basename(odd.path)]);
    const usual = await createTempDirs().create('x');
    expect(usual.path.startsWith(join(tmpdir(), 'dryrunner-x-'))).toBe(true);
    await usual.release();
  });

  test('R171 a directory that the run made read-only is still removed', async () => {
    // The superuser may write anywhere, so that the test must be somebody else for a while.
    const isRoot = process.geteuid?.() === 0;
    chmodSync(root, 0o777);
    if (isRoot) process.seteuid?.(65_534);
    try {
      const dir = await createTempDirs({ root }).create('run');
      mkdirSync(join(dir.path, 'locked', 'deeper'), { recursive: true });
      const odd = Buffer.concat([Buffer.from(join(dir.path, 'locked', 'deeper/')), Buffer.of(0xff)]);
      mkdirSync(odd);
      writeFileSync(Buffer.concat([odd, Buffer.from('/file')]), '');
      chmodSync(odd, 0o555);
      symlinkSync('/etc', join(dir.path, 'locked', 'link'));
      chmodSync(join(dir.path, 'locked', 'deeper'), 0o000);
      chmodSync(join(dir.path, 'locked'), 0o555);
      await dir.release();
      expect(existsSync(dir.path)).toBe(false);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  test('R171 a directory deeper than the longest path is removed with all that is in it', async () => {
    const dirs = createTempDirs({ root });
    const dir = await dirs.create('run');
    // 400 levels of 30 bytes are 12 kB, and no path has more than 4 kB. A file and a link on each level; some levels are locked.
    const name = 'd'.repeat(30);
    const dig = `i=0; while [ $i -lt 400 ]; do i=$((i+1)); : > file; ln -s / link; mkdir -p '${name}/side/x'
      cd -P '${name}' || exit 1; done; : > last`;
    execFileSync('sh', ['-c', dig], { cwd: dir.path });
    chmodSync(join(dir.path, name, name), 0o500);
    await dir.release();
    expect([readdirSync(root), existsSync('/proc')]).toEqual([[], true]);
  });

  test('R172 what a run left too deep in an existing directory is removed, and the directory stays', async () => {
    const kept = join(root, 'kept');
    mkdirSync(kept);
    const checkout = await createTempDirFiler({ root }).checkoutAt('a', kept);
    const dig = `i=0; while [ $i -lt 30 ]; do i=$((i+1)); mkdir ${'e'.repeat(200)}; cd -P ${'e'.repeat(200)}; done`;
    execFileSync('sh', ['-c', dig], { cwd: kept });
    await checkout.release();
    expect([readdirSync(root), readdirSync(kept)]).toEqual([['kept'], []]);
  });

  test('R171 a directory that cannot be removed is reported with exit code 213', async () => {
    const isRoot = process.geteuid?.() === 0;
    chmodSync(root, 0o777);
    if (isRoot) process.seteuid?.(65_534);
    try {
      const outer = await createTempDirs({ root }).create('outer');
      const inner = await createTempDirs({ root: outer.path }).create('inner');
      chmodSync(outer.path, 0o555);
      await expect(inner.release()).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        message: `checkout ${inner.path} could not be removed`,
        exitCode: 213,
        cause: { code: 'EACCES' },
      });
      await outer.release();
      expect(existsSync(outer.path)).toBe(false);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});
