import { describe, expect, test } from 'vitest';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { MemoryReport, Process } from '../../src/model/execer.ts';
import type { Metrics } from '../../src/model/metrics.ts';
import type { SimWorld } from './sim-world.ts';
import { aborted, complete, simWorld, statusOf } from './sim-world.ts';
import { SinkError, slowSink } from './slow-sink.ts';

const initial = (figures: string) => ({
  state: 'FAILED',
  exitCode: 241,
  error: `Critical error detected. Initial memory utilization is over the cap: ${figures}`,
});
const exceeded = (figures: string) => ({
  state: 'COMPLETE',
  exitCode: 1,
  error: `Cmd exceeded MemoryCap, aborting process: ${figures}`,
});

function watched(argv: readonly string[]): { world: SimWorld; process: Process; reports: MemoryReport[] } {
  const world = simWorld({ memoryCapBytes: 100 });
  const reports: MemoryReport[] = [];
  const process = world.start(argv, { onMemoryReport: (report) => reports.push(report) });
  return { world, process, reports };
}

describe('memory of a simulated process', () => {
  test.for([
    ['at the start', ['mem 100', 'hang'], 'initial', initial('100 of 100 bytes'), 0],
    ['at the first period', ['sleep 1', 'mem 250', 'hang'], 'exceeded', exceeded('250 of 100 bytes'), 500],
    ['at a period', ['sleep 500', 'mem 100', 'hang'], 'exceeded', exceeded('100 of 100 bytes'), 500],
    ['after a period', ['sleep 500.001', 'mem 100', 'hang'], 'exceeded', exceeded('100 of 100 bytes'), 1000],
    [
      'by its latest usage',
      ['sleep 1', 'mem 100', 'mem 900', 'hang'],
      'exceeded',
      exceeded('900 of 100 bytes'),
      500,
    ],
    ['while paused', ['sleep 1', 'mem 100', 'pause'], 'exceeded', exceeded('100 of 100 bytes'), 500],
    ['with ignored SIGTERM', ['ignore-term', 'mem 100', 'hang'], 'initial', initial('100 of 100 bytes'), 0],
  ] as const)('R130 R132 R144 a process over the cap is killed and reported %s', (row) => {
    const [, argv, kind, status, atMs] = row;
    const { world, process, reports } = watched(argv);
    expect(reports).toEqual([]);
    world.finish();
    expect(reports).toEqual([{ kind, status }]);
    expect(statusOf(process)).toEqual(status);
    expect(world.trace.at(-1)).toBe(`${atMs} freed process/#0`);
    expect(world.execer.paused).toEqual([]);
  });

  test.for([
    ['below the cap', ['mem 99', 'sleep 2000', 'complete 0'], 1],
    [
      'over it for less than a period',
      ['sleep 1', 'mem 500', 'sleep 498', 'mem 99', 'sleep 900', 'complete 0'],
      4,
    ],
    ['ended at once', ['mem 500', 'complete 0'], 0],
    ['ended before the next look', ['sleep 1', 'mem 500', 'sleep 498', 'complete 0'], 3],
  ] as const)('R130 R133 D65 a process %s is left alone', ([, argv]) => {
    const { world, process, reports } = watched(argv);
    world.finish();
    expect([statusOf(process), reports, world.clock.pending]).toEqual([complete(0), [], 0]);
  });

  test('R130 without a cap memory is not watched', () => {
    for (const memoryCapBytes of [0, undefined]) {
      const world = simWorld({ memoryCapBytes });
      const process = world.start(['mem 9007199254740991', 'sleep 2000', 'complete 0']);
      expect(world.clock.pendingLabels()).toEqual(['process/#0 sleep']);
      world.finish();
      expect(statusOf(process)).toEqual(complete(0));
    }
  });

  test('R130 the least period is a microsecond', () => {
    const world = simWorld({ memoryCapBytes: 100, memoryPeriodMs: 0.001 });
    world.start(['sleep 1', 'mem 100', 'hang']);
    world.finish();
    expect(world.clock.now()).toBe(1);
  });

  test('R130 the period can be set', () => {
    const world = simWorld({ memoryCapBytes: 100, memoryPeriodMs: 0.75 });
    world.start(['sleep 1', 'mem 100', 'hang']);
    world.finish();
    expect(world.clock.now()).toBe(1.5);
  });

  test('R133 D46 D47 the process is dead when the report comes, and its end is reported only after it', async () => {
    const world = simWorld({ memoryCapBytes: 100 });
    const seen: unknown[] = [];
    const holder: { process?: Process } = {};
    const onMemoryReport = ({ status }: MemoryReport) => {
      seen.push(world.execer.livingProcesses, holder.process?.abort() instanceof Promise, status.exitCode);
    };
    holder.process = world.start(['fork', 'orphan', 'mem 100', 'hang'], { onMemoryReport });
    const ended = Promise.resolve(holder.process.wait()).then((status) => seen.push(status.error));
    world.finish();
    await ended;
    expect(seen).toEqual([0, true, 241, initial('100 of 100 bytes').error]);
  });

  test.for([
    ['the memory is looked at first', true],
    ['the abort comes first', false],
  ] as const)(
    'R133 D47 cap and abort at one instant, %s: the process is dead either way',
    ([, memoryFirst]) => {
      const world = simWorld({ memoryCapBytes: 100 });
      const reports: string[] = [];
      const process = world.start(['sleep 1', 'mem 100', 'hang'], {
        onMemoryReport: ({ kind }) => reports.push(kind),
      });
      world.advance(memoryFirst ? 500 : 499.999);
      const status = process.abort();
      world.finish();
      expect(status).toEqual(memoryFirst ? exceeded('100 of 100 bytes') : aborted('SIGTERM'));
      expect([reports, world.execer.livingProcesses]).toEqual([memoryFirst ? ['exceeded'] : [], 0]);
    },
  );

  test('a process that is being stopped is not measured any more', () => {
    const { world, process, reports } = watched([
      'ignore-term',
      'sleep 1',
      'mem 500',
      'sleep 1',
      'mem 600',
      'hang',
    ]);
    world.advance(1);
    void process.abort();
    world.finish();
    expect([statusOf(process), reports, world.clock.now()]).toEqual([aborted('SIGKILL'), [], 10_001]);
  });

  test('R133 the report needs no receiver, and one that throws is a fault', () => {
    const world = simWorld({ memoryCapBytes: 100 });
    const unheard = world.start(['mem 100', 'hang']);
    const onMemoryReport = () => {
      throw new SinkError('not now');
    };
    const heard = world.start(['mem 100', 'hang'], { onMemoryReport });
    world.finish();
    expect(statusOf(unheard)).toEqual(initial('100 of 100 bytes'));
    expect(statusOf(heard)).toEqual({ ...initial('100 of 100 bytes'), faults: ['memory report: not now'] });
  });

  test('the report comes at the kill, the end when the output is written', async () => {
    const world = simWorld({ memoryCapBytes: 100 });
    const sink = slowSink();
    const reports: MemoryReport[] = [];
    const onMemoryReport = (report: MemoryReport) => reports.push(report);
    const process = world.start(['stdout a', 'mem 100', 'hang'], { stdout: sink, onMemoryReport });
    world.advance(0);
    expect([reports.length, statusOf(process)]).toEqual([1, 'running']);
    sink.done(0);
    expect(await process.wait()).toEqual(reports[0]!.status);
  });

  test('R131 R132 R179 gauge `memory` and counter `highInitialMemoryUtilization` are kept while memory is watched', () => {
    const seen: string[] = [];
    const instrument = (name: string) => ({
      set: (value: number) => void seen.push(`${name} = ${value}`),
      increment: (by = 1) => void seen.push(`${name} + ${by}`),
      record: () => {},
    });
    const metrics: Metrics = { counter: instrument, gauge: instrument, histogram: instrument };
    const world = simWorld({ memoryCapBytes: 100, metrics });
    world.start(['mem 7', 'sleep 1', 'mem 150', 'hang']);
    world.finish();
    // What has ended uses nothing: R179.
    expect(seen.splice(0)).toEqual(['memory = 7', 'memory = 150', 'memory = 0']);
    world.start(['mem 200', 'hang']);
    world.finish();
    expect(seen.splice(0)).toEqual(['memory = 200', 'highInitialMemoryUtilization + 1', 'memory = 0']);
    world.start(['mem 5', 'sleep 1', 'complete 0']);
    world.start(['complete 0']);
    world.finish();
    expect(seen).toEqual(['memory = 5', 'memory = 0']);
    const untouched: Metrics = { counter: instrumentless, gauge: instrumentless, histogram: instrumentless };
    const unwatched = createSimExecer({ clock: createVirtualClock(), metrics: untouched });
    unwatched.exec({ ...noTags, argv: ['mem 5'], dir: '/' });
  });
});

const instrumentless = (name: string): never => {
  throw new SinkError(`nobody asked for ${name}`);
};

const noTags = { jobId: '', taskId: '', tag: '' };
