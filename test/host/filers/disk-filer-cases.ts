// What every filer keeps that makes and checks out snapshots on the disk: one body for the directory and the git filer.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cancellation } from '../../../src/model/cancellation.ts';
import type { DiskFiler } from '../../../src/host/filers/disk-filer.ts';
import { readTree, writeTree } from './disk-tree.ts';
import type { DiskTree } from './disk-tree.ts';

/** What differs between filers. */
export interface DiskFilerSubject {
  /** `store` is where snapshots go and does not exist yet, `root` where checkouts are made. */
  readonly create: (store: string, root: string) => DiskFiler;
  /** A well-formed id that no snapshot has. */
  readonly unknownId: string;
  /** What an id is, as the refusal says. */
  readonly idExpected: string;
}

const TREE: DiskTree = {
  'bin/run.sh': 'x:echo hi',
  'deep/er/file': 'content',
  'deep/er/link': '-> ../../readme',
  'empty file': '',
  'naïve ☃.txt': 'ünï\r\nb\0',
  readme: 'read me\n',
};

/** Registers the cases; call it inside a `describe`. */
export function diskFilerCases({ create, unknownId, idExpected }: DiskFilerSubject): void {
  let base: string;
  let root: string;
  let source: string;
  let filer: DiskFiler;

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'dryrunner-test-'));
    root = join(base, 'checkouts');
    mkdirSync(root);
    source = writeTree(join(base, 'source'), TREE);
    filer = create(join(base, 'store'), root);
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  test('R170 R171 D89 D98 an ingested tree is checked out unchanged, and is gone after a release, which may be repeated', async () => {
    const id = await filer.ingest(source);
    expect(await filer.ingest(source)).toBe(id);
    const checkout = await filer.checkout(id);
    expect(checkout.id).toBe(id);
    expect(readTree(checkout.path)).toEqual(TREE);
    await checkout.release();
    expect(readdirSync(root)).toEqual([]);
    mkdirSync(checkout.path);
    await checkout.release();
    expect(existsSync(checkout.path)).toBe(true);
  });

  test('R171 changes in a checkout affect neither the snapshot nor another checkout', async () => {
    const id = await filer.ingest(source);
    const [first, second] = [await filer.checkout(id), await filer.checkout(id)];
    writeFileSync(join(first.path, 'readme'), 'changed');
    writeFileSync(join(first.path, 'new'), 'new');
    writeFileSync(join(source, 'readme'), 'changed');
    expect(readTree(second.path)).toEqual(TREE);
    expect(readTree((await filer.checkout(id)).path)).toEqual(TREE);
    expect(await filer.ingest(source)).not.toBe(id);
  });

  test('R171 R172 D88 a release of checkoutAt restores what was there, and blocks no later checkout', async () => {
    const id = await filer.ingest(source);
    const missing = join(base, 'missing');
    const empty = join(base, 'empty');
    mkdirSync(empty);
    for (let round = 0; round < 3; round += 1) {
      const checkouts = [await filer.checkoutAt(id, missing), await filer.checkoutAt(id, empty)];
      expect(checkouts.map(({ path }) => path)).toEqual([missing, empty]);
      for (const { path } of checkouts) expect(readTree(path)).toEqual(TREE);
      writeFileSync(join(empty, 'left by the run'), '');
      await Promise.all(checkouts.map((checkout) => checkout.release()));
      await Promise.all(checkouts.map((checkout) => checkout.release()));
      expect([existsSync(missing), readdirSync(empty), readdirSync(root)]).toEqual([false, [], []]);
      await (await filer.checkout(id)).release();
    }
  });

  test('R170 R171 checkoutAt refuses a directory that is not empty, a file, a link, and a missing parent', async () => {
    const id = await filer.ingest(source);
    const link = join(base, 'link');
    mkdirSync(join(base, 'target'));
    for (const each of [link, `${link}\n`]) symlinkSync(join(base, 'target'), each);
    for (const [dir, ending] of [
      [source, ''],
      [join(source, 'readme'), ''],
      [link, ''],
      [link, '/'],
      [link, '/./'],
      [`${link}\n`, '/'],
    ] as const) {
      await expect(filer.checkoutAt(id, `${dir}${ending}`)).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        message: `Not an empty directory: ${dir}`,
        exitCode: 212,
      });
    }
    const orphan = join(base, 'no', 'parent');
    await expect(filer.checkoutAt(id, orphan)).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      message: `directory ${orphan} could not be made`,
      cause: { code: 'ENOENT' },
    });
    for (const dir of ['relative', '', `/a\0b`]) {
      await expect(filer.checkoutAt(id, dir)).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    }
    expect([readTree(source), readdirSync(join(base, 'target'))]).toEqual([TREE, []]);
  });

  test('R171 16 concurrent checkouts are all complete and separate, and leave nothing', async () => {
    const id = await filer.ingest(source);
    const checkouts = await Promise.all(Array.from({ length: 16 }, () => filer.checkout(id)));
    expect(new Set(checkouts.map(({ path }) => path)).size).toBe(16);
    for (const { path } of checkouts) expect(readTree(path)).toEqual(TREE);
    await Promise.all(checkouts.map((checkout) => checkout.release()));
    expect(readdirSync(root)).toEqual([]);
  });

  test('R170 R171 a .. behind a link leads where the system takes it', async () => {
    const [real, beside] = [join(base, 'there', 'other'), join(base, 'other')];
    mkdirSync(join(base, 'there', 'in'), { recursive: true });
    symlinkSync(join(base, 'there', 'in'), join(base, 'link'));
    writeTree(real, { 'd/f': 'right' });
    writeTree(beside, { 'd/f': 'wrong' });
    const id = await filer.ingest(`${base}/link/../other`);
    expect(readTree((await filer.checkout(id)).path)).toEqual({ 'd/f': 'right' });
    expect(await filer.ingest(`${base}/link/../other/d/f`)).toBe(await filer.ingest(join(real, 'd/f')));
    for (const dir of [real, beside]) rmSync(join(dir, 'd'), { recursive: true });
    const checkout = await filer.checkoutAt(id, `${base}/link/../other`);
    expect([readTree(real), readdirSync(beside)]).toEqual([{ 'd/f': 'right' }, []]);
    await checkout.release();
    expect(readdirSync(real)).toEqual([]);
  });

  test('R170 16 concurrent ingestions give the same ids as one by one', async () => {
    const sources = Array.from({ length: 16 }, (_, nth) =>
      writeTree(join(base, `source${nth}`), { shared: 'same', own: String(nth % 4) }),
    );
    const ids = await Promise.all(sources.map((path) => filer.ingest(path)));
    expect(new Set(ids).size).toBe(4);
    for (const [nth, id] of ids.entries()) {
      expect(id).toBe(ids[nth % 4]);
      expect(readTree((await filer.checkout(id)).path)).toEqual({ shared: 'same', own: String(nth % 4) });
    }
  });

  test('R170 R174 a file ingests as one file, and a map puts sources at their targets', async () => {
    const file = await filer.checkout(await filer.ingest(join(source, 'bin', 'run.sh')));
    expect(readTree(file.path)).toEqual({ 'run.sh': 'x:echo hi' });
    const id = await filer.ingestMap(
      new Map([
        [join(source, 'deep'), 'a/b'],
        [join(source, 'readme'), 'readme'],
        [join(source, 'bin'), ''],
      ]),
    );
    expect(readTree((await filer.checkout(id)).path)).toEqual({
      'a/b/er/file': 'content',
      'a/b/er/link': '-> ../../readme',
      'run.sh': 'x:echo hi',
      readme: 'read me\n',
    });
  });

  test('R170 a map with two sources for one target, or a target outside, is refused', async () => {
    const two = (first: string, second: string): Map<string, string> =>
      new Map([
        [join(source, 'readme'), first],
        [join(source, 'bin'), second],
      ]);
    for (const paths of [two('bin', 'bin'), two('run.sh', ''), two('x/run.sh/y', 'x')]) {
      await expect(filer.ingestMap(paths)).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        expected: 'one source for each target',
      });
    }
    for (const target of ['../x', '/x', 'a/../../x', 'a\0']) {
      await expect(filer.ingestMap(two(target, 'y'))).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        expected: 'a relative path without empty, . or .. segments',
      });
    }
    await expect(filer.ingestMap(two('', 'y'))).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      expected: 'a name for the file',
    });
  });

  test('R170 an unreadable source is an error of the filer with exit code 214', async () => {
    for (const path of [join(base, 'none'), join(source, 'readme', 'below')]) {
      await expect(filer.ingest(path)).rejects.toMatchObject({ code: 'RUNNER_FILER_FAILED', exitCode: 214 });
    }
    await expect(filer.ingest('relative')).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
  });

  test.for(['../../etc', '', '.', 'a\0b', '/etc', 'HEAD', '--help', 'ABC', 7 as never])(
    'R170 the id %j is refused and touches nothing',
    async (id) => {
      for (const attempt of [() => filer.checkout(id), () => filer.checkoutAt(id, join(base, 'at'))]) {
        await expect(attempt()).rejects.toMatchObject({
          code: 'RUNNER_INVALID_ARGUMENT',
          expected: idExpected,
        });
      }
      expect(readdirSync(base).sort()).toEqual(['checkouts', 'source']);
      expect(readdirSync(root)).toEqual([]);
    },
  );

  test('R174 an unknown id is named', async () => {
    await filer.ingest(source);
    await expect(filer.checkout(unknownId)).rejects.toMatchObject({
      code: 'RUNNER_UNKNOWN_SNAPSHOT',
      message: `No snapshot with id: ${unknownId}`,
    });
    await expect(filer.checkoutAt(unknownId, join(base, 'at'))).rejects.toMatchObject({
      code: 'RUNNER_UNKNOWN_SNAPSHOT',
    });
    expect([readdirSync(root), existsSync(join(base, 'at'))]).toEqual([[], false]);
  });

  test('R173 D97 an operation cancelled before it began fails', async () => {
    const id = await filer.ingest(source);
    const cancel = new Cancellation();
    cancel.cancel();
    const attempts: (() => Promise<unknown>)[] = [
      () => filer.checkout(id, cancel),
      () => filer.checkoutAt(id, join(base, 'at'), cancel),
      () => filer.ingest(source, cancel),
      () => filer.ingestMap(new Map([[source, '']]), cancel),
      () => filer.update(cancel),
    ];
    for (const attempt of attempts) {
      await expect(attempt()).rejects.toMatchObject({ code: 'RUNNER_CANCELLED' });
    }
    expect([readdirSync(root), existsSync(join(base, 'at'))]).toEqual([[], false]);
  });

  test('R173 D44 D97 a cancel in the middle fails the operation soon, and leaves nothing', async () => {
    const big: Record<string, string> = {};
    for (let nth = 0; nth < 300; nth += 1) big[`d${nth % 20}/f${nth}`] = String(nth).repeat(500);
    const bigSource = writeTree(join(base, 'big'), big);
    const id = await filer.ingest(bigSource);
    const operations: ((cancel: Cancellation) => Promise<unknown>)[] = [
      (cancel) => filer.checkout(id, cancel),
      (cancel) => filer.checkoutAt(id, join(base, 'at'), cancel),
      (cancel) => filer.ingest(bigSource, cancel),
    ];
    for (const operation of operations) {
      for (const delayMs of [0, 3]) {
        const cancel = new Cancellation();
        setTimeout(() => cancel.cancel(), delayMs);
        await expect(operation(cancel)).rejects.toMatchObject({ code: 'RUNNER_CANCELLED' });
        expect([readdirSync(root), existsSync(join(base, 'at'))]).toEqual([[], false]);
      }
    }
    const after = await filer.checkout(id);
    expect(readTree(after.path)).toEqual(big);
  });

  test('R170 states its bound and never asks for updates by itself', async () => {
    expect([filer.cancelBoundMs, filer.updateIntervalMs]).toEqual([5_000, 0]);
    expect(await filer.update()).toBeUndefined();
  });
}
