import { beforeEach, describe, expect, test } from 'vitest';
import { createVirtualClock } from '../../../src/kernel/virtual-clock.ts';
import type { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { HEALTHY_SERVICE_STATUS } from '../../../src/model/service-status.ts';
import type { Service } from '../../../src/model/service.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK } from '../../../src/model/state-mask.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { waitForever } from '../../../src/model/query.ts';
import { createPollingService } from '../../../src/runners/polling/polling-service.ts';
import { ScriptedService } from '../scripted-service.ts';
import { inVirtualTime } from '../virtual-time.ts';

let clock: VirtualClock;
let remote: ScriptedService;
let service: Service;

beforeEach(() => {
  clock = createVirtualClock();
  remote = new ScriptedService(clock);
  service = createPollingService({ clock }, remote, remote, { periodMs: 10 });
});

describe('a polling service', () => {
  test('R159 run, abort, release and queryNow pass through, in the same synchronous call', async () => {
    const calls = [
      service.run({ argv: ['a', 'b'], jobId: 'j' }),
      service.abort('0'),
      service.queryNow({ allRuns: true, states: ALL_MASK }),
      service.release(),
    ];
    expect(remote.takeCalls()).toEqual(['run a b', 'abort 0', 'queryNow all ALL_MASK', 'release']);
    const [accepted, aborted, known] = await Promise.all(calls);
    expect(accepted).toMatchObject({ runId: '0', state: 'PENDING', jobId: 'j' });
    expect(aborted).toMatchObject({ runId: '0', state: 'ABORTED' });
    expect(known).toMatchObject({ statuses: [aborted], service: HEALTHY_SERVICE_STATUS });
  });

  test('R159 query polls', async () => {
    const { runId } = await service.run({ argv: ['a'] });
    clock.timer('test', 25, () => remote.complete(runId, 3));
    const { status } = await inVirtualTime(clock, () => finalStatus(service, runId));
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 3 });
    expect(remote.calls.map((call) => call.split(' ').slice(0, 2).join(' '))).toEqual([
      '0 run',
      '0 queryNow',
      '10 queryNow',
      '30 queryNow',
    ]);
  });

  test('R159 a poll error is returned, not retried', async () => {
    const { runId } = await service.run({ argv: ['a'] });
    remote.failure = new Error('connection lost');
    await expect(finalStatus(service, runId)).rejects.toBe(remote.failure);
    await expect(service.status(runId)).rejects.toBe(remote.failure);
    await expect(service.statusAll()).rejects.toBe(remote.failure);
    await expect(service.queryNow({ allRuns: true, states: ALL_MASK })).rejects.toBe(remote.failure);
    expect(remote.takeCalls()).toHaveLength(5);
  });

  test('R43 R159 status and statusAll ask once', async () => {
    const { runId } = await service.run({ argv: ['a'] });
    remote.start(runId);
    remote.takeCalls();
    expect(await service.status(runId)).toMatchObject({
      status: { runId, state: 'RUNNING' },
      service: HEALTHY_SERVICE_STATUS,
    });
    expect((await service.statusAll()).statuses).toMatchObject([{ runId, state: 'RUNNING' }]);
    expect(remote.takeCalls()).toEqual([`queryNow ${runId} ALL_MASK`, 'queryNow all ALL_MASK']);
  });

  test('R40 D2 an empty answer about one run is an unknown run, never an index error', async () => {
    const forgetful = { queryNow: async () => ({ statuses: [], service: HEALTHY_SERVICE_STATUS }) };
    const lenient = createPollingService({ clock }, remote, forgetful, { periodMs: 10 });
    const unknown = { code: 'RUNNER_UNKNOWN_RUN', message: 'unknown run id nope' };
    await expect(lenient.status('nope')).rejects.toMatchObject(unknown);
    await expect(lenient.query({ runs: ['nope'], states: DONE_MASK }, waitForever())).rejects.toMatchObject(
      unknown,
    );
    await expect(service.status('nope')).rejects.toMatchObject(unknown);
  });

  test("R84 R86 waits end when the delegate's release has ended, and no timer is left", async () => {
    const { runId } = await service.run({ argv: ['a'] });
    const outcomes = Promise.allSettled([
      finalStatus(service, runId),
      service.query({ runs: [runId], states: RUNNING_MASK }, waitForever()),
      service.query({ allRuns: true, states: RUNNING_MASK }, waitForever()),
    ]);
    clock.timer('test', 5, () => void service.release());
    expect(await inVirtualTime(clock, () => outcomes)).toMatchObject([
      { value: { status: { runId, state: 'ABORTED' } } },
      { reason: { code: 'RUNNER_CANNOT_HAPPEN' } },
      { reason: { code: 'RUNNER_RELEASED' } },
    ]);
    expect([clock.now(), clock.pending]).toEqual([5, 0]);
  });

  test('R84 a release that has not ended does not affect waits', async () => {
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const slow = { ...bound(remote), release: () => ended };
    service = createPollingService({ clock }, slow, remote, { periodMs: 10 });
    const { runId } = await service.run({ argv: ['a'] });
    const outcome = finalStatus(service, runId).catch((error: unknown) => error);
    const released = service.release();
    clock.timer('test', 15, () => end());
    expect(await inVirtualTime(clock, () => outcome)).toMatchObject({ code: 'RUNNER_RELEASED' });
    expect(clock.now()).toBe(15);
    await released;
  });

  test('R158 D82 a period that is not positive is refused', () => {
    expect(() => createPollingService({ clock }, remote, remote, { periodMs: 0 })).toThrow(
      'periodMs: expected a finite number of milliseconds ≥ 0.001, got 0',
    );
  });
});

function bound(controller: ScriptedService): Pick<Service, 'run' | 'abort'> {
  return {
    run: (command) => controller.run(command),
    abort: (runId) => controller.abort(runId),
  };
}
