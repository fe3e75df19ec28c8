import { describe, expect, test } from 'vitest';
import { aborted, complete, simWorld, statusOf } from './sim-world.ts';

describe('pause and resume', () => {
  test('R140 a pause blocks until it is resumed, however long that takes', () => {
    const world = simWorld();
    const process = world.start(['stdout a', 'pause', 'stdout b', 'complete 4']);
    world.advance(1e9);
    expect([statusOf(process), world.written, world.clock.pending]).toEqual(['running', ['0 stdout a'], 0]);
    expect(world.execer.resume()).toBe(true);
    expect(statusOf(process)).toEqual(complete(4));
    expect(world.written).toEqual(['0 stdout a', '1000000000 stdout b']);
  });

  test('R140 D69 a resume with nobody paused reports false and is not kept for a later pause', () => {
    const world = simWorld();
    expect([world.execer.resume(), world.execer.resume('3')]).toEqual([false, false]);
    const process = world.start(['sleep 1', 'pause']);
    expect(world.execer.resume()).toBe(false);
    world.finish();
    expect([statusOf(process), world.execer.paused]).toEqual(['running', ['#0']]);
  });

  test('R140 D69 the process that paused first wakes first, and each resume wakes one', () => {
    const world = simWorld();
    const late = world.start(['sleep 2', 'pause', 'complete 1'], { runId: 'late' });
    const early = world.start(['sleep 1', 'pause', 'pause', 'complete 2'], { runId: 'early' });
    world.finish();
    expect(world.execer.paused).toEqual(['early', 'late']);
    expect(world.execer.resume()).toBe(true);
    expect(world.execer.paused).toEqual(['late', 'early']);
    expect(world.execer.resume()).toBe(true);
    expect([statusOf(late), statusOf(early)]).toEqual([complete(1), 'running']);
    expect(world.execer.resume()).toBe(true);
    expect([statusOf(early), world.execer.resume(), world.execer.paused]).toEqual([complete(2), false, []]);
  });

  test('R140 a resume by name wakes the process of that run or tag, the oldest of several', () => {
    const world = simWorld();
    const processes = [
      world.start(['pause'], { runId: '0' }),
      world.start(['pause'], { runId: '1', tag: 'blue' }),
      world.start(['pause'], { runId: '2', tag: 'blue' }),
      world.start(['pause']),
    ];
    const ended = () => processes.map((process) => statusOf(process) !== 'running');
    expect([world.execer.resume('3'), world.execer.resume('red'), world.execer.resume('')]).toEqual([
      false,
      false,
      false,
    ]);
    expect([world.execer.resume('blue'), ended()]).toEqual([true, [false, true, false, false]]);
    expect([world.execer.resume('2'), ended()]).toEqual([true, [false, true, true, false]]);
    expect([world.execer.resume('blue'), world.execer.resume('#0')]).toEqual([false, true]);
    expect([ended(), world.execer.paused]).toEqual([[false, true, true, true], ['0']]);
  });

  test.for([
    ['SIGTERM ends it', []],
    ['it ignores SIGTERM', ['ignore-term']],
  ])('R140 D69 an aborted process never eats a resume: %s', ([, first]) => {
    const world = simWorld();
    const doomed = world.start([...(first as string[]), 'pause', 'stdout doomed']);
    const next = world.start(['pause', 'stdout next', 'complete 6']);
    void doomed.abort();
    expect(world.execer.paused).toEqual(['#1']);
    expect(world.execer.resume()).toBe(true);
    expect([statusOf(next), world.execer.resume()]).toEqual([complete(6), false]);
    world.finish();
    expect(world.written).toEqual(['0 stdout next']);
    expect(statusOf(doomed)).toEqual(aborted(first!.length === 0 ? 'SIGTERM' : 'SIGKILL'));
  });

  test('R140 a process that pauses while it is being stopped cannot be resumed', () => {
    const world = simWorld({ graceMs: 10 });
    const process = world.start(['ignore-term', 'sleep 2', 'pause', 'stdout never']);
    void process.abort();
    world.advance(5);
    expect([world.execer.paused, world.execer.resume()]).toEqual([[], false]);
    world.advance(5);
    expect([statusOf(process), world.written]).toEqual([aborted('SIGKILL'), []]);
  });

  test('R140 D68 a resumed lone pause completes with 0', () => {
    const world = simWorld();
    const process = world.start(['pause']);
    world.execer.resume();
    expect(statusOf(process)).toEqual(complete(0));
  });

  test('R144 a hang cannot be resumed; SIGTERM ends it', () => {
    const world = simWorld();
    const process = world.start(['hang', 'complete 1']);
    expect([world.execer.resume(), world.execer.paused, world.clock.pending]).toEqual([false, [], 0]);
    expect(process.abort()).toEqual(aborted('SIGTERM'));
  });
});
