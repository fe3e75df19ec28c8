// Makes parts worse, one method after another, to see that the cases of a list can fail.
import { expect } from 'vitest';
import type { PartCase, PartSubject } from '../../../src/conformance/part-case.ts';

/** Makes a part worse. */
export type Spoil = <T extends object>(part: T) => T;

/** The same part with methods of that name changed. */
function withMethod(name: string, change: (method: (...args: unknown[]) => unknown) => unknown): Spoil {
  return (part) =>
    new Proxy(part, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return key === name ? 'spoilt' : value;
        const method = (value as (...args: unknown[]) => unknown).bind(target);
        return key === name ? change(method) : method;
      },
    });
}

/** Ways to spoil a method: it does nothing, or it does nothing and says so. */
const WAYS: readonly ((method: (...args: unknown[]) => unknown) => unknown)[] = [
  () => () => undefined,
  () => () => {
    throw new Error('spoilt');
  },
];

/** All ways to spoil one of these methods. */
export function spoils(methods: readonly string[]): readonly Spoil[] {
  return methods.flatMap((name) => WAYS.map((way) => withMethod(name, way)));
}

/** Every case fails for one of the subjects at least. */
export async function expectAllToFail<Subject extends PartSubject>(
  cases: readonly PartCase<Subject>[],
  subjects: readonly Subject[],
): Promise<void> {
  const open = new Set(cases);
  for (const subject of subjects) {
    for (const each of open) {
      const hasFailed = await each.prove(subject, { seeds: [1] }).then(
        () => false,
        () => true,
      );
      if (hasFailed) open.delete(each);
    }
  }
  expect(Array.from(open, ({ title }) => title)).toEqual([]);
}
