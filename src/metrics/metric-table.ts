/**
 * Defines each metric of R176–R183 and R197: its kind, its meaning in one line, and which values it rejects. All
 * implementations use this table, so that wrong use fails the same way in tests and in production.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { COMMAND_DIR_USAGE_PREFIX, METRIC_NAMES } from '../model/metrics.ts';
import { describeValue, invalidArgument, RunnerError } from '../kernel/errors.ts';

/** The three kinds of instrument. */
export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** A metric defined by the contract. */
export interface MetricEntry {
  readonly name: string;
  readonly kind: MetricKind;
  /** Its meaning, for people and for `# HELP` lines. */
  readonly help: string;
}

const METRIC_NAME = is.text('a metric name', /./s);
const N = METRIC_NAMES;

/** Every metric with a fixed name, in the order of the rules. */
export const METRIC_TABLE: readonly MetricEntry[] = Object.freeze([
  gauge(N.RUNNING_TASK, 'Active runs of the runner: 1 while an invocation lasts, else 0'),
  histogram(N.TASK_LATENCY_MS, 'Duration of whole invocations'),
  counter(N.DOWNLOADS, 'Checkouts of a snapshot begun'),
  histogram(N.DOWNLOAD_LATENCY_MS, 'Duration of checkouts that succeeded or failed'),
  counter(N.UPLOADS, 'Logs uploaded'),
  counter(N.LOG_UPLOAD_FAILURES, 'Logs whose upload failed'),
  histogram(N.LOG_UPLOAD_LATENCY_MS, 'Duration of the upload of one log'),
  histogram(N.UPLOAD_LATENCY_MS, 'Duration of all uploads of one run'),
  counter(N.TIMEOUTS, 'Runs killed by their deadline'),
  counter(N.MEMORY_CAP_EXCEEDED, 'Runs killed because they passed the memory cap'),
  counter(N.HIGH_INITIAL_MEMORY, 'Runs that found the memory over the cap at their start'),
  gauge(N.MEMORY, 'Memory in use by the process tree in bytes, -1 if it is not known'),
  gauge(N.UNHEALTHY, '1 while the runner is unhealthy, else 0'),
  counter(N.INIT_FAILURE, 'Initializations that failed, at most one per runner'),
  histogram(N.IDLE_LATENCY_MS, 'Time without an active run before each start'),
  counter(N.RUNS, 'Calls of run, accepted or not'),
  counter(N.ABORTS, 'Calls of abort'),
  counter(N.QUERIES, 'Calls that read statuses'),
  histogram(N.RUN_LATENCY_MS, 'Time until a call of run was answered'),
  gauge(N.ACTIVE_RUNS, 'Runs known that are PENDING or RUNNING'),
  gauge(N.FAILED_CACHED_RUNS, 'Runs known that are FAILED'),
  gauge(N.ENDED_CACHED_RUNS, 'Runs known that are terminal'),
  gauge(N.FINISHED_INIT_LATENCY_MS, 'Time that the initialization took, once it is over'),
  gauge(N.ACTIVE_INIT_LATENCY_MS, 'Time that the initialization has taken so far, 0 once it is over'),
  gauge(N.UPTIME_MS, 'Time since the service was made'),
  gauge(N.TIME_SINCE_LAST_CONTACT_MS, 'Time since the last call'),
  gauge(N.START, '1 for a while after the start, then 0'),
  counter(N.CACHED_ACTIONS, 'Actions whose result was in the cache'),
  histogram(N.ACTION_QUEUED_MS, 'Time from the request of an action to its start'),
  histogram(N.ACTION_CACHE_CHECK_MS, 'Duration of the look-up of a cached result'),
  histogram(N.ACTION_FETCH_MS, 'Duration of fetching an action'),
  histogram(N.ACTION_COMMAND_FETCH_MS, 'Duration of fetching the command of an action'),
  histogram(N.ACTION_INPUT_FETCH_MS, 'Duration of the checkout of an input root'),
  histogram(N.ACTION_EXECER_MS, 'Duration of the process of an action'),
]);

const ENTRIES: ReadonlyMap<string, MetricEntry> = new Map(METRIC_TABLE.map((entry) => [entry.name, entry]));

/**
 * The entry of a name of the contract, those of R182 included; `undefined` for any other name.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a string.
 */
export function findMetricEntry(name: string): MetricEntry | undefined {
  check('name', name, METRIC_NAME);
  const entry = ENTRIES.get(name);
  if (entry !== undefined || !name.startsWith(COMMAND_DIR_USAGE_PREFIX)) return entry;
  return gauge(
    name,
    `KB by which the directory ${name.slice(COMMAND_DIR_USAGE_PREFIX.length)} grew in a run`,
  );
}

function counter(name: string, help: string): MetricEntry {
  return { name, kind: 'counter', help };
}

function gauge(name: string, help: string): MetricEntry {
  return { name, kind: 'gauge', help };
}

function histogram(name: string, help: string): MetricEntry {
  return { name, kind: 'histogram', help };
}

/** Throws unless an increment of a counter is a finite number ≥ 0 (R208). */
export function checkIncrement(name: string, by: number): void {
  if (!(Number.isFinite(by) && by >= 0)) throw invalidArgument(name, 'an increment ≥ 0', by);
}

/** Throws unless a value of a gauge or a histogram is a finite number. */
export function checkValue(name: string, value: number): void {
  if (!Number.isFinite(value)) throw invalidArgument(name, 'a finite number', value);
}

/**
 * Throws for an empty name, for a name of the contract used as another kind, and for a name that exists as another
 * kind.
 */
export function checkKind(name: string, asked: MetricKind, existing: MetricKind | undefined): void {
  check('name', name, METRIC_NAME);
  const kind = existing ?? findMetricEntry(name)?.kind;
  if (kind === undefined || kind === asked) return;
  const message = `${describeValue(name)} is a ${kind}, not a ${asked}`;
  throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, { expected: kind, actual: asked });
}
