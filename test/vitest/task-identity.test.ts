// Which test of its file a test is.
import { describe, expect, test } from 'vitest';
import { identityOf } from '../../src/vitest/task-identity.ts';

const seen: [name: string, ordinal: number][] = [];
const declare = (name: string): void =>
  test(name, ({ task }) => {
    const { name: fullName, ordinal } = identityOf(task);
    seen.push([fullName, ordinal]);
  });

declare('one');
declare('group one');
for (let i = 0; i < 2; i += 1) {
  describe('group', () => {
    declare('one');
    declare('other');
  });
}
declare('one');

test('tests of one name are counted in the order of their declarations, whatever groups they are in', () => {
  expect(seen).toEqual([
    ['one', 1],
    ['group one', 1],
    ['group one', 2],
    ['group other', 1],
    ['group one', 3],
    ['group other', 2],
    ['one', 2],
  ]);
});
