import { BlockList } from 'node:net';
import { expect, test } from 'vitest';
import { copyOf } from '../../src/cluster/copy.ts';

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
