import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  CallbackWaiter,
  leaveSignal,
  waitWithSignal,
  type SignalWaiter,
} from '../../src/kernel/signal-waiters.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { listed, StoreWorld } from '../store/store-world.ts';

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

test('R34 R55 any number of waits, also of several stores, share one listener per signal, which goes with the last', async () => {
  const stop = new AbortController();
  const { signal } = stop;
  const worlds = [new StoreWorld(), new StoreWorld()];
  for (const world of worlds) {
    world.newRuns(1);
    for (let n = 0; n < 12; n += 1) {
      world.wait(`w${n}`, listed(['0'], 'COMPLETE'), { timeoutMs: Infinity, signal });
    }
  }
  expect(listenersOf(signal)).toBe(1);
  stop.abort();
  for (const world of worlds) {
    expect(listenersOf(signal)).toBe(1);
    await world.pass(0);
    const cancelled = Array.from({ length: 12 }, (_, n) => `0 w${n} RUNNER_WAIT_CANCELLED`);
    expect(await world.news()).toEqual(cancelled);
  }
  expect(listenersOf(signal)).toBe(0);
});

test('a limited waiter that has left has neither a timer nor a listener', async () => {
  const clock = createVirtualClock();
  const stop = new AbortController();
  const seen: unknown[] = [];
  const waiter = new CallbackWaiter((reason) => seen.push(reason));
  waiter.limitBy(
    clock.timer('first', 5, () => seen.push('first')),
    stop.signal,
  );
  waiter.retime(clock.timer('second', 7, () => seen.push('second')));
  expect(listenersOf(stop.signal)).toBe(1);
  await clock.advanceBy(6);
  expect(seen).toEqual([]);
  waiter.leaveLimits();
  expect(listenersOf(stop.signal)).toBe(0);
  stop.abort('enough');
  await clock.runUntilIdle();
  expect([seen, clock.now()]).toEqual([[], 6]);
});

test('a limited waiter is called with the reason of its own signal', () => {
  const stops = [new AbortController(), new AbortController()] as const;
  const seen: unknown[] = [];
  for (const { signal } of stops) {
    new CallbackWaiter((reason) => seen.push(reason)).limitBy(undefined, signal);
  }
  stops[0].abort('enough');
  expect(seen).toEqual(['enough']);
  expect(listenersOf(stops[1].signal)).toBe(1);
});

test('R34 an abort reaches each remaining waiter once, in the order in which they came', () => {
  const step = fc.record({ waiter: fc.nat(4), enters: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const stop = new AbortController();
      const called: number[] = [];
      const waiters: SignalWaiter[] = Array.from({ length: 5 }, (_, index) => ({
        cancelRequested: () => called.push(index),
      }));
      const waiting: number[] = [];
      for (const { waiter, enters } of steps) {
        const at = waiting.indexOf(waiter);
        if (enters && at === -1) {
          waitWithSignal(stop.signal, waiters[waiter]!);
          waiting.push(waiter);
        } else if (!enters) {
          leaveSignal(stop.signal, waiters[waiter]!);
          if (at !== -1) waiting.splice(at, 1);
        }
        expect(listenersOf(stop.signal)).toBe(waiting.length === 0 ? 0 : 1);
      }
      stop.abort();
      expect(called).toEqual(waiting);
    }),
  );
});
