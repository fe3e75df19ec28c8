import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type * as fs from 'node:fs';
import { expect, test, vi } from 'vitest';
import { COOKIE_VARIABLE, createProcessCookie } from '../../../src/host/process/process-cookie.ts';
import { createLinuxProcessTree } from '../../../src/host/process/process-tree-linux.ts';
import type { ProcessTree } from '../../../src/host/process/process-tree.ts';

// Counts how often the table of processes is listed, and lets listing fail.
const listing = vi.hoisted(() => ({ count: 0, failure: undefined as Error | undefined }));
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const readdirSync = ((...args: [string]) => {
    if (args[0] === '/proc') {
      listing.count++;
      if (listing.failure !== undefined) throw listing.failure;
    }
    return real.readdirSync(...args);
  }) as typeof fs.readdirSync;
  return { ...real, readdirSync };
});

interface Started {
  readonly pid: number;
  readonly tree: ProcessTree;
  readonly exited: Promise<unknown>;
}

function started(): Started {
  const { token } = createProcessCookie(undefined);
  const env = { PATH: process.env['PATH'], [COOKIE_VARIABLE]: token };
  const child = spawn('sh', ['-c', 'sleep 50 & exec sleep 50'], { detached: true, stdio: 'ignore', env });
  const { pid = 0 } = child;
  return { pid, tree: createLinuxProcessTree(pid, token), exited: once(child, 'exit') };
}

test('R129 trees that ask in one turn share one scan, and each gets its own members', async () => {
  const all = Array.from({ length: 20 }, started);
  const censuses = async (): Promise<boolean> => {
    listing.count = 0;
    const found = await Promise.all(all.map(async ({ tree }) => tree.census()));
    // A process between two programs is nobody's for a moment.
    const isComplete = found.every(({ members }) => members.length === 2);
    if (isComplete) {
      // Once, and again to see that nobody has come; more often if the numbers of processes just begin anew.
      expect(listing.count).toBeLessThan(5);
      const groups = found.map(({ members }) => members.map(({ group }) => group));
      expect(groups).toEqual(all.map(({ pid }) => [pid, pid]));
    }
    return isComplete;
  };
  while (!(await censuses()));
  listing.count = 0;
  const killed = await Promise.all(all.map(async ({ tree }) => tree.kill()));
  // One that halts them all, and one that finds no other.
  expect(listing.count).toBeLessThan(10);
  expect(killed.map(({ members }) => members.length)).toEqual(all.map(() => 2));
  await Promise.all(all.map(({ exited }) => exited));
});

test('R125 R128 a scan that fails fails for all, and the groups are still signalled, also what is stopped in them', async () => {
  const [asked, stopped, killed, looked] = [started(), started(), started(), started()];
  process.kill(stopped.pid, 'SIGSTOP');
  listing.failure = new Error('EMFILE: too many open files');
  const results = await Promise.allSettled([
    asked.tree.terminate(),
    stopped.tree.terminate(),
    killed.tree.kill(),
    looked.tree.census(),
  ]);
  listing.failure = undefined;
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  expect(await asked.exited).toEqual([null, 'SIGTERM']);
  expect(await stopped.exited).toEqual([null, 'SIGTERM']);
  expect(await killed.exited).toEqual([null, 'SIGKILL']);
  await looked.tree.kill();
  expect(await looked.exited).toEqual([null, 'SIGKILL']);
});
