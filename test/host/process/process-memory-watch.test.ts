import { describe, expect, test } from 'vitest';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { whenThere, type MaybePromise } from '../../../src/model/maybe-promise.ts';
import type { MemoryReport } from '../../../src/model/execer.ts';
import { watchMemory } from '../../../src/host/process/process-memory-watch.ts';
import { FaultLog } from '../../../src/execers/fault-log.ts';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';

const CAP = 1000;

/** A watch over answers given one after the other, the last one again and again. */
function watched(
  answers: (() => MaybePromise<number>)[],
  alive: () => boolean = () => true,
  initialBytes: number | 'all' | 'unknown' = 'all',
  metricsThrow = false,
) {
  const clock = createVirtualClock();
  const metrics = createMemoryMetrics();
  const gauge: number[] = [];
  const reports: (MemoryReport & { atMs: number })[] = [];
  const looks: number[] = [];
  const faults = new FaultLog();
  const throwing = (): never => {
    throw new Error('the backend is gone');
  };
  const watch = watchMemory({
    clock,
    capBytes: CAP,
    periodMs: 500,
    faults,
    metrics: {
      ...metrics,
      counter: (name) => (metricsThrow ? throwing() : metrics.counter(name)),
      histogram: (name) => metrics.histogram(name),
      gauge: (name) => ({
        set: (value) => {
          if (metricsThrow) throwing();
          metrics.gauge(name).set(value);
          if (name === 'memory') gauge.push(value);
        },
      }),
    },
    measure: () => {
      looks.push(clock.now());
      const next = (answers.length > 1 ? answers.shift()! : answers[0]!)();
      return whenThere(next, (bytes) => ({
        bytes,
        initialBytes: initialBytes === 'all' ? bytes : initialBytes === 'unknown' ? undefined : initialBytes,
      }));
    },
    stop: (report) => {
      if (!alive()) return false;
      reports.push({ ...report, atMs: clock.now() });
      return true;
    },
  });
  const initial = (): number => metrics.value('highInitialMemoryUtilization');
  return { clock, watch, gauge, reports, looks, initial, faults };
}

describe('the watch over a process’s memory', () => {
  test('R130 measures at once after the start and then every 500 ms', () => {
    const { clock, looks, watch } = watched([() => 1]);
    expect(looks).toEqual([0]);
    for (let step = 0; step < 4; step++) clock.step();
    expect(looks).toEqual([0, 500, 1000, 1500, 2000]);
    watch.end();
  });

  test('R131 R179 shows each measurement in the gauge', () => {
    const { clock, gauge, watch } = watched([() => 10, () => 999, () => 0]);
    clock.step();
    clock.step();
    expect(gauge).toEqual([10, 999, 0]);
    watch.end();
  });

  test.for<[string, () => MaybePromise<number>]>([
    [
      'throws',
      () => {
        throw new Error('no /proc');
      },
    ],
    ['is no number', () => NaN],
    ['is negative', () => -5],
    ['is infinite', () => Infinity],
    ['rejects', () => Promise.reject(new Error('no /proc'))],
  ])('R131 a measurement that %s sets the gauge to -1 and is otherwise ignored', async ([, measure]) => {
    const { clock, gauge, reports, watch } = watched([measure, () => 7]);
    await Promise.resolve();
    await Promise.resolve();
    clock.step();
    expect(gauge).toEqual([-1, 7]);
    expect(reports).toEqual([]);
    watch.end();
  });

  test('R132 at the cap at the first look is FAILED 241, counted, and the last look', () => {
    const { clock, reports, initial } = watched([() => CAP]);
    expect(reports).toEqual([
      {
        kind: 'initial',
        atMs: 0,
        status: {
          state: 'FAILED',
          exitCode: 241,
          error: 'Critical error detected. Initial memory utilization is over the cap: 1000 of 1000 bytes',
        },
      },
    ]);
    expect(initial()).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('R132 at the cap later is COMPLETE 1, not counted as initial, and the last look', () => {
    const { clock, reports, initial } = watched([() => CAP - 1, () => 2 * CAP]);
    clock.step();
    expect(reports).toEqual([
      {
        kind: 'exceeded',
        atMs: 500,
        status: {
          state: 'COMPLETE',
          exitCode: 1,
          error: 'Cmd exceeded MemoryCap, aborting process: 2000 of 1000 bytes',
        },
      },
    ]);
    expect(initial()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('R130 R132 a failed first look does not make the second one the first', () => {
    const { clock, reports } = watched([() => NaN, () => CAP]);
    clock.step();
    expect(reports.map(({ kind }) => kind)).toEqual(['exceeded']);
  });

  test('R132 a late first measurement is still the first', async () => {
    const { reports } = watched([() => Promise.resolve(CAP)]);
    await Promise.resolve();
    await Promise.resolve();
    expect(reports.map(({ kind }) => kind)).toEqual(['initial']);
  });

  test('R132 at the cap at the first look by what the command did itself is COMPLETE 1, however late the look came', () => {
    const { reports, initial } = watched([() => CAP], () => true, CAP - 1);
    expect(reports).toMatchObject([{ kind: 'exceeded', status: { state: 'COMPLETE', exitCode: 1 } }]);
    expect(initial()).toBe(0);
  });

  test('R132 a look at a process that has not begun does not count, and the next one is still the first', () => {
    const clock = createVirtualClock();
    const kinds: string[] = [];
    const uses = [
      { bytes: 2 * CAP, initialBytes: undefined },
      { bytes: CAP, initialBytes: CAP },
    ];
    watchMemory({
      clock,
      capBytes: CAP,
      periodMs: 500,
      metrics: undefined,
      faults: new FaultLog(),
      measure: () => uses.shift()!,
      stop: ({ kind }) => kinds.push(kind) > 0,
    });
    expect(kinds).toEqual([]);
    clock.step();
    expect([kinds, clock.now()]).toEqual([['initial'], 1]);
  });

  test('R130 R132 a process that never begins is looked at in the end, and then by period', () => {
    const { clock, looks, gauge, watch } = watched([() => 1], () => true, 'unknown');
    for (let step = 0; step < 102; step++) clock.step();
    expect([looks.length, gauge, clock.now()]).toEqual([103, [1, 1, 1], 1100]);
    watch.end();
  });

  test.for([
    ['ends', [5, 7], [5, 7, 0]],
    ['is over its cap', [5, CAP], [5, CAP, 0]],
    ['cannot be measured', [5, NaN], [5, -1, 0]],
  ] as const)('R179 the gauge goes back to 0 when a process that was watched %s', ([, bytes, shown]) => {
    const { clock, gauge, watch } = watched(bytes.map((size) => () => size));
    clock.step();
    watch.end();
    watch.end();
    expect(gauge).toEqual(shown);
  });

  test('R133 D65 a process that has ended is left alone and not counted', () => {
    const { clock, reports, initial } = watched([() => CAP], () => false);
    expect(reports).toEqual([]);
    expect(initial()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('R134 its end leaves no timer, and a measurement under way counts for nothing', async () => {
    let answer = (_: number): void => undefined;
    const { clock, watch, gauge, reports } = watched([
      () =>
        new Promise<number>((resolve) => {
          answer = resolve;
        }),
    ]);
    watch.end();
    answer(CAP);
    await Promise.resolve();
    await Promise.resolve();
    expect(gauge).toEqual([]);
    expect(reports).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('R134 its end cancels the next look', () => {
    const { clock, watch, looks } = watched([() => 1]);
    watch.end();
    expect(clock.pending).toBe(0);
    expect(looks).toEqual([0]);
  });

  test.for<[string, MaybePromise<number>]>([
    ['a measurement', CAP],
    ['a late measurement', Promise.resolve(CAP)],
  ])('R134 metrics that throw at %s are a fault, and the command is stopped as ever', async ([, use]) => {
    const { clock, reports, faults } = watched([() => use], () => true, 'all', true);
    await Promise.resolve();
    await Promise.resolve();
    expect(reports.map(({ kind }) => kind)).toEqual(['initial']);
    // The size, the count of commands over their cap, and the 0 at the end.
    expect(faults.list()).toEqual(Array(3).fill('metrics: the backend is gone'));
    expect(clock.pending).toBe(0);
  });

  test('R134 metrics that throw stop neither further measurements nor the end of the watch', () => {
    const { clock, looks, watch, faults } = watched([() => 1], () => true, 'all', true);
    clock.step();
    watch.end();
    expect([looks, clock.pending]).toEqual([[0, 500], 0]);
    expect(faults.list()).toHaveLength(3);
  });

  test('R134 D61 no receiver of metrics is needed', () => {
    const clock = createVirtualClock();
    const kinds: string[] = [];
    watchMemory({
      clock,
      capBytes: CAP,
      periodMs: 500,
      metrics: undefined,
      faults: new FaultLog(),
      measure: () => ({ bytes: CAP, initialBytes: CAP }),
      stop: ({ kind }) => kinds.push(kind) > 0,
    });
    expect(kinds).toEqual(['initial']);
  });
});
