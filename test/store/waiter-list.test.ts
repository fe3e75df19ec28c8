import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StateMask } from '../../src/model/state-mask.ts';
import { linkWaiter, unlinkWaiter, type Awaited, type WaiterLink } from '../../src/store/run-waiters.ts';

/** Mask and waiters of each list, read forwards; reading backwards must give the same. */
function listsOf(on: Awaited<string>): [number, string[]][] {
  const lists: [number, string[]][] = [];
  for (let { lists: list } = on; list !== undefined; list = list.next) {
    const forwards: string[] = [];
    for (let { first: link } = list; link !== undefined; link = link.next) forwards.push(link.waiter);
    const backwards: string[] = [];
    for (let { last: link } = list; link !== undefined; link = link.previous) backwards.unshift(link.waiter);
    expect(backwards).toEqual(forwards);
    lists.push([list.mask, forwards]);
  }
  return lists.sort(([a], [b]) => a - b);
}

describe('lists of waiters', () => {
  test('R54 R55 there is one list per mask in use, in the order of registration, and none that is empty', () => {
    const step = fc.record({ mask: fc.nat(3), leaves: fc.boolean(), pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const on: Awaited<string> = { lists: undefined };
        const waiting: { mask: number; name: string; link: WaiterLink<string> }[] = [];
        for (const [n, { mask, leaves, pick }] of steps.entries()) {
          if (leaves && waiting.length > 0) {
            const [gone] = waiting.splice(pick % waiting.length, 1);
            unlinkWaiter(gone!.link);
          } else {
            const name = `w${n}`;
            waiting.push({ mask, name, link: linkWaiter(name, on, mask as StateMask, undefined) });
          }
          const expected = [0, 1, 2, 3]
            .map((m): [number, string[]] => [
              m,
              waiting.filter((waiter) => waiter.mask === m).map((waiter) => waiter.name),
            ])
            .filter(([, names]) => names.length > 0);
          expect(listsOf(on)).toEqual(expected);
        }
      }),
    );
  });

  test('a link knows its waiter, run, list and sibling', () => {
    const on: Awaited<string> = { lists: undefined };
    const first = linkWaiter('w', on, 1 as StateMask, undefined);
    const second = linkWaiter('w', { lists: undefined }, 1 as StateMask, first);
    expect(first).toMatchObject({ waiter: 'w', on, list: on.lists, sibling: undefined });
    expect(second.sibling).toBe(first);
  });
});
