/** The instruments of a metered service (R183) and how each value is computed. */
import type { ServiceCall } from '../call/service-call.ts';
import type { Clock } from '../kernel/clock.ts';
import { millisecondsBetween } from '../kernel/microseconds.ts';
import { METRIC_NAMES } from '../model/metric-names.ts';
import type { Counter, Gauge, Histogram, Metrics } from '../model/metrics.ts';
import { isTerminal } from '../model/run-state.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import type { ServiceMethod } from '../model/service.ts';
import type { QueryResult, StatusResult } from '../model/status-reader.ts';

/** Takes note of what happens to one service. */
export class ServiceInstruments {
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

  /** A method was called; the function returned is to be called when it has answered or refused. */
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

  /** A call has returned. */
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

  /** Sets the gauges of time; the function returned sets those of runs, unless a later refresh has come back before. */
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

  /** In milliseconds with the clock's resolution. */
  #since(ms: number): number {
    return millisecondsBetween(ms, this.#clock.now());
  }
}
