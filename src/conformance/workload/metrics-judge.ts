/**
 * Checks whether the metrics of a runner add up: the only place in the workloads that implements R176–R182. Invariant:
 * it runs once, when the runner is released, and gets its expectations from the code that knows the runs.
 */
import { COMMAND_DIR_USAGE_PREFIX, METRIC_NAMES } from '../../model/metrics.ts';
import type { RecordedMetrics } from './recorded-metrics.ts';
import type { WorkloadHost } from './workload-host.ts';

/** A value that a metric should get. `isSure` is false if the contract leaves that open; NaN stands for any value. */
export interface ExpectedMetric {
  readonly name: string;
  readonly value: number;
  readonly isSure: boolean;
}

/** What is known of runs without a plan, and of their parts. */
export interface SeenRuns {
  /** Number of runs that must have been started. */
  readonly mustStart: number;
  readonly timedOut: number;
  /** Number of uploads that were requested. */
  readonly uploads: number;
  /** Number of checkouts, if each answered synchronously; undefined if unknown. */
  readonly checkouts: number | undefined;
}

/** When a runner was ready, and how its health developed. */
export interface SeenHealth {
  /** When it was ready for runs; Infinity if never. */
  readonly readyAtMs: number;
  /** When its initialization failed; Infinity if it did not. */
  readonly failedAtMs: number;
  readonly releasedAtMs: number;
  readonly isLost: boolean;
}

/** A run that was started, as the gauge of active runs shows it. */
export interface SeenStart {
  readonly startMs: number;
  /** When the gauge fell; Infinity if it did not. */
  readonly fallsMs: number;
}

type SetGauge = ReturnType<RecordedMetrics['values']>[number];

const RULES: Readonly<Record<string, string>> = {
  [METRIC_NAMES.RUNNING_TASK]: 'R176',
  [METRIC_NAMES.TASK_LATENCY_MS]: 'R176',
  [METRIC_NAMES.DOWNLOADS]: 'R177',
  [METRIC_NAMES.DOWNLOAD_LATENCY_MS]: 'R177',
  [METRIC_NAMES.UPLOADS]: 'R178',
  [METRIC_NAMES.LOG_UPLOAD_FAILURES]: 'R178',
  [METRIC_NAMES.LOG_UPLOAD_LATENCY_MS]: 'R178',
  [METRIC_NAMES.UPLOAD_LATENCY_MS]: 'R178',
  [METRIC_NAMES.TIMEOUTS]: 'R179',
  [METRIC_NAMES.MEMORY_CAP_EXCEEDED]: 'R179',
  [METRIC_NAMES.IDLE_LATENCY_MS]: 'R181',
  [`${COMMAND_DIR_USAGE_PREFIX}work`]: 'R182',
};
/** Metrics that get no value other than the expected ones. */
const COUNTED: readonly string[] = Object.keys(RULES).filter((name) => name !== METRIC_NAMES.RUNNING_TASK);

/** Checks the metrics recorded by one runner. */
export class MetricsJudge {
  readonly #host: Pick<WorkloadHost, 'check'>;
  readonly #metrics: RecordedMetrics;

  constructor(host: Pick<WorkloadHost, 'check'>, metrics: RecordedMetrics) {
    this.#host = host;
    this.#metrics = metrics;
  }

  /** When the gauge of active runs rose and fell, for each run that was started, in order. */
  starts(): SeenStart[] {
    const changes = changesOf(this.#metrics.values(METRIC_NAMES.RUNNING_TASK), 0);
    return changes.flatMap(({ value, atMs }, at) =>
      value === 1 ? [{ startMs: atMs, fallsMs: changes[at + 1]?.atMs ?? Infinity }] : [],
    );
  }

  /** R116: the gauge falls no later than the end of the run is visible, and not before. */
  judgeFall(name: string, fallsMs: number, endedAtMs: number): void {
    this.#host.check(
      fallsMs === endedAtMs,
      `R116 R208 runningTask fell at ${fallsMs} ms: expected it to fall at ${endedAtMs} ms, when run ${name} was over`,
    );
  }

  /**
   * For runs with known plans: each metric got the values that are sure, and beyond these only values that are open.
   */
  judgePlanned(expected: readonly ExpectedMetric[]): void {
    for (const name of COUNTED) {
      const ofName = expected.filter((each) => each.name === name);
      const valuesOf = (isSure: boolean): number[] =>
        ofName.filter((each) => each.isSure === isSure).map(({ value }) => value);
      this.#mustGet(name, valuesOf(true), valuesOf(false));
    }
    this.#judgeRunningTask();
  }

  /** For runs without plans: the counts fit the runs that were seen and the uploads that were requested. */
  judgeSeen({ mustStart, timedOut, uploads, checkouts }: SeenRuns): void {
    const started = this.#judgeRunningTask();
    for (const name of [METRIC_NAMES.TASK_LATENCY_MS, METRIC_NAMES.IDLE_LATENCY_MS]) {
      this.#mustGet(name, anyOf(started), []);
    }
    this.#demand(
      mustStart <= started,
      METRIC_NAMES.RUNNING_TASK,
      () => `${mustStart} runs have an end of their own, ${started} were started`,
    );
    const timeouts = this.#valuesOf(METRIC_NAMES.TIMEOUTS).length;
    this.#demand(
      timedOut <= timeouts,
      METRIC_NAMES.TIMEOUTS,
      () => `${timedOut} runs were TIMEDOUT, ${timeouts} were counted`,
    );
    const counted = [METRIC_NAMES.UPLOADS, METRIC_NAMES.LOG_UPLOAD_FAILURES].flatMap((name) =>
      this.#valuesOf(name),
    ).length;
    this.#demand(
      counted <= uploads,
      METRIC_NAMES.UPLOADS,
      () => `${counted} uploads were counted, and ${uploads} asked for`,
    );
    if (checkouts === undefined) return;
    for (const name of [METRIC_NAMES.DOWNLOADS, METRIC_NAMES.DOWNLOAD_LATENCY_MS]) {
      this.#mustGet(name, anyOf(checkouts), []);
    }
  }

  /** R62, R180. Events in the instant of the release are left open. */
  judgeHealth({ readyAtMs, failedAtMs, releasedAtMs, isLost }: SeenHealth): void {
    const failures = this.#metrics.values(METRIC_NAMES.INIT_FAILURE);
    if (failedAtMs !== releasedAtMs) {
      this.#host.check(
        failures.length === (failedAtMs < releasedAtMs ? 1 : 0),
        `R62 R180 workerDownloadInitFailure was counted ${failures.length} times`,
      );
    }
    const early = failures.find(({ atMs }) => atMs < failedAtMs);
    this.#host.check(
      early === undefined,
      `R62 workerDownloadInitFailure was counted at ${early?.atMs} ms: expected it once all init signals had come, at ${failedAtMs} ms`,
    );
    const changes = changesOf(this.#metrics.values(METRIC_NAMES.UNHEALTHY), undefined);
    const got = listText(changes.map(({ value }) => value));
    const expected = listText(isLost ? [0, 1] : [0]);
    // A gauge that is 0 before the runner is ready, or if it never is, says nothing else than one that is not set.
    const isOpen = readyAtMs >= releasedAtMs && changes.length === 0;
    this.#host.check(
      got === expected || isOpen,
      `R180 workerUnhealthy is 0 once the runner is ready and 1 once it is unhealthy\n\nExpected ${expected}, got ${got}.`,
    );
  }

  /** Checks that the gauge rises at each start and falls at each end; returns how often it rose. */
  #judgeRunningTask(): number {
    const changes = changesOf(this.#metrics.values(METRIC_NAMES.RUNNING_TASK), 0);
    const gauge = changes.map(({ value }) => value);
    this.#demand(
      gauge.length % 2 === 0 && gauge.every((value, at) => value === (at + 1) % 2),
      METRIC_NAMES.RUNNING_TASK,
      () => `runningTask is 1 while a run is active and 0 after it\n\nGot ${listText(gauge)}.`,
    );
    return gauge.length / 2;
  }

  #mustGet(name: string, sure: readonly number[], open: readonly number[]): void {
    const got = this.#valuesOf(name);
    const surplus = without(got, sure);
    const perhaps = open.length === 0 ? '' : ` and perhaps ${listText(open)}`;
    this.#demand(
      surplus !== undefined && isWithin(surplus, open),
      name,
      () => `${name} does not add up\n\nExpected ${listText(sure)}${perhaps}, got ${listText(got)}.`,
    );
  }

  #valuesOf(name: string): number[] {
    return this.#metrics.values(name).map(({ value }) => value);
  }

  #demand(condition: boolean, name: string, message: () => string): void {
    if (!condition) this.#host.check(false, `${RULES[name]} ${message()}`);
  }
}

/** The changes of a gauge: it may be set to the value that it has. */
function changesOf(sets: readonly SetGauge[], first: number | undefined): readonly SetGauge[] {
  return sets.filter(({ value }, at) => value !== (at === 0 ? first : sets[at - 1]?.value));
}

function anyOf(count: number): number[] {
  return Array.from({ length: count }, () => NaN);
}

/**
 * What is left of `all` after removing each of `taken`, in which NaN stands for any value; undefined if one is missing.
 */
function without(all: readonly number[], taken: readonly number[]): number[] | undefined {
  const left = [...all];
  const open = taken.filter(Number.isNaN).length;
  for (const value of taken) {
    if (Number.isNaN(value)) continue;
    const at = left.indexOf(value);
    if (at < 0) return undefined;
    left.splice(at, 1);
  }
  return open > left.length ? undefined : left.slice(open);
}

/** Whether each of `values` is matched by one of `open`, in which NaN stands for any value. */
function isWithin(values: readonly number[], open: readonly number[]): boolean {
  const left = [...open];
  const others = values.filter((value) => {
    const at = left.indexOf(value);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return others.length <= left.filter(Number.isNaN).length;
}

function listText(values: readonly number[]): string {
  if (values.length === 0) return 'nothing';
  return values.map((value) => (Number.isNaN(value) ? 'any value' : String(value))).join(', ');
}
