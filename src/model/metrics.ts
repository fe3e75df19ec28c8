/** The contract of a metrics backend. The names of the metrics are part of the interface (R176–R183). */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';

/** A value that only grows. */
export interface Counter {
  /** Adds `by`, a number ≥ 0; default 1. */
  increment(by?: number): void;
}

/** Holds the most recent value. */
export interface Gauge {
  set(value: number): void;
}

/** Collects a distribution of values. */
export interface Histogram {
  record(value: number): void;
}

/**
 * Creates or finds instruments by name; the same name gives the same instrument. Fetch an instrument once and reuse it.
 */
export interface Metrics {
  counter(name: string): Counter;
  gauge(name: string): Gauge;
  histogram(name: string): Histogram;
}

const NAMES = {
  RUNNING_TASK: 'runningTask',
  TASK_LATENCY_MS: 'workerTaskLatency_ms',
  DOWNLOADS: 'workerDownloads',
  DOWNLOAD_LATENCY_MS: 'workerDownloadLatency_ms',
  UPLOADS: 'workerUploads',
  LOG_UPLOAD_FAILURES: 'workerLogUploadFailures',
  LOG_UPLOAD_LATENCY_MS: 'workerLogUploadLatency_ms',
  UPLOAD_LATENCY_MS: 'workerUploadLatency_ms',
  TIMEOUTS: 'workerTimeouts',
  MEMORY_CAP_EXCEEDED: 'memoryCapExceeded',
  HIGH_INITIAL_MEMORY: 'highInitialMemoryUtilization',
  MEMORY: 'memory',
  UNHEALTHY: 'workerUnhealthy',
  INIT_FAILURE: 'workerDownloadInitFailure',
  IDLE_LATENCY_MS: 'workerIdleLatency_ms',
  RUNS: 'runs',
  ABORTS: 'aborts',
  QUERIES: 'workerQueries',
  RUN_LATENCY_MS: 'runLatency_ms',
  ACTIVE_RUNS: 'activeRunsGauge',
  FAILED_CACHED_RUNS: 'failedCachedRunsGauge',
  ENDED_CACHED_RUNS: 'endedCachedRunsGauge',
  FINISHED_INIT_LATENCY_MS: 'workerFinishedInitLatency_ms',
  ACTIVE_INIT_LATENCY_MS: 'workerActiveInitLatency_ms',
  UPTIME_MS: 'workerUptimeGauge_ms',
  TIME_SINCE_LAST_CONTACT_MS: 'timeSinceLastContactGauge_ms',
  START: 'workerStartGauge',
  CACHED_ACTIONS: 'bzCachedExecCounter',
  ACTION_QUEUED_MS: 'bzExecQueuedTimeHistogram_ms',
  ACTION_CACHE_CHECK_MS: 'BzExecActionCacheCheckTimeHistogram_ms',
  ACTION_FETCH_MS: 'BzExecActionFetchTimeHistogram_ms',
  ACTION_COMMAND_FETCH_MS: 'BzExecCommandFetchTimeHistogram_ms',
  ACTION_INPUT_FETCH_MS: 'bzExecInputFetchTimeHistogram_ms',
  ACTION_EXECER_MS: 'bzExecExecerTimeHistogram_ms',
} as const;

/**
 * The fixed names of all metrics (R176–R183, R197). Dashboards and tests rely on them, so they never change. Names that
 * depend on a directory are made by `commandDirUsageName`.
 *
 * @example
 * ```ts
 * import { METRIC_NAMES, createMemoryMetrics } from 'dryrunner';
 * const metrics = createMemoryMetrics();
 * metrics.counter(METRIC_NAMES.RUNS).increment();
 * if (metrics.value('runs') !== 1) throw new Error('names are the interface');
 * ```
 */
export const METRIC_NAMES: typeof NAMES = Object.freeze(NAMES);

/** One of the fixed metric names. */
export type MetricName = (typeof NAMES)[keyof typeof NAMES];

/** Prefix of every name of R182. */
export const COMMAND_DIR_USAGE_PREFIX = 'commandDirUsage_kb_';

/** Name of the gauge for how many KB the directory of that suffix grew during a run (R182). */
export function commandDirUsageName(suffix: string): string {
  check('suffix', suffix, is.TEXT);
  return COMMAND_DIR_USAGE_PREFIX + suffix;
}
