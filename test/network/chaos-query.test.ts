import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, test } from 'vitest';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { HEALTHY_SERVICE_STATUS } from '../../src/model/service-status.ts';
import { DONE_MASK } from '../../src/model/state-mask.ts';
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import type { ChaosRunner } from '../../src/network/chaos-runner.ts';
import { ScriptedChoices } from '../runners/scripted-choices.ts';
import { ScriptedService } from '../runners/scripted-service.ts';
import { inVirtualTime, runToQuiet } from '../runners/virtual-time.ts';

let clock: VirtualClock;
let behind: ScriptedService;

beforeEach(() => {
  clock = createVirtualClock();
  behind = new ScriptedService(clock);
});

const at = (ms: number, act: () => void): void => void clock.timer('test', ms, act);
const done = { allRuns: true, states: DONE_MASK };

/** Chaos that delays the first query, or queryNow, by that many milliseconds. */
function delayed(delayMs: number, operation = 'query'): ChaosRunner {
  const choices = new ScriptedChoices({ [`chaos ${operation} all delay`]: [delayMs] });
  return createChaosRunner({ clock, choices }, behind, { maxDelayMs: 1000, delaySteps: 1000 });
}

describe('the deadline of a query', () => {
  test('R151 D76 a delay counts towards the timeout', async () => {
    const runner = delayed(300);
    const result = await inVirtualTime(clock, () => runner.query(done, { timeoutMs: 800 }));
    expect(result).toEqual({ statuses: [], service: HEALTHY_SERVICE_STATUS });
    expect(behind.calls).toEqual(['300 query all DONE_MASK for 500']);
    expect([clock.now(), clock.pending]).toEqual([800, 0]);
  });

  test('R151 the timeout counts from the call', async () => {
    const runner = delayed(300);
    at(1000, () => {});
    await runToQuiet(clock);
    await inVirtualTime(clock, () => runner.query(done, { timeoutMs: 800 }));
    expect(behind.calls).toEqual(['1300 query all DONE_MASK for 500']);
    expect(clock.now()).toBe(1800);
  });

  test('R148 a delay within the timeout ends in its turn, not after everything else', async () => {
    const runner = delayed(300);
    const query = runner.query(done, { timeoutMs: 800 });
    at(300, () => behind.calls.push('other'));
    await inVirtualTime(clock, () => query);
    expect(behind.calls).toEqual(['300 query all DONE_MASK for 500', 'other']);
  });

  test('R204 a call that was held no longer listens to its signal', async () => {
    const runner = delayed(300);
    const { signal } = new AbortController();
    await inVirtualTime(clock, () => runner.query(done, { timeoutMs: 300, signal }));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test.for([800, 900])(
    'R151 R35 D76 a delay of %d ms ends at the deadline of 800, after everything else then',
    async (delay) => {
      const runner = delayed(delay);
      const runId = behind.newRun();
      at(800, () => clock.post('test', () => behind.complete(runId)));
      const result = await inVirtualTime(clock, () => runner.query(done, { timeoutMs: 800 }));
      expect(result.statuses).toMatchObject([{ runId, state: 'COMPLETE' }]);
      expect(behind.calls).toEqual(['800 query all DONE_MASK for 0']);
      expect([clock.now(), clock.pending]).toEqual([800, 0]);
    },
  );

  test('R151 R30 a timeout of 0 leaves no time for a delay', async () => {
    const runner = delayed(900);
    expect(await runner.query(done, { timeoutMs: 0 })).toMatchObject({ statuses: [] });
    expect([clock.now(), clock.pending]).toEqual([0, 0]);
  });

  test('R151 D76 a cancel ends the delay', async () => {
    const runner = delayed(900);
    const stop = new AbortController();
    at(100, () => stop.abort('enough'));
    const query = runner.query(done, { timeoutMs: 5000, signal: stop.signal });
    await expect(inVirtualTime(clock, () => query)).rejects.toMatchObject({
      code: 'RUNNER_WAIT_CANCELLED',
      cause: 'enough',
    });
    expect([clock.now(), clock.pending]).toEqual([100, 0]);
  });

  test('R151 R29 a cancelled query still gets what matches', async () => {
    const runner = delayed(900);
    behind.complete(behind.newRun());
    const signal = AbortSignal.abort();
    expect((await runner.query(done, { timeoutMs: 5000, signal })).statuses).toHaveLength(1);
    expect([clock.now(), clock.pending]).toEqual([0, 0]);
  });

  test('R151 queryNow has no timeout, and is delayed in full', async () => {
    const runner = delayed(900, 'queryNow');
    await inVirtualTime(clock, () => runner.queryNow(done));
    expect(clock.now()).toBe(900);
  });
});
