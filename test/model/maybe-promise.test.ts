import { describe, expect, test } from 'vitest';
import { orElse, whenThere } from '../../src/model/maybe-promise.ts';

/** A thenable whose `then` returns nothing, as that of another library may. */
const bare = (settle: (resolve: (value: number) => void, reject: (error: unknown) => void) => void) =>
  ({
    then: (resolve: (value: number) => void, reject: (error: unknown) => void) => settle(resolve, reject),
  }) as unknown as PromiseLike<number>;

describe('a thenable whose then returns nothing', () => {
  test('is waited for before its value is used', async () => {
    expect(
      await whenThere(
        bare((resolve) => resolve(3)),
        (value) => value + 1,
      ),
    ).toBe(4);
    await expect(
      whenThere(
        bare((_, reject) => reject(new Error('mine'))),
        () => 1,
      ),
    ).rejects.toThrow('mine');
  });

  test('gives way to the fallback if it fails', async () => {
    expect(
      await orElse(
        () => bare((_, reject) => reject(new Error('mine'))),
        () => 7,
      ),
    ).toBe(7);
    expect(
      await orElse(
        () => bare((resolve) => resolve(3)),
        () => 7,
      ),
    ).toBe(3);
  });
});

test('what is there already is used at once', () => {
  expect(whenThere(3, (value) => value + 1)).toBe(4);
  expect(
    orElse(
      () => 3,
      () => 7,
    ),
  ).toBe(3);
  expect(
    orElse(
      (): number => {
        throw new Error('mine');
      },
      () => 7,
    ),
  ).toBe(7);
});
