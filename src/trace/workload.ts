/**
 * Recorded work for runners: when each command arrives, what it does, and how its run should end. A reader of a log
 * format produces {@link WorkloadJob}s (for the Standard Workload Format: `swf/swf-workload.ts`); everything else is
 * independent of the format. Recorded waits and ends are not input: they are what a scheduler under test is compared
 * with.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import { roundedMs, TIME_MS_MAX } from '../kernel/microseconds.ts';
import type { RunState } from '../model/run-state.ts';

/** One job of a recorded workload, independent of the log format. Times are in milliseconds. */
export interface WorkloadJob {
  /** Unique in the workload. */
  readonly id: string;
  /** Time of submission, from any origin that all jobs share. */
  readonly submitMs: number;
  /** How long it ran; absent if the log does not know whether it ran. */
  readonly runMs?: number;
  /** How long it waited until it ran or was cancelled; absent if unknown. */
  readonly waitMs?: number;
  /** Time limit of its run, more than 0; absent if there was none. */
  readonly limitMs?: number;
  /** How many slots of a machine it occupies, a whole number; default 1, and 0 counts as 1. */
  readonly slots?: number;
  readonly end: 'completed' | 'failed' | 'cancelled';
  /** This job is submitted `thinkMs` after that job has ended. */
  readonly after?: { readonly jobId: string; readonly thinkMs: number };
}

const POSITIVE = is.satisfying(
  'a finite number > 0',
  (value) => Number.isFinite(value) && (value as number) > 0,
);

const JOB = is.objectOf<WorkloadJob>(
  'a job of a workload',
  { id: is.TEXT, submitMs: is.NUMBER, end: is.oneOf('completed', 'failed', 'cancelled') },
  {
    runMs: is.DURATION_MS,
    waitMs: is.DURATION_MS,
    limitMs: POSITIVE,
    slots: is.COUNT,
    after: is.objectOf<NonNullable<WorkloadJob['after']>>(
      'an object',
      { jobId: is.TEXT, thinkMs: is.DURATION_MS },
      {},
    ),
  },
);

const JOBS = is.listOf(JOB, 'a list of jobs');

/** Options of {@link createWorkload}. */
export interface WorkloadOptions {
  /**
   * Factor by which every time is multiplied; 0.001 turns seconds into milliseconds. No resulting time may exceed a
   * hundred years. Default 1.
   */
  readonly timeScale?: number;
  /** Selects jobs, in order of arrival; default: all. */
  readonly select?: (job: WorkloadJob) => boolean;
  /** Maximum number of selected jobs; default: no limit. */
  readonly limit?: number;
  /** How a failed job ends: as a command with exit code 1 (default), or as a failure of the machinery, FAILED 1. */
  readonly failure?: 'exit' | 'machinery';
  /**
   * How to treat a job that ran for its time limit or longer; if the log says that it failed, it times out. `grace`
   * (default): the recorded machine tolerated it, so its timeout is its run time plus a tenth of its limit. `enforce`:
   * it times out.
   */
  readonly overrun?: 'grace' | 'enforce';
}

const WORKLOAD_OPTIONS = is.optionsOf<WorkloadOptions>(
  {},
  {
    timeScale: POSITIVE,
    select: is.FUNCTION,
    limit: is.COUNT_OR_INFINITY,
    failure: is.oneOf('exit', 'machinery'),
    overrun: is.oneOf('grace', 'enforce'),
  },
);

/** How the run of a job should end. */
export interface WorkOutcome {
  readonly state: Extract<RunState, 'COMPLETE' | 'FAILED' | 'ABORTED' | 'TIMEDOUT'>;
  readonly exitCode: number;
}

/** A recorded cancellation, to be repeated by the code that drives the runners. */
export interface WorkAbort {
  /** The state of the job when it was cancelled. */
  readonly when: 'queued' | 'running';
  /** Time since its arrival if it was queued, since its start if it was running. */
  readonly afterMs: number;
}

/** One job as work for a runner. */
export interface WorkItem {
  readonly job: WorkloadJob;
  /**
   * Time since the arrival of the first job. Items are in order of arrival, and in workload order within one instant.
   */
  readonly arrivalMs: number;
  /**
   * A script for the simulated execer; `jobId` is the job's id, `timeoutMs` its limit, or more if `overrun` lets it run
   * on, or if it waited longer before it was cancelled; none if that were more than a hundred years.
   */
  readonly command: Command;
  readonly expected: WorkOutcome;
  /** Present only if `expected.state` is ABORTED. */
  readonly abort?: WorkAbort;
  /** How long the job waited on the recorded machine, if known. */
  readonly recordedWaitMs?: number;
  /** At least 1. A pool of single-slot runners ignores it. */
  readonly slots: number;
  /** This job is submitted `thinkMs` after that job has ended, if the log says so. */
  readonly after?: { readonly jobId: string; readonly thinkMs: number };
}

/** The result of {@link createWorkload}. */
export interface Workload {
  readonly items: readonly WorkItem[];
  /** Jobs for which the log does not say whether they ran. */
  readonly skipped: readonly WorkloadJob[];
}

type Policy = Required<Pick<WorkloadOptions, 'failure' | 'overrun'>>;

/** The shortest time that is not none. */
const MICROSECOND_MS = 0.001;

const COMPLETE: WorkOutcome = Object.freeze({ state: 'COMPLETE', exitCode: 0 });
const EXIT_1: WorkOutcome = Object.freeze({ state: 'COMPLETE', exitCode: 1 });
const MACHINERY: WorkOutcome = Object.freeze({ state: 'FAILED', exitCode: 1 });
const ABORTED: WorkOutcome = Object.freeze({ state: 'ABORTED', exitCode: 0 });
const TIMEDOUT: WorkOutcome = Object.freeze({ state: 'TIMEDOUT', exitCode: 0 });

/**
 * Converts recorded jobs to work for runners.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a job with a missing or invalid field, for two jobs with the same id, for a time scale that is not
 * finite and > 0, for a job whose times then exceed a hundred years, or for a limit that is not a count.
 * @example
 * ```ts
 * import { createWorkload, type WorkloadJob } from 'dryrunner/trace';
 * const jobs: WorkloadJob[] = [{ id: 'backup', submitMs: 0, runMs: 60_000, limitMs: 90_000, end: 'completed' }];
 * const [item] = createWorkload(jobs).items;
 * if (item?.command.argv.join() !== 'sleep 60000,complete 0') throw new Error('a minute of sleep');
 * ```
 */
export function createWorkload(
  jobs: readonly WorkloadJob[],
  workloadOptions: WorkloadOptions = {},
): Workload {
  check('jobs', jobs, JOBS);
  checkIds(jobs);
  check('options', workloadOptions, WORKLOAD_OPTIONS);
  const { timeScale = 1, select, limit = Infinity, failure = 'exit', overrun = 'grace' } = workloadOptions;
  const policy: Policy = { failure, overrun };
  const chosen = jobs.toSorted((a, b) => a.submitMs - b.submitMs).filter((job) => select?.(job) !== false);
  const isKnown = (job: WorkloadJob): boolean => outcomeOf(job, policy) !== undefined;
  const taken = chosen.filter(isKnown).slice(0, limit);
  const beginMs = taken[0]?.submitMs ?? 0;
  return {
    items: taken.map((job) => itemOf(job, beginMs, new TimeScale(timeScale, job.id), policy)),
    skipped: chosen.filter((job) => !isKnown(job)),
  };
}

/** Runs are found by the id of their job, and jobs that follow others name them by it. */
function checkIds(jobs: readonly WorkloadJob[]): void {
  const ids = new Set<string>();
  for (const [index, { id }] of jobs.entries()) {
    if (ids.has(id)) throw invalidArgument(`jobs[${index}].id`, 'an id that no job before it has', id);
    ids.add(id);
  }
}

/** Scales the times of one job. */
class TimeScale {
  readonly #factor: number;
  readonly #jobId: string;

  constructor(factor: number, jobId: string) {
    this.#factor = factor;
    this.#jobId = jobId;
  }

  /** A time that was recorded; refused if it is too long. */
  of(recordedMs: number): number {
    const ms = this.ofAny(recordedMs);
    if (ms <= TIME_MS_MAX) return ms;
    if (recordedMs <= TIME_MS_MAX) {
      const expected = `one that makes no time longer than ${TIME_MS_MAX} ms`;
      throw invalidArgument('timeScale', expected, this.#factor);
    }
    const expected = `no time longer than ${TIME_MS_MAX} ms, a hundred years`;
    throw invalidArgument(`job ${JSON.stringify(this.#jobId)}`, expected, recordedMs);
  }

  /** A time of any length. */
  ofAny(recordedMs: number): number {
    return Math.round(recordedMs * this.#factor * 1000) / 1000;
  }
}

function itemOf(job: WorkloadJob, beginMs: number, times: TimeScale, policy: Policy): WorkItem {
  const expected = outcomeOf(job, policy) as WorkOutcome;
  const { id, submitMs, runMs = 0, waitMs, slots = 1, after } = job;
  const timeoutMs = timeoutOf(job, expected, times);
  return {
    job,
    arrivalMs: times.of(submitMs - beginMs),
    command: {
      argv: scriptOf(expected, times.of(runMs)),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      jobId: id,
    },
    expected,
    ...(expected.state === 'ABORTED' ? { abort: abortOf(job, times) } : {}),
    ...(waitMs === undefined ? {} : { recordedWaitMs: times.of(waitMs) }),
    slots: Math.max(1, slots),
    ...(after === undefined ? {} : { after: { jobId: after.jobId, thinkMs: times.of(after.thinkMs) } }),
  };
}

/** `undefined` if the log does not say whether the job ran at all. */
function outcomeOf(job: WorkloadJob, { failure, overrun }: Policy): WorkOutcome | undefined {
  if (job.end === 'cancelled') return ABORTED;
  if (job.runMs === undefined) return undefined;
  if (isOverrun(job) && (overrun === 'enforce' || job.end === 'failed')) return TIMEDOUT;
  if (job.end === 'completed') return COMPLETE;
  return failure === 'exit' ? EXIT_1 : MACHINERY;
}

function isOverrun({ runMs = 0, limitMs }: WorkloadJob): boolean {
  return limitMs !== undefined && runMs >= limitMs;
}

/** Undefined also for a timeout that would have to be longer than a command may have: the run ends before. */
function timeoutOf(job: WorkloadJob, { state }: WorkOutcome, times: TimeScale): number | undefined {
  const { limitMs } = job;
  if (limitMs === undefined) return undefined;
  const scaledMs = times.of(limitMs);
  // A timeout that is rounded to 0 is none, and one that is rounded to the run time could end a run within its limit.
  if (state === 'TIMEDOUT') return Math.max(scaledMs, MICROSECOND_MS);
  const longest = longestMs(job);
  const keptMs = longest >= limitMs ? times.ofAny(longest + limitMs / 10) : scaledMs;
  const timeoutMs = Math.max(keptMs, roundedMs(times.of(longest) + MICROSECOND_MS));
  return timeoutMs > TIME_MS_MAX ? undefined : timeoutMs;
}

/**
 * How long the job runs at most, unless it times out. One that was cancelled while it was queued may start before that,
 * on another machine, and then runs until it is cancelled.
 */
function longestMs({ end, runMs = 0, waitMs = 0 }: WorkloadJob): number {
  return end === 'cancelled' && runMs === 0 ? waitMs : runMs;
}

function abortOf({ runMs = 0, waitMs = 0 }: WorkloadJob, times: TimeScale): WorkAbort {
  return runMs > 0
    ? { when: 'running', afterMs: times.of(runMs) }
    : { when: 'queued', afterMs: times.of(waitMs) };
}

/**
 * A script for the simulated execer (R135) that sleeps for `runMs` and then ends with the outcome; a job that is
 * stopped from outside never ends by itself.
 */
function scriptOf({ state, exitCode }: WorkOutcome, runMs: number): readonly string[] {
  const sleep = runMs > 0 ? [`sleep ${runMs}`] : [];
  switch (state) {
    case 'COMPLETE':
      return [...sleep, `complete ${exitCode}`];
    case 'FAILED':
      return [...sleep, `fail ${exitCode} failed in the recorded log`];
    case 'ABORTED':
    case 'TIMEDOUT':
      return [...sleep, 'pause'];
  }
}
