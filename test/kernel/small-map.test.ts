import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SmallMap } from '../../src/kernel/small-map.ts';

const key = fc.constantFrom('', 'a', 'b', 'c');
const step = fc.oneof(
  { weight: 9, arbitrary: fc.record({ do: fc.constant('set' as const), key }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), key: fc.constant('') }) },
);

const isEven = ({ n }: { readonly n: number }): boolean => n % 2 === 0;

test('a small map holds and orders what a Map does', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 40 }), (steps) => {
      const small = new SmallMap<{ readonly n: number }>();
      const map = new Map<string, { readonly n: number }>();
      steps.forEach((each, n) => {
        if (each.do === 'set') {
          const value = { n };
          small.set(each.key, value);
          map.set(each.key, value);
        } else if (each.do === 'delete') {
          small.delete(each.key);
          map.delete(each.key);
        } else {
          small.clear();
          map.clear();
        }
        const values = [...map.values()];
        expect(small.size).toBe(map.size);
        expect([...small.keys()]).toEqual([...map.keys()]);
        expect([...small.values()]).toEqual(values);
        for (const asked of ['', 'a', 'b', 'c']) expect(small.get(asked)).toBe(map.get(asked));
        for (const holds of [() => true, isEven, () => false]) {
          expect(small.find(holds)).toBe(values.find(holds));
        }
      });
    }),
    { numRuns: 100 },
  );
});
