import { describe, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';

describe('sleep', () => {
  test('lets time pass, each sleep its own', async () => {
    const clock = createVirtualClock();
    const woken: string[] = [];
    for (const ms of [30, 10, 20]) void sleep(clock, ms).then(() => woken.push(`${ms}@${clock.now()}`));
    expect(clock.pendingLabels()).toEqual(['sleep', 'sleep', 'sleep']);
    await clock.runUntilIdle();
    expect(woken).toEqual(['10@10', '20@20', '30@30']);
  });

  test('with a signal ends at once when it aborts, and clears the timer', async () => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    const reason = new Error('enough');
    const slept = sleep(clock, 1000, 'nap', controller.signal);
    expect(clock.pendingLabels()).toEqual(['nap']);
    controller.abort(reason);
    await expect(slept).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
    await expect(sleep(clock, 1000, 'nap', controller.signal)).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });

  test('with a signal that does not abort is an ordinary sleep, and leaves no listener', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: unknown[]) => {
      listeners += 1;
      addEventListener.apply(signal, args as never);
    };
    signal.removeEventListener = (...args: unknown[]) => {
      listeners -= 1;
      removeEventListener.apply(signal, args as never);
    };
    const slept = sleep(clock, 5, 'nap', signal);
    expect(listeners).toBe(1);
    await clock.runUntilIdle();
    await slept;
    expect(listeners).toBe(0);
    expect(clock.now()).toBe(5);
  });

  test('rejects a wrong time', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const refused = { code: 'RUNNER_INVALID_ARGUMENT', message: 'ms: expected a finite number ≥ 0, got -5' };
    await expect(sleep(clock, -5)).rejects.toMatchObject(refused);
    await expect(sleep(clock, -5, 'nap', signal)).rejects.toMatchObject(refused);
  });
});
