import { beforeEach, describe, expect, test } from 'vitest';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { type Query, waitForever } from '../../../src/model/query.ts';
import { HEALTHY_SERVICE_STATUS } from '../../../src/model/service-status.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK } from '../../../src/model/state-mask.ts';
import { createPollingQuerier } from '../../../src/runners/polling/polling-querier.ts';
import type { PollingQuerier } from '../../../src/runners/polling/polling-querier.ts';
import { ScriptedService } from '../scripted-service.ts';
import { inVirtualTime } from '../virtual-time.ts';

let clock: VirtualClock;
let service: ScriptedService;

beforeEach(() => {
  clock = createVirtualClock();
  service = new ScriptedService(clock);
});

function poller(periodMs: number): PollingQuerier {
  return createPollingQuerier({ clock }, service, { periodMs });
}

const at = (ms: number, act: () => void): void => void clock.timer('test', ms, act);
const empty = { statuses: [], service: HEALTHY_SERVICE_STATUS };

describe('after a release', () => {
  test('R84 R86 a wait polls once more and ends; no timer is left', async () => {
    const [waiting, ended] = [service.newRun(), service.newRun()];
    const querier = poller(10_000);
    const doneWait = querier.query({ runs: [ended], states: DONE_MASK }, waitForever());
    const runningWait = querier.query({ runs: [waiting], states: RUNNING_MASK }, waitForever());
    const newRunWait = querier.query({ allRuns: true, states: RUNNING_MASK }, waitForever());
    at(3, () => {
      service.complete(ended);
      querier.release();
    });
    const settled = await inVirtualTime(clock, () => Promise.allSettled([doneWait, runningWait, newRunWait]));
    expect(settled).toMatchObject([
      { value: { statuses: [{ runId: ended }] } },
      { reason: { code: 'RUNNER_RELEASED' } },
      { reason: { code: 'RUNNER_RELEASED' } },
    ]);
    expect([clock.now(), clock.pending]).toEqual([3, 0]);
  });

  test('R84 R157 a wait in its last pause ends as longer ones do, and one whose time is up as usual', async () => {
    const runId = service.newRun();
    const querier = poller(10_000);
    const query: Query = { runs: [runId], states: DONE_MASK };
    const waits = [20, 30, 10_000, Infinity].map((timeoutMs) => querier.query(query, { timeoutMs }));
    at(20, () => querier.release());
    const settled = await inVirtualTime(clock, () => Promise.allSettled(waits));
    expect(settled).toMatchObject([
      { value: { statuses: [] } },
      { reason: { code: 'RUNNER_RELEASED' } },
      { reason: { code: 'RUNNER_RELEASED' } },
      { reason: { code: 'RUNNER_RELEASED' } },
    ]);
    expect([clock.now(), clock.pending]).toEqual([20, 0]);
  });

  test('R84 reads that need no waiting still work, and those that would wait are refused', async () => {
    const runId = service.newRun();
    const querier = poller(5);
    querier.release();
    querier.release();
    const read = await querier.queryNow({ runs: [runId], states: ALL_MASK });
    expect(read.statuses).toHaveLength(1);
    expect(await querier.query({ runs: [runId], states: ALL_MASK }, waitForever())).toEqual(read);
    expect(await querier.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: 0 })).toEqual(empty);
    await expect(querier.query({ runs: [runId], states: DONE_MASK }, waitForever())).rejects.toMatchObject({
      code: 'RUNNER_RELEASED',
      message: 'the runner was released; what the wait is for cannot come',
    });
  });
});
