import { beforeEach, describe, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { RunnerError } from '../../src/kernel/errors.ts';
import { createMemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import type { MemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import { HEALTHY_SERVICE_STATUS, NEW_SERVICE_STATUS } from '../../src/model/service-status.ts';
import type { Service } from '../../src/model/service.ts';
import { ALL_MASK } from '../../src/model/state-mask.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { meterService } from '../../src/runners/metered-service.ts';
import type { MeterOptions, MeteredService } from '../../src/runners/metered-service.ts';
import { ScriptedService } from './scripted-service.ts';
import { inVirtualTime, runToQuiet } from './virtual-time.ts';

let clock: VirtualClock;
let metrics: MemoryMetrics;
let behind: ScriptedService;

beforeEach(() => {
  clock = createVirtualClock();
  metrics = createMemoryMetrics();
  behind = new ScriptedService(clock);
});

function meter(options: Partial<MeterOptions> = {}, service: Service = behind): MeteredService {
  return meterService(service, { metrics, clock, refreshAfterCalls: false, ...options });
}

const at = (ms: number, act: () => void): void => void clock.timer('test', ms, act);
const command = { argv: ['a'] };
const everything = { allRuns: true, states: ALL_MASK };
const counters = (): unknown => ({ ...metrics.snapshot().counters });

/** Lets time pass to `ms`. */
async function passTo(ms: number): Promise<void> {
  at(ms - clock.now(), () => {});
  await runToQuiet(clock);
}

/** A service whose answers are held back until released, with an error to fail. */
class SlowService extends ScriptedService {
  readonly held: ((error?: Error) => void)[] = [];

  override async statusAll(): ReturnType<Service['statusAll']> {
    const answer = await super.statusAll();
    await new Promise<void>((resolve, reject) => {
      this.held.push((error) => (error === undefined ? resolve() : reject(error)));
    });
    return answer;
  }
}

describe('calls', () => {
  const calls = [
    ['run', (service: Service) => service.run(command), 'run a'],
    ['abort', (service: Service) => service.abort('0'), 'abort 0'],
    ['query', (service: Service) => service.query(everything, { timeoutMs: 0 }), 'query all ALL_MASK for 0'],
    ['queryNow', (service: Service) => service.queryNow(everything), 'queryNow all ALL_MASK'],
    ['status', (service: Service) => service.status('0'), 'status 0'],
    ['statusAll', (service: Service) => service.statusAll(), 'statusAll'],
    ['release', (service: Service) => service.release(), 'release'],
  ] as const;

  test.for(calls)(
    'R183 %s passes through in the same synchronous call, its answer and its error unchanged',
    async (row) => {
      const [, call, reached] = row;
      const plain = new ScriptedService(clock);
      for (const service of [plain, behind]) service.newRun();
      const answer = call(meter());
      expect(behind.calls).toEqual([`0 ${reached}`]);
      expect(await answer).toEqual(await call(plain));
      await runToQuiet(clock);
      expect(behind.calls).toEqual([`0 ${reached}`]);
      behind.failure = new Error('mine');
      if (reached !== 'release') await expect(call(meter())).rejects.toBe(behind.failure);
    },
  );

  test.for([
    ['run', { runs: 2, aborts: 0, workerQueries: 0 }],
    ['abort', { runs: 0, aborts: 2, workerQueries: 0 }],
    ['query', { runs: 0, aborts: 0, workerQueries: 2 }],
    ['queryNow', { runs: 0, aborts: 0, workerQueries: 2 }],
    ['status', { runs: 0, aborts: 0, workerQueries: 2 }],
    ['statusAll', { runs: 0, aborts: 0, workerQueries: 2 }],
    ['release', { runs: 0, aborts: 0, workerQueries: 0 }],
  ] as const)('R183 %s is counted, refused or not', async ([operation, expected]) => {
    behind.newRun();
    const call = calls.find(([name]) => name === operation)![1];
    await call(meter());
    behind.failure = new Error('no');
    await call(meter()).catch(() => {});
    expect(counters()).toEqual(expected);
  });

  test('R183 refresh does not count as a call', async () => {
    await meter().refresh();
    expect(counters()).toEqual({ runs: 0, aborts: 0, workerQueries: 0 });
  });

  test('R183 runLatency_ms is the time until run is answered, a refusal included', async () => {
    const slow = Object.assign(Object.create(behind) as ScriptedService, {
      run: async () => {
        await sleep(clock, 0.2);
        throw new RunnerError('RUNNER_BUSY', 'full');
      },
    });
    const metered = meter({}, slow);
    await passTo(0.1);
    const run = metered.run(command);
    await expect(inVirtualTime(clock, () => run)).rejects.toMatchObject({ code: 'RUNNER_BUSY' });
    await meter().run(command);
    expect(metrics.values('runLatency_ms')).toEqual([0.2, 0]);
  });
});

describe('gauges', () => {
  test('R183 runs are counted by state', async () => {
    const runs = Array.from({ length: 6 }, () => behind.newRun());
    const metered = meter();
    behind.start(runs[1]!);
    behind.complete(runs[2]!, 1);
    behind.fail(runs[3]!);
    behind.fail(runs[4]!);
    await behind.abort(runs[5]!);
    await metered.refresh();
    expect(metrics.snapshot().gauges).toMatchObject({
      activeRunsGauge: 2,
      endedCachedRunsGauge: 4,
      failedCachedRunsGauge: 2,
    });
    behind.complete(runs[0]!);
    expect(metrics.value('activeRunsGauge')).toBe(2);
    await metered.refresh();
    expect(metrics.snapshot().gauges).toMatchObject({ activeRunsGauge: 1, endedCachedRunsGauge: 5 });
  });

  test('R183 an initialization is timed while it lasts and when it ends', async () => {
    behind.store.updateService(NEW_SERVICE_STATUS);
    await passTo(100);
    const metered = meter();
    const init = (): number[] => [
      metrics.value('workerActiveInitLatency_ms'),
      metrics.value('workerFinishedInitLatency_ms'),
    ];
    await passTo(130);
    await metered.refresh();
    expect(init()).toEqual([30, 0]);
    behind.store.updateService(HEALTHY_SERVICE_STATUS);
    await passTo(150);
    await metered.refresh();
    expect(init()).toEqual([0, 50]);
    behind.store.updateService(NEW_SERVICE_STATUS);
    await passTo(170);
    await metered.refresh();
    expect(init()).toEqual([0, 50]);
  });

  test('R183 any answer with a service status can end the initialization', async () => {
    behind.newRun();
    await passTo(5);
    await meter().status('0');
    expect(metrics.value('workerFinishedInitLatency_ms')).toBe(0);
    behind.store.updateService(NEW_SERVICE_STATUS);
    const metered = meter();
    await passTo(9);
    behind.store.updateService(HEALTHY_SERVICE_STATUS);
    await metered.status('0');
    expect(metrics.value('workerFinishedInitLatency_ms')).toBe(4);
  });

  test('R183 uptime runs from the wrapping, contact time from the last call', async () => {
    await passTo(1000);
    const metered = meter();
    await passTo(1200);
    await metered.refresh();
    const times = (): number[] => [
      metrics.value('workerUptimeGauge_ms'),
      metrics.value('timeSinceLastContactGauge_ms'),
    ];
    expect(times()).toEqual([200, 200]);
    for (const call of [
      () => metered.run(command),
      () => metered.abort('0'),
      () => metered.queryNow(everything),
      () => metered.release(),
    ]) {
      await call();
      await passTo(clock.now() + 7);
      await metered.refresh();
      expect(times()).toEqual([clock.now() - 1000, 7]);
    }
  });

  test.for([
    [undefined, 60_000],
    [10, 10],
  ] as const)(
    'R183 with a spike of %s ms, workerStartGauge is 1 until then, and 0 from then on',
    async (row) => {
      const [startSpikeMs, endMs] = row;
      const metered = meter(startSpikeMs === undefined ? {} : { startSpikeMs });
      expect(metrics.value('workerStartGauge')).toBe(1);
      await passTo(endMs - 0.001);
      await metered.refresh();
      expect(metrics.value('workerStartGauge')).toBe(1);
      await passTo(endMs);
      await metered.refresh();
      expect(metrics.value('workerStartGauge')).toBe(0);
    },
  );

  test('R183 without a spike workerStartGauge is 0 from the start', () => {
    meter({ startSpikeMs: 0 });
    expect(metrics.value('workerStartGauge')).toBe(0);
  });

  test('R183 an older answer does not replace a newer one', async () => {
    const slow = new SlowService(clock);
    const metered = meter({}, slow);
    const older = metered.refresh();
    slow.newRun();
    const newer = metered.refresh();
    await Promise.resolve();
    await runToQuiet(clock);
    slow.held[1]!();
    await newer;
    expect(metrics.value('activeRunsGauge')).toBe(1);
    slow.held[0]!();
    await older;
    expect(metrics.value('activeRunsGauge')).toBe(1);
  });

  test('refresh rejects as the service does, and still updates the times', async () => {
    const metered = meter();
    behind.failure = new Error('down');
    await passTo(3);
    await expect(metered.refresh()).rejects.toBe(behind.failure);
    expect(metrics.value('workerUptimeGauge_ms')).toBe(3);
  });
});

describe('refreshes after calls', () => {
  test('R183 follow every call, without anybody waiting', async () => {
    const metered = meterService(behind, { metrics, clock });
    const { runId } = await metered.run(command);
    await runToQuiet(clock);
    expect(behind.takeCalls()).toEqual(['run a', 'statusAll']);
    expect(metrics.value('activeRunsGauge')).toBe(1);
    behind.start(runId);
    for (const [call, gauge] of [
      [() => metered.status(runId), 0],
      [() => metered.abort(runId), 1],
      [() => metered.query(everything, { timeoutMs: 0 }), 1],
      [() => metered.statusAll(), 1],
      [() => metered.release(), 1],
    ] as const) {
      await call();
      await runToQuiet(clock);
      expect(behind.takeCalls().at(-1)).toBe('statusAll');
      expect(metrics.value('endedCachedRunsGauge')).toBe(gauge);
    }
    expect(counters()).toEqual({ runs: 1, aborts: 1, workerQueries: 3 });
  });

  test('R183 follow refused calls too', async () => {
    const metered = meter({ refreshAfterCalls: true });
    await metered.abort('nope').catch(() => {});
    await runToQuiet(clock);
    expect(behind.takeCalls()).toEqual(['abort nope', 'statusAll']);
  });

  test('R183 calls during a refresh share the next one', async () => {
    const slow = new SlowService(clock);
    const metered = meter({ refreshAfterCalls: true }, slow);
    for (let call = 0; call < 4; call += 1) await metered.run(command);
    await runToQuiet(clock);
    expect(slow.calls.filter((call) => call.endsWith('statusAll'))).toHaveLength(1);
    slow.held[0]!();
    await runToQuiet(clock);
    expect(slow.calls.filter((call) => call.endsWith('statusAll'))).toHaveLength(2);
    slow.held[1]!();
    await runToQuiet(clock);
    expect(slow.held).toHaveLength(2);
    expect(metrics.value('activeRunsGauge')).toBe(4);
    await metered.run(command);
    await runToQuiet(clock);
    expect(slow.held).toHaveLength(3);
  });

  test.for([
    [{}, 'metered'],
    [{ name: 'node7' }, 'node7'],
  ] as const)(
    'R183 a failed one is recorded and leaves the gauges unchanged: %j',
    async ([options, runner]) => {
      const events: TraceEvent[] = [];
      const tracer = { record: (event: TraceEvent) => void events.push(event) };
      const metered = meter({ refreshAfterCalls: true, tracer, ...options });
      await metered.run(command);
      await runToQuiet(clock);
      behind.failure = new Error('down');
      await metered.run(command).catch(() => {});
      await runToQuiet(clock);
      expect(metrics.value('activeRunsGauge')).toBe(1);
      expect(events).toEqual([
        {
          at: 0,
          type: 'recorded',
          runner,
          runId: '',
          what: 'refresh of metrics',
          error: 'down',
          exitCode: 0,
        },
      ]);
      behind.failure = undefined;
      await metered.run(command);
      await runToQuiet(clock);
      expect(metrics.value('activeRunsGauge')).toBe(2);
    },
  );

  test('R183 the refresh that calls during a failing one share still comes', async () => {
    const slow = new SlowService(clock);
    const metered = meter({ refreshAfterCalls: true }, slow);
    await metered.run(command);
    await runToQuiet(clock);
    await metered.run(command);
    slow.held[0]!(new Error('down'));
    await runToQuiet(clock);
    expect(slow.held).toHaveLength(2);
    slow.held[1]!();
    await runToQuiet(clock);
    expect(metrics.value('activeRunsGauge')).toBe(2);
    await metered.run(command);
    await runToQuiet(clock);
    expect(slow.held).toHaveLength(3);
  });

  test('a failure without a tracer is ignored', async () => {
    const metered = meter({ refreshAfterCalls: true });
    behind.failure = new Error('down');
    await metered.run(command).catch(() => {});
    await runToQuiet(clock);
    expect(behind.takeCalls()).toEqual(['run a', 'statusAll']);
  });
});

test.for([-1, NaN])('a spike of %d ms is refused', (startSpikeMs) => {
  expect(() => meter({ startSpikeMs })).toThrow(`startSpikeMs: expected a number ≥ 0, got ${startSpikeMs}`);
});
