import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createSystemClock, SystemTimerHeap, type SystemTimer } from '../../src/host/system-clock.ts';
import { sleep } from '../../src/kernel/clock.ts';

const DAY_MS = 86_400_000;

afterEach(() => {
  vi.useRealTimers();
});

/** The machine's time, held by the test. */
function heldClock() {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance', 'Date'],
  });
  const clock = createSystemClock();
  const fired: string[] = [];
  const note = (name: string) => (): void => void fired.push(`${name} ${clock.now()}`);
  return { clock, fired, note };
}

/** An immediate that is set by a callback takes a millisecond of held time, unlike real ones. */
function settle(fired: readonly string[]): (string | undefined)[] {
  vi.advanceTimersByTime(10);
  return fired.map((text) => text.split(' ')[0]);
}

describe('timers of the system clock', () => {
  test('fire once at their time, in the order of time', () => {
    const { clock, fired, note } = heldClock();
    clock.timer('c', 30, note('c'));
    clock.timer('a', 10, note('a'));
    clock.timer('b', 20, note('b'));
    vi.advanceTimersByTime(9);
    expect(fired).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(fired).toEqual(['a 10', 'b 20', 'c 30']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('fire in the order of creation if due together', () => {
    const { clock, fired, note } = heldClock();
    clock.timer('a', 10, note('a'));
    vi.advanceTimersByTime(5);
    clock.timer('b', 5, note('b'));
    clock.timer('c', 5, note('c'));
    vi.advanceTimersByTime(20);
    expect(fired.map((text) => text[0])).toEqual(['a', 'b', 'c']);
  });

  test('beyond 24.8 days work, and no native timer is longer than Node allows', () => {
    const { clock, fired, note } = heldClock();
    const native = vi.spyOn(globalThis, 'setTimeout');
    clock.timer('far', 100 * DAY_MS, note('far'));
    vi.advanceTimersByTime(100 * DAY_MS - 1);
    expect(fired).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(fired).toEqual([`far ${100 * DAY_MS}`]);
    const delays = native.mock.calls.map(([, ms]) => ms ?? 0);
    expect(delays.length).toBe(5);
    expect(Math.max(...delays)).toBe(2 ** 31 - 1);
    native.mockRestore();
  });

  test('beyond representable time can be set and cancelled', () => {
    const { clock, fired, note } = heldClock();
    clock.timer('never', Number.MAX_VALUE, note('never')).cancel();
    expect(vi.getTimerCount()).toBe(0);
    expect(fired).toEqual([]);
  });

  test('of less than a millisecond are not early', async () => {
    const clock = createSystemClock();
    for (const ms of [0.001, 0.4, 0.5, 1.2, 2.999]) {
      const beforeMs = clock.now();
      await sleep(clock, ms);
      expect(clock.now() - beforeMs).toBeGreaterThanOrEqual(ms);
    }
  });

  test('do not fire once cancelled; cancelling twice or too late does nothing', () => {
    const { clock, fired, note } = heldClock();
    const kept = clock.timer('kept', 10, note('kept'));
    const gone = clock.timer('gone', 5, note('gone'));
    gone.cancel();
    gone.cancel();
    vi.advanceTimersByTime(20);
    kept.cancel();
    expect(fired).toEqual(['kept 10']);
  });

  test('leave no native timer behind when the last one is cancelled', () => {
    const { clock, note } = heldClock();
    const timers = [
      clock.timer('a', 10, note('a')),
      clock.post('b', note('b')),
      clock.endOfInstant('c', 0, note('c')),
    ];
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    for (const timer of timers) timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('neither delay nor wait for each other', () => {
    const { clock, fired, note } = heldClock();
    clock.timer('late', 1000, note('late'));
    clock.timer('early', 10, note('early'));
    clock.timer('later', 2000, note('later'));
    vi.advanceTimersByTime(10);
    expect(fired).toEqual(['early 10']);
    vi.advanceTimersByTime(5000);
    expect(fired).toEqual(['early 10', 'late 1000', 'later 2000']);
  });

  test.for([-1, NaN, Infinity, -Infinity])('of %d ms are refused', (ms) => {
    const clock = createSystemClock();
    expect(() => clock.timer('x', ms, () => undefined)).toThrow(/ms: expected a finite number ≥ 0/);
    expect(() => clock.endOfInstant('x', ms, () => undefined)).toThrow(/ms: expected a finite number ≥ 0/);
  });

  test('with a bad label or callback are refused', () => {
    const clock = createSystemClock();
    expect(() => clock.post('x', 7 as never)).toThrow(/fire: expected a function, got 7/);
    expect(() => clock.post(7 as never, () => undefined)).toThrow(
      /label: expected a text, or an object .*, got 7/,
    );
  });
});

describe('the order within an instant', () => {
  test('R104 posted callbacks fire after the running one, first-in-first-out', () => {
    const { clock, fired, note } = heldClock();
    clock.post('a', () => {
      clock.post('c', note('c'));
      note('a')();
    });
    clock.post('b', note('b'));
    note('now')();
    expect(settle(fired)).toEqual(['now', 'a', 'b', 'c']);
  });

  test('R35 an end-of-instant event fires after everything else due, including what that posts', () => {
    const { clock, fired, note } = heldClock();
    clock.endOfInstant('end', 10, note('end'));
    clock.endOfInstant('end too', 10, note('too'));
    clock.timer('a', 10, () => {
      note('a')();
      clock.post('b', () => {
        note('b')();
        clock.post('c', note('c'));
      });
    });
    vi.advanceTimersByTime(10);
    expect(settle(fired)).toEqual(['a', 'b', 'c', 'end', 'too']);
  });

  test('an end-of-instant event does not wait for later events', () => {
    const { clock, fired, note } = heldClock();
    clock.timer('later', 20, note('later'));
    clock.endOfInstant('end', 10, note('end'));
    vi.advanceTimersByTime(30);
    expect(fired).toEqual(['end 10', 'later 20']);
  });

  test('promise reactions of one event run before the next one', async () => {
    const clock = createSystemClock();
    const order: string[] = [];
    clock.post('a', () => {
      order.push('a');
      void Promise.resolve()
        .then(() => undefined)
        .then(() => order.push('reaction'));
    });
    await new Promise<void>((resolve) => {
      clock.post('b', () => {
        order.push('b');
        resolve();
      });
    });
    expect(order).toEqual(['a', 'reaction', 'b']);
  });

  test('promise reactions and ticks of one event run before the next one, those that they ask for included', async () => {
    const clock = createSystemClock();
    const order: string[] = [];
    clock.post('a', () => {
      process.nextTick(() => {
        order.push('tick');
        void Promise.resolve().then(() => process.nextTick(() => order.push('tick of a reaction')));
      });
    });
    await new Promise<void>((resolve) => {
      clock.post('b', resolve);
    });
    expect(order).toEqual(['tick', 'tick of a reaction']);
  });

  test('promise reactions of one event run before the next one also where a test fires the timers in one', async () => {
    const { clock, fired, note } = heldClock();
    clock.post('a', () => void Promise.resolve().then(note('reaction')));
    clock.post('b', note('b'));
    await Promise.resolve();
    await vi.advanceTimersByTimeAsync(10);
    expect(settle(fired)).toEqual(['reaction', 'b']);
  });

  test('events that post events share a turn of the event loop', async () => {
    const clock = createSystemClock();
    const order: string[] = [];
    const turn = new Promise<void>((resolve) => {
      clock.post('a', () => {
        setImmediate(() => {
          order.push('turn');
          resolve();
        });
        clock.post('b', () => {
          order.push('b');
          clock.post('c', () => order.push('c'));
        });
      });
    });
    await turn;
    expect(order).toEqual(['b', 'c', 'turn']);
  });

  test('events that post events for ever leave the event loop its turns', async () => {
    const clock = createSystemClock();
    let isStopped = false;
    let fired = 0;
    const again = (): void => {
      fired += 1;
      if (!isStopped && fired < 100_000) clock.post('again', again);
    };
    again();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    isStopped = true;
    // Some turns of 64 events each.
    expect(fired).toBeLessThanOrEqual(640);
  });

  test('what came from the machine while the loop was busy comes before what is due', async () => {
    const clock = createSystemClock();
    const order: string[] = [];
    const { port1, port2 } = new MessageChannel();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    const all = new Promise<void>((resolve) => {
      const note = (name: string) => (): void => {
        if (order.push(name) === 2) resolve();
      };
      port1.on('message', note('message'));
      clock.timer('due', 1, note('due'));
    });
    port2.postMessage('');
    while (clock.now() < 10) order.at(0);
    await all;
    port1.close();
    expect(order).toEqual(['message', 'due']);
  });

  test('a callback that throws hides neither its error nor later events', () => {
    const { clock, fired, note } = heldClock();
    clock.timer('bad', 10, () => {
      throw new Error('boom');
    });
    clock.timer('good', 10, note('good'));
    expect(() => vi.advanceTimersByTime(10)).toThrow('boom');
    vi.advanceTimersByTime(1);
    expect(fired).toHaveLength(1);
  });

  test('callbacks run in the async context in which they were registered', async () => {
    const clock = createSystemClock();
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    for (const name of ['a', 'b']) {
      storage.run(name, () => clock.timer(name, 1, () => seen.push(storage.getStore())));
    }
    await sleep(clock, 2);
    expect(seen).toEqual(['a', 'b']);
  });
});

describe('time', () => {
  test('begins at zero, never goes back, and is in whole microseconds', () => {
    const clock = createSystemClock();
    const times = Array.from({ length: 1000 }, () => clock.now());
    expect(times[0]).toBeLessThan(1000);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
    expect(times.filter((ms) => Math.abs(ms * 1000 - Math.round(ms * 1000)) > 1e-6)).toEqual([]);
  });

  test('gives a date together with the epoch, which does not change', () => {
    const { clock } = heldClock();
    const { epochMs } = clock;
    vi.advanceTimersByTime(DAY_MS);
    expect(clock.epochMs).toBe(epochMs);
    expect(epochMs + clock.now()).toBe(Date.now());
  });
});

test.for([
  ['', 'fired\n'],
  ['{ keepsAlive: true }', 'fired\n'],
  ['{ keepsAlive: false }', ''],
] as const)(
  'createSystemClock(%s): a process with nothing but a timer prints %j',
  async ([options, expected]) => {
    const program = `
    import { createSystemClock } from './src/host/system-clock.ts';
    createSystemClock(${options}).timer('x', 50, () => console.log('fired'));`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += String(chunk)));
    await once(child, 'close');
    expect(text).toBe(expected);
  },
);

test('what a callback or a tick of it throws is an uncaught exception, and the events after it still fire', async () => {
  const program = `
    import { createSystemClock } from './src/host/system-clock.ts';
    process.on('uncaughtException', ({ message }) => console.log(message));
    const clock = createSystemClock();
    clock.post('a', () => { throw new Error('a throws'); });
    clock.post('b', () => process.nextTick(() => { throw new Error('a tick of b throws'); }));
    clock.post('c', () => console.log('c'));
    clock.timer('d', 1, () => console.log('d'));
    clock.timer('e', 2, function* () { console.log('e'); });
    clock.timer('f', 3, () => console.log('f'));`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => (text += String(chunk)));
  await once(child, 'close');
  const generator =
    'fire: expected a function whose body runs when it is called, got one that returned a generator, whose body nobody runs';
  expect(text).toBe(`a throws\na tick of b throws\nc\nd\n${generator}\nf\n`);
});

/** Who holds the loop up until `due` is over, how, and the order of what is noted. */
const HOLD_UPS: readonly (readonly [string, string, string])[] = [
  ['the main program', 'due(); send(); hold();', 'message due'],
  [
    'a callback of the machine that posts',
    "onExit(() => { due(); send(); hold(); post('posted'); });",
    'message due posted',
  ],
  [
    'a callback of the machine that has posted',
    "onExit(() => { post('posted'); due(); send(); hold(); });",
    'posted message due',
  ],
  [
    'the main program, and Node asks before the next immediate',
    "due(); setTimeout(() => setImmediate(note('immediate')), 1); hold();",
    'due immediate',
  ],
  ['an event of the clock', "clock.post('x', () => { due(); send(); hold(); });", 'message due'],
  ['a timer of the clock', "clock.timer('x', 1, () => { due(); send(); hold(); });", 'message due'],
];

/** What stands in the globals and hands on to the machine, and how code runs with it. */
const STAND_INS: readonly (readonly [string, string])[] = [
  ['nothing else in the globals', 'await main();'],
  ['the stand-ins of ambient time', "await import('./src/ambient/install.ts'); await main();"],
  [
    'set timers watched',
    "new (await import('./src/kernel/drain-set-timers.ts')).SetTimers(() => false).begin(); await main();",
  ],
];

describe('what came from the machine while the loop was busy comes before what is due', () => {
  test.for(STAND_INS)('with %s', async ([, runMain]) => {
    const cases = HOLD_UPS.map(
      ([, code, expected]) =>
        `order = []; ${code} await settled(${expected.split(' ').length}); console.log(order.join(' '));`,
    );
    const program = `
    import { spawn } from 'node:child_process';
    import { MessageChannel } from 'node:worker_threads';
    import { createSystemClock } from './src/host/system-clock.ts';
    const clock = createSystemClock();
    const { port1, port2 } = new MessageChannel();
    let order = [];
    const note = (name) => () => order.push(name);
    const due = () => clock.timer('due', 1, note('due'));
    const post = (name) => clock.post(name, note(name));
    const send = () => port2.postMessage('');
    const hold = () => { for (const endMs = clock.now() + 5; clock.now() < endMs;); };
    const onExit = (call) => spawn(process.execPath, ['--version'], { stdio: 'ignore' }).on('exit', call);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const settled = async (count) => { while (order.length < count) await turn(); };
    const main = async () => { await turn(); ${cases.join('\n')} };
    port1.on('message', note('message'));
    ${runMain}
    port1.close();`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += String(chunk)));
    await once(child, 'close');
    const orders = text.trimEnd().split('\n');
    expect(HOLD_UPS.map(([by], index) => `${by}: ${orders[index]}`)).toEqual(
      HOLD_UPS.map(([by, , expected]) => `${by}: ${expected}`),
    );
  });
});

test('the heap gives timers in order, whatever was added and cancelled', () => {
  const steps = fc.array(fc.oneof(fc.nat(20), fc.constantFrom('shift' as const, 'cancel' as const)), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, (given) => {
      let cancelled = 0;
      const heap = new SystemTimerHeap(() => cancelled++);
      const model: SystemTimer[] = [];
      let cancels = 0;
      for (const [index, step] of given.entries()) {
        model.sort((a, b) => a.timeUs - b.timeUs || a.order - b.order);
        if (typeof step === 'number') model.push(heap.add(step, () => undefined));
        else if (step === 'shift') expect(heap.shift()).toBe(model.shift());
        else if (model.length > 0) {
          const [victim] = model.splice((index * 7) % model.length, 1);
          victim!.cancel();
          victim!.cancel();
          cancels++;
        }
        expect(heap.size).toBe(model.length);
        expect(heap.firstUs).toBe(Math.min(Infinity, ...model.map(({ timeUs }) => timeUs)));
      }
      expect(cancelled).toBe(cancels);
    }),
  );
});
