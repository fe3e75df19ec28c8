// No result that others may have put into a temporary folder is given.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createMemoryActionCache } from '../../../src/cas/memory-action-cache.ts';
import { digestOf } from '../../../src/cas/digest-of.ts';
import { createDiskActionCache } from '../../../src/host/remote/disk-action-cache.ts';
import { createUnsharedContentStore } from '../../../src/host/remote/disk-content-store.ts';
import { PrivateActionCache } from '../../../src/host/remote/private-action-cache.ts';
import { PrivateContentStore } from '../../../src/host/remote/private-content-store.ts';
import { makeTempFolder } from '../../../src/host/temp-folder.ts';
import type { ActionOutcome } from '../../../src/model/action.ts';

const ACTION = digestOf('action');
const OUTCOME: ActionOutcome = {
  exitCode: 3,
  outputFiles: [],
  outputDirectories: [],
  outputSymlinks: [],
  metadata: { worker: 'w' },
};

test('a result is given only while its folder is private, and put only into such a one', async () => {
  const folder = makeTempFolder('serve');
  onTestFinished(() => folder.remove());
  const cache = new PrivateActionCache(createDiskActionCache({ dir: join(folder.path, 'ac') }), folder);
  const put = (): Promise<void> => cache.put('', ACTION, OUTCOME);
  const exitCode = async (): Promise<number | undefined> => (await cache.get('', ACTION))?.exitCode;
  await put();
  expect(await exitCode()).toBe(3);
  chmodSync(folder.path, 0o777);
  expect(await exitCode()).toBeUndefined();
  await put();
  expect([await exitCode(), statSync(folder.path).mode & 0o777]).toEqual([3, 0o700]);
  rmSync(folder.path, { recursive: true });
  await put();
  expect([await exitCode(), statSync(folder.path).mode & 0o777]).toEqual([3, 0o700]);

  const others = mkdtempSync(join(tmpdir(), 'dryrunner-others-'));
  onTestFinished(() => rmSync(others, { recursive: true }));
  cpSync(folder.path, others, { recursive: true });
  rmSync(folder.path, { recursive: true });
  symlinkSync(others, folder.path);
  expect(await exitCode()).toBeUndefined();
  await expect(put()).rejects.toMatchObject({
    code: 'RUNNER_DISK_FAILED',
    message: 'the cluster has no folder for results: file already exists',
  });
});

test('a folder that others may write to is not even read', async () => {
  const folder = makeTempFolder('serve');
  onTestFinished(() => folder.remove());
  let reads = 0;
  const counted = {
    cancelBoundMs: 0,
    get: () => {
      reads += 1;
      return OUTCOME;
    },
    put: () => undefined,
  };
  const cache = new PrivateActionCache(counted, folder);
  expect(await cache.get('', ACTION)).toEqual(OUTCOME);
  chmodSync(folder.path, 0o777);
  expect(await cache.get('', ACTION)).toBeUndefined();
  expect(reads).toBe(1);
});

/** A cache of others that has a result for each of these actions, to be planted. */
async function plantedBy(dir: string): Promise<void> {
  await createDiskActionCache({ dir }).put('', ACTION, OUTCOME);
}

test('what others may have planted never counts again, also when the folder is private again', async () => {
  const folder = makeTempFolder('serve');
  onTestFinished(() => folder.remove());
  const dir = join(folder.path, 'ac');
  const cache = new PrivateActionCache(createDiskActionCache({ dir }), folder);
  chmodSync(folder.path, 0o777);
  rmSync(dir, { recursive: true });
  await plantedBy(dir);
  await cache.put('', digestOf('another'), OUTCOME);
  expect(await cache.get('', ACTION)).toBeUndefined();
  expect(await cache.get('', digestOf('another'))).toEqual(OUTCOME);
});

test('what was read from a folder that was made again meanwhile does not count', async () => {
  const folder = makeTempFolder('serve');
  onTestFinished(() => folder.remove());
  const results = createMemoryActionCache();
  results.put('', ACTION, OUTCOME);
  const cache = new PrivateActionCache(
    {
      cancelBoundMs: 0,
      get(instanceName, action) {
        rmSync(folder.path, { recursive: true });
        folder.restore();
        return results.get(instanceName, action);
      },
      put: () => undefined,
    },
    folder,
  );
  expect(await cache.get('', ACTION)).toBeUndefined();
});

test('blobs are in no folder that others may write to, or have made', async () => {
  const folder = makeTempFolder('serve');
  onTestFinished(() => folder.remove());
  vi.useFakeTimers({ toFake: ['setInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const disk = createUnsharedContentStore({ dir: join(folder.path, 'cas') });
  onTestFinished(() => disk.close());
  const store = new PrivateContentStore(disk, folder);
  const bytes = new TextEncoder().encode('blob');
  const blob = digestOf(bytes);
  await store.write(blob, bytes);
  expect(await store.findMissing([blob])).toEqual([]);
  chmodSync(folder.path, 0o777);
  expect(await store.findMissing([blob])).toEqual([blob]);
  await store.write(blob, bytes);
  expect([await store.read(blob), statSync(folder.path).mode & 0o777]).toEqual([Buffer.from(bytes), 0o700]);

  const others = mkdtempSync(join(tmpdir(), 'dryrunner-others-'));
  onTestFinished(() => rmSync(others, { recursive: true }));
  const planted = join(others, 'cas', 'objects', blob.hash.slice(0, 2), blob.hash.slice(2));
  for (const path of [join(planted, '..'), join(others, 'cas/leases'), join(others, 'cas/incoming')]) {
    mkdirSync(path, { recursive: true });
  }
  writeFileSync(planted, bytes);
  utimesSync(planted, 1, 1);
  const writer = store.openWrite(blob);
  const hold = store.hold([digestOf('held')]);
  rmSync(folder.path, { recursive: true });
  symlinkSync(others, folder.path);
  const refusal = {
    code: 'RUNNER_DISK_FAILED',
    message: 'the cluster has no folder for blobs: file already exists',
  };
  const calls: readonly (() => unknown)[] = [
    () => store.findMissing([blob]),
    () => store.read(blob),
    () => store.readStream(blob)[Symbol.asyncIterator]().next(),
    () => store.write(blob, bytes),
    () => store.hold([blob]),
    () => store.holdAlong(digestOf('held'), [blob]),
    () => writer.write(0, bytes),
    () => writer.finish(),
  ];
  for (const call of calls) await expect((async () => call())()).rejects.toMatchObject(refusal);
  // What a store that others share does again and again.
  vi.advanceTimersByTime(60_000);
  hold.release();
  for (const name of ['leases', 'incoming']) expect(readdirSync(join(others, 'cas', name))).toEqual([]);
  expect(statSync(planted).mtimeMs).toBe(1_000);
});
