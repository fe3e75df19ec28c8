import { describe, expect, test } from 'vitest';
import { Cancellation, isCancelled } from '../../src/model/cancellation.ts';
import { allDone, isPending, orElse, whenThere } from '../../src/model/maybe-promise.ts';
import { runTypeOf } from '../../src/model/run-type.ts';

describe('a cancellation', () => {
  test('holds from the moment it is made, whichever form is read first', () => {
    const before = new Cancellation();
    const { signal } = before;
    expect([before.cancelled, signal.aborted]).toEqual([false, false]);
    before.cancel('first');
    before.cancel('second');
    expect([before.cancelled, signal.aborted, signal.reason]).toEqual([true, true, 'first']);
    const after = new Cancellation();
    after.cancel('early');
    after.cancel('late');
    expect([after.cancelled, after.signal.aborted, after.signal.reason]).toEqual([true, true, 'early']);
    expect(after.signal).toBe(after.signal);
  });

  test('is read without a signal where possible, and through its signal where necessary', () => {
    const cancellation = new Cancellation();
    const stop = new AbortController();
    const bySignal = { signal: stop.signal };
    expect([undefined, cancellation, bySignal].map(isCancelled)).toEqual([false, false, false]);
    cancellation.cancel();
    stop.abort();
    expect([undefined, cancellation, bySignal].map(isCancelled)).toEqual([false, true, true]);
    const silent = {
      cancelled: false,
      get signal(): AbortSignal {
        return expect.unreachable('the signal was made');
      },
    };
    expect(isCancelled(silent)).toBe(false);
  });
});

describe('a result that may be available already', () => {
  test('is used at once if it is, else later', async () => {
    expect([1, null, undefined, 'x', {}, { then: 1 }].map(isPending)).toEqual(Array(6).fill(false));
    expect(isPending(Promise.resolve(1))).toBe(true);
    expect(whenThere(2, (value) => value + 1)).toBe(3);
    expect(await whenThere(Promise.resolve(2), (value) => value + 1)).toBe(3);
  });
});

describe('several results', () => {
  test('are done at once if all are available, else with the last one', async () => {
    expect(allDone([])).toBeUndefined();
    expect(allDone([undefined, undefined])).toBeUndefined();
    let finish = (): void => {};
    const last = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const seen: string[] = [];
    const done = allDone([undefined, Promise.resolve(), last]) as Promise<void>;
    void done.then((value) => seen.push(`done ${String(value)}`));
    await Promise.resolve().then(() => seen.push('not yet'));
    finish();
    await done;
    expect(seen).toEqual(['not yet', 'done undefined']);
  });

  test('an error, thrown or rejected, is replaced', async () => {
    const text = (error: unknown): string => `caught ${(error as Error).message}`;
    expect(orElse(() => 'fine', text)).toBe('fine');
    expect(await orElse(async () => 'later', text)).toBe('later');
    expect(
      orElse<string>(() => {
        throw new Error('a');
      }, text),
    ).toBe('caught a');
    expect(await orElse<string>(() => Promise.reject(new Error('b')), text)).toBe('caught b');
  });
});

describe('run types', () => {
  const hash = 'a'.repeat(64);
  test.for([
    [undefined, 'scoot'],
    ['', 'scoot'],
    [`bz-${hash}-0`, 'bazel'],
    [`bz-${hash}--1`, 'bazel'],
    [`bz-${hash}-142`, 'bazel'],
    [`bz-${hash}--2`, 'scoot'],
    [`bz-${hash}-1-2`, 'scoot'],
    [`bz-${hash}a-1`, 'scoot'],
    [`bz-${hash.slice(1)}-1`, 'scoot'],
    [`xbz-${hash}-1`, 'scoot'],
    [`bz-${hash}-`, 'scoot'],
  ] as const)('R184 D101 snapshot id %s is of type %s', ([snapshotId, type]) => {
    expect(runTypeOf(snapshotId)).toBe(type);
  });
});
