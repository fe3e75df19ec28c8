import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { check } from '../../src/kernel/argument-check.ts';
import type { Shape } from '../../src/kernel/shape.ts';
import {
  ABORT_SIGNAL,
  BOOLEAN,
  CLOCK,
  COUNT,
  DURATION_MS,
  FUNCTION,
  NUMBER,
  OPAQUE,
  TEXT,
  WHOLE,
  anObject,
  anyOf,
  finite,
  instanceOf,
  integer,
  limit,
  listOf,
  mapOf,
  objectOf,
  oneOf,
  optionsOf,
  recordOf,
  satisfying,
  text,
  withMethods,
} from '../../src/kernel/shape.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { withThrowingGetters } from '../door/hostile-values.ts';

interface Settings {
  readonly name: string;
  readonly size?: number;
  readonly onEnd?: () => void;
}

const SETTINGS = optionsOf<Settings>({ name: TEXT }, { size: COUNT, onEnd: FUNCTION });
const LINE = recordOf<Settings>({ name: TEXT }, { size: COUNT, onEnd: OPAQUE });
const ONE = { ...recordOf<{ a?: string; b?: string }>({}, { a: TEXT, b: TEXT }), exactlyOneOf: ['a', 'b'] };

/** What a value is refused with; undefined if it fits. */
function refusalOf(shape: Shape, value: unknown, name = 'it'): string | undefined {
  try {
    check(name, value, shape);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ name: 'RunnerError', code: 'RUNNER_INVALID_ARGUMENT' });
    return (error as Error).message;
  }
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const aModule: unknown = Object.create(null, { [Symbol.toStringTag]: { value: 'Module' } });
const fromOtherRealm = (code: string): unknown => runInNewContext(code);

/** Options as objects of a class. */
class Sized implements Settings {
  readonly name = 'x';
  size?: number;
}
class Named implements Settings {
  get name(): string {
    return 'x';
  }
}

/** Options as an object of a class that something else stands for, as decorators and containers of dependencies do. */
function of(replaced: (type: typeof Sized) => unknown): Sized {
  class Config extends Sized {}
  Object.assign(Config.prototype, { constructor: replaced(Config) });
  return new Config();
}

const withoutPrototype = (fields: object): object => Object.assign(Object.create(null) as object, fields);

describe('a value that fits a shape passes, and one that does not is refused', () => {
  const error = new Error('here');
  test.for<[string, Shape, readonly unknown[], readonly (readonly [unknown, string])[]]>([
    [
      'TEXT',
      TEXT,
      ['', 'x'],
      [
        [5, 'it: expected a string, got 5'],
        [Symbol('s'), 'it: expected a string, got Symbol(s)'],
      ],
    ],
    [
      'text with a pattern',
      text('digits', /^\d+$/),
      ['12'],
      [
        ['x', 'it: expected digits, got "x"'],
        [12, 'it: expected digits, got 12'],
      ],
    ],
    ['BOOLEAN', BOOLEAN, [true, false], [[0, 'it: expected true or false, got 0']]],
    [
      'NUMBER',
      NUMBER,
      [-1.5, -0],
      [
        [NaN, 'it: expected a finite number, got NaN'],
        [Infinity, 'it: expected a finite number, got Infinity'],
        ['1', 'it: expected a finite number, got "1"'],
        [1n, 'it: expected a finite number, got 1n'],
      ],
    ],
    [
      'WHOLE',
      WHOLE,
      [-3, 2 ** 53 - 1],
      [
        [0.5, 'it: expected an integer, got 0.5'],
        [2 ** 53, 'it: expected an integer from -9007199254740991 to 9007199254740991, got 9007199254740992'],
      ],
    ],
    [
      'COUNT',
      COUNT,
      [0, -0, 7],
      [
        [-1, 'it: expected an integer ≥ 0, got -1'],
        [NaN, 'it: expected an integer ≥ 0, got NaN'],
      ],
    ],
    [
      'integer in bounds',
      integer(1, 5),
      [1, 5],
      [
        [0, 'it: expected an integer from 1 to 5, got 0'],
        [6, 'it: expected an integer from 1 to 5, got 6'],
      ],
    ],
    [
      'finite in bounds',
      finite(0, 1, ' of parts'),
      [0, 0.5, 1],
      [[1.01, 'it: expected a finite number of parts from 0 to 1, got 1.01']],
    ],
    [
      'DURATION_MS',
      DURATION_MS,
      [0, 0.001],
      [
        [-1, 'it: expected a finite number ≥ 0, got -1'],
        [Infinity, 'it: expected a finite number ≥ 0, got Infinity'],
      ],
    ],
    [
      'limit',
      limit(1),
      [1, 1.5, Infinity],
      [
        [0, 'it: expected a number ≥ 1, got 0'],
        [NaN, 'it: expected a number ≥ 1, got NaN'],
        [-Infinity, 'it: expected a number ≥ 1, got -Infinity'],
      ],
    ],
    [
      'oneOf',
      oneOf('a', 'b'),
      ['a', 'b'],
      [
        ['c', 'it: expected one of "a", "b", got "c"'],
        [['a'], 'it: expected one of "a", "b", got an array of 1'],
      ],
    ],
    ['oneOf one', oneOf('a'), ['a'], [['b', 'it: expected "a", got "b"']]],
    [
      'listOf',
      listOf(TEXT),
      [[], ['x']],
      [
        [{ length: 0 }, 'it: expected a list, got an object'],
        [['x', 1], 'it[1]: expected a string, got 1'],
        [new Array(1), 'it[0]: expected a string, got undefined'],
        [revoked(), 'it: expected a value whose fields can be read, got an object'],
      ],
    ],
    [
      'listOf with a minimum',
      listOf(TEXT, 'two words', 2),
      [
        ['a', 'b'],
        ['a', 'b', 'c'],
      ],
      [
        [['a'], 'it: expected two words, got an array of 1'],
        [['a', 1], 'it[1]: expected a string, got 1'],
      ],
    ],
    [
      'mapOf',
      mapOf(COUNT),
      [
        {},
        { a: 1 },
        withoutPrototype({ a: 1 }),
        new (class {
          readonly a = 1;
        })(),
        fromOtherRealm('({})'),
      ],
      [
        [new Map([['a', 1]]), 'it: expected an object, got a Map'],
        [Promise.resolve({ a: 1 }), 'it: expected an object, got a Promise'],
        [{ a: 1, b: -1 }, 'it.b: expected an integer ≥ 0, got -1'],
        [[1], 'it: expected an object, got an array of 1'],
      ],
    ],
    [
      'anObject',
      anObject('a thing'),
      [{}, withoutPrototype({}), new Map()],
      [
        [null, 'it: expected a thing, got null'],
        [[], 'it: expected a thing, got an array of 0'],
        [() => 1, 'it: expected a thing, got a function'],
      ],
    ],
    ['FUNCTION', FUNCTION, [() => 1, class {}], [[{}, 'it: expected a function, got an object']]],
    [
      'ABORT_SIGNAL',
      ABORT_SIGNAL,
      [new AbortController().signal],
      [
        [null, 'it: expected an AbortSignal, got null'],
        [{}, 'it: expected an AbortSignal, got an object'],
        [{ aborted: false }, 'it: expected an AbortSignal, got an object'],
        [{ addEventListener: () => undefined }, 'it: expected an AbortSignal, got an object'],
      ],
    ],
    [
      'instanceOf',
      instanceOf('an Error', Error),
      [error, new TypeError('x')],
      [
        [{ message: 'x' }, 'it: expected an Error, got an object'],
        [revoked(), 'it: expected a value whose fields can be read, got an object'],
      ],
    ],
    [
      'anyOf',
      anyOf('a text or a count', TEXT, COUNT),
      ['x', 0],
      [[-1, 'it: expected a text or a count, got -1']],
    ],
    ['such', satisfying('even', (value) => Number(value) % 2 === 0), [4], [[5, 'it: expected even, got 5']]],
    [
      'withMethods',
      withMethods('run', 'stop'),
      [{ run: () => 1, stop: () => 1 }],
      [
        [{ run: () => 1 }, 'it: expected an object with stop(), got an object'],
        [null, 'it: expected an object with run(), got null'],
        ['text', 'it: expected an object with run(), got "text"'],
      ],
    ],
    ['CLOCK', CLOCK, [createVirtualClock()], [[{}, 'it: expected an object with timer(), got an object']]],
  ])('%s', ([, shape, right, wrong]) => {
    expect(right.map((value) => refusalOf(shape, value))).toEqual(right.map(() => undefined));
    expect(wrong.map(([value]) => refusalOf(shape, value))).toEqual(wrong.map(([, message]) => message));
  });
});

describe('the options of a function', () => {
  const right: Settings = { name: 'x', size: 0, onEnd: () => undefined };

  test.for<[string, unknown]>([
    ['all fields', right],
    ['required fields alone', { name: 'x' }],
    ['undefined for what is optional', { ...right, size: undefined, onEnd: undefined }],
    ['no prototype', withoutPrototype(right)],
    ['inherited fields', Object.create(right)],
    ['fields of a class', new Sized()],
    ['fields that a class has as getters', new Named()],
    ['fields of a class whose constructor a proxy stands for', of((type) => new Proxy(type, {}))],
    ['fields of a class whose constructor is a bound function', of((type) => type.bind(null))],
    ['fields of another realm', fromOtherRealm('({ name: "x" })')],
    ['undefined for another field', { ...right, color: undefined }],
    ['a field with a symbol for a name', { ...right, [Symbol('color')]: 'red' }],
  ])('pass with %s', ([, value]) => {
    expect(refusalOf(SETTINGS, value, 'options')).toBeUndefined();
  });

  test.for<[string, () => unknown]>([
    ['options: expected an object of options, got undefined', () => undefined],
    ['options: expected an object of options, got an array of 0', () => []],
    ['options: expected an object of options, got a function', () => () => undefined],
    ['name: expected a string, got undefined', () => ({})],
    [
      'options: expected only the fields name, size, onEnd, got a field "sise"; the nearest is size',
      () => ({ ...right, sise: 1 }),
    ],
    [
      'options: expected only the fields name, size, onEnd, got a field "color"',
      () => Object.assign(Object.create(right) as object, { color: 'red' }),
    ],
    ['name: expected a string, got null', () => ({ ...right, name: null })],
    ['size: expected an integer ≥ 0, got null', () => ({ ...right, size: null })],
    ['onEnd: expected a function, got an object', () => ({ ...right, onEnd: {} })],
    [
      'options: expected a value whose fields can be read, got an object',
      () => withThrowingGetters(['name']),
    ],
    ['name: expected a string, got an object', () => ({ ...right, name: revoked() })],
  ])('are refused: %s', ([message, make]) => {
    expect(refusalOf(SETTINGS, make(), 'options')).toBe(message);
  });

  test('are no object of a class that has none of the fields', () => {
    const optional = optionsOf<{ name?: string; size?: number }>({}, { name: TEXT, size: COUNT });
    const lines = recordOf<{ a?: string }>({}, { a: TEXT });
    const refused: readonly (readonly [unknown, string])[] = [
      [new Map([['name', 'x']]), 'a Map'],
      [new Set(), 'a Set'],
      [new Date(0), 'a Date'],
      [Promise.resolve(right), 'a Promise'],
      [new Error('x'), 'an Error'],
      [new Uint8Array(), 'a Uint8Array'],
      [new (class Empty {})(), 'an Empty'],
      [Object.create(new Map()), 'a Map'],
      // Where engines have the global `Iterator`, that is the class of such objects.
      [new Map([[1, 2]]).entries(), 'Iterator' in globalThis ? 'an Iterator' : 'a Map Iterator'],
      [(function* none() {})(), 'a Generator'],
      [(async function* none() {})(), 'an AsyncGenerator'],
      [Math, 'a Math'],
      [JSON, 'a JSON'],
      [Intl, 'an Intl'],
      [Reflect, 'a Reflect'],
      [Atomics, 'an Atomics'],
    ];
    for (const [value, got] of refused) {
      expect(refusalOf(optional, value, 'options')).toBe(
        `options: expected an object of options, got ${got}`,
      );
      expect(refusalOf(lines, value)).toBe(`it: expected an object, got ${got}`);
    }
    const passing = [fromOtherRealm('({})'), Object.create({}), new Sized(), withoutPrototype({}), aModule];
    for (const value of passing) expect(refusalOf(optional, value, 'options')).toBeUndefined();
  });

  test('other objects are named before their fields', () => {
    const shape = objectOf<{ size: number }>('a box', { size: COUNT }, {});
    expect(refusalOf(shape, { size: -1 }, 'box')).toBe('box.size: expected an integer ≥ 0, got -1');
    expect(refusalOf(listOf(shape), [{ size: -1 }], 'boxes')).toBe(
      'boxes[0].size: expected an integer ≥ 0, got -1',
    );
    expect(refusalOf(shape, 5, 'box')).toBe('box: expected a box, got 5');
  });

  test('what a getter threw is the cause', () => {
    const error = (() => {
      try {
        check('options', withThrowingGetters(['name']), SETTINGS);
      } catch (refusal) {
        return refusal;
      }
      return undefined;
    })();
    expect(error).toMatchObject({ cause: { name: 'Trap' } });
  });

  test('a field without a shape, and a shape without a field, do not compile', () => {
    // @ts-expect-error onEnd has no shape
    optionsOf<Settings>({ name: TEXT }, { size: COUNT });
    // @ts-expect-error there is no color
    optionsOf<Settings>({ name: TEXT }, { size: COUNT, onEnd: FUNCTION, color: TEXT });
    // @ts-expect-error size may be absent
    optionsOf<Settings>({ name: TEXT, size: COUNT }, { onEnd: FUNCTION });
    // @ts-expect-error name may not be absent
    optionsOf<Settings>({}, { name: TEXT, size: COUNT, onEnd: FUNCTION });
  });
});

describe('the line of a file', () => {
  test.for<[unknown, string | undefined]>([
    [{ name: 'x', size: 1 }, undefined],
    [{ name: 'x', color: 'red' }, 'it: expected only the fields name, size, onEnd, got a field "color"'],
    [Object.create({ name: 'x' }), 'it.name: expected a string, got undefined'],
    [{ name: 'x', size: null }, 'it.size: expected an integer ≥ 0, got null'],
  ])('%# holds its own fields and no others', ([value, message]) => {
    expect(refusalOf(LINE, value)).toBe(message);
  });

  test.for<[unknown, string | undefined]>([
    [{ a: 'x' }, undefined],
    [{}, 'it: expected exactly one of a, b, got none'],
    [{ a: 'x', b: 'y' }, 'it: expected exactly one of a, b, got more than one'],
  ])('%# holds exactly one of some fields', ([value, message]) => {
    expect(refusalOf(ONE, value)).toBe(message);
  });
});
