import { describe, expect, test } from 'vitest';
import { createVirtualClock } from 'dryrunner/kernel';
import { AmbientTimers } from '../../src/ambient/ambient-timers.ts';

/** Timers on a clock that fires first in first out, and what has fired. */
function timersOf() {
  const clock = createVirtualClock();
  const timers = new AmbientTimers(clock, false);
  const log: string[] = [];
  const note = (entry: unknown): void => void log.push(String(entry));
  const setTimer = (name: string, ms: number, then: () => void = () => {}): void => {
    const fire = (): void => {
      note(name);
      then();
    };
    timers.setTimer('setTimeout', fire, ms, []);
  };
  const fireAll = (): void => {
    while (clock.step()) continue;
  };
  return { clock, timers, log, note, setTimer, fireAll };
}

test('an interval that refreshes itself comes after what its callback has set, as in Node', () => {
  const { clock, timers, log, note, setTimer } = timersOf();
  const interval = timers.setTimer(
    'setInterval',
    () => {
      note('interval');
      if (log.length > 1) return;
      interval.refresh();
      setTimer('timeout', 10);
    },
    10,
    [],
  );
  while (clock.now() < 21) clock.step();
  expect(log).toEqual(['interval', 'timeout', 'interval', 'interval']);
});

describe('immediates beside timers that are due', () => {
  test('come after those of one list, whichever of them sets one', () => {
    const { timers, log, note, setTimer, fireAll } = timersOf();
    for (const name of ['a', 'b', 'c']) {
      setTimer(name, 10, () => timers.setImmediate(note, [`after ${name}`]));
    }
    setTimer('later', 11);
    fireAll();
    expect(log).toEqual(['a', 'b', 'c', 'after a', 'after b', 'after c', 'later']);
  });

  test('keep their place before events of the same instant if no timer follows', () => {
    const { clock, timers, log, note, setTimer, fireAll } = timersOf();
    setTimer('a', 10, () => {
      timers.setImmediate(note, ['immediate']);
      clock.post({ owner: 'test', what: 'event' }, () => note('event'));
    });
    clock.timer({ owner: 'test', what: 'set' }, 2, () => setTimer('of another list', 8));
    clock.timer({ owner: 'test', what: 'set' }, 3, () => setTimer('later', 8));
    fireAll();
    expect(log).toEqual(['a', 'of another list', 'immediate', 'event', 'later']);
  });

  test('stay held while timers that were set later fire', () => {
    const { timers, log, note, setTimer, fireAll } = timersOf();
    timers.setImmediate(note, ['immediate']);
    timers.pause();
    setTimer('a', 10);
    setTimer('b', 10);
    fireAll();
    expect(log).toEqual(['a', 'b']);
    timers.resume();
    fireAll();
    expect(log).toEqual(['a', 'b', 'immediate']);
  });

  test('fire once if they were set while others were held', () => {
    const { timers, log, note, setTimer, fireAll } = timersOf();
    timers.pause();
    timers.setImmediate(note, ['immediate']);
    setTimer('a', 10);
    timers.resume();
    fireAll();
    expect(log).toEqual(['immediate', 'a']);
  });
});
