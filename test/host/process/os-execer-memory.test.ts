import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import type { MemoryReport } from '../../../src/model/execer.ts';
import { start, testExecer } from '../command-run.ts';
import { livingWithMark, newMark } from '../hostile/leftovers.ts';

const MEGABYTE = 1024 * 1024;
const EXCEEDED = { state: 'COMPLETE', exitCode: 1 };

/** Holds some memory in the last process of the script and stays. */
const hold = (megabytes: number, mark: string): string =>
  `(head -c ${megabytes}m /dev/zero; sleep 50.${mark}) | tail -c ${megabytes}m`;

describe('a real process over its cap', () => {
  test.for([
    ['itself', (mark: string) => `exec sh -c '${hold(60, mark)}'`],
    ['a child', (mark: string) => `sh -c '${hold(60, mark)}' & wait`],
    ['a daemon', (mark: string) => `(setsid sh -c '${hold(60, mark)}' &); sleep 50.${mark}`],
  ] as const)('R131 R132 is killed, even if %s holds the memory', async ([, script]) => {
    const mark = newMark();
    const reports: MemoryReport[] = [];
    const execer = testExecer({ memoryCapBytes: 50 * MEGABYTE, memoryPeriodMs: 20 });
    const run = await start(execer, script(mark), {
      onMemoryReport: (report) => {
        // R133: it is dead before anybody hears of it.
        expect(livingWithMark(mark)).toEqual([]);
        reports.push(report);
      },
    });
    const status = await run.process.wait();
    expect(status).toMatchObject(EXCEEDED);
    expect(status.error).toMatch(/^Cmd exceeded MemoryCap, aborting process: \d+ of 52428800 bytes$/);
    expect(reports).toEqual([{ kind: 'exceeded', status: { ...EXCEEDED, error: status.error } }]);
    expect(livingWithMark(mark)).toEqual([]);
  });

  test('R132 leaves the list of its processes at the end of stderr, the largest first', async () => {
    const mark = newMark();
    const execer = testExecer({ memoryCapBytes: 50 * MEGABYTE, memoryPeriodMs: 20 });
    const script = `echo first >&2; ${hold(60, mark)}; echo never >&2`;
    const run = await start(execer, `echo $$; ${script}`);
    expect(await run.process.wait()).toMatchObject(EXCEEDED);
    const [first, ...lines] = run.stderr().trimEnd().split('\n');
    const title = `ps after increased memory utilization for pid ${run.stdout().trim()}:`;
    const heading = '     PID    SESS    PPID    PGID     RSS COMMAND';
    expect([first, ...lines.slice(0, 4)]).toEqual(['first', '', title, '', heading]);
    const rows = lines.slice(4).map((line) => line.trim().split(/ +/));
    expect(rows[0]?.slice(5).join(' ')).toBe('tail -c 60m');
    expect(rows.map((row) => row.slice(5).join(' '))).toContain(`sh -c echo $$; ${script}`);
    const leader = run.stdout().trim();
    expect(rows.map(([, session]) => session)).toEqual(rows.map(() => leader));
    const sizes = rows.map((row) => Number(row[4]));
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    // What exceeded the cap is all of them together, each rounded to a kilobyte.
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThanOrEqual(50 * 1024 - rows.length);
  });

  test('R132 lists arguments beyond ASCII as they are', async () => {
    const run = await start(testExecer({ memoryCapBytes: 1 }), 'sleep 50; : Grüße ☃');
    await run.process.wait();
    expect(run.stderr()).toContain('sh -c sleep 50; : Grüße ☃\n');
  });

  test('R132 passes a cap below the size of the program from the beginning', async () => {
    const run = await start(testExecer({ memoryCapBytes: 1 }), 'sleep 50');
    expect(await run.process.wait()).toMatchObject({ state: 'FAILED', exitCode: 241 });
    expect(run.stderr()).toContain('ps after increased memory utilization for pid');
  });

  test('R131 below its cap it ends by itself, and the gauge showed what its tree used', async () => {
    const metrics = createMemoryMetrics();
    const seen: number[] = [];
    const set = (value: number): void => void seen.push(value);
    const execer = testExecer({
      memoryCapBytes: 900 * MEGABYTE,
      memoryPeriodMs: 20,
      metrics: {
        counter: (name) => metrics.counter(name),
        histogram: (name) => metrics.histogram(name),
        gauge: () => ({ set }),
      },
    });
    const run = await start(execer, '(head -c 30m /dev/zero; sleep 0.3) | tail -c 30m | tail -c 1; exit 6');
    expect(await run.process.wait()).toEqual({ state: 'COMPLETE', exitCode: 6, error: '' });
    expect(Math.max(...seen)).toBeGreaterThan(30 * MEGABYTE);
    expect(Math.max(...seen)).toBeLessThan(100 * MEGABYTE);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(0);
    expect(seen.at(-1)).toBe(0);
  });
});

describe('a process with an override of the measurement', () => {
  test('R130 without a cap nothing is measured', async () => {
    let asked = 0;
    const execer = testExecer({ memoryUsage: () => ++asked });
    const { process } = await start(execer, 'exit 1');
    expect(await process.wait()).toMatchObject({ exitCode: 1 });
    expect(asked).toBe(0);
  });

  test('R132 at the first look it is FAILED 241 and counted', async () => {
    const mark = newMark();
    const metrics = createMemoryMetrics();
    const execer = testExecer({ memoryCapBytes: 10, metrics, memoryUsage: () => 11 });
    const run = await start(execer, `sleep 50.${mark}`);
    expect(await run.process.wait()).toEqual({
      state: 'FAILED',
      exitCode: 241,
      error: 'Critical error detected. Initial memory utilization is over the cap: 11 of 10 bytes',
    });
    expect(metrics.value('highInitialMemoryUtilization')).toBe(1);
    expect(livingWithMark(mark)).toEqual([]);
  });

  test('R131 is asked with the pid of the leader', async () => {
    const pids: number[] = [];
    const execer = testExecer({ memoryCapBytes: 1, memoryUsage: (pid) => pids.push(pid) - 1 });
    const run = await start(execer, 'echo $$; exit 0');
    await run.process.wait();
    expect(pids).toEqual([Number(run.stdout())]);
  });

  test('R133 D46 the whole tree is dead when the report comes, and the report before the status', async () => {
    const mark = newMark();
    const happened: string[] = [];
    let bytes = 0;
    const execer = testExecer({ memoryCapBytes: 10, memoryPeriodMs: 5, memoryUsage: () => bytes });
    const run = await start(
      execer,
      `trap '' TERM; sleep 50.${mark} & (setsid sleep 50.${mark} &); sleep 0.02; echo up; sleep 50.${mark}`,
      { onMemoryReport: ({ kind }) => happened.push(kind, `${livingWithMark(mark).length} alive`) },
    );
    await run.says('up');
    bytes = 10;
    const status = await run.process.wait();
    happened.push('status');
    expect(status).toMatchObject({
      ...EXCEEDED,
      error: 'Cmd exceeded MemoryCap, aborting process: 10 of 10 bytes',
    });
    expect(happened).toEqual(['exceeded', '0 alive', 'status']);
  });

  test('R133 D47 a report and an abort at one instant leave nobody alive and give one status', async () => {
    for (const first of ['report', 'abort']) {
      const mark = newMark();
      const kinds: string[] = [];
      let bytes = 0;
      const execer = testExecer({ memoryCapBytes: 10, memoryPeriodMs: 5, memoryUsage: () => bytes });
      const run = await start(execer, `trap '' TERM; echo up; sleep 50.${mark}; sleep 50.${mark}`, {
        onMemoryReport: ({ kind }) => kinds.push(kind),
      });
      await run.says('up');
      bytes = 10;
      if (first === 'report') await pause(8);
      const [aborted, waited] = await Promise.all([run.process.abort(), run.process.wait()]);
      expect(aborted).toBe(waited);
      expect([1, -1]).toContain(aborted.exitCode);
      expect(kinds).toEqual(aborted.exitCode === 1 ? ['exceeded'] : []);
      expect(livingWithMark(mark)).toEqual([]);
    }
  });

  test('R133 needs no receiver, and one that throws is a recorded fault', async () => {
    const execer = testExecer({ memoryCapBytes: 10, memoryUsage: () => 10 });
    const silent = await start(execer, 'sleep 50');
    expect(await silent.process.wait()).toMatchObject({ exitCode: 241 });
    const throwing = await start(execer, 'sleep 50', {
      onMemoryReport: () => {
        throw new Error('nobody home');
      },
    });
    expect(await throwing.process.wait()).toMatchObject({
      exitCode: 241,
      faults: ['memory report: nobody home'],
    });
  });

  test('R133 D65 a process that ended while it was measured keeps its result, and nothing is counted', async () => {
    const metrics = createMemoryMetrics();
    let answer = (_: number): void => undefined;
    const memoryUsage = (): Promise<number> =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const kinds: string[] = [];
    const { process } = await start(testExecer({ memoryCapBytes: 10, memoryUsage, metrics }), 'exit 0', {
      onMemoryReport: ({ kind }) => kinds.push(kind),
    });
    const waited = await process.wait();
    answer(99);
    await pause(1);
    expect(waited).toEqual({ state: 'COMPLETE', exitCode: 0, error: '' });
    expect(await process.wait()).toBe(waited);
    expect(kinds).toEqual([]);
    expect(metrics.value('highInitialMemoryUtilization')).toBe(0);
  });

  test('R134 D61 with a cap and no receiver of metrics it works', async () => {
    const { process } = await start(testExecer({ memoryCapBytes: 10, memoryUsage: () => 10 }), 'sleep 50');
    expect(await process.wait()).toMatchObject({ state: 'FAILED', exitCode: 241 });
  });
});
