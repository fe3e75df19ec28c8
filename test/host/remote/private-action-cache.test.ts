// No result that others may have put into a temporary folder is given.
import { chmodSync, cpSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { digestOf } from '../../../src/cas/digest-of.ts';
import { createDiskActionCache } from '../../../src/host/remote/disk-action-cache.ts';
import { PrivateActionCache } from '../../../src/host/remote/private-action-cache.ts';
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
