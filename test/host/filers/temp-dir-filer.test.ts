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
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DirCheckout, filled } from '../../../src/host/filers/dir-checkout.ts';
import { createTempDirFiler } from '../../../src/host/filers/temp-dir-filer.ts';
import { Cancellation } from '../../../src/model/cancellation.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dryrunner-test-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('the temp-dir filer', () => {
  test('R171 R174 D89 D98 gives each checkout a new empty directory, which a release removes with all that is in it', async () => {
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
      message: expect.stringMatching(/^a temporary directory could not be made: ENOENT: .*mkdtemp/),
      exitCode: 212,
      cause: { code: 'ENOENT' },
    });
    expect([await filer.update(), filer.updateIntervalMs, filer.cancelBoundMs]).toEqual([
      undefined,
      0,
      5_000,
    ]);
  });

  test('R172 what a run left too deep in an existing directory is removed, and the directory stays', async () => {
    const kept = join(root, 'kept');
    mkdirSync(kept);
    chmodSync(kept, 0o750);
    const checkout = await createTempDirFiler({ root }).checkoutAt('a', kept);
    const dig = `i=0; while [ $i -lt 30 ]; do i=$((i+1)); mkdir ${'e'.repeat(200)}; cd -P ${'e'.repeat(200)}; done`;
    execFileSync('sh', ['-c', dig], { cwd: kept });
    await checkout.release();
    expect([readdirSync(root), readdirSync(kept)]).toEqual([['kept'], []]);
    expect(statSync(kept).mode & 0o777).toBe(0o750);
  });

  test('R172 a directory that the run has removed or replaced is released, and nothing is followed', async () => {
    const [kept, outside] = [join(root, 'kept'), join(root, 'outside')];
    mkdirSync(outside);
    writeFileSync(join(outside, 'file'), '');
    chmodSync(outside, 0o711);
    for (const replace of [
      () => undefined,
      () => symlinkSync(outside, kept),
      () => writeFileSync(kept, ''),
    ]) {
      mkdirSync(kept);
      const checkout = await createTempDirFiler({ root }).checkoutAt('a', kept);
      rmSync(kept, { recursive: true });
      replace();
      await checkout.release();
      expect([readdirSync(root), readdirSync(outside)]).toEqual([['outside'], ['file']]);
      expect(statSync(outside).mode & 0o777).toBe(0o711);
    }
  });

  test('R172 a mode that the run has changed is restored', async () => {
    const kept = join(root, 'kept');
    mkdirSync(kept);
    chmodSync(kept, 0o2755);
    const checkout = await createTempDirFiler({ root }).checkoutAt('a', kept);
    chmodSync(kept, 0o777);
    await checkout.release();
    expect(statSync(kept).mode & 0o7777).toBe(0o2755);
  });
});

test('a checkout that fails, and cannot be removed, says why it failed', async () => {
  const path = join(root, 'checkout');
  mkdirSync(path);
  const checkout = new DirCheckout(path, 'a');
  vi.spyOn(checkout, 'release').mockRejectedValue(new Error(`checkout ${path} could not be removed`));
  const warning = vi.spyOn(process, 'emitWarning').mockReturnValue();
  onTestFinished(() => warning.mockRestore());
  await expect(filled(checkout, () => Promise.reject(new Error('no such blob')))).rejects.toMatchObject({
    code: 'RUNNER_FILER_FAILED',
    message: 'checkout a failed: no such blob',
  });
  expect(warning.mock.calls).toEqual([[`checkout ${path} could not be removed`]]);
});
