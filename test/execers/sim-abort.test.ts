import { describe, expect, test } from 'vitest';
import type { Process } from '../../src/model/execer.ts';
import { aborted, complete, simWorld, statusOf } from './sim-world.ts';

describe('abort of a simulated process', () => {
  test.for([
    ['a sleep', ['sleep 100', 'stdout late'], 'SIGTERM', 0],
    ['a pause', ['pause', 'stdout late'], 'SIGTERM', 0],
    ['a hang', ['hang', 'stdout late'], 'SIGTERM', 0],
    ['a sleep with ignored SIGTERM', ['ignore-term', 'sleep 100000', 'stdout late'], 'SIGKILL', 10_000],
    ['a pause with ignored SIGTERM', ['ignore-term', 'pause', 'stdout late'], 'SIGKILL', 10_000],
    ['a hang with ignored SIGTERM', ['ignore-term', 'hang', 'stdout late'], 'SIGKILL', 10_000],
  ] as const)(
    'R141 R142 R144 D71 of %s ends it at once or after the grace, with no further output',
    (kind) => {
      const [, argv, signal, durationMs] = kind;
      const world = simWorld();
      const process = world.start(['stdout early', ...argv]);
      world.advance(50);
      const result = process.abort();
      expect(result instanceof Promise).toBe(durationMs > 0);
      if (durationMs > 0) world.advance(durationMs - 0.001);
      expect(statusOf(process)).toEqual(durationMs > 0 ? 'running' : aborted(signal));
      world.finish();
      expect(statusOf(process)).toEqual(aborted(signal));
      expect(world.trace.at(-1)).toBe(`${50 + durationMs} freed process/#0`);
      expect(world.written).toEqual(['0 stdout early']);
      expect(world.clock.now()).toBe(50 + durationMs);
    },
  );

  test('R138 D71 an abort in the middle of a sleep ends the sleep at once and leaves no timer', () => {
    const world = simWorld();
    const process = world.start(['sleep 1000', 'stdout late', 'complete 5']);
    world.advance(500);
    expect(process.abort()).toEqual(aborted('SIGTERM'));
    expect([world.clock.pending, world.clock.now()]).toEqual([0, 500]);
  });

  test.for([
    ['complete 3', complete(3)],
    ['fail 9 lost', { state: 'FAILED', exitCode: 9, error: 'lost' }],
    ['signal SIGINT', { state: 'COMPLETE', exitCode: -1, error: 'Killed by SIGINT', signal: 'SIGINT' }],
  ] as const)(
    'R120 R141 D60 D70 abort after `%s` gives the natural result, and so do all later calls',
    ([step, end]) => {
      const world = simWorld();
      for (const process of [world.start([step]), world.start(['sleep 1', step])]) {
        world.finish();
        expect([process.abort(), process.wait(), process.abort(), process.wait()]).toEqual([
          end,
          end,
          end,
          end,
        ]);
      }
    },
  );

  test.for<[string, (process: Process) => unknown[]]>([
    ['wait, abort, wait', (process) => [process.wait(), process.abort(), process.wait()]],
    ['abort, wait, abort', (process) => [process.abort(), process.wait(), process.abort()]],
    ['abort, abort', (process) => [process.abort(), process.abort()]],
  ])('R120 %s of one process all give the same final status', async ([, calls]) => {
    for (const argv of [['hang'], ['ignore-term', 'hang']]) {
      const world = simWorld();
      const results = calls(world.start(argv));
      world.finish();
      const statuses = await Promise.all(results.map((result) => Promise.resolve(result)));
      expect(new Set(statuses).size).toBe(1);
      expect(statuses[0]).toEqual(aborted(argv.length === 1 ? 'SIGTERM' : 'SIGKILL'));
    }
  });

  test('R141 a process that ends within the grace counts as ended by SIGTERM, and may write until then', () => {
    const world = simWorld();
    const process = world.start(['ignore-term', 'sleep 20', 'stdout cleaning up', 'sleep 5', 'complete 3']);
    world.advance(10);
    void process.abort();
    world.finish();
    expect(statusOf(process)).toEqual(aborted('SIGTERM'));
    expect([world.written, world.clock.now()]).toEqual([['20 stdout cleaning up'], 25]);
  });

  test('R141 SIGTERM that came before `ignore-term` ends the process', () => {
    const world = simWorld();
    const process = world.start(['sleep 1', 'ignore-term', 'hang']);
    expect(process.abort()).toEqual(aborted('SIGTERM'));
  });

  test('R120 a second abort during the grace does not begin it anew', () => {
    const world = simWorld({ graceMs: 100 });
    const process = world.start(['ignore-term', 'hang']);
    void process.abort();
    world.advance(60);
    void process.abort();
    expect(world.clock.pendingLabels()).toEqual(['process/#0 grace']);
    world.advance(40);
    expect(statusOf(process)).toEqual(aborted('SIGKILL'));
  });

  test('R142 D71 an abort from within a sink stops the script before its next step', () => {
    const world = simWorld();
    const holder: { process?: Process } = {};
    const texts: string[] = [];
    const stdout = {
      write: (chunk: unknown) => {
        texts.push(String(chunk));
        void holder.process?.abort();
      },
    };
    holder.process = world.start(['sleep 1', 'stdout a', 'stdout b', 'sleep 1', 'complete 0'], { stdout });
    world.finish();
    expect([texts, statusOf(holder.process)]).toEqual([['a'], aborted('SIGTERM')]);
    expect(world.clock.now()).toBe(1);
  });
});
