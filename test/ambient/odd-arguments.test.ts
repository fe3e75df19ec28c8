/** What Node makes of odd arguments, the ambient functions make too: the same error, or none. */
import crypto from 'node:crypto';
import timers from 'node:timers/promises';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { simulate } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';

const ambient = ambientTime();

/** What a caller without types may give. */
type Given = (...args: unknown[]) => unknown;
const given = (call: unknown): Given => call as Given;
/** As a method of what it is a method of. */
const on = (owner: object, key: string): Given => {
  return (...args) => (owner as Readonly<Record<string, Given>>)[key]?.(...args);
};
const nothing = (): void => {};
const throws = {
  valueOf(): number {
    throw new RangeError('no number');
  },
};

const DELAYS = [undefined, null, -1, 1.5, '2', 'x', 3n, Symbol('ms'), {}, throws, NaN, true];
const HANDLES = [undefined, null, 0, -1, 'x', 3n, Symbol('timer'), {}, [], true, nothing];
const NUMBERS = [
  undefined,
  null,
  -1,
  0,
  1,
  1.5,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  NaN,
  Infinity,
  '1',
  'x',
  1n,
  Symbol('n'),
  {},
];
const OPTIONS = [undefined, null, 5, 'x', {}, [], { signal: 5 }, { ref: 'yes' }, { signal: {} }];

const each = (what: string, call: Given, list: readonly (readonly unknown[])[]) =>
  list.map((args) => [what, call, args] as const);
const single = (list: readonly unknown[]): (readonly unknown[])[] => list.map((one) => [one]);
const after = (first: readonly unknown[], list: readonly unknown[]): (readonly unknown[])[] =>
  list.map((one) => [...first, one]);

const set =
  (key: 'setTimeout' | 'setInterval'): Given =>
  (...args) =>
    clearTimeout(given(globalThis[key])(...args) as NodeJS.Timeout);

const CALLS = [
  ...(['setTimeout', 'setInterval'] as const).flatMap((key) => [
    ...each(key, set(key), after([nothing], DELAYS)),
    ...each(key, set(key), [[], ...single([null, 'x', {}])]),
  ]),
  ...each('setImmediate', (...args) => clearImmediate(given(setImmediate)(...args) as NodeJS.Immediate), [
    ...[[], ['x'], [nothing]],
  ]),
  // Node's `clearImmediate` miscounts what there is when it is given anything else.
  ...each('clearImmediate', given(clearImmediate), single([undefined, null, 0])),
  ...(['clearTimeout', 'clearInterval'] as const).flatMap((key) =>
    each(key, given(globalThis[key]), single(HANDLES)),
  ),
  ...each('timers/promises setTimeout', on(timers, 'setTimeout'), [
    ...single(DELAYS),
    ...after([1, 0], OPTIONS),
  ]),
  ...each('timers/promises setImmediate', on(timers, 'setImmediate'), after([0], OPTIONS)),
  ...each(
    'timers/promises setInterval',
    async (...args) => {
      const ticks = (given(timers.setInterval)(...args) as AsyncIterable<unknown>)[Symbol.asyncIterator]();
      await ticks.next();
      await ticks.return?.();
    },
    [...single(DELAYS), ...after([1, 0], OPTIONS)],
  ),
  ...each('scheduler.wait', on(timers.scheduler, 'wait'), [...single(DELAYS), ...after([1], OPTIONS)]),
  ...each('AbortSignal.timeout', on(AbortSignal, 'timeout'), [[], ...single(NUMBERS)]),
  ...each('process.hrtime', on(process, 'hrtime'), [
    ...[
      [],
      [5],
      ['x'],
      [[]],
      [[1]],
      [[1, 2]],
      [[1, 2, 3]],
      [{}],
      [null],
      [[1.5, 2.5]],
      [['1', '2']],
      [[NaN, 1]],
    ],
  ]),
  ...each('process.cpuUsage', on(process, 'cpuUsage'), [
    ...[[], [null], [5], [{}], [[]], [{ user: 1 }], [{ user: 1, system: 1 }], [{ user: -1, system: 1 }]],
    ...[[{ user: 1, system: 'x' }], [{ user: NaN, system: 1 }]],
  ]),
  ...each(
    'performance.now',
    (...args) => Reflect.apply(performance.now, args[0], []),
    single([{}, undefined]),
  ),
  ...each('performance.mark', on(performance, 'mark'), [
    ...[[], [undefined], [Symbol('m')], ['nodeStart'], ['m', 5], ['m', null], ['m', []]],
    ...[
      ['m', { startTime: -1 }],
      ['m', { startTime: 'x' }],
      ['m', { startTime: NaN }],
      ['m', { detail: nothing }],
    ],
  ]),
  ...each('performance.measure', on(performance, 'measure'), [
    ...[
      [],
      [undefined],
      [5],
      ['m', 'unset'],
      ['m', undefined, 'unset'],
      ['m', { start: -1 }],
      ['m', 5],
      ['m', null],
    ],
    ...[
      ['m', { start: 1 }, 'x'],
      ['m', { start: 1, end: 2, duration: 3 }],
      ['m', { duration: 3 }],
      ['m', {}],
    ],
    ...[
      ['m', { start: 1, detail: nothing }],
      ['m', 'nodeStart'],
    ],
  ]),
  ...each('performance.getEntriesByName', on(performance, 'getEntriesByName'), [
    [],
    [Symbol('n')],
    ['n', null],
  ]),
  ...each('performance.getEntriesByType', on(performance, 'getEntriesByType'), [[], [Symbol('t')], [5]]),
  ...each('performance.clearMarks', on(performance, 'clearMarks'), [[Symbol('n')], ['nodeStart'], [null]]),
  ...each('PerformanceObserver', (...args) => Reflect.construct(PerformanceObserver, args), [
    [],
    [5],
    [nothing],
  ]),
  ...each(
    'PerformanceObserver.observe',
    (...args) => {
      const observer = new PerformanceObserver(nothing);
      given(observer.observe.bind(observer))(...args);
      observer.disconnect();
    },
    [
      ...[
        [],
        [5],
        [{}],
        [{ type: 'mark', entryTypes: ['mark'] }],
        [{ entryTypes: 'mark' }],
        [{ type: 'unknown' }],
      ],
      ...[[{ entryTypes: [] }], [{ entryTypes: ['gc', 'unknown'] }]],
    ],
  ),
  ...each('crypto.randomBytes', on(crypto, 'randomBytes'), [...single(['x', -1, 2 ** 40, 4]), [4, 'x']]),
  ...each('crypto.randomInt', on(crypto, 'randomInt'), [
    ...[[], [0], [-1], [5, 1], ['x'], [1.5], [0, 5, 'x'], [2 ** 49], [5, 'x']],
  ]),
  ...each('crypto.randomUUID', on(crypto, 'randomUUID'), [
    [],
    [5],
    [null],
    [{ disableEntropyCache: 'x' }],
    [{}],
  ]),
  ...each('crypto.getRandomValues', on(globalThis.crypto, 'getRandomValues'), [
    ...[[], [5], [[]], [new Float64Array(1)], [new Uint8Array(65_537)]],
  ]),
];

async function outcomeOf(call: Given, args: readonly unknown[]): Promise<string> {
  try {
    await call(...args);
    return 'is taken';
  } catch (error) {
    const { name, code = '' } = error as Error & { readonly code?: string | number };
    return `${name} ${code}`.trim();
  }
}

const shown = (args: readonly unknown[]): string =>
  inspect(args, { depth: 1, breakLength: Infinity }).slice(0, 80);

test('each is refused by the ambient function as Node refuses it, or taken as Node takes it', async () => {
  const outcomes = async (found: string[]): Promise<string[]> => {
    for (const [what, call, args] of CALLS) {
      found.push(`${what}(${shown(args)}): ${await outcomeOf(call, args)}`);
    }
    return found;
  };
  const real = await outcomes([]);
  performance.clearMarks();
  performance.clearMeasures();
  const inside: string[] = [];
  const { failure } = await simulate({
    ambient,
    leftovers: 'ignore',
    scenario: async () => {
      await outcomes(inside);
    },
  });
  expect(inside).toEqual(real);
  expect(failure?.message).toBeUndefined();
  expect(real.filter((line) => line.endsWith('is taken')).length).toBeGreaterThan(40);
});
