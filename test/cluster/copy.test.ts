import { BlockList } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { copyOf, copyOfArguments, packErrors, unpackErrors } from '../../src/cluster/copy.ts';
import { sizeOf } from '../../src/cluster/envelope.ts';
import { detailOf } from '../../src/cluster/message-detail.ts';
import { isCallLost, receivedError, sentError } from '../../src/cluster/sent-error.ts';
import { RunnerError } from '../../src/kernel/errors.ts';

class Vote {
  readonly #secret = 1;
  readonly granted: boolean;
  static readonly of = 'class';

  constructor(granted: boolean) {
    this.granted = granted;
  }

  get text(): string {
    return `${this.granted} ${this.#secret}`;
  }

  describe(): string {
    return this.text;
  }
}

class SignedVote extends Vote {
  readonly by = { name: 'n1', other: new Vote(false) };
}

const blocked = new BlockList();
blocked.addAddress('10.0.0.1');

test.for([
  ['an object of a class', new Vote(true)],
  ['an object of a class that extends another, with others in it', [new SignedVote(true)]],
  ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
  ['an object with a symbol', { [Symbol('s')]: 1, a: 1 }],
  ['a match, which has more than its items', /b(c)/.exec('abcd')],
  ['a map with objects', new Map([['a', new Vote(true)]])],
  ['a date', new Date(5)],
  ['an error', new RangeError('too far')],
  ['a list with a hole', Object.assign(new Array<number>(3), { 1: 5 })],
] as const)('%s crosses as structured clone copies it', ([, value]) => {
  const copy = copyOf<unknown>(value, () => 'it');
  expect(copy).toStrictEqual(structuredClone(value));
  expect(copy).not.toBe(value);
});

describe('errors within a value', () => {
  class QuotaError extends Error {
    override readonly name = 'QuotaError';
    readonly code = 'QUOTA';
    readonly left = { jobs: 3 };
    readonly retry = (): void => undefined;
  }
  const cancelled = new DOMException('stop', 'AbortError');
  const down = new RunnerError('RUNNER_NODE_DOWN', 'b is down');
  const full = new QuotaError('full', { cause: new TypeError('no slot') });
  const looped: { error: Error; self?: object } = { error: full };
  looped.self = looped;

  /** As another thread gets it. */
  const posted = (value: unknown): unknown => {
    const { body, errors = [] } = structuredClone(packErrors(copyOf(value, () => 'it')));
    return unpackErrors(body, errors);
  };

  describe.each([
    ['within the process', (value: unknown) => copyOf(value, () => 'it')],
    ['in another thread', posted],
  ] as const)('%s', (_, copied) => {
    test('keep what those that are thrown keep, and their stacks', () => {
      const copy = copied(full) as QuotaError;
      expect(copy).not.toBe(full);
      expect(copy).toMatchObject({ name: 'QuotaError', message: 'full', code: 'QUOTA', left: { jobs: 3 } });
      expect(copy).toBeInstanceOf(Error);
      expect([copy.cause, copy.stack, 'retry' in copy]).toEqual([
        new TypeError('no slot'),
        full.stack,
        false,
      ]);
      expect(copied({ down, cancelled })).toMatchObject({
        down: expect.toSatisfy(isCallLost) as unknown,
        cancelled: { name: 'AbortError', message: 'stop', code: 20 },
      });
    });

    test.for<[string, unknown]>([
      ['a text', 'out of slots'],
      ['nothing', null],
      ['data', { status: 404, hosts: ['a'] }],
      ['an error', new TypeError('no slot')],
    ])('keep a cause that is %s', ([, cause]) => {
      expect((copied(new Error('full', { cause })) as Error).cause).toStrictEqual(cause);
    });

    test('keep the errors of an aggregate, whatever they are', () => {
      class AllFailed extends AggregateError {
        override readonly name = 'AllFailed';
        readonly tries = 3;
      }
      const errors = [new TypeError('no slot', { cause: 'b' }), down, 'a text', { status: 404 }, undefined];
      const copy = copied(new AllFailed(errors, 'all have failed')) as AllFailed;
      expect(copy).toBeInstanceOf(AggregateError);
      expect(copy).toMatchObject({ name: 'AllFailed', message: 'all have failed', tries: 3 });
      expect(copy.errors).toStrictEqual(errors);
      expect(copy.errors[1]).toSatisfy(isCallLost);
      const invalid = Object.assign(new Error('invalid'), { errors: [{ path: 'a' }] });
      expect(copied(invalid)).toMatchObject({ errors: [{ path: 'a' }] });
    });

    test('keep another field that holds the list of an aggregate', () => {
      const errors = ['a text'];
      const failed = Object.assign(new AggregateError([]), { errors, reasons: errors });
      expect(copied(failed)).toMatchObject({ errors: ['a text'], reasons: ['a text'] });
    });

    test('of an aggregate that is the cause of each are read once for each cause that is followed', () => {
      let reads = 0;
      const errors = Array.from({ length: 16 }, (none, index) => new Error(`no slot ${index}`));
      const failed = new AggregateError(errors, 'all have failed');
      for (const error of errors) {
        error.cause = failed;
        Object.defineProperty(error, 'code', { get: () => void (reads += 1) });
      }
      const copy = copied(failed) as AggregateError;
      expect(reads).toBeLessThanOrEqual(16 * 4);
      const made = new Set<unknown>([copy]);
      for (const each of made) {
        const { cause, errors: more = [] } = each as Partial<AggregateError>;
        for (const one of [cause, ...(more as unknown[])]) if (one !== undefined) made.add(one);
      }
      expect(made.size).toBeLessThanOrEqual(17 * 4 + 1);
      expect((copy.errors as Error[])[0]?.cause).toMatchObject({ message: 'all have failed' });
    });

    test('name a cause that is neither an error nor plain data', () => {
      const cause = new Map([['a', 1]]);
      expect((copied(new Error('full', { cause })) as Error).cause).toStrictEqual(new Error('a Map'));
    });

    test('are found wherever they are, and one that is met twice is one', () => {
      const bytes = new Uint8Array([1, 2]);
      const value = {
        list: [full, , { status: 'rejected', reason: full }],
        map: new Map<unknown, unknown>([[down, new Set([full])]]),
        ...{ bytes, at: new Date(5), nothing: undefined, ['__proto__x']: 1 },
      };
      const copy = copied(value) as typeof value;
      expect(copy).toMatchObject({ bytes, at: new Date(5), nothing: undefined, ['__proto__x']: 1 });
      expect(Object.keys(copy)).toEqual(Object.keys(value));
      expect(Object.keys(copy.list)).toEqual(['0', '2']);
      const [[key, set]] = [...copy.map] as [[Error, Set<Error>]];
      expect(key).toBeInstanceOf(RunnerError);
      expect([...set]).toEqual([copy.list[0]]);
      expect([...set][0]).toBe(copy.list[0]);
      expect((copy.list[2] as { reason: Error }).reason).toBe(copy.list[0]);
      expect(copy.bytes).not.toBe(bytes);
      const loop = copied(looped) as typeof looped;
      expect([loop.self, loop.error.name]).toEqual([loop, 'QuotaError']);
      expect(loop).not.toBe(looped);
    });
  });

  test('do not hide what cannot be copied', () => {
    expect(() => copyOf([full, { act: () => 1 }], () => 'it')).toThrow('a function at [1].act');
  });

  test('are shown with their names in traces and reports', () => {
    const body = [{ status: 'rejected', reason: full }];
    expect(detailOf({ kind: 'reply', words: undefined, body })).toBe(
      '[{status: "rejected", reason: QuotaError: full}]',
    );
  });

  test('are not looked for in what has none', () => {
    const body = { at: new Date(5) };
    expect(packErrors(body)).toEqual({ body });
    expect(packErrors(body).body).toBe(body);
  });
});

class Bus extends EventTarget {
  readonly id = 1;
}

test.for([
  ['a URL', new URL('http://host/path')],
  ['a URLSearchParams', new URLSearchParams('a=1')],
  ['a Headers', new Headers({ a: '1' })],
  ['a FormData', new FormData()],
  ['a Response', new Response('x')],
  ['an Event', new Event('x')],
  ['an AbortController', new AbortController()],
  ['a TextEncoder', new TextEncoder()],
  ['a WeakRef', new WeakRef({})],
  ['an EventTarget', new Bus()],
] as const)('%s, of which structured clone keeps nothing, is refused with its place', ([kind, value]) => {
  expect(() => copyOf({ list: [value] }, () => 'it')).toThrow(`it cannot be sent: ${kind} at .list[0]`);
});

test.for([
  [
    'an object with a tag of its own',
    Object.assign(
      new (class {
        get [Symbol.toStringTag]() {
          return 'Job';
        }
      })(),
      { id: 1 },
    ),
  ],
  ['a boxed number', Object(5)],
  ['bytes of Node', Buffer.from('ab')],
  ['a view of a part', new Uint16Array(new ArrayBuffer(8), 2, 2)],
  ['an expression', /x/g],
] as const)('%s crosses as structured clone copies it', ([, value]: readonly [string, unknown]) => {
  expect(copyOf(value, () => 'it')).toStrictEqual(structuredClone(value));
});

test('an object of a class of the user that is global crosses', () => {
  class Job {
    readonly at = new Date(5);
  }
  vi.stubGlobal('Job', Job);
  expect(copyOf(new Job(), () => 'it')).toEqual({ at: new Date(5) });
  vi.unstubAllGlobals();
});

test('a blob crosses', async () => {
  const { blob } = copyOf({ blob: new Blob(['text']) }, () => 'it');
  expect(await blob.text()).toBe('text');
});

test('an object of Node crosses as what it is', () => {
  expect(copyOf(blocked, () => 'it').check('10.0.0.1')).toBe(true);
});

test('an object of a class that keeps a function does not cross', () => {
  class Job {
    readonly act = (): void => undefined;
  }
  expect(() => copyOf(new Job(), () => 'the job')).toThrow('the job cannot be sent');
});

describe('values that are hard to copy', () => {
  test('what two places share is shared by the copy, and no value takes for ever', () => {
    const shared = { n: 1 };
    const copy = copyOf({ left: shared, right: shared }, () => 'it');
    expect(copy.left).toBe(copy.right);
    let deep: object = {};
    for (let level = 0; level < 40; level += 1) deep = { left: deep, right: deep };
    const { left, right } = copyOf(deep as { left: object; right: object }, () => 'it');
    expect(left).toBe(right);
    const circle: { self?: unknown; other?: unknown } = {};
    circle.self = circle;
    circle.other = [circle, circle];
    expect(sizeOf([circle])).toBeLessThan(200);
  });

  test.for<[string, object]>([
    ['data', { jobs: 3 }],
    ['a map', new Map([['jobs', 3]])],
    ['an error', new Error('full')],
  ])('%s that two arguments share is shared by their copies', ([, shared]) => {
    const [copy, other] = copyOfArguments([shared, { shared }], 'f') as [object, { shared: object }];
    expect(copy).toEqual(shared);
    expect(copy).not.toBe(shared);
    expect(other.shared).toBe(copy);
  });

  test('bytes are copied as a whole', () => {
    const bytes = new Uint8Array(2_000_000).fill(7);
    const copy = copyOf({ bytes }, () => 'it');
    expect(copy.bytes).not.toBe(bytes);
    expect(Buffer.compare(copy.bytes, bytes)).toBe(0);
  });

  test.for<[string, unknown]>([
    [
      'a getter that throws',
      Object.defineProperty({}, 'x', { enumerable: true, get: () => JSON.parse('{') as unknown }),
    ],
    ['a list without an end', Array.from({ length: 100_000 }).reduce((next) => ({ next }), {})],
  ])('%s is refused by its place', ([, value]) => {
    expect(() => copyOfArguments([1, value], 'f')).toThrow(
      expect.objectContaining({
        code: 'RUNNER_NOT_CLONEABLE',
        message: expect.stringMatching(/^argument 2 of f/) as string,
      }) as Error,
    );
  });

  test.for(['toString', 'constructor', '__proto__'])('an error that calls itself %s is an error', (name) => {
    const error = receivedError(sentError(Object.assign(new Error('x'), { name })));
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe('x');
  });

  test('an error that cannot be read is an error', () => {
    const thrown = Object.defineProperty(new Error('x'), 'name', { get: () => JSON.parse('{') as unknown });
    expect(receivedError(sentError(thrown))).toBeInstanceOf(Error);
  });
});
