import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { createProcessCookie } from '../../../src/host/process/process-cookie.ts';
import { readEnvironment } from '../../../src/host/process/process-environment.ts';
import { pageBytes } from '../../../src/host/process/process-memory.ts';
import { comesTrue } from '../hostile/leftovers.ts';
import {
  parseStat,
  readProcess,
  readProcesses,
  readResidentPages,
} from '../../../src/host/process/process-table.ts';

const stat = (name: string, state: string, threads: number): string =>
  `42 (${name}) ${state} 7 40 39 0 -1 4194304 98 0 0 0 0 0 0 0 20 0 ${threads} 0 102195 3133440 349 184467 1 2`;

describe('a line of the process table', () => {
  test('gives pid, parent, group, session and birth', () => {
    expect(parseStat(stat('sh', 'S', 1))).toEqual({
      pid: 42,
      parent: 7,
      group: 40,
      session: 39,
      alive: true,
      stopped: false,
      kernel: false,
      name: 'sh',
      startTicks: 102195,
    });
  });

  test.for(['a b', ') R 1 2 3', '(()', '', 'x) Z 9'])(
    'is parsed correctly for a program named "%s"',
    (name) => {
      expect(parseStat(stat(name, 'S', 1))).toEqual({ ...parseStat(stat('sh', 'S', 1)), name });
    },
  );

  test.for([
    ['R', 1, true],
    ['S', 1, true],
    ['D', 1, true],
    ['T', 1, true],
    ['Z', 1, false],
    ['Z', 0, false],
    ['X', 1, false],
    // The first thread has ended, another one lives.
    ['Z', 2, true],
  ] as const)('R129 in state %s with %i threads: alive is %s', ([state, threads, alive]) => {
    expect(parseStat(stat('sh', state, threads))?.alive).toBe(alive);
  });

  test('shows which process is halted', () => {
    expect(parseStat(stat('sh', 'T', 1))?.stopped).toBe(true);
    expect(parseStat(stat('sh', 'R', 1))?.stopped).toBe(false);
  });

  test('shows which process is a kernel thread', () => {
    expect(parseStat(stat('kworker/0:1', 'I', 1).replace('4194304', '69238880'))?.kernel).toBe(true);
  });

  test.for(['', 'nonsense', '42 (sh) S 1 2'])('"%s" is not a line of the table', (text) => {
    expect(parseStat(text)).toBe(undefined);
  });
});

describe('the process table', () => {
  test('holds this process and its children, and is exact', async () => {
    const child = spawn('sleep', ['50']);
    const { entries } = readProcesses();
    expect(entries.get(process.pid)).toMatchObject({ pid: process.pid, parent: process.ppid, alive: true });
    expect(entries.get(child.pid!)).toMatchObject({ parent: process.pid, alive: true });
    expect(readProcess(child.pid!)).toMatchObject({ pid: child.pid });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(readProcess(child.pid!)).toBe(undefined);
  });

  test('R129 shows processes born while it was read, and no threads', async () => {
    const born: (number | undefined)[] = [];
    const workers: Worker[] = [];
    const { entries, exact } = readProcesses(() => {
      if (born.length === 3) return;
      born.push(spawn('sleep', ['0.2'], { stdio: 'ignore' }).pid);
      workers.push(new Worker('setTimeout(() => undefined, 60_000)', { eval: true }));
    });
    const threads = readdirSync('/proc/self/task').map(Number);
    for (const worker of workers) await worker.terminate();
    expect(born.filter((pid) => !entries.has(pid!))).toEqual([]);
    expect(threads.filter((thread) => entries.has(thread))).toEqual([process.pid]);
    expect(exact).toBe(true);
  });

  test('R131 counts memory in pages of the machine', () => {
    const bytes = readResidentPages(process.pid).all * pageBytes();
    const { rss } = process.memoryUsage();
    expect(bytes).toBeGreaterThan(rss / 2);
    expect(bytes).toBeLessThan(rss * 2);
    expect(readResidentPages(2 ** 30)).toEqual({ all: 0, fromFiles: 0 });
  });
});

/** Undefined while it is unknown. */
function carries(pid: number, token: string): boolean | undefined {
  const environment = readEnvironment(pid);
  return environment.isKnown ? environment.holds(token) : undefined;
}

describe('the environment cookie', () => {
  test('R122 is found anywhere in the environment, and in no other process', async () => {
    const { token, value } = createProcessCookie(undefined);
    expect(value).toBe(token);
    // The token lies once in each of the pieces in which an environment is read, and across their borders.
    for (const before of [0, 1000, 65_500, 65_520, 100_000]) {
      const env = { A: 'x'.repeat(before % 100_000), B: 'y'.repeat(before / 2), COOKIE: value };
      const child = spawn('sleep', ['50'], { env });
      expect(await comesTrue(() => carries(child.pid!, token) === true)).toBe(true);
      expect(carries(child.pid!, createProcessCookie(undefined).token)).toBe(false);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(carries(child.pid!, token)).toBe(false);
    }
  });

  test('R129 no scan misses it, even while a process becomes another program', async () => {
    const { token, value } = createProcessCookie(undefined);
    const env = { PATH: process.env['PATH'], COOKIE: value };
    const seen = new Set<boolean | undefined>();
    // Each of them becomes another program fifty times, and then another process.
    const script = 'n=$((n+1)); export n; [ $n -lt 50 ] && exec sh -c "$SELF"; exec sleep 50';
    for (let count = 0; count < 5; count++) {
      const child = spawn('sh', ['-c', script], { env: { ...env, SELF: script } });
      for (let looks = 0; looks < 2000; looks++) seen.add(carries(child.pid!, token));
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    seen.delete(undefined);
    expect([...seen]).toEqual([true]);
  });

  test('R122 an empty environment holds no cookie', async () => {
    const child = spawn('sleep', ['50'], { env: {} });
    expect(await comesTrue(() => carries(child.pid!, 'token') === false)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  test('R122 keeps the cookies around it', () => {
    const outer = createProcessCookie('');
    const inner = createProcessCookie(outer.value);
    expect(outer.value).toBe(outer.token);
    expect(inner.value).toBe(`${outer.token}:${inner.token}`);
  });
});
