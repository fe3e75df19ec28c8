// The folder of a cluster's logs is usable again after an action has changed its mode.
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLocalOutputs } from '../../../src/host/outputs/local-output.ts';
import { WorkLogs } from '../../../src/host/remote/work-logs.ts';

test('logs are created in their folder whatever mode an action gave it', async () => {
  const root = mkdtempSync(join(tmpdir(), 'dryrunner-logs-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  // The superuser may write anywhere, so that the test must be somebody else for a while.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) {
    chownSync(root, 65_534, 65_534);
    process.seteuid?.(65_534);
  }
  try {
    const troubles: string[] = [];
    const dir = join(root, 'logs');
    const logs = new WorkLogs(createLocalOutputs({ dir }), (text) => troubles.push(text));
    for (const mode of [0o700, 0o500, 0]) {
      await (await logs.create('log')).close();
      chmodSync(dir, mode);
    }
    await (await logs.create('log')).close();
    expect([statSync(dir).mode & 0o777, troubles]).toEqual([0o700, []]);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});
