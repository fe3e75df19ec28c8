// Node takes more than ten listeners on a signal for a leak and prints a warning: whatever waits with a signal shares one.
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createCountingUpdater } from '../../src/filers/counting-updater.ts';
import { createSimFiler } from '../../src/filers/sim-filer.ts';
import { sleep } from '../../src/kernel/clock.ts';
import { createVirtualClock, type VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { DONE_MASK } from '../../src/model/state-mask.ts';
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { createPollingQuerier } from '../../src/runners/polling/polling-querier.ts';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { createRandomStream } from '../../src/kernel/seeded-random.ts';

type Begin = (clock: VirtualClock, signal: AbortSignal) => () => PromiseLike<unknown>;

const query = { allRuns: true, states: DONE_MASK };

const worldOf = (clock: VirtualClock) => ({
  clock,
  choices: createDecisions(fifoDecisions()),
  random: createRandomStream(1),
});

const WAITS: Readonly<Record<string, Begin>> = {
  'a sleep': (clock, signal) => () => sleep(clock, 1_000, 'nap', signal),
  'a wait in a store': (clock, signal) => {
    const runner = createFakeRunner(worldOf(clock));
    return () => runner.query(query, { timeoutMs: 1_000, signal });
  },
  'a poll': (clock, signal) => {
    const querier = createPollingQuerier({ clock }, createFakeRunner(worldOf(clock)), { periodMs: 10 });
    return () => querier.query(query, { timeoutMs: 1_000, signal });
  },
  'a call that chaos keeps': (clock, signal) => {
    const world = worldOf(clock);
    const schedule = Array.from(
      { length: 30 },
      (_, at) => ({ operation: 'query', call: at + 1, kind: 'stuck' }) as const,
    );
    const runner = createChaosRunner(world, createFakeRunner(world), { plan: { schedule } });
    return () => runner.query(query, { timeoutMs: 1_000, signal });
  },
  'a checkout': (clock, signal) => {
    const filer = createSimFiler({ clock, latencyMs: 1_000 });
    return async () => filer.checkout('snapshot', { signal });
  },
  'an update': (_clock, signal) => {
    const updater = createCountingUpdater({ paused: true });
    return async () => updater.update({ signal });
  },
};

describe.each(Object.entries(WAITS))('thirty times %s with one signal', (_, begin) => {
  test('make one listener, and none once all are cancelled', async () => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    const { signal } = controller;
    const wait = begin(clock, signal);
    const waits = Array.from({ length: 30 }, () => wait());
    const ended = Promise.allSettled(waits);
    await clock.advanceBy(1);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    controller.abort(new Error('enough'));
    await clock.runUntilIdle();
    expect((await ended).map(({ status }) => status)).toEqual(waits.map(() => 'rejected'));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
