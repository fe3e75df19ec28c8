import { beforeEach, describe, expect, test } from 'vitest';
import { createHistory, type History } from '../../../src/oracles/history/history.ts';

let nowMs = 0;
let history: History<string, number>;

beforeEach(() => {
  nowMs = 10;
  history = createHistory<string, number>({ now: () => nowMs });
});

describe('a history', () => {
  test('counts events, so that operations at one virtual time keep their order', () => {
    const first = history.begin('a', 'x');
    const second = history.begin('b', 'y');
    history.end(second, 2);
    nowMs = 15;
    history.end(first, 1);
    expect(history.operations()).toEqual([
      {
        client: 'a',
        operation: 'x',
        outcome: 'returned',
        reply: 1,
        invokedAt: 0,
        respondedAt: 3,
        invokedAtMs: 10,
        respondedAtMs: 15,
      },
      {
        client: 'b',
        operation: 'y',
        outcome: 'returned',
        reply: 2,
        invokedAt: 1,
        respondedAt: 2,
        invokedAtMs: 10,
        respondedAtMs: 10,
      },
    ]);
  });

  test('distinguishes what failed, what is unknown and what is under way', () => {
    history.fail(history.begin('a', 'failed'));
    history.unknown(history.begin('a', 'lost'));
    history.begin('a', 'under way');
    expect(history.operations().map(({ outcome, respondedAt }) => [outcome, respondedAt])).toEqual([
      ['failed', 1],
      ['open', Infinity],
      ['open', Infinity],
    ]);
  });

  test('records a call from start to end, and passes on the result', async () => {
    const during: string[] = [];
    const result = await history.call('a', 'x', async () => {
      during.push(...history.operations().map(({ outcome }) => outcome));
      return 7;
    });
    expect(result).toBe(7);
    expect(during).toEqual(['open']);
    expect(history.operations()).toMatchObject([
      { client: 'a', operation: 'x', outcome: 'returned', reply: 7 },
    ]);
  });

  test.for([
    ['leaves it open, unless it is known better', undefined, { outcome: 'open', reply: undefined }],
    ['can mean that nothing was done', (): 'failed' => 'failed', { outcome: 'failed', reply: undefined }],
    ['can mean nothing', (): 'unknown' => 'unknown', { outcome: 'open', reply: undefined }],
    ['can have no meaning', (): undefined => undefined, { outcome: 'open', reply: undefined }],
    ['can be a reply', () => ({ reply: 9 }), { outcome: 'returned', reply: 9 }],
  ] as const)('an error of a call %s, and is rethrown', async ([, meaningOf, expected]) => {
    const error = new Error('lost');
    const call = history.call('a', 'x', () => Promise.reject(error), meaningOf);
    await expect(call).rejects.toBe(error);
    expect(history.operations()).toMatchObject([expected]);
  });

  test('a call that throws synchronously is one that fails', async () => {
    const call = history.call('a', 'x', (): never => {
      throw new Error('at once');
    });
    await expect(call).rejects.toThrow('at once');
    expect(history.operations()).toMatchObject([{ outcome: 'open' }]);
  });

  test.for([
    ['end', (id: number): void => history.end(id, 1)],
    ['fail', (id: number): void => history.fail(id)],
    ['unknown', (id: number): void => history.unknown(id)],
  ] as const)('%s of what has ended or never began is refused', ([, finish]) => {
    const ids = [history.begin('a', 'x'), history.begin('a', 'y'), history.begin('a', 'z')];
    history.end(ids[0]!, 1);
    history.fail(ids[1]!);
    history.unknown(ids[2]!);
    for (const id of [...ids, 3, -1, NaN]) expect(() => finish(id)).toThrow('id: expected an operation');
    expect(history.operations().map(({ outcome }) => outcome)).toEqual(['returned', 'failed', 'open']);
  });

  test('what it has returned does not change any more', () => {
    const id = history.begin('a', 'x');
    const before = history.operations();
    history.end(id, 1);
    expect(before).toMatchObject([{ outcome: 'open' }]);
    expect(history.operations()).toMatchObject([{ outcome: 'returned' }]);
  });

  test('needs a clock and names', () => {
    expect(() => createHistory({} as never)).toThrow('clock');
    expect(() => history.begin(undefined as never, 'x')).toThrow('client');
  });
});
