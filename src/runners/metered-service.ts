/**
 * Meters a service from outside: how often it is called, how long `run` takes, and how its runs stand (R183). Invariant: the calls
 * themselves are passed on unchanged, in the same synchronous call, and never wait for the metering.
 */
import { checkLimit, checkMethods, checkOptions } from '../kernel/argument-check.ts';
import type { Clock } from '../kernel/clock.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import type { Metrics } from '../model/metrics.ts';
import type { Query, Wait } from '../model/query.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { Service } from '../model/service.ts';
import type { QueryResult, StatusResult } from '../model/status-reader.ts';
import type { Tracer } from '../model/trace-event.ts';
import { ServiceInstruments } from './metered-instruments.ts';

/** Where the measurements go. */
export interface MeterOptions {
  readonly metrics: Metrics;
  readonly clock: Pick<Clock, 'now'>;
  /**
   * Refreshes the gauges after each call, by a `statusAll` of its own that no caller waits for; true by default. False leaves it to
   * `refresh`, for services whose `statusAll` is costly.
   */
  readonly refreshAfterCalls?: boolean;
  /** For how long after the start `workerStartGauge` is 1; 60,000 by default. */
  readonly startSpikeMs?: number;
  /** Gets a `recorded` event when a refresh that no caller waits for fails. */
  readonly tracer?: Tracer;
  /** The runner that such an event names; `metered` by default. */
  readonly name?: string;
}

/** A service that is metered. */
export interface MeteredService extends Service {
  /** Brings all gauges up to date; rejects as `statusAll` of the service does. Not counted as a contact. */
  refresh(): Promise<void>;
}

/**
 * Wraps a service so that its use shows in the metrics of R183.
 *
 * | metric | what | when |
 * | --- | --- | --- |
 * | `runs`, `aborts` | calls of `run`, `abort`, accepted or not | at the call |
 * | `workerQueries` | calls of `query`, `queryNow`, `status`, `statusAll` | at the call |
 * | `runLatency_ms` | from the call of `run` to its answer, a refusal included | at the answer |
 * | `activeRunsGauge` | runs that are PENDING or RUNNING | refresh |
 * | `failedCachedRunsGauge`, `endedCachedRunsGauge` | runs that are FAILED, or terminal, as far as they are kept | refresh |
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
  checkMethods('service', service, ['run', 'query']);
  checkOptions(options);
  checkMethods('metrics', options.metrics, ['counter', 'gauge', 'histogram']);
  checkMethods('clock', options.clock, ['now']);
  return new ServiceMeter(service, options);
}

class ServiceMeter implements MeteredService {
  readonly #service: Service;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #instruments: ServiceInstruments;
  readonly #refreshAfterCalls: boolean;
  readonly #tracer: Tracer | undefined;
  readonly #name: string;
  #isRefreshing = false;
  #isRefreshDue = false;

  constructor(service: Service, options: MeterOptions) {
    const {
      metrics,
      clock,
      refreshAfterCalls = true,
      startSpikeMs = 60_000,
      tracer,
      name = 'metered',
    } = options;
    checkLimit('startSpikeMs', startSpikeMs);
    this.#service = service;
    this.#clock = clock;
    this.#instruments = new ServiceInstruments(metrics, clock, startSpikeMs);
    this.#refreshAfterCalls = refreshAfterCalls;
    this.#tracer = tracer;
    this.#name = name;
  }

  async run(command: Command): Promise<RunStatus> {
    const answered = this.#instruments.runCalled();
    try {
      return await this.#service.run(command);
    } finally {
      answered();
      this.#refreshSoon();
    }
  }

  async abort(runId: RunID): Promise<RunStatus> {
    this.#instruments.abortCalled();
    return this.#thenRefresh(this.#service.abort(runId));
  }

  async query(query: Query, wait: Wait): Promise<QueryResult> {
    return this.#read(() => this.#service.query(query, wait));
  }

  async queryNow(query: Query): Promise<QueryResult> {
    return this.#read(() => this.#service.queryNow(query));
  }

  async status(runId: RunID): Promise<StatusResult> {
    return this.#read(() => this.#service.status(runId));
  }

  async statusAll(): Promise<QueryResult> {
    return this.#read(() => this.#service.statusAll());
  }

  async release(): Promise<void> {
    this.#instruments.contacted();
    return this.#thenRefresh(this.#service.release());
  }

  async refresh(): Promise<void> {
    const observe = this.#instruments.beginRefresh();
    observe(await this.#service.statusAll());
  }

  async #read<T extends QueryResult | StatusResult>(ask: () => Promise<T>): Promise<T> {
    this.#instruments.queryCalled();
    const result = await this.#thenRefresh(ask());
    this.#instruments.observeService(result.service);
    return result;
  }

  async #thenRefresh<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } finally {
      this.#refreshSoon();
    }
  }

  /** Calls that come while a refresh is under way share the next one. */
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
        await this.refresh();
      }
    } catch (error) {
      this.#recordFailure(error);
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
      error: error instanceof Error ? error.message : String(error),
      exitCode: 0,
    });
  }
}
