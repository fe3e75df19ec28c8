/**
 * Meters a service from outside: how often it is called, how long `run` takes, and the states of its runs (R183).
 * Invariant: the calls are passed on unchanged and synchronously, and never wait for the metering.
 */
import * as is from '../kernel/shape.ts';
import { type Proceed, InterceptedService } from '../call/intercept-service.ts';
import { makeCall, type ServiceCall } from '../call/service-call.ts';
import type { Clock } from '../kernel/clock.ts';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import { type Metrics, type Counter, type Gauge, type Histogram, METRIC_NAMES } from '../model/metrics.ts';
import type { Service, ServiceMethod } from '../model/service.ts';
import type { Tracer } from '../model/trace-event.ts';
import { millisecondsBetween } from '../kernel/microseconds.ts';
import { isTerminal } from '../model/run-state.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import type { QueryResult, StatusResult } from '../model/status-reader.ts';
import { check } from '../kernel/argument-check.ts';
import { TRACER, METRICS } from '../model/argument-shapes.ts';
import { REST_OF_WORLD } from '../model/world.ts';
import { guardedMetrics } from './queue/guarded-metrics.ts';

/** Options of {@link meterService}. */
export interface MeterOptions {
  readonly metrics: Metrics;
  readonly clock: Pick<Clock, 'now'>;
  /**
   * Refreshes the gauges after each call, by a `statusAll` of its own that no caller waits for; default true. False
   * leaves refreshing to `refresh`, for services whose `statusAll` is costly.
   */
  readonly refreshAfterCalls?: boolean;
  /** How long after the start `workerStartGauge` is 1, in milliseconds; default 60,000. */
  readonly startSpikeMs?: number;
  /** Gets a `recorded` event if a refresh that no caller awaits fails, and if an instrument throws. */
  readonly tracer?: Tracer;
  /** The runner named in such an event; default `metered`. */
  readonly name?: string;
}

/** A service with metering. */
export interface MeteredService extends Service {
  /** Updates all gauges; rejects as `statusAll` of the service does. Does not count as a contact. */
  refresh(): Promise<void>;
}

/**
 * Wraps a service so that its use shows in the metrics of R183.
 *
 * | metric | what | when |
 * | --- | --- | --- |
 * | `runs`, `aborts` | calls of `run`, `abort`, accepted or not | at the call |
 * | `workerQueries` | calls of `query`, `queryNow`, `status`, `statusAll` | at the call |
 * | `runLatency_ms` | from the call of `run` to its answer, even a rejection | at the answer |
 * | `activeRunsGauge` | runs that are PENDING or RUNNING | refresh |
 * | `failedCachedRunsGauge`, `endedCachedRunsGauge` | runs that are FAILED, or terminal, while the service keeps them | refresh |
 * | `workerActiveInitLatency_ms` | from the wrapping until now while not initialized, else 0 | refresh |
 * | `workerFinishedInitLatency_ms` | from the wrapping to the first answer that said initialized | refresh, or any read |
 * | `workerUptimeGauge_ms` | since the wrapping | refresh |
 * | `timeSinceLastContactGauge_ms` | since the last call of anything but `refresh`, or the wrapping | refresh |
 * | `workerStartGauge` | 1 until `startSpikeMs` after the wrapping, then 0 | wrapping, refresh |
 *
 * There is no timer: gauges are as old as the last refresh.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `startSpikeMs` is negative or not a number.
 * @example
 * ```ts
 * import { createMemoryMetrics, meterService, type Service, type World } from 'dryrunner';
 * async function countRuns(world: World, runner: Service): Promise<number> {
 *   const metrics = createMemoryMetrics();
 *   const metered = meterService(runner, { metrics, clock: world.clock });
 *   await metered.run({ argv: ['complete 0'] });
 *   return metrics.value('runs');
 * }
 * ```
 */
export function meterService(service: Service, options: MeterOptions): MeteredService {
  check('service', service, METERED);
  check('options', options, METER_OPTIONS);
  return new ServiceMeter(service, options);
}

const METERED = is.withMethods('run', 'query');
const METER_OPTIONS = is.optionsOf<MeterOptions>(
  { metrics: METRICS, clock: is.withMethods('now') },
  {
    ...REST_OF_WORLD,
    refreshAfterCalls: is.BOOLEAN,
    startSpikeMs: is.limit(),
    tracer: TRACER,
    name: is.TEXT,
  },
);

class ServiceMeter extends InterceptedService implements MeteredService {
  readonly #service: Service;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #instruments: ServiceInstruments;
  readonly #refreshAfterCalls: boolean;
  readonly #tracer: Tracer | undefined;
  readonly #name: string;
  #isRefreshing = false;
  #isRefreshDue = false;

  constructor(service: Service, options: MeterOptions) {
    super(
      (call) => makeCall(service, call),
      (call, proceed) => this.#meter(call, proceed),
    );
    const {
      metrics,
      clock,
      refreshAfterCalls = true,
      startSpikeMs = 60_000,
      tracer,
      name = 'metered',
    } = options;
    this.#service = service;
    this.#clock = clock;
    this.#instruments = new ServiceInstruments(guardedMetrics(metrics, options, name), clock, startSpikeMs);
    this.#refreshAfterCalls = refreshAfterCalls;
    this.#tracer = tracer;
    this.#name = name;
  }

  async refresh(): Promise<void> {
    const observe = this.#instruments.beginRefresh();
    observe(await this.#service.statusAll());
  }

  async #meter<R>(call: ServiceCall, proceed: Proceed<R>): Promise<R> {
    const answered = this.#instruments.called(call.method);
    try {
      const reply = await proceed(call);
      this.#instruments.replied(call, reply);
      return reply;
    } finally {
      answered();
      this.#refreshSoon();
    }
  }

  /** Calls during a refresh share the next one. */
  #refreshSoon(): void {
    if (!this.#refreshAfterCalls) return;
    this.#isRefreshDue = true;
    if (!this.#isRefreshing) void this.#refreshWhileDue();
  }

  async #refreshWhileDue(): Promise<void> {
    this.#isRefreshing = true;
    try {
      while (this.#isRefreshDue) {
        this.#isRefreshDue = false;
        try {
          await this.refresh();
        } catch (error) {
          this.#recordFailure(error);
        }
      }
    } finally {
      this.#isRefreshing = false;
    }
  }

  #recordFailure(error: unknown): void {
    if (isRunnerError(error, 'RUNNER_INVARIANT')) throw error;
    this.#tracer?.record({
      at: this.#clock.now(),
      type: 'recorded',
      runner: this.#name,
      runId: '',
      what: 'refresh of metrics',
      error: messageOf(error),
      exitCode: 0,
    });
  }
}

/** The instruments of one service. */
class ServiceInstruments {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #startSpikeMs: number;
  readonly #startMs: number;
  readonly #runs: Counter;
  readonly #aborts: Counter;
  readonly #queries: Counter;
  readonly #runLatency: Histogram;
  readonly #activeRuns: Gauge;
  readonly #failedRuns: Gauge;
  readonly #endedRuns: Gauge;
  readonly #finishedInit: Gauge;
  readonly #activeInit: Gauge;
  readonly #uptime: Gauge;
  readonly #sinceContact: Gauge;
  readonly #start: Gauge;
  #contactMs: number;
  #isInitialized = false;
  #refreshesBegun = 0;
  #newestRefresh = 0;

  constructor(metrics: Metrics, clock: Pick<Clock, 'now'>, startSpikeMs: number) {
    this.#clock = clock;
    this.#startSpikeMs = startSpikeMs;
    this.#startMs = clock.now();
    this.#contactMs = this.#startMs;
    this.#runs = metrics.counter(METRIC_NAMES.RUNS);
    this.#aborts = metrics.counter(METRIC_NAMES.ABORTS);
    this.#queries = metrics.counter(METRIC_NAMES.QUERIES);
    this.#runLatency = metrics.histogram(METRIC_NAMES.RUN_LATENCY_MS);
    this.#activeRuns = metrics.gauge(METRIC_NAMES.ACTIVE_RUNS);
    this.#failedRuns = metrics.gauge(METRIC_NAMES.FAILED_CACHED_RUNS);
    this.#endedRuns = metrics.gauge(METRIC_NAMES.ENDED_CACHED_RUNS);
    this.#finishedInit = metrics.gauge(METRIC_NAMES.FINISHED_INIT_LATENCY_MS);
    this.#activeInit = metrics.gauge(METRIC_NAMES.ACTIVE_INIT_LATENCY_MS);
    this.#uptime = metrics.gauge(METRIC_NAMES.UPTIME_MS);
    this.#sinceContact = metrics.gauge(METRIC_NAMES.TIME_SINCE_LAST_CONTACT_MS);
    this.#start = metrics.gauge(METRIC_NAMES.START);
    this.#start.set(startSpikeMs > 0 ? 1 : 0);
  }

  /** Counts a call; call the returned function when the method has returned or rejected. */
  called(method: ServiceMethod): () => void {
    this.#contactMs = this.#clock.now();
    if (method === 'run') {
      this.#runs.increment();
      const calledMs = this.#contactMs;
      return () => this.#runLatency.record(this.#since(calledMs));
    }
    if (method === 'abort') this.#aborts.increment();
    else if (method !== 'release') this.#queries.increment();
    return () => undefined;
  }

  /** Inspects the reply to a call. */
  replied({ method }: ServiceCall, reply: unknown): void {
    if (method === 'run' || method === 'abort' || method === 'release') return;
    this.#observeService((reply as QueryResult | StatusResult).service);
  }

  /** The first service status that says initialized ends the initialization. */
  #observeService({ initialized }: ServiceStatus): void {
    if (this.#isInitialized) return;
    this.#isInitialized = initialized;
    const latencyMs = this.#since(this.#startMs);
    if (initialized) this.#finishedInit.set(latencyMs);
    this.#activeInit.set(initialized ? 0 : latencyMs);
  }

  /** Sets the gauges of time; the returned function sets those of runs, unless a later refresh has returned before. */
  beginRefresh(): (all: QueryResult) => void {
    const refresh = ++this.#refreshesBegun;
    const uptimeMs = this.#since(this.#startMs);
    this.#uptime.set(uptimeMs);
    this.#start.set(uptimeMs < this.#startSpikeMs ? 1 : 0);
    this.#sinceContact.set(this.#since(this.#contactMs));
    return ({ statuses, service }) => {
      if (refresh < this.#newestRefresh) return;
      this.#newestRefresh = refresh;
      const ended = statuses.filter(({ state }) => isTerminal(state)).length;
      this.#activeRuns.set(statuses.length - ended);
      this.#endedRuns.set(ended);
      this.#failedRuns.set(statuses.filter(({ state }) => state === 'FAILED').length);
      this.#observeService(service);
    };
  }

  /** Milliseconds since `ms`, with the clock's resolution. */
  #since(ms: number): number {
    return millisecondsBetween(ms, this.#clock.now());
  }
}
