import { describe, expect, test } from 'vitest';
import { createVirtualClock, type VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { NodeClock } from '../../src/simulation/node-clock.ts';

/** A clock of a process over a virtual one, and what has fired on it. */
function makeClocks(before: (label: string, clock: NodeClock) => void = () => undefined): {
  readonly outside: VirtualClock;
  readonly clock: NodeClock;
  readonly fired: string[];
  readonly note: (label: string) => () => void;
} {
  const outside = createVirtualClock();
  const clock = new NodeClock(outside, ({ text }) => before(text, clock));
  const fired: string[] = [];
  const note = (label: string) => (): void => void fired.push(`${outside.now()} ${label}`);
  return { outside, clock, fired, note };
}

describe('the clock of a process', () => {
  test('fires as the clock underneath does, end-of-instant events last', async () => {
    const { outside, clock, fired, note } = makeClocks();
    clock.endOfInstant('late', 5, note('late'));
    clock.timer('b', 5, () => {
      note('b')();
      clock.post('c', note('c'));
    });
    clock.timer('never', 1, note('never')).cancel();
    clock.post('a', note('a'));
    await outside.runUntilIdle();
    expect(fired).toEqual(['0 a', '5 b', '5 c', '5 late']);
    expect([clock.now(), clock.epochMs]).toEqual([5, outside.epochMs]);
  });

  test('nothing fires while it is stopped; then overdue events are due in one instant, with plain decisions in the order in which they were due', async () => {
    const { outside, clock, fired, note } = makeClocks();
    clock.timer('third', 30, note('third'));
    clock.timer('first', 10, note('first'));
    clock.timer('later', 200, note('later'));
    clock.timer('cancelled', 20, note('cancelled'));
    clock.stop();
    const second = clock.timer('second', 20, note('second'));
    clock.timer('gone', 20, note('gone')).cancel();
    clock.stop();
    await outside.advanceBy(100);
    expect([fired, outside.pending]).toEqual([[], 0]);
    clock.resume();
    clock.resume();
    second.cancel();
    await outside.runUntilIdle();
    expect(fired).toEqual(['100 first', '100 cancelled', '100 third', '200 later']);
  });

  test('an event that the process is stopped before comes when it resumes', async () => {
    const { outside, clock, fired, note } = makeClocks((label, own) => {
      if (label === 'a' && fired.length === 0) own.stop();
    });
    clock.timer('a', 10, note('a'));
    clock.timer('b', 20, note('b'));
    outside.timer('go on', 50, () => {
      note('go on')();
      clock.resume();
    });
    await outside.runUntilIdle();
    expect(fired).toEqual(['50 go on', '50 a', '50 b']);
  });

  test('an event before which the process is stopped and resumed fires once', async () => {
    let stops = 0;
    const { outside, clock, fired, note } = makeClocks((_, own) => {
      stops += 1;
      if (stops > 1) return;
      own.stop();
      own.resume();
    });
    clock.timer('a', 10, note('a'));
    await outside.runUntilIdle();
    expect([fired, outside.pending]).toEqual([['10 a'], 0]);
  });

  test('an event that the process dies before never comes, nor does anything after it, and nothing is left', async () => {
    const { outside, clock, fired, note } = makeClocks((label, own) => {
      if (label === 'b') own.die();
    });
    clock.timer('a', 10, note('a'));
    clock.timer('b', 20, note('b'));
    clock.timer('c', 30, note('c'));
    await outside.runUntilIdle();
    clock.timer('d', 1, note('d')).cancel();
    clock.timer('e', 1, note('e'));
    clock.resume();
    expect([fired, outside.now(), outside.pending]).toEqual([['10 a'], 20, 0]);
    expect(() => clock.timer('f', -1, note('f'))).toThrow(/ms: expected/);
    for (const add of [clock.timer, clock.endOfInstant]) {
      expect(() => add.call(clock, 'g', 1, undefined as never)).toThrow(
        'fire: expected a function, got undefined',
      );
    }
    expect(() => clock.post('h', undefined as never)).toThrow('fire: expected a function, got undefined');
  });
});
