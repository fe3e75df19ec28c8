import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../src/model/cancellation.ts';
import { createCountingUpdater } from '../../src/filers/counting-updater.ts';

describe('the counting updater', () => {
  test('R174 reports running, waits to be unpaused, oldest first, and counts what is over', async () => {
    const said: string[] = [];
    const updater = createCountingUpdater({ updateIntervalMs: 5, say: (word) => said.push(word) });
    expect([updater.updateIntervalMs, updater.unpause()]).toEqual([5, false]);
    const over: number[] = [];
    for (const nth of [1, 2]) void Promise.resolve(updater.update()).then(() => over.push(nth));
    expect([said, updater.running, updater.count]).toEqual([['running', 'running'], 2, 0]);
    expect([updater.unpause(), updater.running, updater.count]).toEqual([true, 1, 1]);
    await Promise.resolve();
    expect(over).toEqual([1]);
    expect([updater.unpause(), updater.unpause(), updater.count]).toEqual([true, false, 2]);
    await Promise.resolve();
    expect(over).toEqual([1, 2]);
  });

  test('R174 ends at once when unpaused from the start', () => {
    const updater = createCountingUpdater({ paused: false });
    expect([updater.update(), updater.count, updater.running, updater.updateIntervalMs]).toEqual([
      undefined,
      1,
      0,
      0,
    ]);
  });

  test('R173 R174 a cancelled update fails at once and does not count', async () => {
    const updater = createCountingUpdater();
    const cancel = new Cancellation();
    const first = updater.update(cancel);
    const second = updater.update();
    cancel.cancel();
    await expect(first).rejects.toMatchObject({ code: 'RUNNER_CANCELLED', message: 'update was cancelled' });
    expect(updater.running).toBe(1);
    expect(updater.unpause()).toBe(true);
    await second;
    expect(updater.count).toBe(1);
    expect(() => updater.update(cancel)).toThrow(expect.objectContaining({ code: 'RUNNER_CANCELLED' }));
    expect([updater.running, updater.count]).toEqual([0, 1]);
  });

  test('a cancel after the end of an update does nothing', async () => {
    const updater = createCountingUpdater();
    const cancel = new Cancellation();
    const over = updater.update(cancel);
    const waiting = updater.update();
    updater.unpause();
    cancel.cancel();
    await over;
    expect([updater.running, updater.count]).toEqual([1, 1]);
    updater.unpause();
    await waiting;
  });

  test.for([-1, Number.NaN, Number.POSITIVE_INFINITY])('an interval of %d is refused', (updateIntervalMs) => {
    expect(() => createCountingUpdater({ updateIntervalMs })).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected: 'a finite number ≥ 0' }),
    );
  });
});
