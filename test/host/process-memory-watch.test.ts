import { describe, expect, test } from 'vitest';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';
import type { MemoryReport } from '../../src/model/execer.ts';
import { watchMemory } from '../../src/host/process-memory-watch.ts';
import { createMemoryMetrics } from '../../src/metrics/memory-metrics.ts';

const CAP = 1000;

/** A watch over answers given one after the other, the last one again and again. */
function watched(answers: (() => MaybePromise<number>)[], alive: () => boolean = () => true) {
  const clock = createVirtualClock();
  const metrics = createMemoryMetrics();
  const gauge: number[] = [];
  const reports: (MemoryReport & { atMs: number })[] = [];
  const looks: number[] = [];
  const watch = watchMemory({
    clock,
    capBytes: CAP,
    periodMs: 500,
    metrics: {
      ...metrics,
      counter: (name) => metrics.counter(name),
      histogram: (name) => metrics.histogram(name),
      gauge: (name) => ({
        set: (value) => {
          metrics.gauge(name).set(value);
          if (name === 'memory') gauge.push(value);
        },
      }),
    },
    measure: () => {
      looks.push(clock.now());
      return (answers.length > 1 ? answers.shift()! : answers[0]!)();
    },
    stop: (report) => {
      if (!alive()) return false;
      reports.push({ ...report, atMs: clock.now() });
      return true;
    },
  });
  const initial = (): number => metrics.value('highInitialMemoryUtilization');
  return { clock, watch, gauge, reports, looks, initial };
}

describe('the watch over a process’s memory', () => {
  test('R130 looks at once after the start and then every 500 ms', () => {
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

  test('R132 a first measurement that comes later is still the first', async () => {
    const { reports } = watched([() => Promise.resolve(CAP)]);
    await Promise.resolve();
    await Promise.resolve();
    expect(reports.map(({ kind }) => kind)).toEqual(['initial']);
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

  test('R134 D61 no receiver of metrics is needed', () => {
    const clock = createVirtualClock();
    const kinds: string[] = [];
    watchMemory({
      clock,
      capBytes: CAP,
      periodMs: 500,
      metrics: undefined,
      measure: () => CAP,
      stop: ({ kind }) => kinds.push(kind) > 0,
    });
    expect(kinds).toEqual(['initial']);
  });
});
