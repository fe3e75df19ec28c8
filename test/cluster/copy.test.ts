import { BlockList } from 'node:net';
import { describe, expect, test } from 'vitest';
import { copyOf, copyOfArguments } from '../../src/cluster/copy.ts';
import { sizeOf } from '../../src/cluster/envelope.ts';
import { receivedError, sentError } from '../../src/cluster/sent-error.ts';

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
