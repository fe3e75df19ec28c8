import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { simScript } from '../../src/execers/sim-step.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { ProcessStatus } from '../../src/model/execer.ts';
import { ScriptModel } from './script-model.ts';
import { complete, simWorld, statusOf } from './sim-world.ts';
import { shortScript } from './step-arbitrary.ts';

describe('the sim execer', () => {
  test.for<[string[], ProcessStatus, number, string[]]>([
    [['complete 0'], complete(0), 0, []],
    [['complete 7'], complete(7), 0, []],
    [['complete -1'], complete(-1), 0, []],
    [['complete 256'], complete(256), 0, []],
    [['complete 3', 'complete 4', 'stdout late'], complete(3), 0, []],
    [
      ['stdout a', 'stderr b', 'stdout c', 'complete 1'],
      complete(1),
      0,
      ['0 stdout a', '0 stderr b', '0 stdout c'],
    ],
    [['stdout', 'stderr ', 'stdout x '], complete(0), 0, ['0 stdout x ']],
    [['fail 250 no tty', 'complete 0'], { state: 'FAILED', exitCode: 250, error: 'no tty' }, 0, []],
    [['fail 0'], { state: 'FAILED', exitCode: 0, error: '' }, 0, []],
    [
      ['signal SIGSEGV', 'complete 0'],
      { state: 'COMPLETE', exitCode: -1, error: 'Killed by SIGSEGV', signal: 'SIGSEGV' },
      0,
      [],
    ],
    [['sleep 5', 'stdout a', 'sleep 0.25', 'stdout b'], complete(0), 5.25, ['5 stdout a', '5.25 stdout b']],
  ])('R135 R137 R144 %j ends as %j after %d ms', ([argv, status, endMs, written]) => {
    const world = simWorld();
    const process = world.start(argv);
    world.finish();
    expect(statusOf(process)).toEqual(status);
    expect(world.clock.now()).toBe(endMs);
    expect(world.written).toEqual(written);
  });

  test.for<[string[], number]>([
    [[], 0],
    [['# nothing'], 0],
    [['stdout hi'], 0],
    [['sleep 50'], 50],
    [['ignore-term', 'mem 5', 'fork'], 0],
  ])('R139 D68 %j runs out and completes with 0', ([argv, endMs]) => {
    const world = simWorld();
    const process = world.start(argv);
    world.finish();
    expect(statusOf(process)).toEqual(complete(0));
    expect(world.clock.now()).toBe(endMs);
  });

  test('R138 D67 a sleep is followed by the next step, and its time must pass', () => {
    const world = simWorld();
    const process = world.start(['sleep 10', 'stdout woke', 'sleep 20', 'complete 7']);
    world.advance(9.999);
    expect([statusOf(process), world.written]).toEqual(['running', []]);
    world.advance(0.001);
    expect([statusOf(process), world.written]).toEqual(['running', ['10 stdout woke']]);
    world.advance(20);
    expect(statusOf(process)).toEqual(complete(7));
  });

  test('R138 a sleep of 0 lets other due events run first', () => {
    const world = simWorld();
    world.start(['stdout first', 'sleep 0', 'stdout third']);
    world.start(['stdout second']);
    world.finish();
    expect(world.written).toEqual(['0 stdout first', '0 stdout second', '0 stdout third']);
    expect(world.clock.fired).toBe(1);
  });

  test('R136 a script with a bad step is refused as a whole: nothing is written, no process starts', () => {
    const world = simWorld();
    const message = 'Bad sim script: argv[1]: expected "sleep MS" with a number MS from 0 to';
    expect(() => world.start(['stdout hi', 'sleep soon'])).toThrow(message);
    expect([world.written, world.trace, world.execer.livingProcesses]).toEqual([[], [], 0]);
  });

  test('R118 exec gives a process whose wait gives the final status: at once if no time passed', () => {
    const world = simWorld();
    const process = world.start(['stdout a', 'complete 2']);
    expect(process.wait()).toEqual(complete(2));
    expect(world.clock.pending).toBe(0);
  });

  test('R118 R120 every wait for a running process returns the same promise', async () => {
    const world = simWorld();
    const process = world.start(['sleep 3', 'complete 2']);
    const waits = [process.wait(), process.wait()];
    expect(waits[0]).toBeInstanceOf(Promise);
    expect(waits[1]).toBe(waits[0]);
    world.finish();
    expect(await waits[0]).toEqual(complete(2));
    expect(process.wait()).toBe(await waits[0]);
    expect(process.abort()).toBe(await waits[0]);
  });

  test('labels carry the run id, or a number for processes without a run', () => {
    const world = simWorld({ graceMs: 7, drainGraceMs: 5, memoryCapBytes: 10 });
    const stdout = { write: () => new Promise<void>(() => {}) };
    void world.start(['ignore-term', 'sleep 9'], { runId: '12' }).abort();
    void world.start(['hang'], { runId: '' });
    world.start(['mem 10', 'sleep 1']);
    world.start(['sleep 2']);
    world.start(['stdout x'], { runId: 'w', stdout });
    expect(world.clock.pendingLabels()).toEqual([
      'process/#0 memory',
      'process/#0 sleep',
      'process/#1 sleep',
      'process/w drain',
      'process/12 grace',
      'process/12 sleep',
    ]);
  });

  test('an abort is over within the grace and the drain, which is the stated bound', () => {
    const clock = createVirtualClock();
    expect(createSimExecer({ clock }).cancelBoundMs).toBe(11_000);
    expect(createSimExecer({ clock, graceMs: 5, drainGraceMs: 0 }).cancelBoundMs).toBe(5);
  });

  test.for<[string, object]>([
    ['graceMs: expected a finite number ≥ 0, got -1', { graceMs: -1 }],
    ['drainGraceMs: expected a finite number ≥ 0, got NaN', { drainGraceMs: NaN }],
    ['drainGraceMs: expected a finite number ≥ 0, got Infinity', { drainGraceMs: Infinity }],
    ['memoryCapBytes: expected an integer ≥ 0, got -1', { memoryCapBytes: -1 }],
    ['memoryCapBytes: expected an integer ≥ 0, got 0.5', { memoryCapBytes: 0.5 }],
    ['memoryPeriodMs: expected a finite number of at least 0.001, got 0', { memoryPeriodMs: 0 }],
    [
      'memoryPeriodMs: expected a finite number of at least 0.001, got Infinity',
      { memoryPeriodMs: Infinity },
    ],
    ['clock: expected an object with timer(), got undefined', { clock: undefined }],
    ['clock: expected an object with timer(), got an object', { clock: { timer: 1 } }],
    ['clock: expected an object with timer(), got null', { clock: null }],
  ])('options are refused with %s', ([message, options]) => {
    const make = () => createSimExecer({ clock: createVirtualClock(), ...options });
    expect(make).toThrow(expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', message }));
  });

  const action = fc.record({
    afterMs: fc.constantFrom(0, 1, 2, 3, 5, 10, 20),
    what: fc.constantFrom('resume', 'abort', 'wait'),
  });

  test('R120 R135 R137 R138 R139 R140 R141 R142 R144 every script behaves as its plain model', () => {
    fc.assert(
      fc.property(shortScript, fc.array(action, { maxLength: 8 }), (script, actions) => {
        const limits = { capBytes: 100, periodMs: 4, graceMs: 6 };
        const model = new ScriptModel(script, limits);
        const reports: string[] = [];
        const world = simWorld({ memoryCapBytes: 100, memoryPeriodMs: 4, graceMs: 6 });
        const onMemoryReport = ({ kind }: { kind: string }) => {
          reports.push(`${world.clock.now()} ${kind}`);
        };
        const process = world.start(simScript(...script), { onMemoryReport });
        for (const { afterMs, what } of actions) {
          world.advance(afterMs);
          model.advance(afterMs);
          if (what === 'resume') expect(world.execer.resume()).toBe(model.resume());
          if (what === 'abort') {
            model.abort();
            void process.abort();
          }
          expect(world.execer.paused).toEqual(model.paused ? ['#0'] : []);
          expect(world.execer.livingProcesses).toBe(model.living);
          expect(statusOf(process)).toEqual(model.status);
        }
        model.advance(1000);
        world.finish();
        expect(statusOf(process)).toEqual(model.status);
        expect(world.written).toEqual(model.written);
        expect(reports).toEqual(model.reports);
        const freed = world.trace.find((line) => line.endsWith(' freed process/#0'));
        expect(freed).toBe(model.endedAt === undefined ? undefined : `${model.endedAt} freed process/#0`);
        expect(world.clock.pending).toBe(0);
      }),
      { numRuns: 1500 },
    );
  });
});
