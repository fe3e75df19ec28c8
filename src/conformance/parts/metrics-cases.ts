/**
 * The contract of metrics registries as a list of cases: for the one in memory, that of a monitoring system, or yours.
 * Invariant: a case reads a registry only through its subject.
 */
import type { MemoryMetricsOptions, MemoryMetrics } from '../../metrics/memory-metrics.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';
import { METRIC_NAMES } from '../../model/metrics.ts';
import type { PartCapability } from '../capability.ts';
import { checkEqual, checkThat } from '../check.ts';
import { noted } from './noted-part.ts';
import {
  notingCalls,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  type Said,
  inWords,
} from './part-case.ts';
import { playHolding } from './played.ts';

/** The current contents of a registry. */
export type MetricsSnapshotUnderTest = ReturnType<MemoryMetrics['snapshot']>;

/** A metrics registry under test. */
export interface MetricsUnderTest {
  readonly metrics: Metrics;
  /** Its current contents. */
  readonly snapshot: () => MaybePromise<MetricsSnapshotUnderTest>;
}

/** A kind of registry under test: see {@link metricsCases}. */
export interface MetricsSubject extends PartSubject {
  /**
   * Makes an empty registry. If the subject lacks `extremes`, its histograms do not know their minimum and maximum; if
   * it lacks `order`, a snapshot lists names in any order.
   */
  create(): MaybePromise<MetricsUnderTest>;
  /** Makes a registry in memory that writes to a trace and keeps samples. Absent if the subject lacks `memory`. */
  readonly createInMemory?: (options?: MemoryMetricsOptions) => MemoryMetrics;
}

const counted = (
  title: string,
  body: (under: MetricsUnderTest, said: Said) => Promise<void> | void,
  needs: readonly PartCapability[] = [],
): PartCaseSpec<MetricsSubject> =>
  inWords((said) => ({
    title,
    needs,
    prove: (subject, options) =>
      notingCalls(options, async (note) => body(noted(note, 'the registry', await subject.create()), said)),
  }));

/** What makes a registry in memory; a subject without one must say that it lacks it. */
function inMemory({ createInMemory }: MetricsSubject): NonNullable<MetricsSubject['createInMemory']> {
  checkThat(
    createInMemory !== undefined,
    'createInMemory',
    'a function, or a reason for memory in lacks',
    createInMemory,
  );
  return createInMemory as NonNullable<typeof createInMemory>;
}

const NOTHING = { counters: {}, gauges: {}, histograms: {} };

const KINDS = {
  counter: [
    'DOWNLOADS',
    'UPLOADS',
    'LOG_UPLOAD_FAILURES',
    'TIMEOUTS',
    'MEMORY_CAP_EXCEEDED',
    'HIGH_INITIAL_MEMORY',
    'INIT_FAILURE',
    'RUNS',
    'ABORTS',
    'QUERIES',
  ],
  gauge: [
    'RUNNING_TASK',
    'MEMORY',
    'UNHEALTHY',
    'ACTIVE_RUNS',
    'FAILED_CACHED_RUNS',
    'ENDED_CACHED_RUNS',
    'FINISHED_INIT_LATENCY_MS',
    'ACTIVE_INIT_LATENCY_MS',
    'UPTIME_MS',
    'TIME_SINCE_LAST_CONTACT_MS',
    'START',
  ],
  histogram: [
    'TASK_LATENCY_MS',
    'DOWNLOAD_LATENCY_MS',
    'LOG_UPLOAD_LATENCY_MS',
    'UPLOAD_LATENCY_MS',
    'IDLE_LATENCY_MS',
    'RUN_LATENCY_MS',
  ],
} as const;

const registries: readonly PartCaseSpec<MetricsSubject>[] = [
  counted(
    'R208 a counter only grows, by one unless an amount is given',
    async ({ metrics, snapshot }, said) => {
      checkEqual('an empty registry', await snapshot(), NOTHING);
      const runs = metrics.counter('runs');
      runs.increment();
      runs.increment(2);
      runs.increment(0);
      checkEqual('its counters', (await snapshot()).counters, { runs: 3 });
      await said.wrongUse(
        [-1, NaN, Infinity].map(
          (by) => [() => runs.increment(by), `runs: expected an increment ≥ 0, got ${by}`] as const,
        ),
      );
      checkEqual('its counters', (await snapshot()).counters, { runs: 3 });
    },
  ),
  counted('a gauge holds its latest value', async ({ metrics, snapshot }, said) => {
    const memoryGauge = metrics.gauge('memory');
    checkEqual('its gauges', (await snapshot()).gauges, { memory: 0 });
    memoryGauge.set(5);
    memoryGauge.set(-1.5);
    await said.wrongUse(
      [NaN, Infinity].map(
        (to) => [() => memoryGauge.set(to), `memory: expected a finite number, got ${to}`] as const,
      ),
    );
    checkEqual('its gauges', (await snapshot()).gauges, { memory: -1.5 });
  }),
  counted(
    'a histogram has count, sum, least and most of what was recorded',
    async ({ metrics, snapshot }, said) => {
      const histogram = metrics.histogram('h');
      checkEqual('it', (await snapshot()).histograms, { h: { count: 0, sum: 0, min: 0, max: 0 } });
      for (const value of [5, -2, 9, 1.5]) histogram.record(value);
      await said.wrongUse([[() => histogram.record(NaN), 'h: expected a finite number, got NaN']]);
      checkEqual('it', (await snapshot()).histograms, { h: { count: 4, sum: 13.5, min: -2, max: 9 } });
      metrics.histogram('one').record(7);
      checkEqual('another', (await snapshot()).histograms['one'], { count: 1, sum: 7, min: 7, max: 7 });
    },
    ['extremes'],
  ),
  counted(
    'the same name gives the same instrument, and no other kind',
    async ({ metrics, snapshot }, said) => {
      metrics.counter('a').increment();
      metrics.counter('a').increment();
      metrics.gauge('b').set(1);
      metrics.histogram('c').record(1);
      checkEqual('the counter', (await snapshot()).counters, { a: 2 });
      const table: readonly (readonly [() => unknown, string])[] = [
        [() => metrics.gauge('a'), '"a" is a counter, not a gauge'],
        [() => metrics.histogram('a'), '"a" is a counter, not a histogram'],
        [() => metrics.counter('b'), '"b" is a gauge, not a counter'],
        [() => metrics.gauge('c'), '"c" is a histogram, not a gauge'],
        [() => metrics.gauge(7 as never), 'name: expected a metric name, got 7'],
        [() => metrics.counter(''), 'name: expected a metric name, got ""'],
      ];
      await said.wrongUse(table);
    },
  ),
  counted('R176 R182 a name of the contract has its kind', async ({ metrics, snapshot }, said) => {
    for (const [kind, keys] of Object.entries(KINDS)) {
      for (const key of keys) {
        const name = METRIC_NAMES[key];
        const other = kind === 'gauge' ? 'counter' : 'gauge';
        await said.refuses(
          name,
          () => metrics[other](name),
          'RUNNER_INVALID_ARGUMENT',
          `is a ${kind}, not a ${other}`,
        );
        metrics[kind as 'gauge'](name);
      }
    }
    const usage = 'commandDirUsage_kb_x';
    await said.refuses(
      usage,
      () => metrics.counter(usage),
      'RUNNER_INVALID_ARGUMENT',
      'is a gauge, not a counter',
    );
    checkEqual('how many there are', Object.keys((await snapshot()).gauges).length, KINDS.gauge.length);
  }),
  counted(
    'R209 a snapshot lists names in alphabetical order, in any order of use',
    async ({ metrics, snapshot }) => {
      for (const name of ['b', 'a', 'B', '__proto__']) metrics.counter(name).increment();
      metrics.gauge('g').set(2);
      checkEqual(
        'as JSON',
        JSON.stringify(await snapshot()),
        '{"counters":{"B":1,"__proto__":1,"a":1,"b":1},"gauges":{"g":2},"histograms":{}}',
      );
    },
    ['order'],
  ),
  inWords((said) => ({
    title: 'in memory values can be read by name, and the newest samples are kept',
    needs: ['memory'],
    prove: (subject, options) =>
      notingCalls(options, async () => {
        const createInMemory = inMemory(subject);
        const metrics = createInMemory({ samplesMax: 3 });
        metrics.counter('c').increment(2);
        metrics.gauge('g').set(5);
        for (const value of [1, 2, 3, 4]) metrics.histogram('h').record(value);
        said.equal(
          'values',
          ['c', 'g', 'h', 'x'].map((name) => metrics.value(name)),
          [2, 5, 4, 0],
        );
        said.equal(
          'samples',
          ['h', 'c', 'x'].map((name) => metrics.values(name)),
          [[2, 3, 4], [], []],
        );
        const usual = createInMemory();
        for (let value = 0; value < 1_001; value += 1) usual.histogram('h').record(value);
        said.equal(
          'how many are kept by default',
          [usual.values('h').length, usual.values('h')[0]],
          [1_000, 1],
        );
        const none = createInMemory({ samplesMax: 0 });
        none.histogram('h').record(1);
        said.equal('none are kept', [none.values('h'), none.value('h')], [[], 1]);
        const known = usual.histogram('h');
        checkThat(usual.histogram('h') === known, 'an instrument', 'the same', usual);
        await said.wrongUse([
          [() => createInMemory({ samplesMax: -1 }), 'samplesMax: expected an integer ≥ 0, got -1'],
          [() => createInMemory({ samplesMax: 1.5 }), 'samplesMax: expected an integer ≥ 0, got 1.5'],
          [
            () => createInMemory({ tracer: { record: () => undefined } }),
            'clock: expected a clock, because there is a tracer, got undefined',
          ],
        ]);
      }),
  })),
  {
    title: 'in memory each change is an event with the new total, the new value or the recorded value',
    needs: ['memory'],
    async prove(subject, { signal }) {
      const createInMemory = inMemory(subject);
      const { events } = await playHolding(
        async (sim) => {
          const { clock, tracer } = sim.world;
          const metrics = createInMemory({ tracer, clock, name: 'worker' });
          metrics.counter('runs').increment();
          await sim.sleep(5);
          metrics.counter('runs').increment(2);
          metrics.gauge('memory').set(7);
          metrics.gauge('memory').set(7);
          metrics.histogram('runLatency_ms').record(1.5);
          createInMemory({ tracer, clock }).counter('a').increment();
        },
        {},
        { signal },
      );
      const event = { type: 'metric', runner: 'worker' } as const;
      checkEqual('the trace', events, [
        { ...event, at: 0, name: 'runs', value: 1 },
        { ...event, at: 5, name: 'runs', value: 3 },
        { ...event, at: 5, name: 'memory', value: 7 },
        { ...event, at: 5, name: 'runLatency_ms', value: 1.5 },
        { at: 5, type: 'metric', runner: '', name: 'a', value: 1 },
      ]);
    },
  },
];

/**
 * The contract of a metrics registry, case by case: for `createMemoryMetrics`, the one for Prometheus of
 * `dryrunner/host`, or yours.
 *
 * @example
 * ```ts
 * import { createMemoryMetrics } from 'dryrunner';
 * import { metricsCases, type MetricsSubject } from 'dryrunner/conformance';
 * const subject: MetricsSubject = {
 *   name: 'in memory',
 *   create() {
 *     const metrics = createMemoryMetrics();
 *     return { metrics, snapshot: () => metrics.snapshot() };
 *   },
 *   createInMemory: createMemoryMetrics,
 * };
 * for (const each of metricsCases) await each.prove(subject);
 * ```
 */
export const metricsCases: readonly PartCase<MetricsSubject>[] = partCases({ registries });
