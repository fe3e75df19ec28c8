/** The instruments of invoker and queue, fetched once per runner; without metrics every call is a no-op (R117). */
import { type Counter, type Gauge, type Histogram, type Metrics, METRIC_NAMES } from '../../model/metrics.ts';

/** Instruments of R176–R182. */
export interface RunnerInstruments {
  readonly runningTask: Gauge;
  readonly taskLatency: Histogram;
  readonly downloads: Counter;
  readonly downloadLatency: Histogram;
  readonly uploads: Counter;
  readonly logUploadFailures: Counter;
  readonly logUploadLatency: Histogram;
  readonly uploadLatency: Histogram;
  readonly timeouts: Counter;
  readonly memoryCapExceeded: Counter;
  readonly unhealthy: Gauge;
  readonly initFailure: Counter;
  readonly idleLatency: Histogram;
}

/** Instruments of R186 and R197. */
export interface ActionInstruments {
  readonly cached: Counter;
  readonly queued: Histogram;
  readonly cacheCheck: Histogram;
  readonly actionFetch: Histogram;
  readonly commandFetch: Histogram;
  readonly inputFetch: Histogram;
  readonly execer: Histogram;
}

/** Fetches the instruments of a runner with the Bazel path. */
export function createActionInstruments(metrics: Metrics = NO_METRICS): ActionInstruments {
  return {
    cached: metrics.counter(METRIC_NAMES.CACHED_ACTIONS),
    queued: metrics.histogram(METRIC_NAMES.ACTION_QUEUED_MS),
    cacheCheck: metrics.histogram(METRIC_NAMES.ACTION_CACHE_CHECK_MS),
    actionFetch: metrics.histogram(METRIC_NAMES.ACTION_FETCH_MS),
    commandFetch: metrics.histogram(METRIC_NAMES.ACTION_COMMAND_FETCH_MS),
    inputFetch: metrics.histogram(METRIC_NAMES.ACTION_INPUT_FETCH_MS),
    execer: metrics.histogram(METRIC_NAMES.ACTION_EXECER_MS),
  };
}

const NO_COUNTER: Counter = Object.freeze({ increment: () => undefined });
const NO_GAUGE: Gauge = Object.freeze({ set: () => undefined });
const NO_HISTOGRAM: Histogram = Object.freeze({ record: () => undefined });

const NO_METRICS: Metrics = Object.freeze({
  counter: () => NO_COUNTER,
  gauge: () => NO_GAUGE,
  histogram: () => NO_HISTOGRAM,
});

const NO_INSTRUMENTS = fetchInstruments(NO_METRICS);

/** Fetches every instrument once. */
export function createInstruments(metrics?: Metrics): RunnerInstruments {
  return metrics === undefined ? NO_INSTRUMENTS : fetchInstruments(metrics);
}

function fetchInstruments(metrics: Metrics): RunnerInstruments {
  return {
    runningTask: metrics.gauge(METRIC_NAMES.RUNNING_TASK),
    taskLatency: metrics.histogram(METRIC_NAMES.TASK_LATENCY_MS),
    downloads: metrics.counter(METRIC_NAMES.DOWNLOADS),
    downloadLatency: metrics.histogram(METRIC_NAMES.DOWNLOAD_LATENCY_MS),
    uploads: metrics.counter(METRIC_NAMES.UPLOADS),
    logUploadFailures: metrics.counter(METRIC_NAMES.LOG_UPLOAD_FAILURES),
    logUploadLatency: metrics.histogram(METRIC_NAMES.LOG_UPLOAD_LATENCY_MS),
    uploadLatency: metrics.histogram(METRIC_NAMES.UPLOAD_LATENCY_MS),
    timeouts: metrics.counter(METRIC_NAMES.TIMEOUTS),
    memoryCapExceeded: metrics.counter(METRIC_NAMES.MEMORY_CAP_EXCEEDED),
    unhealthy: metrics.gauge(METRIC_NAMES.UNHEALTHY),
    initFailure: metrics.counter(METRIC_NAMES.INIT_FAILURE),
    idleLatency: metrics.histogram(METRIC_NAMES.IDLE_LATENCY_MS),
  };
}
