import { describe, expect, test } from 'vitest';
import { checkLinearizable } from '../../../src/oracles/history/check-linearizable.ts';
import { formatContradiction, type Contradiction } from '../../../src/oracles/history/contradiction.ts';
import {
  registerModel,
  type RegisterCall,
  type RegisterReply,
} from '../../../src/oracles/history/register-model.ts';
import type { SequentialModel } from '../../../src/oracles/history/sequential-model.ts';
import { operationsOf, type Row } from './hand-made-history.ts';

type Call = RegisterCall<number>;
type RegisterRow = Row<Call, RegisterReply<number>>;

const read: Call = { kind: 'read' };
const write = (value: number): Call => ({ kind: 'write', value });

function contradictionOf<O, R, S>(
  rows: readonly Row<O, R>[],
  model: SequentialModel<O, R, S>,
): Contradiction<O, R> {
  const result = checkLinearizable(operationsOf(rows), model);
  if (result.linearizable !== false) throw new Error('expected a contradiction');
  return result.contradiction;
}

const textOf = (rows: readonly RegisterRow[]): string[] =>
  formatContradiction(contradictionOf(rows, registerModel<number>(0))).split('\n');

describe('a contradiction reads', () => {
  test('as a sentence, time lines, intervals and the number of other operations', () => {
    const rows: RegisterRow[] = [
      ['bob', read, 0, 0, 1],
      ['a', write(1), undefined, 2, 5],
      ['bob', read, 0, 3, 4],
      ['bob', read, 0, 6, 9],
    ];
    expect(textOf(rows)).toEqual([
      'read by bob said 0 after write(1) by a had returned',
      '',
      'a    |--- write(1) ---|',
      'bob                     |--- read → 0 ---|',
      '',
      'a    write(1)  2 to 5 ms',
      'bob  read → 0  6 to 9 ms',
      '',
      'What the model expects, by the orders that the times allow:',
      'after write(1) by a, read by bob: expected 1, got 0',
      '',
      'No order of these and the other 2 operations explains these replies.',
    ]);
  });

  test('in columns, whatever the names of clients are', () => {
    const rows: RegisterRow[] = [
      ['日本', write(1), undefined, 2, 5],
      ['a\nb', read, 0, 6, 9],
    ];
    expect(textOf(rows).slice(0, 7)).toEqual([
      'read by a\\nb said 0 after write(1) by 日本 had returned',
      '',
      '日本  |--- write(1) ---|',
      'a\\nb                     |--- read → 0 ---|',
      '',
      '日本  write(1)  2 to 5 ms',
      'a\\nb  read → 0  6 to 9 ms',
    ]);
    const wide = {
      ...registerModel<number>(0),
      showOperation: ({ kind }: Call) => `${kind} 値\t`,
    };
    expect(formatContradiction(contradictionOf(rows, wide)).split('\n').slice(2, 7)).toEqual([
      '日本  |--- write 値\\t ---|',
      'a\\nb                       |--- read 値\\t → 0 ---|',
      '',
      '日本  write 値\\t     2 to 5 ms',
      'a\\nb  read 値\\t → 0  6 to 9 ms',
    ]);
  });

  test('with overlapping operations of one client on lines of their own, and others on one', () => {
    const rows: RegisterRow[] = [
      ['a', { kind: 'cas', expected: 0, value: 1 }, true, 0, 3],
      ['a', { kind: 'cas', expected: 0, value: 2 }, true, 1, 2],
    ];
    expect(textOf(rows)).toEqual([
      'cas(0, 1) by a said true, while cas(0, 2) by a said true',
      '',
      'a  |--- cas(0, 1) → true -------|',
      'a    |--- cas(0, 2) → true ---|',
      '',
      'a  cas(0, 1) → true  0 to 3 ms',
      'a  cas(0, 2) → true  1 to 2 ms',
      '',
      'What the model expects, by the orders that the times allow:',
      'after cas(0, 1) by a → true, cas(0, 2) by a: expected false, got true',
      'after cas(0, 2) by a → true, cas(0, 1) by a: expected false, got true',
    ]);
    expect(
      textOf([
        ['a', write(1), undefined, 0, 1],
        ['b', read, 1, 2, 3],
        ['b', read, 0, 4, 5],
      ])[0],
    ).toBe('read by b said 0 after read by b had said 1 and returned');
  });

  test('with operations still under way when the last reply came', () => {
    // A ticket is given out by `take`, once each, and only after it was asked for by `ask`.
    const tickets: SequentialModel<string, number, number> = {
      initial: 0,
      step: (given, operation, reply) => {
        if (operation === 'ask') return [given + 1];
        return given > 0 && (reply === undefined || reply === given) ? [given] : [];
      },
      key: String,
    };
    const rows: Row<string, number>[] = [
      ['a', 'take', 1, 1, 3],
      ['b', 'ask', 0, 2, 9],
      ['c', 'take', 2, 4, 5],
    ];
    const contradiction = contradictionOf(rows, tickets);
    expect(contradiction.operations.map(({ client, reply }) => [client, reply])).toEqual([['c', '2']]);
    expect(
      formatContradiction({
        ...contradiction,
        isMinimal: false,
        operations: [
          ...contradiction.operations,
          {
            client: 'b',
            call: 'ask',
            reply: '?',
            operation: { ...operationsOf<string, number>([['b', 'ask', 0, 4.5]])[0]! },
          },
        ],
      }).split('\n'),
    ).toEqual([
      'take by c said 2, which nothing that came before explains',
      '',
      'c  |--- take → 2 ---|',
      'b    |--- ask → ? ----',
      '',
      'c  take → 2  4 to 5 ms',
      'b  ask → ?   from 4.5 ms on',
      '',
      'No order of these and the other 2 operations explains these replies.',
      'There may be a smaller contradiction: the search for it came to its bound.',
    ]);
  });

  test('with the latest operations only, where many are needed', () => {
    // A counter that has to be pressed ten times before it shows anything.
    const counter: SequentialModel<string, number, number> = {
      initial: 0,
      step: (pressed, operation, reply) => {
        if (operation === 'press') return [pressed + 1];
        return reply === undefined || (reply === 0) === pressed < 10 ? [pressed] : [];
      },
      key: String,
    };
    const presses = Array.from({ length: 10 }, (_, at): Row<string, number> => [
      'a',
      'press',
      0,
      2 * at,
      2 * at + 1,
    ]);
    const { sentence, operations } = contradictionOf([...presses, ['b', 'show', 0, 20, 21]], counter);
    expect(operations).toHaveLength(11);
    const pressed = 'press by a had said 0 and returned';
    expect(sentence).toBe(`show by b said 0 after ${Array(4).fill(pressed).join(', then ')}, and 6 more`);
  });

  test('in JSON where the model has no better words', () => {
    const never: SequentialModel<unknown, unknown, number> = { initial: 0, step: () => [], key: String };
    const cases: [unknown, unknown, string][] = [
      [{ get: 'x' }, [1], '{"get":"x"} by a said [1]'],
      ['look', undefined, 'look by a returned'],
      [1n, 'text', '1n by a said text'],
      [undefined, null, 'undefined by a said null'],
    ];
    for (const [call, reply, start] of cases) {
      const { sentence } = contradictionOf([['a', call, reply, 0, 1]], never);
      expect(sentence).toBe(`${start}, which nothing that came before explains`);
    }
  });
});
