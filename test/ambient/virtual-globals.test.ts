import { File as BufferFile } from 'node:buffer';
import crypto from 'node:crypto';
import events from 'node:events';
import { IncomingMessage, OutgoingMessage, ServerResponse } from 'node:http';
import perfHooks, {
  performance as hooksPerformance,
  PerformanceObserver as HooksObserver,
} from 'node:perf_hooks';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  Worker,
  MessageChannel as ThreadChannel,
  receiveMessageOnPort,
  type MessagePort as ThreadPort,
} from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { simulate, type Scenario } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';
import { createExecutor, explain, formatExplanation } from 'dryrunner/explore';
import { installTogether, replaceProperty, standIns } from '../../src/ambient/globals/stand-in.ts';
import { elapsed, EPOCH_MS, logOf, passes } from './ambient-log.ts';

/** With what Node has and its types lack. */
type WholePort = ThreadPort & { hasRef(): boolean; close(closed: () => void): void };
const wholeChannel = (): { readonly port1: WholePort; readonly port2: WholePort } =>
  new ThreadChannel() as never;

// Before the code of the tests is made.
const ambient = ambientTime();

describe('the date of now', () => {
  test('is virtual where a format, a kept Date or a subclass asks for it', async () => {
    class Stamp extends Date {}
    const log = await logOf(async (note) => {
      await passes(86_400_000);
      const format = new Intl.DateTimeFormat('en', { timeZone: 'UTC', dateStyle: 'short' });
      const { format: bound } = format;
      note([format.format(), format.format(0), format.format === bound]);
      note(format.formatToParts().find(({ type }) => type === 'day')?.value);
      note([new Stamp().getTime() - EPOCH_MS, new Date(5).getTime(), Date().slice(0, 15)]);
      note((new Date().constructor as DateConstructor).now() - EPOCH_MS);
    });
    expect(log.slice(0, 2)).toEqual([['1/2/00', '1/1/70', true], '2']);
    expect(log[2]).toEqual([86_400_000, 5, expect.stringMatching(/Jan 0[123] 2000/)]);
    expect(log[3]).toBe(86_400_000);
    expect(new Intl.DateTimeFormat('en', { dateStyle: 'short' }).format()).not.toMatch(/00$/);
  });
});

describe('the date of a file', () => {
  test('is virtual unless it is given', async () => {
    class Own extends File {}
    const log = await logOf(async (note) => {
      await passes(5);
      const made = [File, BufferFile, Own].map((Class) => new Class(['a'], 'name', { type: 'text/plain' }));
      note(made.map(({ lastModified, type, name }) => [lastModified - EPOCH_MS, type, name].join(' ')));
      note([new File([], 'name').lastModified - EPOCH_MS, made.every((file) => file instanceof File)]);
      note([new File([], 'name', { lastModified: 7 }).lastModified, made[2] instanceof Own]);
      try {
        note(new (File as unknown as new () => File)());
      } catch (error) {
        note((error as Error).name);
      }
    });
    expect(log).toEqual([Array(3).fill('5 text/plain name'), [5, true], [7, true], 'TypeError']);
    expect(new File([], 'name').lastModified).toBeGreaterThan(EPOCH_MS + 20 * 365 * 86_400_000);
  });
});

describe('the date of a response that no socket takes', () => {
  const dateOf = (begin: (response: ServerResponse) => void): string | undefined => {
    const response = new ServerResponse(new IncomingMessage(new PassThrough() as never));
    begin(response);
    response.end();
    const { _header: header } = response as unknown as { readonly _header: string };
    return /\r\ndate: (.*)\r\n/i.exec(header)?.[1];
  };
  const plain = (): void => {};

  test('may be that of Node, as for a module that is loaded later than the stand-ins', async () => {
    const { prototype } = OutgoingMessage;
    const { before, now } = standIns.find(({ owner }) => owner === prototype) as (typeof standIns)[number];
    Object.defineProperty(prototype, '_storeHeader', before);
    // Node keeps the date for a second: nothing in this file has asked for one before.
    const logged = logOf((note) => note(dateOf(plain)));
    const log = await logged.finally(() => Object.defineProperty(prototype, '_storeHeader', now));
    expect(log).toEqual([expect.stringMatching(/ 20[2-9]\d /)]);
  });

  test('is virtual unless it is given', async () => {
    const log = await logOf(async (note) => {
      await passes(5_000);
      note(dateOf(plain));
      note(dateOf((response) => response.writeHead(200, ['x', 'date'])));
      note(dateOf((response) => (response.sendDate = false)));
      note(dateOf((response) => response.setHeader('Date', 'given')));
      note(dateOf((response) => response.writeHead(200, { DATE: 'given' })));
      note(dateOf((response) => response.writeHead(200, ['date', 'given'])));
      note(dateOf((response) => response.writeHead(200, [['date', 'given']] as never)));
    });
    const virtual = 'Sat, 01 Jan 2000 00:00:05 GMT';
    expect(log).toEqual([virtual, virtual, undefined, ...Array<string>(4).fill('given')]);
    expect(dateOf(plain)).toMatch(/ 20[2-9]\d /);
  });
});

test('the time of an event is that at which it was dispatched, whenever it is read', async () => {
  const log = await logOf(async (note) => {
    const seen: Event[] = [];
    const controller = new AbortController();
    for (const target of [controller.signal, new EventTarget()]) {
      target.addEventListener('abort', (event) => seen.push(event));
      await passes(5);
      if (target === controller.signal) controller.abort();
      else target.dispatchEvent(new Event('abort'));
    }
    await passes(10);
    note(seen.map(({ timeStamp }) => timeStamp - 1_000));
  });
  expect(log).toEqual([[5, 10]]);
});

describe('performance', () => {
  /** What Node 20 and 22 do not have. */
  const newHooks = perfHooks as { readonly eventLoopUtilization?: () => object };

  test('its origin, marks, measures and utilization are virtual', async () => {
    const log = await logOf(async (note) => {
      note([performance.timeOrigin, hooksPerformance.timeOrigin]);
      await passes(10);
      note(performance.mark('begun').startTime);
      await passes(15);
      note(performance.measure('from a mark', 'begun').duration);
      note(performance.measure('from the beginning').duration);
      note(performance.measure('of a time', { start: 1, duration: 2 }).duration);
      note(performance.measure('of options', { start: 'begun' }).duration);
      note([
        performance.mark('given', { startTime: 3 }).startTime,
        performance.eventLoopUtilization().utilization,
      ]);
      note([new Event('x').timeStamp, process.cpuUsage()]);
      note(newHooks.eventLoopUtilization?.());
      performance.clearMarks();
      performance.clearMeasures();
    });
    expect(log).toEqual([
      [EPOCH_MS - 1_000, EPOCH_MS - 1_000],
      ...[1_010, 15, 1_025, 2, 15],
      [3, 0],
      [1_025, { user: 0, system: 0 }],
      newHooks.eventLoopUtilization === undefined ? undefined : { idle: 0, active: 0, utilization: 0 },
    ]);
    expect(performance.timeOrigin).toBeGreaterThan(Date.UTC(2020, 0, 1));
    expect(new Event('x').timeStamp).toBeGreaterThan(0);
  });
});

describe('the timeline of performance', () => {
  const typed = (entries: readonly { readonly entryType: string; readonly name: string }[]): string[] =>
    entries.map(({ entryType, name }) => `${entryType} ${name}`);

  test('has entries that look like those of Node, also of a class that extends theirs', async () => {
    class Step extends PerformanceMark {
      get label(): string {
        return `step ${this.name}`;
      }
    }
    Object.defineProperty(Step.prototype, 'duration', { get: () => 7 });
    const fieldsIn = (entry: object): string[] => {
      const fields = [];
      // eslint-disable-next-line no-restricted-syntax -- code that loops over the fields of an entry sees these
      for (const field in entry) fields.push(field);
      return fields;
    };
    const look = (): unknown[] => {
      const mark = performance.mark('a', { startTime: 5, detail: { x: 1 } });
      const measure = performance.measure('m', { start: 5, end: 7 });
      const step = Reflect.construct(Step, ['b', { startTime: 6 }]) as Step;
      performance.clearMarks();
      performance.clearMeasures();
      return [
        ...[mark, measure, step].map((entry) => [
          fieldsIn(entry),
          Object.keys(entry),
          Object.prototype.toString.call(entry),
        ]),
        ...[step.label, step.name, step.startTime, step.duration, step.detail, step.constructor === Step],
        ...[step instanceof Step, step instanceof PerformanceMark],
      ];
    };
    const seen: unknown[] = [];
    await simulate({ ambient, scenario: () => void seen.push(...look()) });
    expect(seen).toEqual(look());
    expect(seen[0]).toContainEqual(['detail', 'name', 'entryType', 'startTime', 'duration']);
  });

  test('begins empty in each execution, and the real one stays as it was', async () => {
    const real = performance.mark('real', { startTime: 5 });
    const seen: unknown[] = [];
    const scenario: Scenario = async () => {
      seen.push(typed(performance.getEntries()));
      expect(() => performance.measure('from outside', 'real')).toThrow('mark has not been set');
      performance.mark('real');
      await passes(10);
      performance.mark('later', { detail: { a: 1 } });
      performance.measure('between', 'real', 'later');
      seen.push(typed(performance.getEntries()), typed(performance.getEntriesByName('real', 'measure')));
      const [between] = performance.getEntriesByType('measure');
      seen.push([between?.startTime, between?.duration, between instanceof PerformanceMeasure]);
      seen.push(JSON.stringify(performance.getEntriesByName('later')), between?.constructor.name);
      performance.clearMarks('later');
      seen.push(typed(performance.getEntries()));
      performance.clearMarks();
      performance.clearMeasures();
      seen.push(typed(hooksPerformance.getEntries()));
      performance.mark('left for the next');
    };
    const { failure } = await simulate({ ambient, scenario });
    if (failure !== undefined) throw failure.cause;
    const once = [
      [],
      ['mark real', 'measure between', 'mark later'],
      [],
      [1_000, 10, true],
      '[{"name":"later","entryType":"mark","startTime":1010,"duration":0,"detail":{"a":1}}]',
      'PerformanceMeasure',
      ['mark real', 'measure between'],
      [],
    ];
    expect(seen).toEqual(once);
    await simulate({ ambient, scenario });
    expect(seen).toEqual([...once, ...once]);
    expect(performance.getEntriesByType('mark')).toEqual([real]);
    expect(performance.getEntriesByType('measure')).toEqual([]);
    expect(performance.measure('of the real', 'real').startTime).toBe(5);
    performance.clearMarks();
    performance.clearMeasures();
  });

  test('many marks at once come in one event', async () => {
    let calls = 0;
    const { firedEvents } = await simulate({
      ambient,
      scenario: async () => {
        new PerformanceObserver(() => (calls += 1)).observe({ entryTypes: ['mark'] });
        for (let count = 0; count < 500; count += 1) performance.mark(`step ${count}`);
        await passes(5);
      },
    });
    expect([calls, firedEvents]).toEqual([1, 2]);
  });

  test('observers hear of it in an event of their own, which is no leftover', async () => {
    const log = await logOf(async (note) => {
      const observer = new PerformanceObserver(function (this: unknown, list, self) {
        note([elapsed(), typed(list.getEntries()), this === observer, self === observer]);
        note([typed(list.getEntriesByName('late')), typed(list.getEntriesByType('measure'))]);
      });
      expect(() => observer.observe({} as never)).toThrow(
        expect.objectContaining({ code: 'ERR_MISSING_ARGS' }),
      );
      performance.mark('early');
      observer.observe({ entryTypes: ['mark', 'measure'] });
      expect(() => observer.observe({ type: 'mark' })).toThrow('can not change to single observation');
      performance.mark('late');
      performance.measure('at once', 'early');
      note('asked');
      await passes(5);
      performance.mark('taken');
      note(typed(observer.takeRecords()));
      performance.mark('unheard');
      observer.disconnect();
      await passes(5);
      const buffered = new HooksObserver((list) => note(typed(list.getEntries())));
      buffered.observe({ type: 'mark', buffered: true });
      await passes(5);
      performance.mark('after the end');
    });
    expect(log).toEqual([
      'asked',
      [0, ['mark late', 'measure at once'], true, true],
      [['mark late'], ['measure at once']],
      ['mark taken'],
      ['mark early', 'mark late', 'mark taken', 'mark unheard'],
    ]);
  });

  test('what is observed inside and outside does not mix', async () => {
    const outside: string[] = [];
    const real = new PerformanceObserver((list) => outside.push(...typed(list.getEntries())));
    real.observe({ entryTypes: ['mark'] });
    const log = await logOf(async (note) => {
      performance.mark('inside');
      new PerformanceObserver((list) => note(typed(list.getEntries()))).observe({ entryTypes: ['mark'] });
      await passes(5);
    });
    performance.mark('outside');
    await new Promise(setImmediate);
    real.disconnect();
    performance.clearMarks();
    expect(log).toEqual([]);
    expect(outside).toEqual(['mark outside']);
  });
});

describe('messages between ports', () => {
  test.for([
    ['the global', () => new MessageChannel()],
    ['of worker_threads', () => new ThreadChannel()],
  ] as const)('%s: each is an event, in the order of sending, and a copy', async ([, make]) => {
    const log = await logOf(async (note) => {
      const { port1, port2 } = make();
      note([port1 instanceof MessagePort, make() instanceof MessageChannel]);
      const sent = { list: [1] };
      port1.postMessage(sent);
      sent.list.push(2);
      port1.postMessage('second');
      note('sent');
      await passes(5);
      Object.assign(port2, { onmessage: ({ data }: MessageEvent) => note([data, elapsed()]) });
      await passes(5);
      port1.postMessage('third');
      port2.on('close', () => note('closed'));
      await passes(1);
      port1.close();
      port1.postMessage('lost');
      await passes(1);
    });
    expect(log).toEqual([[true, true], 'sent', [{ list: [1] }, 5], ['second', 5], ['third', 10], 'closed']);
  });

  test.for<readonly [how: string, listen: (port: ThreadPort, heard: (data: unknown) => void) => void]>([
    ['on', (port, heard) => port.on('message', heard)],
    ['addListener', (port, heard) => port.addListener('message', heard)],
    ['once', (port, heard) => port.once('message', heard)],
    [
      'onmessage',
      (port, heard) => Object.assign(port, { onmessage: ({ data }: MessageEvent) => heard(data) }),
    ],
    [
      'addEventListener',
      (port, heard) => port.addEventListener('message', (event) => heard((event as MessageEvent).data)),
    ],
    ['once of node:events', (port, heard) => void events.once(port, 'message').then(([data]) => heard(data))],
  ])(
    'a port starts with its first listener, by %s, and its close comes after its messages',
    async ([, listen]) => {
      const log = await logOf(async (note) => {
        const { port1, port2 } = wholeChannel();
        port1.postMessage('early');
        await passes(1);
        note(port2.hasRef());
        listen(port2, note);
        note(port2.hasRef());
        await passes(1);
        port2.removeAllListeners('message');
        port1.on('close', () => note('own close'));
        port2.on('close', () => note(`close at ${elapsed()}`));
        port1.postMessage('late');
        port1.close();
        await passes(1);
        port2.on('message', note);
        await passes(1);
        note(port2.hasRef());
      });
      expect(log).toEqual([false, true, 'early', 'own close', 'late', 'close at 3', false]);
    },
  );

  test('a port that has not started closes with the other one, after what it was sent', async () => {
    const log = await logOf(async (note) => {
      const [unused, unread] = [wholeChannel(), wholeChannel()];
      unused.port2.on('close', () => note('unused is closed'));
      unread.port2.on('close', () => note('unread is closed'));
      unread.port1.postMessage('read late');
      unused.port1.close();
      unread.port1.close();
      await passes(1);
      unread.port2.on('message', note);
      await passes(1);
    });
    expect(log).toEqual(['unused is closed', 'read late', 'unread is closed']);
  });

  test('what is received keeps the order of sending, though the port starts in between', async () => {
    const log = await logOf(async (note) => {
      const { port1, port2 } = wholeChannel();
      port1.postMessage('first');
      await passes(1);
      port1.postMessage('second');
      port2.on('message', note);
      port1.postMessage('third');
      await passes(1);
      // Answers after the other side is closed are lost, and so is what comes after one's own close.
      port1.on('message', note);
      port2.on('message', () => port2.postMessage('answer'));
      port1.postMessage('last');
      port2.postMessage('never received');
      port1.close(() => note('is closed'));
      port1.postMessage('never sent');
      await passes(1);
    });
    expect(log).toEqual(['first', 'second', 'third', 'last', 'is closed']);
  });

  test('an event of closing is no leftover, nor is a message that nobody listens to; another is one', async () => {
    const leftOf = async (scenario: (port1: ThreadPort, port2: ThreadPort) => void): Promise<unknown> => {
      const { failure } = await simulate({
        ambient,
        scenario: () => {
          const { port1, port2 } = new ThreadChannel();
          scenario(port1, port2);
        },
      });
      return failure?.message;
    };
    const listens = (port: ThreadPort): void => void port.on('message', () => undefined);
    expect(await leftOf((port1) => port1.close())).toBeUndefined();
    expect(await leftOf((port1) => port1.postMessage('unread'))).toBeUndefined();
    const closed = await leftOf((port1, port2) => {
      listens(port2);
      port1.close();
    });
    expect(closed).toBeUndefined();
    const sentTooLate = await leftOf((port1, port2) => {
      listens(port2);
      port2.close();
      port1.postMessage('lost');
    });
    expect(sentTooLate).toBeUndefined();
    const unread = await leftOf((port1, port2) => {
      listens(port2);
      port1.postMessage('unread');
    });
    expect(unread).toMatch(/left 1 immediate/);
    const unreferenced = await leftOf((port1, port2) => {
      listens(port2);
      port2.unref();
      port1.postMessage('unread');
      port1.close();
    });
    expect(unreferenced).toBeUndefined();
  });

  test('what cannot be copied is refused as ever, and a port, which cannot be passed on, in words', async () => {
    const log = await logOf((note) => {
      const { port1, port2 } = new MessageChannel();
      const own = new ThreadChannel().port1;
      for (const given of [[() => undefined], [{ own }, [own]], [{ own }, { transfer: [own] }], [own]]) {
        try {
          Reflect.apply(port1.postMessage.bind(port1), undefined, given);
        } catch (error) {
          const { name, message } = error as Error;
          note([name, /in a simulation a port cannot be passed on/.test(message)]);
        }
      }
      const { buffer } = new Uint8Array(3);
      port1.postMessage(buffer, [buffer]);
      note([buffer.byteLength, receiveMessageOnPort(port2)?.message]);
    });
    expect(log).toEqual([
      ['DataCloneError', false],
      ...[1, 2, 3].map(() => ['DataCloneError', true]),
      [0, new ArrayBuffer(3)],
    ]);
  });

  describe('as in Node', () => {
    type Play = (note: (what: unknown) => void) => Promise<void>;
    const inNode = async (play: Play): Promise<unknown[]> => {
      const log: unknown[] = [];
      await play((what) => void log.push(what));
      return log;
    };

    test('a listener has the AsyncLocalStorage of the code that made the channel', async () => {
      const storage = new AsyncLocalStorage<string>();
      const play: Play = async (note) => {
        const { port1, port2 } = storage.run('maker', () => new ThreadChannel());
        const closed = new Promise<void>((done) => {
          storage.run('listener', () => {
            port2.on('message', (data) => note([data, storage.getStore()]));
            port2.on('close', () => {
              note(['close', storage.getStore()]);
              done();
            });
          });
        });
        storage.run('sender', () => port1.postMessage('message'));
        storage.run('closer', () => port1.close());
        await closed;
      };
      const log = await inNode(play);
      expect(log).toEqual([
        ['message', 'maker'],
        ['close', 'maker'],
      ]);
      expect(await logOf(play)).toEqual(log);
    });

    test('receiveMessageOnPort takes a message at once', async () => {
      const play: Play = async (note) => {
        const { port1, port2 } = new ThreadChannel();
        const take = (): void => note(receiveMessageOnPort(port2));
        take();
        port1.postMessage(undefined);
        port1.postMessage('second');
        port1.postMessage('third');
        take();
        const heard = new Promise((resolve) => {
          port2.on('message', resolve);
        });
        take();
        note(await heard);
        take();
        const closed = new Promise((resolve) => {
          port2.on('close', resolve);
        });
        port1.close();
        take();
        await closed;
      };
      const log = await inNode(play);
      expect(log).toEqual([
        undefined,
        { message: undefined },
        { message: 'second' },
        'third',
        ...[undefined, undefined],
      ]);
      expect(await logOf(play)).toEqual(log);
    });
  });

  test('those of the machine are real outside, and refused inside', async () => {
    const { port1, port2 } = new MessageChannel();
    const received = new Promise((resolve) => {
      Object.assign(port2, { onmessage: ({ data }: MessageEvent) => resolve(data) });
    });
    const { failure } = await simulate({
      ambient,
      scenario: () => port1.postMessage('inside'),
    });
    expect(failure?.message).toMatch(/^worker_threads\.MessagePort\.postMessage is called /);
    port1.postMessage('outside');
    expect(await received).toBe('outside');
    port1.close();
    expect(typeof Worker).toBe('function');
  });
});

describe('details of timers', () => {
  test('util.promisify, numbers that are forgotten, and each kind cleared by its own function', async () => {
    const log = await logOf(async (note) => {
      note([await promisify(setTimeout)(7, 'value'), elapsed()]);
      note(await promisify(setImmediate)('immediate'));
      const fired = Number(setTimeout(() => {}, 1));
      await passes(2);
      const other = setTimeout(note, 1, 'still there');
      clearTimeout(fired);
      clearImmediate(other as never);
      const immediate = setImmediate(note, 'also there');
      clearTimeout(immediate as never);
      clearTimeout(String(Number(setTimeout(note, 1, 'cleared by the text of its number'))));
      await passes(5);
      note([other.constructor.name, immediate.constructor.name]);
    });
    expect(log).toEqual([['value', 7], 'immediate', 'also there', 'still there', ['Timeout', 'Immediate']]);
  });

  test('the signals of AbortSignal.any and timeout abort in virtual time', async () => {
    const log = await logOf(async (note) => {
      const signal = AbortSignal.any([AbortSignal.timeout(500), new AbortController().signal]);
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
      note([elapsed(), (signal.reason as Error).name, structuredClone(new Date()).getTime() - EPOCH_MS]);
    });
    expect(log).toEqual([[500, 'TimeoutError', 500]]);
  });

  test('ticks and microtasks keep the order of Node', async () => {
    const order = (note: (entry: unknown) => void): Promise<void> =>
      new Promise((resolve) => {
        setTimeout(() => {
          queueMicrotask(() => {
            note('microtask');
            process.nextTick(note, 'tick of a microtask');
            queueMicrotask(() => note('microtask of a microtask'));
          });
          process.nextTick(() => {
            note('tick');
            process.nextTick(note, 'tick of a tick');
            void Promise.resolve().then(() => note('reaction'));
          });
          setTimeout(resolve, 5);
        }, 1);
      });
    const real: unknown[] = [];
    await order((entry) => void real.push(entry));
    expect(await logOf(order)).toEqual(real);
  });
});

describe('entropy of ranges', () => {
  test('only the range is filled, for views and buffers, with and without a callback', async () => {
    const log = await logOf(async (note) => {
      const bytes = crypto.randomFillSync(new Uint8Array(32), 8, 16);
      note([
        bytes.subarray(0, 8).every((byte) => byte === 0),
        bytes.subarray(24).every((byte) => byte === 0),
      ]);
      note(bytes.subarray(8, 24).some((byte) => byte !== 0));
      const buffer = new ArrayBuffer(16);
      crypto.randomFillSync(buffer as never);
      note(new Uint8Array(buffer).some((byte) => byte !== 0));
      const words = await promisify<Uint16Array, number, Uint16Array>(crypto.randomFill)(
        new Uint16Array(16),
        8,
      );
      note([words.subarray(0, 8).every((word) => word === 0), words.subarray(8).some((word) => word !== 0)]);
    });
    expect(log).toEqual([[true, true], true, true, [true, true]]);
  });

  test('it is the same again', async () => {
    const { pseudoRandomBytes, prng, rng } = crypto as unknown as Record<string, typeof crypto.randomBytes>;
    const draws: Scenario = async (sim) => {
      for (const old of [pseudoRandomBytes, prng, rng]) sim.note(`${old?.(8).toString('hex')}`);
      const filled = await promisify<Uint8Array, Uint8Array>(crypto.randomFill)(new Uint8Array(8));
      sim.note([filled.join(), crypto.randomFillSync(new Uint8Array(4), 1).join()].join(' '));
    };
    const hashes = [1, 2].map(() => simulate({ ambient, scenario: draws }));
    const [one, other] = await Promise.all(hashes);
    expect(one?.traceHash).toBe(other?.traceHash);
  });
});

describe('an explanation', () => {
  test('names timers by the line that set them', async () => {
    const scenario = {
      name: 'two-timers',
      description: 'of a test',
      options: { ambient },
      async run(sim: Parameters<Scenario>[0]): Promise<void> {
        let owner = '';
        const renew = (): void => void setTimeout(() => (owner = 'renewed'), 10);
        renew();
        await passes(5);
        setTimeout(() => (owner = 'expired'), 5);
        await passes(10);
        sim.check(owner === 'expired', `the owner is "${owner}"`);
      },
    };
    const executor = createExecutor(scenario as never);
    const source = { decide: (_: unknown, n: number) => n - 1 };
    const { failure, decisions } = await executor.execute({ source });
    expect(failure?.kind).toBe('check');
    const explanation = await explain(executor, decisions());
    expect(
      formatExplanation(explanation)
        .map(({ text }) => text)
        .join('\n'),
    ).toMatch(/the timer set (?:in \S+ \(|at )virtual-globals\.test\.ts:\d+/);
  });
});

describe('putting in place', () => {
  test('a throw in the midst of it leaves nothing behind', () => {
    const owner = { one: () => 1, two: () => 2 };
    const before = Object.getOwnPropertyDescriptors(owner);
    const count = standIns.length;
    expect(() =>
      installTogether(() => {
        replaceProperty('one', owner, 'one', (was) => ({ ...was, value: () => 3 }));
        replaceProperty('two', Object.freeze(owner), 'two', (was) => ({ ...was, value: () => 4 }));
      }),
    ).toThrow(TypeError);
    expect(Object.keys(owner)).toEqual(Object.keys(before));
    expect(standIns).toHaveLength(count);
  });
});
