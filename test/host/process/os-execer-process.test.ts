import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { FaultLog } from '../../../src/execers/fault-log.ts';
import { memoryReport } from '../../../src/execers/process-status.ts';
import { osExecerLimits } from '../../../src/host/process/os-execer-options.ts';
import { OsProcess } from '../../../src/host/process/os-execer-process.ts';
import type { StartedChild } from '../../../src/host/process/os-execer-spawn.ts';
import type { OutputPump } from '../../../src/host/process/output-pump.ts';
import type { TreeCensus } from '../../../src/host/process/process-tree.ts';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import type { MemoryReport } from '../../../src/model/execer.ts';
import { runOn } from './clock-steps.ts';
import { LEADER, census, fakeTree } from './fake-tree.ts';

const NOBODY = census([]);
const EVERYBODY = census([LEADER, 7]);

interface Setup {
  readonly shows?: (TreeCensus | Error)[];
  readonly leaderLives?: () => boolean;
  readonly pumps?: readonly OutputPump[];
  /** The label of the timers that cannot be made; true: no timer can. */
  readonly brokenClock?: string | boolean;
}

/** A process whose child, tree and output are the test's, on a virtual clock with the default limits. */
function made({ shows = [NOBODY], leaderLives, pumps = [], brokenClock = false }: Setup = {}) {
  const clock = createVirtualClock();
  const child = Object.assign(new EventEmitter(), { pid: LEADER });
  const tree = fakeTree(shows, leaderLives);
  const happened: string[] = [];
  const process = new OsProcess({
    child: child as unknown as StartedChild,
    tree,
    pumps,
    stderr: undefined,
    faults: new FaultLog(),
    clock: brokenClock === false ? clock : broken(clock, brokenClock),
    limits: osExecerLimits({ clock }),
    onMemoryReport: (report: MemoryReport) => happened.push(`${report.kind} report`),
    onStopped: () => happened.push('stopped'),
    onEnd: () => happened.push('end'),
  });
  const exit = (code: number | null, signal: string | null = null): boolean =>
    child.emit('exit', code, signal);
  const end = async () => runOn(clock, Promise.resolve(process.wait()));
  return { clock, child, tree, process, exit, end, happened };
}

function broken(clock: Clock, brokenTimers: string | true): Clock {
  return {
    epochMs: 0,
    now: () => clock.now(),
    timer: (label, ms, fire) => {
      if (brokenTimers === true || brokenTimers === label) throw new Error('no timers today');
      return clock.timer(label, ms, fire);
    },
    post: (label, fire) => clock.post(label, fire),
    endOfInstant: (label, ms, fire) => clock.endOfInstant(label, ms, fire),
  };
}

describe('how an end becomes a status', () => {
  test('R124 neither a code nor a signal is FAILED with a text', async () => {
    const { exit, end } = made();
    exit(null);
    expect(await end()).toEqual({
      state: 'FAILED',
      exitCode: 250,
      error: 'The process ended in an unknown way: neither code nor signal',
    });
  });

  test('R124 an internal error is FAILED with a text, and wait does not reject', async () => {
    const { exit, end, happened } = made({ brokenClock: true });
    exit(0);
    expect(await end()).toEqual({
      state: 'FAILED',
      exitCode: 250,
      error: 'The process ended in an unknown way: no timers today',
    });
    expect(happened).toEqual(['stopped', 'end']);
  });

  test('R129 an internal error before the sweep leaves none of the tree alive', async () => {
    const { process, end, tree, happened } = made({
      shows: [EVERYBODY, EVERYBODY, NOBODY],
      brokenClock: 'abort grace',
    });
    void process.abort();
    expect(await end()).toEqual({
      state: 'FAILED',
      exitCode: 250,
      error: 'The process ended in an unknown way: no timers today',
    });
    expect(tree.calls).toEqual(['terminate', 'kill', 'kill', 'kill']);
    expect(happened).toEqual(['stopped', 'end']);
  });

  test('R129 a sweep that fails after an internal error is a fault', async () => {
    const { process, end, tree, happened } = made({ shows: [EVERYBODY], brokenClock: true });
    void process.abort();
    expect(await end()).toMatchObject({ exitCode: 250, faults: ['descendants: no timers today'] });
    expect(tree.calls).toEqual(['terminate', 'kill']);
    expect(happened).toEqual(['stopped', 'end']);
  });

  test('R123 an error that Node reports about a running child is a fault', async () => {
    const { child, exit, end } = made();
    child.emit('error', new Error('kill EPERM'));
    exit(4);
    expect(await end()).toEqual({
      state: 'COMPLETE',
      exitCode: 4,
      error: '',
      faults: ['process: kill EPERM'],
    });
  });
});

describe('the order of things at the end', () => {
  test('R129 R134 the leader is known to be reaped before the tree is swept, and the end comes last', async () => {
    const { exit, end, tree, happened } = made({ shows: [census([7]), NOBODY] });
    exit(0);
    expect(await end()).toMatchObject({ exitCode: 0 });
    expect(tree.calls).toEqual(['leaderReaped', 'kill', 'kill']);
    expect(happened).toEqual(['stopped', 'end']);
  });

  test('R125 R127 an abort sends SIGTERM first, and when the leader has gone the rest gets the drain grace', async () => {
    const { clock, exit, end, tree, process } = made({ shows: [census([7])] });
    void process.abort();
    expect(tree.calls).toEqual(['terminate']);
    clock.timer('exit', 3000, () => exit(0));
    clock.timer('look', 3999, () => expect(tree.calls).not.toContain('kill'));
    const status = await end();
    expect(status.error).toBe('Aborted (SIGTERM)');
    // 3,000 until the leader exits, 1,000 for the rest, 5,000 for what cannot be killed.
    expect(clock.now()).toBe(9000);
    expect(status.faults).toEqual([
      'descendants: 1 outlived the command and had to be killed',
      'descendants: 1 could not be killed within 5000 ms',
    ]);
  });

  test('R125 R127 the drain grace does not extend what is left of the grace', async () => {
    const { clock, exit, end, tree, process } = made({ shows: [census([7])] });
    void process.abort();
    clock.timer('exit', 9800, () => exit(0));
    clock.timer('look', 9999, () => expect(tree.calls).not.toContain('kill'));
    clock.timer('look', 10_001, () => expect(tree.calls).toContain('kill'));
    expect(await end()).toMatchObject({ error: 'Aborted (SIGTERM)' });
    expect(clock.now()).toBe(15_000);
  });

  test('R125 R126 a leader that stays gets SIGKILL after exactly 10 s', async () => {
    const { clock, exit, end, tree, process } = made({ shows: [EVERYBODY, NOBODY] });
    void process.abort();
    clock.timer('look', 9999, () => expect(tree.calls).toEqual(['terminate']));
    clock.timer('exit', 10_003, () => exit(null, 'SIGKILL'));
    expect(await end()).toEqual({
      state: 'FAILED',
      exitCode: -1,
      error: 'Aborted (SIGKILL)',
      signal: 'SIGKILL',
    });
    expect(tree.calls).toEqual(['terminate', 'kill', 'kill', 'leaderReaped']);
  });

  test('R128 R199 an abort of an unkillable process ends within the bound, and says so', async () => {
    const never: OutputPump = {
      done: new Promise(() => {}),
      append: async () => undefined,
      cut: () => undefined,
    };
    const { clock, end, process } = made({ shows: [EVERYBODY], pumps: [never] });
    void process.abort();
    expect(await end()).toEqual({
      state: 'FAILED',
      exitCode: -1,
      error: 'Aborted (SIGKILL)',
      signal: 'SIGKILL',
      faults: ['descendants: 2 could not be killed within 5000 ms'],
    });
    expect(clock.now()).toBe(16_000);
  });

  test('R128 a table that cannot be read is a fault, not a hang', async () => {
    const { exit, end } = made({ shows: [new Error('EMFILE: too many open files')] });
    exit(0);
    expect(await end()).toEqual({
      state: 'COMPLETE',
      exitCode: 0,
      error: '',
      faults: ['process table: EMFILE: too many open files'],
    });
  });

  test('R133 a memory report comes after the kill and the output, before the status', async () => {
    const { clock, exit, process, tree, happened } = made({ shows: [EVERYBODY, NOBODY] });
    const report = memoryReport('exceeded', 10, 10);
    expect(process.stopForMemory(report)).toBe(true);
    expect(process.stopForMemory(report)).toBe(false);
    await turn();
    expect(tree.calls).toEqual(['kill']);
    expect(happened).toEqual(['stopped']);
    clock.timer('exit', 5, () => exit(null, 'SIGKILL'));
    const status = await runOn(clock, Promise.resolve(process.wait()));
    expect(status).toEqual(report.status);
    expect(happened).toEqual(['stopped', 'end', 'exceeded report']);
  });

  test('R120 R133 the first reason to stop counts', async () => {
    const aborted = made({ shows: [NOBODY] });
    void aborted.process.abort();
    expect(aborted.process.stopForMemory(memoryReport('exceeded', 10, 10))).toBe(false);
    aborted.exit(0);
    expect(await aborted.end()).toMatchObject({ error: 'Aborted (SIGTERM)' });
    const capped = made({ shows: [NOBODY] });
    capped.process.stopForMemory(memoryReport('initial', 10, 10));
    void capped.process.abort();
    capped.exit(null, 'SIGKILL');
    expect(await capped.end()).toMatchObject({ exitCode: 241 });
    expect(capped.tree.calls).not.toContain('terminate');
  });

  test('R120 R133 D60 D65 a leader that has ended is neither aborted nor counted as over its cap', async () => {
    const { exit, end, process, tree } = made({ leaderLives: () => false });
    void process.abort();
    expect(process.stopForMemory(memoryReport('exceeded', 10, 10))).toBe(false);
    expect(tree.calls).toEqual([]);
    exit(6);
    expect(process.stopForMemory(memoryReport('exceeded', 10, 10))).toBe(false);
    expect(await end()).toEqual({ state: 'COMPLETE', exitCode: 6, error: '' });
  });
});

describe('the drain', () => {
  test('R123 R127 output is waited for as long as the drain grace, in steps, then cut', async () => {
    const cuts: number[] = [];
    const pump: OutputPump = {
      done: new Promise(() => {}),
      append: async () => undefined,
      cut: (ms) => cuts.push(ms),
    };
    const { clock, exit, end } = made({ pumps: [pump] });
    exit(0);
    expect(await end()).toMatchObject({ exitCode: 0 });
    expect(clock.now()).toBe(1000);
    expect(cuts).toEqual([1000]);
  });

  test('R123 ends as soon as both streams are done', async () => {
    const pump = (): OutputPump => ({
      done: Promise.resolve(),
      append: async () => undefined,
      cut: () => {
        throw new Error('not cut');
      },
    });
    const { clock, exit, end } = made({ pumps: [pump(), pump()] });
    exit(0);
    expect(await end()).toMatchObject({ exitCode: 0 });
    expect(clock.now()).toBe(0);
    expect(clock.pending).toBe(0);
  });
});
