import fc from 'fast-check';
import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, test } from 'vitest';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { type Query, waitForever } from '../../../src/model/query.ts';
import { HEALTHY_SERVICE_STATUS, serviceStatus } from '../../../src/model/service-status.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK, maskForState } from '../../../src/model/state-mask.ts';
import { finalStatus, waitForState } from '../../../src/model/status-lookup.ts';
import { createPollingQuerier } from '../../../src/runners/polling/polling-querier.ts';
import type { PollingQuerier } from '../../../src/runners/polling/polling-querier.ts';
import { ScriptedService } from '../scripted-service.ts';
import { inVirtualTime, runToQuiet } from '../virtual-time.ts';

let clock: VirtualClock;
let service: ScriptedService;

beforeEach(() => {
  clock = createVirtualClock();
  service = new ScriptedService(clock);
});

function poller(periodMs: number): PollingQuerier {
  return createPollingQuerier({ clock }, service, { periodMs });
}

/** When the polls came, in ms. */
function pollTimes(): number[] {
  return service.calls.map((call) => Number(call.split(' ')[0]));
}

const at = (ms: number, act: () => void): void => void clock.timer('test', ms, act);
const empty = { statuses: [], service: HEALTHY_SERVICE_STATUS };

/** Runs a query to its end and checks that it leaves nothing behind. */
async function outcome(
  periodMs: number,
  query: Query,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<unknown> {
  const wait = signal === undefined ? { timeoutMs } : { timeoutMs, signal };
  const settled = await inVirtualTime(clock, async () =>
    poller(periodMs)
      .query(query, wait)
      .catch((error: unknown) => error),
  );
  expect(clock.pendingLabels().filter((label) => label !== 'test' && label !== 'latency')).toEqual([]);
  return settled;
}

describe('when a poller polls', () => {
  test('R154 polls at once, then after the period, which doubles up to 10 s', async () => {
    const runId = service.newRun();
    at(40_000, () => service.complete(runId, 7));
    const result = await outcome(1000, { runs: [runId], states: DONE_MASK }, Infinity);
    expect(result).toMatchObject({ statuses: [{ runId, state: 'COMPLETE', exitCode: 7 }] });
    expect(pollTimes()).toEqual([0, 1000, 3000, 7000, 15_000, 25_000, 35_000, 45_000]);
  });

  test('R154 the first period is capped at 10 s too', async () => {
    const runId = service.newRun();
    at(15_000, () => service.complete(runId));
    await outcome(3_600_000, { runs: [runId], states: DONE_MASK }, Infinity);
    expect(pollTimes()).toEqual([0, 10_000, 20_000]);
  });

  test('R154 the first error ends it', async () => {
    const runId = service.newRun();
    const failure = new Error('connection lost');
    at(10, () => (service.failure = failure));
    expect(await outcome(8, { runs: [runId], states: DONE_MASK }, Infinity)).toBe(failure);
    expect(pollTimes()).toEqual([0, 8, 24]);
  });

  test('R154 R36 polls for the wanted and the terminal states, filters itself, and misses what came and went', async () => {
    const runId = service.newRun();
    at(1, () => service.start(runId));
    at(2, () => service.complete(runId));
    expect(await outcome(5, { runs: [runId], states: RUNNING_MASK }, 100)).toMatchObject({
      code: 'RUNNER_CANNOT_HAPPEN',
    });
    expect(service.takeCalls()).toEqual([
      'queryNow 0 ALL_MASK',
      'queryNow 0 UNKNOWN|RUNNING|COMPLETE|FAILED|ABORTED|TIMEDOUT',
    ]);
    expect(clock.now()).toBe(5);
  });

  test('R154 polls for the wanted states alone on all runs', async () => {
    const runId = service.newRun();
    service.complete(service.newRun());
    at(3, () => service.start(runId));
    expect(await outcome(5, { allRuns: true, states: RUNNING_MASK }, 100)).toMatchObject({
      statuses: [{ runId, state: 'RUNNING' }],
    });
    expect(service.takeCalls()).toEqual(['queryNow all RUNNING_MASK', 'queryNow all RUNNING_MASK']);
  });

  test('R29 R37 all current matches come at once, in query order', async () => {
    const runs = [service.newRun(), service.newRun(), service.newRun()];
    service.complete('2');
    service.complete('0');
    const query = { runs: ['2', '1', '0', '2'], states: DONE_MASK };
    expect(runs).toEqual(['0', '1', '2']);
    expect(await outcome(5, query, Infinity)).toMatchObject({ statuses: [{ runId: '2' }, { runId: '0' }] });
    expect(clock.now()).toBe(0);
  });
});

describe('when there is no time to wait', () => {
  test.for([undefined, AbortSignal.abort()])(
    'R155 R30 D79 timeout 0 is exactly one poll, whatever the signal: %j',
    async (signal) => {
      const runId = service.newRun();
      expect(await outcome(5, { runs: [runId], states: DONE_MASK }, 0, signal)).toEqual(empty);
      expect(pollTimes()).toEqual([0]);
    },
  );

  test('R155 the one poll is awaited, however long it takes', async () => {
    const runId = service.newRun();
    service.complete(runId);
    service.latencyMs = 500;
    const result = await outcome(5, { runs: [runId], states: DONE_MASK }, 0);
    expect(result).toMatchObject({ statuses: [{ state: 'COMPLETE' }] });
    expect(clock.now()).toBe(500);
  });

  test('R27 R30 without a wait, terminal runs in other states are not an error', async () => {
    const runId = service.newRun();
    service.complete(runId);
    expect(await outcome(5, { runs: [runId], states: RUNNING_MASK }, 0)).toEqual(empty);
  });

  test.for([undefined, AbortSignal.abort()])(
    'R28 a query on no runs is empty at once, even with a wait and whatever the signal: %j',
    async (signal) => {
      service.newRun();
      expect(await outcome(5, { states: ALL_MASK }, Infinity, signal)).toEqual(empty);
      expect(await outcome(5, { runs: [], states: ALL_MASK }, Infinity, signal)).toEqual(empty);
      expect(pollTimes()).toEqual([0, 0]);
    },
  );
});

describe('at the deadline', () => {
  test('R156 D80 no pause outlasts it, and the last poll sees what ended before', async () => {
    const runId = service.newRun();
    at(500, () => service.complete(runId));
    const result = await outcome(10_000, { runs: [runId], states: DONE_MASK }, 1000);
    expect(result).toMatchObject({ statuses: [{ runId, state: 'COMPLETE' }] });
    expect(pollTimes()).toEqual([0, 1000]);
  });

  test.for([
    [5, 20, [0, 5, 15, 20]],
    [5, 15, [0, 5, 15]],
    [7, 7, [0, 7]],
    [0.1, 0.7, [0, 0.1, 0.3, 0.7]],
  ] as const)('R156 R157 period %d and timeout %d give one last poll, at the deadline', async (row) => {
    const [periodMs, timeoutMs, times] = row;
    const runId = service.newRun();
    expect(await outcome(periodMs, { runs: [runId], states: DONE_MASK }, timeoutMs)).toEqual(empty);
    expect(pollTimes()).toEqual(times);
  });

  test('R156 for any period and timeout, a fruitless wait takes its timeout and polls once at its end', async () => {
    const us = fc.integer({ min: 1, max: 50_000_000 }).map((value) => value / 1000);
    await fc.assert(
      fc.asyncProperty(us, us, us, async (startMs, periodMs, timeoutMs) => {
        clock = createVirtualClock();
        service = new ScriptedService(clock);
        const runId = service.newRun();
        clock.skipTo(Math.round(startMs * 1000));
        at(0, () => {});
        const begun = clock.now();
        expect(await outcome(periodMs, { runs: [runId], states: DONE_MASK }, timeoutMs)).toEqual(empty);
        const endUs = Math.round(begun * 1000) + Math.round(timeoutMs * 1000);
        expect(Math.round(clock.now() * 1000)).toBe(endUs);
        expect(pollTimes().filter((time) => Math.round(time * 1000) === endUs)).toHaveLength(1);
        expect(pollTimes().length).toBeLessThan(60);
      }),
      { seed: 42, numRuns: 60 },
    );
  });

  test.for([4, 10, 20])(
    'R35 a write at the instant of the deadline is seen, with period %d',
    async (periodMs) => {
      const runId = service.newRun();
      const asked = outcome(periodMs, { runs: [runId], states: DONE_MASK }, 10);
      at(10, () => clock.post('test', () => service.complete(runId)));
      expect(await asked).toMatchObject({ statuses: [{ runId, state: 'COMPLETE' }] });
      expect(clock.now()).toBe(10);
    },
  );

  test('R35 R156 a deadline that is a period away ends the instant, whatever is left of a sum of times', async () => {
    const runId = service.newRun();
    at(3.018, () => undefined);
    await runToQuiet(clock);
    const asked = outcome(5, { runs: [runId], states: DONE_MASK }, 5);
    at(5, () => clock.post('test', () => service.complete(runId)));
    expect(await asked).toMatchObject({ statuses: [{ runId, state: 'COMPLETE' }] });
  });

  test('R157 D81 a timed-out query has the service status of the last poll', async () => {
    const runId = service.newRun();
    const unhealthy = serviceStatus(true, false, 'disk full');
    at(11, () => service.store.updateService(unhealthy));
    const result = await outcome(10, { runs: [runId], states: DONE_MASK }, 12);
    expect(result).toEqual({ statuses: [], service: unhealthy });
  });

  test.for([20, 30])(
    'R156 a poll that is under way at the deadline is the last one: %d ms',
    async (latencyMs) => {
      const runId = service.newRun();
      service.latencyMs = latencyMs;
      at(5, () => service.complete(runId));
      expect(await outcome(5, { runs: [runId], states: DONE_MASK }, 20)).toEqual(empty);
      expect(pollTimes()).toEqual([0]);
      expect(clock.now()).toBe(latencyMs);
    },
  );
});

describe('cancelling', () => {
  test('R156 R34 D16 ends a pause at once with the outcome of a cancelled wait', async () => {
    const runId = service.newRun();
    const stop = new AbortController();
    const reason = new Error('no longer needed');
    at(1234, () => stop.abort(reason));
    const error = await outcome(10_000, { runs: [runId], states: DONE_MASK }, Infinity, stop.signal);
    expect(error).toMatchObject({ code: 'RUNNER_WAIT_CANCELLED', cause: reason });
    expect(clock.now()).toBe(1234);
  });

  test('R35 a write at the instant of the cancel wins', async () => {
    const runId = service.newRun();
    const stop = new AbortController();
    at(5, () => stop.abort());
    at(5, () => service.complete(runId));
    const result = await outcome(10_000, { runs: [runId], states: DONE_MASK }, Infinity, stop.signal);
    expect(result).toMatchObject({ statuses: [{ state: 'COMPLETE' }] });
    expect(clock.now()).toBe(5);
  });

  test('R34 ends a poll that does not answer in the same instant', async () => {
    const runId = service.newRun();
    service.latencyMs = 1000;
    const stop = new AbortController();
    at(7, () => stop.abort());
    const error = await outcome(5, { runs: [runId], states: DONE_MASK }, 50, stop.signal);
    expect(error).toMatchObject({ code: 'RUNNER_WAIT_CANCELLED' });
    expect(clock.now()).toBe(7);
  });

  test('R34 a signal aborted before allows one poll, but no wait', async () => {
    const [done, waiting] = [service.newRun(), service.newRun()];
    service.complete(done);
    const signal = AbortSignal.abort();
    expect(await outcome(5, { runs: [done], states: DONE_MASK }, Infinity, signal)).toMatchObject({
      statuses: [{ runId: done }],
    });
    expect(await outcome(5, { runs: [waiting], states: DONE_MASK }, Infinity, signal)).toMatchObject({
      code: 'RUNNER_WAIT_CANCELLED',
    });
    expect(pollTimes()).toEqual([0, 0]);
    service.latencyMs = 1000;
    expect(await outcome(5, { runs: [done], states: DONE_MASK }, Infinity, signal)).toMatchObject({
      code: 'RUNNER_WAIT_CANCELLED',
    });
    expect(clock.now()).toBe(0);
  });

  test('R29 a match that is there is returned, even if a cancel follows at once', async () => {
    const runId = service.newRun();
    service.complete(runId);
    const stop = new AbortController();
    const result = await inVirtualTime(clock, () => {
      const asked = poller(5).query({ runs: [runId], states: DONE_MASK }, waitForever(stop.signal));
      stop.abort();
      return asked;
    });
    expect(result.statuses).toHaveLength(1);
  });

  test('R204 a wait that has ended no longer listens to its signal', async () => {
    const runId = service.newRun();
    at(7, () => service.complete(runId));
    const stop = new AbortController();
    await outcome(5, { runs: [runId], states: DONE_MASK }, Infinity, stop.signal);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });
});

describe('impossible waits', () => {
  test('R36 D4 a wait that can no longer be met ends with CANNOT_HAPPEN, but not before all its runs have ended', async () => {
    const runs = [service.newRun(), service.newRun()];
    service.complete('0');
    at(20, () => service.fail('1'));
    const error = await outcome(5, { runs: [...runs, '0'], states: maskForState('TIMEDOUT') }, Infinity);
    expect(error).toMatchObject({ code: 'RUNNER_CANNOT_HAPPEN' });
    expect(clock.now()).toBe(35);
  });

  test('R36 the deadline does not hide that a wait cannot be met', async () => {
    const runId = service.newRun();
    at(10, () => service.complete(runId));
    const error = await outcome(5, { runs: [runId], states: RUNNING_MASK }, 10);
    expect(error).toMatchObject({ code: 'RUNNER_CANNOT_HAPPEN' });
  });

  test('R36 a wait on all runs goes on, because a new run may come', async () => {
    service.complete(service.newRun());
    at(6, () => service.start(service.newRun()));
    const query = { runs: ['0'], allRuns: true, states: RUNNING_MASK };
    expect(await outcome(5, query, Infinity)).toMatchObject({ statuses: [{ runId: '1' }] });
  });

  test.for([0, 50, Infinity])('R26 an unknown id is an error at once, with timeout %d', async (timeoutMs) => {
    const runId = service.newRun();
    const error = await outcome(5, { runs: [runId, 'nope'], states: DONE_MASK }, timeoutMs);
    expect(error).toMatchObject({ code: 'RUNNER_UNKNOWN_RUN', message: 'unknown run id nope' });
    expect(clock.now()).toBe(0);
  });

  test('R26 R41 D2 an empty answer about an unknown id ends finalStatus with the unknown-run error', async () => {
    const forgetful = { queryNow: async () => empty };
    const querier = createPollingQuerier({ clock }, forgetful, { periodMs: 5 });
    await expect(inVirtualTime(clock, () => finalStatus(querier, 'nope'))).rejects.toMatchObject({
      code: 'RUNNER_UNKNOWN_RUN',
      message: 'unknown run id nope',
    });
    await expect(querier.query({ runs: ['nope'], states: DONE_MASK }, { timeoutMs: 0 })).rejects.toThrow(
      'unknown run id nope',
    );
  });

  test('R49 D12 a run that is evicted while it is waited for is an unknown run', async () => {
    service = new ScriptedService(clock, 2);
    service.complete(service.newRun());
    service.newRun();
    at(6, () => void service.newRun());
    const query = { runs: ['0', '1'], states: maskForState('TIMEDOUT') };
    expect(await outcome(5, query, Infinity)).toMatchObject({
      code: 'RUNNER_UNKNOWN_RUN',
      message: 'unknown run id 0',
    });
    expect(clock.now()).toBe(15);
  });

  test('R41 waitForState polls until the state is there', async () => {
    const runId = service.newRun();
    at(8, () => service.start(runId));
    const { status } = await inVirtualTime(clock, () => waitForState(poller(5), runId, 'RUNNING'));
    expect(status).toMatchObject({ runId, state: 'RUNNING' });
    expect(clock.now()).toBe(15);
  });
});

describe('wrong use', () => {
  test.for([0, -1, 0.0009, NaN, Infinity])('R158 D82 a period of %d ms is refused', (periodMs) => {
    expect(() => poller(periodMs)).toThrow(
      `periodMs: expected a finite number of milliseconds ≥ 0.001, got ${periodMs}`,
    );
  });

  test('R158 a period of a microsecond is the shortest', async () => {
    const runId = service.newRun();
    await outcome(0.001, { runs: [runId], states: DONE_MASK }, 0.007);
    expect(pollTimes()).toEqual([0, 0.001, 0.003, 0.007]);
  });

  test.for([
    [{ allRuns: true, states: DONE_MASK }, { timeoutMs: -1 }],
    [{ allRuns: true, states: DONE_MASK }, { timeoutMs: NaN }],
    [{ allRuns: true, states: -1 }, { timeoutMs: 0 }],
    [{ runs: [7], states: DONE_MASK }, { timeoutMs: 0 }],
  ])('R33 D15 %j for %j is refused without a poll', async ([query, wait]) => {
    await expect(poller(5).query(query as Query, wait as { timeoutMs: number })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
    });
    expect(pollTimes()).toEqual([]);
  });
});

test('R154 a wait polls for the ids that it was given, whatever happens to the list', async () => {
  const [mine, other] = [service.newRun(), service.newRun()];
  const runs = [mine];
  const asked = poller(5).query({ runs, states: DONE_MASK }, waitForever());
  runs[0] = other;
  at(3, () => service.complete(other));
  at(20, () => service.complete(mine));
  const { statuses } = await inVirtualTime(clock, () => asked);
  expect(statuses.map(({ runId }) => runId)).toEqual([mine]);
});

test('timers are labelled with the poller and what it waits for', async () => {
  service.newRun();
  service.newRun();
  const querier = createPollingQuerier({ clock }, service, { periodMs: 5, name: 'node7' });
  const nameless = poller(5);
  const stop = new AbortController();
  const queries: Query[] = [
    { runs: ['0'], states: DONE_MASK },
    { runs: ['1', '0'], states: DONE_MASK },
    { allRuns: true, states: DONE_MASK },
  ];
  const waits = queries.map((query) => querier.query(query, waitForever(stop.signal)));
  waits.push(nameless.query({ runs: ['0'], states: DONE_MASK }, waitForever(stop.signal)));
  at(1, () => {
    expect(clock.pendingLabels()).toEqual([
      'node7 poll 0',
      'node7 poll 1+1',
      'node7 poll all',
      'polling poll 0',
    ]);
    stop.abort();
  });
  await inVirtualTime(clock, () => Promise.allSettled(waits));
  expect(clock.pending).toBe(0);
});
