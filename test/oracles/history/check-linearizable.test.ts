import { describe, expect, test } from 'vitest';
import { checkLinearizable } from '../../../src/oracles/history/check-linearizable.ts';
import {
  registerModel,
  type RegisterCall,
  type RegisterReply,
} from '../../../src/oracles/history/register-model.ts';
import type { SequentialModel } from '../../../src/oracles/history/sequential-model.ts';
import { explains, keepsTime } from './brute-force.ts';
import { operationsOf, type Row } from './hand-made-history.ts';

type Call = RegisterCall<number>;
type Reply = RegisterReply<number>;
type RegisterRow = Row<Call, Reply>;

const read: Call = { kind: 'read' };
const write = (value: number): Call => ({ kind: 'write', value });
const cas = (expected: number, value: number): Call => ({ kind: 'cas', expected, value });
const model = registerModel<number>(0);
const { partition, ...whole } = model;

const LINEARIZABLE: readonly (readonly [title: string, rows: readonly RegisterRow[]])[] = [
  ['nothing', []],
  [
    'reads during a write that see it and then do not',
    [
      ['a', write(100), undefined, 0, 100],
      ['b', read, 100, 25, 75],
      ['c', read, 0, 30, 60],
    ],
  ],
  [
    'a read that overlaps a write and sees the old value',
    [
      ['a', write(1), undefined, 0, 3],
      ['b', read, 0, 1, 2],
    ],
  ],
  [
    'two overlapping writes, the one that began first last',
    [
      ['a', write(1), undefined, 0, 4],
      ['b', write(2), undefined, 1, 3],
      ['c', read, 1, 5, 6],
    ],
  ],
  [
    'two of three sets that overlap, one after the other',
    [
      ['a', cas(0, 1), true, 0, 5],
      ['b', cas(1, 2), true, 1, 4],
      ['c', cas(1, 3), false, 2, 3],
    ],
  ],
  [
    'a lost write that a later read sees',
    [
      ['a', write(1), undefined, 0],
      ['b', read, 0, 1, 2],
      ['b', read, 1, 3, 4],
    ],
  ],
  [
    'a lost write that nobody sees',
    [
      ['a', write(1), undefined, 0],
      ['b', read, 0, 1, 2],
    ],
  ],
  [
    'a lost write that takes effect after a write that returned',
    [
      ['a', write(1), undefined, 0],
      ['b', write(2), undefined, 1, 2],
      ['b', read, 2, 3, 4],
      ['b', read, 1, 5, 6],
    ],
  ],
  [
    'registers of two keys, each in its own order',
    [
      ['a', { ...write(1), key: 'x' }, undefined, 0, 1],
      ['a', { ...read, key: 'y' }, 0, 2, 3],
      ['b', { ...write(1), key: 'y' }, undefined, 4, 5],
      ['b', { ...read, key: 'x' }, 1, 6, 7],
    ],
  ],
];

const CONTRADICTORY: readonly (readonly [title: string, rows: readonly RegisterRow[], sentence: string])[] = [
  [
    'a read after a read that saw the write, and does not see it',
    [
      ['a', write(200), undefined, 0, 100],
      ['b', read, 200, 10, 30],
      ['c', read, 0, 40, 90],
    ],
    'read by c said 0 after read by b had said 200 and returned',
  ],
  [
    'a stale read',
    [
      ['a', write(1), undefined, 0, 1],
      ['b', read, 0, 2, 3],
    ],
    'read by b said 0 after write(1) by a had returned',
  ],
  [
    'a value out of nothing',
    [['b', read, 7, 2, 3]],
    'read by b said 7, which nothing that came before explains',
  ],
  [
    'a read before the write that it sees',
    [
      ['b', read, 1, 0, 1],
      ['a', write(1), undefined, 2, 3],
    ],
    'read by b said 1, which nothing that came before explains',
  ],
  [
    'a set that took place twice',
    [
      ['a', cas(0, 1), true, 0, 3],
      ['b', cas(0, 1), true, 1, 2],
    ],
    'cas(0, 1) by a said true, while cas(0, 1) by b said true',
  ],
  [
    'readers that do not agree on the order of two writes',
    [
      ['a', write(1), undefined, 0, 20],
      ['b', write(2), undefined, 1, 19],
      ['c', read, 1, 2, 3],
      ['c', read, 2, 6, 7],
      ['d', read, 2, 4, 5],
      ['d', read, 1, 8, 9],
    ],
    'read by d said 1 after read by c had said 1 and returned, then read by c had said 2 and returned',
  ],
  [
    'a lost write that is seen once more after another one',
    [
      ['a', write(1), undefined, 0],
      ['b', read, 1, 1, 2],
      ['b', write(2), undefined, 3, 4],
      ['b', read, 1, 5, 6],
    ],
    'read by b said 1 after read by b had said 1 and returned, then write(2) by b had returned',
  ],
  [
    'a lost write that is seen before it began',
    [
      ['b', read, 1, 0, 1],
      ['a', write(1), undefined, 2],
    ],
    'read by b said 1, which nothing that came before explains',
  ],
];

describe('a history of a register', () => {
  test.for(LINEARIZABLE)('that is linearizable: %s', ([, rows]) => {
    const result = checkLinearizable(operationsOf(rows), model);
    expect(result.linearizable).toBe(true);
    if (result.linearizable !== true) return;
    expect(keepsTime(result.order)).toBe(true);
    expect(explains(result.order, model)).toBe(true);
    expect(result.order.filter(({ outcome }) => outcome === 'returned')).toHaveLength(
      rows.filter(([, , , , to]) => to !== undefined).length,
    );
  });

  test.for(CONTRADICTORY)('that is not: %s', ([, rows, sentence]) => {
    const result = checkLinearizable(operationsOf(rows), model);
    expect(result).toMatchObject({ linearizable: false, contradiction: { sentence, isMinimal: true } });
  });

  test('an operation that failed had no effect', () => {
    const failed = {
      ...operationsOf<Call, Reply>([['a', write(1), undefined, 0, 1]])[0]!,
      outcome: 'failed' as const,
    };
    const [old, seen] = operationsOf<Call, Reply>([
      ['b', read, 0, 2, 3],
      ['b', read, 1, 4, 5],
    ]);
    expect(checkLinearizable([failed, old!], model).linearizable).toBe(true);
    expect(checkLinearizable([failed, seen!], model).linearizable).toBe(false);
  });

  test('a bound that is too low decides nothing, and says so', () => {
    const rows: RegisterRow[] = [
      ['a', write(1), undefined, 0, 1],
      ['a', write(2), undefined, 2, 3],
      ['a', write(3), undefined, 4, 5],
    ];
    expect(checkLinearizable(operationsOf(rows), model, { maxStates: 3 })).toEqual({
      linearizable: undefined,
      reason: '3 configurations of 3 operations did not decide it; raise maxStates',
      visited: 3,
    });
    expect(checkLinearizable(operationsOf(rows), model, { maxStates: 4 }).linearizable).toBe(true);
  });

  test('a contradiction in one part counts, though another part is not decided', () => {
    const long = Array.from({ length: 9 }, (_, at): RegisterRow => [
      'a',
      write(at),
      undefined,
      2 * at,
      2 * at + 1,
    ]);
    const stale: RegisterRow = ['b', { ...read, key: 'y' }, 5, 0, 1];
    const options = { maxStates: 4 };
    expect(checkLinearizable(operationsOf(long), model, options).linearizable).toBeUndefined();
    expect(checkLinearizable(operationsOf([...long, stale]), model, options)).toMatchObject({
      linearizable: false,
      contradiction: { leftOutCount: 9, operations: [{ client: 'b', call: 'y.read', reply: '5' }] },
    });
  });
});

describe('the configurations visited', () => {
  /** So many clients write and read at the same time, round after round. */
  function rounds(count: number, clients: number): RegisterRow[] {
    return Array.from({ length: count }, (_, round) =>
      Array.from({ length: clients }, (__, client): RegisterRow => {
        const from = round * 100 + client;
        const isWriter = client === 0;
        return [
          `c${client}`,
          isWriter ? write(round + 1) : read,
          isWriter ? undefined : round + 1,
          from,
          from + 50,
        ];
      }),
    ).flat();
  }

  test('are as many as the operations when these come one by one', () => {
    const rows = Array.from({ length: 1_000 }, (_, at): RegisterRow =>
      at % 2 === 0
        ? ['a', write(at), undefined, 2 * at, 2 * at + 1]
        : ['b', read, at - 1, 2 * at, 2 * at + 1],
    );
    expect(checkLinearizable(operationsOf(rows), model)).toMatchObject({
      linearizable: true,
      visited: 1_001,
    });
  });

  test('stay in proportion to 1,000 operations of four clients at once', () => {
    const result = checkLinearizable(operationsOf(rounds(250, 4)), model);
    expect(result.linearizable).toBe(true);
    expect(result.visited).toBeLessThan(4_000);
  });

  test('stay in proportion when none of 1,000 operations of four clients explains the last', () => {
    const result = checkLinearizable(operationsOf([...rounds(250, 4), ['z', read, -1, 1e6, 1e6 + 1]]), model);
    expect(result.linearizable).toBe(false);
    expect(result.visited).toBeLessThan(2 ** 4 * 250 * 2);
  });

  test('do not multiply with equal lost operations, nor with lost reads', () => {
    const lost = (operation: Call): RegisterRow[] =>
      Array.from({ length: 30 }, (_, at): RegisterRow => [`l${at}`, operation, undefined, at]);
    const rows: RegisterRow[] = [...lost(write(1)), ...lost(read), ['a', read, 2, 100, 101]];
    const result = checkLinearizable(operationsOf(rows), model);
    expect(result.linearizable).toBe(false);
    expect(result.visited).toBe(2);
  });

  test('do not multiply with lost writes of different values', () => {
    const rows = Array.from({ length: 30 }, (_, at): RegisterRow => [`l${at}`, write(at + 1), undefined, at]);
    const result = checkLinearizable(operationsOf([...rows, ['a', read, 99, 100, 101]]), model);
    expect(result.linearizable).toBe(false);
    expect(result.visited).toBe(31);
  });

  test('are counted part by part', () => {
    const keyed = ['x', 'y', 'z'].flatMap((key, index) =>
      Array.from({ length: 5 }, (_, at): RegisterRow => {
        const from = at + index / 10;
        return [`${key}${at}`, { ...write(at), key }, undefined, from, 100];
      }),
    );
    const stale: RegisterRow[] = ['x', 'y', 'z'].map((key) => ['r', { ...read, key }, 4, 101, 102]);
    const split = checkLinearizable(operationsOf([...keyed, ...stale]), model);
    const together = checkLinearizable(operationsOf([...keyed, ...stale]), whole);
    expect([split.linearizable, together.linearizable]).toEqual([true, true]);
    const impossible: RegisterRow[] = ['x', 'y', 'z'].map((key) => ['r', { ...read, key }, 9, 103, 104]);
    const rows = operationsOf([...keyed, ...impossible]);
    expect(checkLinearizable(rows, model, { maxStates: 1_000 }).linearizable).toBe(false);
    expect(checkLinearizable(rows, whole, { maxStates: 1_000 }).linearizable).toBeUndefined();
  });
});

test('a register is split by key', () => {
  const rows: RegisterRow[] = [
    ['a', read, 0, 0, 1],
    ['a', { ...read, key: 'x' }, 0, 2, 3],
    ['b', read, 0, 4, 5],
  ];
  const [first, second, third] = operationsOf(rows);
  expect(partition?.([first!, second!, third!])).toEqual([[first, third], [second]]);
});

describe('what is wrong', () => {
  const [operation] = operationsOf<Call, Reply>([['a', read, 0, 0, 1]]);
  test.for([
    [{ ...operation, respondedAt: 0 }, 'operation.respondedAt: expected a number above 0, got 0'],
    [
      { ...operation, respondedAt: Infinity },
      'operation.respondedAt: expected a number above 0, got Infinity',
    ],
    [{ ...operation, outcome: 'open' }, 'operation.respondedAt: expected Infinity, as it is open, got 1'],
    [
      { ...operation, outcome: 'ok' },
      'operation.outcome: expected one of "returned", "failed", "open", got "ok"',
    ],
    [{ ...operation, invokedAt: NaN }, 'operation.invokedAt: expected a finite number, got NaN'],
  ] as const)('in an operation is refused: %s', ([wrong, message]) => {
    expect(() => checkLinearizable([wrong as never], model)).toThrow(message);
  });

  test.for([[0], [1.5], [NaN]])('as a bound is refused: %s', ([maxStates]) => {
    expect(() => checkLinearizable([], model, { maxStates: maxStates! })).toThrow('maxStates');
  });

  test.for([
    ['loses one', (all: unknown[]) => [all.slice(1)]],
    ['has one twice', (all: unknown[]) => [all, all.slice(1)]],
    ['puts another in its place', (all: unknown[]) => [[...all.slice(1), { ...operation }]]],
  ] as const)('in a partition is refused: it %s', ([, divide]) => {
    const wrong = { ...model, partition: divide as never };
    expect(() => checkLinearizable([operation!, { ...operation! }], wrong)).toThrow(
      'model.partition(): expected each of 2 operations once',
    );
  });

  test.for([
    ['is no list', () => 7],
    ['comes later', async (all: unknown[]) => [all]],
    ['lists no lists', (all: unknown[]) => all],
  ] as const)('in the shape of a partition is refused: it %s', ([, divide]) => {
    expect(() => checkLinearizable([operation!], { ...model, partition: divide as never })).toThrow(
      /^model\.partition\(\)(?:\[0\])?: expected a list/,
    );
  });

  test.for(['partition', 'operationKey', 'replies', 'showState', 'showOperation', 'showReply'] as const)(
    'in a model is refused before the search: its %s is no function',
    (name) => {
      expect(() => checkLinearizable([], { ...model, [name]: 7 })).toThrow(
        `model.${name}: expected a function, got 7`,
      );
    },
  );

  test.for<[unknown]>([[7], [null], [{ operations: [] }], [new Set()]])(
    'in place of a history is refused: %s',
    ([history]) => {
      expect(() => checkLinearizable(history as never, model)).toThrow(
        'history: expected a history or a list of operations, got ',
      );
    },
  );

  test('in what a history answers is refused', () => {
    expect(() => checkLinearizable({ operations: () => new Set() as never }, model)).toThrow(
      'history.operations(): expected a list, got ',
    );
  });

  test('in what a model answers is refused', () => {
    const wrong = { ...model, step: () => 7 as never };
    expect(() => checkLinearizable([operation!], wrong)).toThrow('model.step(): expected a list of states');
  });

  test('in a model is rethrown', () => {
    const broken: SequentialModel<Call, Reply, number> = {
      initial: 0,
      step: () => {
        throw new Error('broken model');
      },
      key: String,
    };
    expect(() => checkLinearizable([operation!], broken)).toThrow('broken model');
  });
});
