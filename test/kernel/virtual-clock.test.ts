import { describe, expect, test } from 'vitest';
import type { Timer } from '../../src/kernel/clock.ts';
import { RunnerError } from '../../src/kernel/errors.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { EventInfo } from '../../src/kernel/event-queue.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { topicOf } from '../../src/kernel/question.ts';

const DAY_MS = 86_400_000;

/** Fires everything; returns `label@time` of each event in order. */
function firings(clock: VirtualClock, fired: string[]): string[] {
  while (clock.step());
  return fired;
}

function logging(clock: VirtualClock): { readonly fired: string[]; log(label: string): () => void } {
  const fired: string[] = [];
  return { fired, log: (label) => () => void fired.push(`${label}@${clock.now()}`) };
}

describe('virtual time', () => {
  test('begins at 0 with nothing pending, at the start of 2000', () => {
    const clock = createVirtualClock();
    expect({ now: clock.now(), pending: clock.pending, fired: clock.fired }).toEqual({
      now: 0,
      pending: 0,
      fired: 0,
    });
    expect(new Date(clock.epochMs).toISOString()).toBe('2000-01-01T00:00:00.000Z');
    expect(createVirtualClock({ epochMs: 5 }).epochMs).toBe(5);
    expect(clock.nextTimeUs).toBe(Infinity);
    expect(clock.step()).toBe(false);
  });

  test('jumps to the time of each event, ties in the order of creation, fractions rounded to microseconds', () => {
    const clock = createVirtualClock();
    const { fired, log } = logging(clock);
    clock.timer('b', 10, log('b'));
    clock.timer('a', 0.0014, log('a'));
    clock.timer('c', 10, log('c'));
    clock.timer('d', 9.9996, log('d'));
    clock.post('now', log('now'));
    expect(clock.nextTimeUs).toBe(0);
    expect(firings(clock, fired)).toEqual(['now@0', 'a@0.001', 'b@10', 'c@10', 'd@10']);
    expect(clock.nowUs).toBe(10_000);
    expect(clock.fired).toBe(5);
  });

  test('posted callbacks fire now, after what was due before', () => {
    const clock = createVirtualClock();
    const { fired, log } = logging(clock);
    clock.timer('first', 3, () => {
      log('first')();
      clock.post('posted', log('posted'));
      clock.timer('zero', 0, log('zero'));
    });
    clock.timer('second', 3, log('second'));
    expect(firings(clock, fired)).toEqual(['first@3', 'second@3', 'posted@3', 'zero@3']);
  });

  test.for([25, 400, 365 * 280])('a timer of %i days fires at its time', (days) => {
    const clock = createVirtualClock();
    const { fired, log } = logging(clock);
    clock.timer('far', days * DAY_MS, log('far'));
    clock.timer('near', days * DAY_MS - 1, log('near'));
    expect(firings(clock, fired)).toEqual([`near@${days * DAY_MS - 1}`, `far@${days * DAY_MS}`]);
  });

  test('a delay beyond representable time fires at its end, and time stops there', () => {
    const clock = createVirtualClock();
    const { fired, log } = logging(clock);
    clock.timer('huge', Number.MAX_VALUE, () => {
      log('huge')();
      clock.timer('more', Number.MAX_VALUE, log('more'));
    });
    firings(clock, fired);
    expect(fired).toEqual([
      `huge@${Number.MAX_SAFE_INTEGER / 1000}`,
      `more@${Number.MAX_SAFE_INTEGER / 1000}`,
    ]);
  });

  test('100,000 pending timers fire in order, less those that were cancelled', () => {
    const clock = createVirtualClock();
    const times: number[] = [];
    const timers: Timer[] = [];
    for (let i = 0, x = 1; i < 100_000; i++) {
      x = (x * 48_271) % 2_147_483_647;
      timers.push(clock.timer('one of many', x % 1_000_000, () => times.push(clock.now())));
    }
    expect(clock.pending).toBe(100_000);
    timers.filter((_, i) => i % 4 === 3).forEach((timer) => timer.cancel());
    expect(clock.pending).toBe(75_000);
    while (clock.step());
    expect(times).toHaveLength(75_000);
    expect(times.every((time, i) => i === 0 || time >= (times[i - 1] as number))).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe('cancelling', () => {
  test('removes an event at once, wherever it stands, and twice is harmless', () => {
    const clock = createVirtualClock();
    const { fired, log } = logging(clock);
    const posted = clock.post('posted', log('posted'));
    const timed = clock.timer('timed', 5, log('timed'));
    const late = clock.endOfInstant('late', 0, log('late'));
    clock.timer('kept', 6, log('kept'));
    for (const timer of [posted, timed, late, posted, timed, late]) timer.cancel();
    expect(clock.pending).toBe(1);
    expect(firings(clock, fired)).toEqual(['kept@6']);
  });

  test('of an event that has fired does not affect later ones', () => {
    const clock = createVirtualClock();
    const { fired, log } = logging(clock);
    const first = clock.timer('first', 1, log('first'));
    clock.step();
    clock.timer('second', 1, log('second'));
    first.cancel();
    expect(clock.pending).toBe(1);
    expect(firings(clock, fired)).toEqual(['first@1', 'second@2']);
  });

  test('of an event by another one due at the same time keeps it from firing', () => {
    const clock = createVirtualClock();
    const { fired, log } = logging(clock);
    clock.timer('canceller', 2, () => victim.cancel());
    const victim = clock.timer('victim', 2, log('victim'));
    expect(firings(clock, fired)).toEqual([]);
    expect(clock.fired).toBe(1);
  });

  test('by the event itself does nothing', () => {
    const clock = createVirtualClock();
    const own = clock.timer('own', 1, () => own.cancel());
    clock.step();
    expect({ pending: clock.pending, fired: clock.fired }).toEqual({ pending: 0, fired: 1 });
  });
});

describe('what a callback throws', () => {
  test('is thrown by the step; the event counts as fired and the clock goes on', () => {
    const clock = createVirtualClock();
    const { fired, log } = logging(clock);
    clock.timer('bad', 1, () => {
      throw new TypeError('bad callback');
    });
    clock.timer('good', 1, log('good'));
    expect(() => clock.step()).toThrow(new TypeError('bad callback'));
    expect({ fired: clock.fired, pending: clock.pending, now: clock.now() }).toEqual({
      fired: 1,
      pending: 1,
      now: 1,
    });
    expect(firings(clock, fired)).toEqual(['good@1']);
  });
});

describe('what is known of events', () => {
  test('the cause of an event is the one that was firing, also in its promise reactions', async () => {
    const clock = createVirtualClock();
    const infos: EventInfo[] = [];
    const watched = createVirtualClock({ onFire: (event) => infos.push(event) });
    for (const each of [clock, watched]) {
      each.timer('parent', 1, () => {
        void Promise.resolve().then(() => each.timer('of a reaction', 2, () => {}));
        each.post('child', () => {});
      });
      expect(each.currentEventId).toBe(0);
      await each.runUntilIdle();
      expect(each.currentEventId).toBe(3);
    }
    expect(infos).toEqual([
      { id: 1, cause: 0, topic: topicOf('parent'), atMs: 1, late: false },
      { id: 2, cause: 1, topic: topicOf('child'), atMs: 1, late: false },
      { id: 3, cause: 1, topic: topicOf('of a reaction'), atMs: 3, late: false },
    ]);
  });

  test('a listener reads when an event fires that was due during a stall, and how late it is then', async () => {
    const read: (readonly [number, () => number])[] = [];
    const listener = ({ atMs }: EventInfo, _made: number, now: () => number): void => {
      read.push([atMs, now]);
      seen.push(now());
    };
    const seen: number[] = [];
    const clock = createVirtualClock({ onFire: listener });
    const remove = clock.addFireListener(listener);
    clock.timer('stalls', 1, () => clock.stall(10));
    clock.timer('late', 5, () => remove());
    await clock.runUntilIdle();
    expect([read.map(([atMs]) => atMs), seen]).toEqual([
      [1, 1, 5, 5],
      [1, 1, 11, 11],
    ]);
    expect(read.map(([, now]) => now())).toEqual([11, 11, 11, 11]);
  });

  test('pending events are listed in the order of time and creation, as many as asked for', () => {
    const clock = createVirtualClock();
    clock.timer('later', 7, () => {});
    clock.endOfInstant('end of now', 0, () => {});
    clock.timer('soon', 2, () => {});
    clock.post('now', () => {});
    clock.timer('soon too', 2, () => {});
    expect(clock.pendingLabels()).toEqual(['now', 'end of now', 'soon', 'soon too', 'later']);
    expect(clock.pendingLabels(2)).toEqual(['now', 'end of now']);
    expect(clock.pendingEvents().map(({ atMs, late }) => [atMs, late])).toEqual([
      [0, false],
      [0, true],
      [2, false],
      [2, false],
      [7, false],
    ]);
  });

  test('places are captured only when asked for, and begin with the caller', () => {
    const clock = createVirtualClock({ capturePlaces: true });
    function startWaiting(): void {
      clock.timer('a', 1, () => {});
      clock.post('b', () => {});
      clock.endOfInstant('c', 1, () => {});
    }
    startWaiting();
    for (const { place = '' } of clock.pendingEvents()) {
      expect(place.split('\n')[0]).toMatch(/^at startWaiting .*virtual-clock\.test\.ts/);
    }
    clock.step();
    clock.timer('same row', 1, () => {}).cancel();
    expect(clock.pendingEvents()).toHaveLength(2);
    const plain = createVirtualClock();
    plain.post('a', () => {});
    expect(plain.pendingEvents()[0]).not.toHaveProperty('place');
  });
});

describe('driven by hand', () => {
  test('advanceBy fires what is due until then, reactions included, and moves time there', async () => {
    const clock = createVirtualClock();
    const { fired, log } = logging(clock);
    clock.timer('a', 2, () => {
      log('a')();
      void Promise.resolve().then(() => clock.timer('b', 3, log('b')));
    });
    clock.endOfInstant('end', 5, log('end'));
    clock.timer('beyond', 5.001, log('beyond'));
    await clock.advanceBy(5);
    expect(fired).toEqual(['a@2', 'b@5', 'end@5']);
    expect(clock.now()).toBe(5);
    await clock.advanceBy(0);
    await clock.advanceBy(10);
    expect(fired.at(-1)).toBe('beyond@5.001');
    expect(clock.now()).toBe(15);
  });

  test('runUntilIdle fires everything', async () => {
    const clock = createVirtualClock();
    const { fired, log } = logging(clock);
    clock.timer('a', 2, () => void Promise.resolve().then(() => clock.timer('b', 1, log('b'))));
    await clock.runUntilIdle();
    expect(fired).toEqual(['b@3']);
  });

  test('an event queued for a time that has passed fires by its due time, after a time that has begun to fire', () => {
    const order = (stepsBefore: number): readonly string[] => {
      const clock = createVirtualClock();
      const { fired, log } = logging(clock);
      clock.timer('b', 10, log('ten'));
      clock.timer('c', 10, log('ten again'));
      clock.timer('d', 15, log('fifteen'));
      clock.stall(20);
      for (let step = 0; step < stepsBefore; step += 1) clock.step();
      clock.queued('a', 5, { cause: 0 }, log('five'));
      expect(clock.pendingLabels()).toEqual(stepsBefore === 0 ? ['a', 'b', 'c', 'd'] : ['c', 'a', 'd']);
      while (clock.step());
      return fired;
    };
    expect(order(0)).toEqual(['five@20', 'ten@20', 'ten again@20', 'fifteen@20']);
    expect(order(1)).toEqual(['ten@20', 'ten again@20', 'five@20', 'fifteen@20']);
  });

  test('skipTo never passes an event and never goes back', () => {
    const clock = createVirtualClock();
    clock.timer('due', 5, () => {});
    clock.skipTo(6000);
    clock.skipTo(5000);
    expect(clock.now()).toBe(0);
    clock.skipTo(4000);
    expect(clock.now()).toBe(4);
    clock.skipTo(1000);
    expect(clock.now()).toBe(4);
  });
});

describe('an event that a listener creates while another one is created', () => {
  const ways: readonly (readonly [string, (clock: VirtualClock, fire: () => void) => Timer])[] = [
    ['timer', (clock, fire) => clock.timer('outer', 5, fire)],
    ['queued', (clock, fire) => clock.queued('outer', 5, { cause: 0 }, fire)],
  ];
  test.for(ways)('does not keep the outer one, made by %s, from being cancelled', ([, make]) => {
    const clock = createVirtualClock();
    const fired: string[] = [];
    let isInside = false;
    clock.addMakeListener(() => {
      if (isInside) return;
      isInside = true;
      clock.timer('inner', 5, () => fired.push('inner'));
      isInside = false;
    });
    make(clock, () => fired.push('outer')).cancel();
    expect(clock.pendingLabels()).toEqual(['inner']);
    while (clock.step());
    expect(fired).toEqual(['inner']);
  });
});

describe('wrong use', () => {
  const clock = createVirtualClock();
  test.for([
    ['ms', -1, () => clock.timer('t', -1, () => {})],
    ['ms', NaN, () => clock.timer('t', NaN, () => {})],
    ['ms', Infinity, () => clock.timer('t', Infinity, () => {})],
    ['ms', undefined, () => clock.timer('t', undefined as never, () => {})],
    ['ms', -0.001, () => clock.endOfInstant('t', -0.001, () => {})],
    ['ms', Infinity, () => clock.endOfInstant('t', Infinity, () => {})],
    ['fire', 'soon', () => clock.post('t', 'soon' as never)],
    ['fire', undefined, () => clock.timer('t', 1, undefined as never)],
    ['label', 3, () => clock.post(3 as never, () => {})],
    ['timeUs', 1.5, () => clock.skipTo(1.5)],
    ['timeUs', 1e300, () => clock.skipTo(1e300)],
    ['timeUs', Infinity, () => clock.skipTo(Infinity)],
    ['timeUs', -1, () => clock.skipTo(-1)],
    ['epochMs', NaN, () => createVirtualClock({ epochMs: NaN })],
  ] as const)('%s: %s is refused and leaves nothing', ([name, value, call]) => {
    let error: unknown;
    try {
      call();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(RunnerError);
    expect(error).toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT', actual: value });
    expect((error as RunnerError).message).toMatch(new RegExp(`^${name}: expected .*, got `));
    expect(clock.pending).toBe(0);
  });

  test('advanceBy rejects a wrong time', async () => {
    await expect(clock.advanceBy(-1)).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: 'ms: expected a finite number ≥ 0, got -1',
    });
  });
});
