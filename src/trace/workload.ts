/**
 * Recorded work for runners: when each command arrives, what it does, and how its run is to end. A reader of a format makes
 * {@link WorkloadJob}s (that of the Standard Workload Format: `swf/swf-workload.ts`), and everything else is the same for all formats.
 * Recorded waits and ends are for comparison; they are what a scheduler under test is judged by, not what it is fed.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import { TIME_MS_MAX } from '../kernel/microseconds.ts';
import type { RunState } from '../model/run-state.ts';

/** One job of a recorded workload, whatever the format of its log. Times are milliseconds. */
export interface WorkloadJob {
  /** Unique in the workload. */
  readonly id: string;
  /** When it was submitted, from any instant that is the same for all jobs. */
  readonly submitMs: number;
  /** How long it ran; absent if the log does not know whether it did. */
  readonly runMs?: number;
  /** How long it waited before it ran, or was cancelled; absent if the log does not know. */
  readonly waitMs?: number;
  /** How long it was allowed to run; absent if there was no limit. */
  readonly limitMs?: number;
  /** How much of a machine it takes; default 1. */
  readonly slots?: number;
  readonly end: 'completed' | 'failed' | 'cancelled';
  /** The job that must have ended `thinkMs` before this one is submitted. */
  readonly after?: { readonly jobId: string; readonly thinkMs: number };
}

/** What to make of a workload. */
export interface WorkloadOptions {
  /**
   * Every time is multiplied by this; 0.001 makes seconds of milliseconds. No time may come to more than a hundred years. Default 1.
   */
  readonly timeScale?: number;
  /** Which jobs to take, in order of arrival; all by default. */
  readonly select?: (job: WorkloadJob) => boolean;
  /** How many of these at most; no limit by default. */
  readonly limit?: number;
  /** Whether a failed job is a command with exit code 1 (default) or a failure of the machinery, FAILED 1. */
  readonly failure?: 'exit' | 'machinery';
  /**
   * What becomes of a job that ran as long as it was allowed to, or longer, though the log does not say that it failed. `grace` (default):
   * the recorded machine let it, so its timeout lies a tenth of its limit beyond its run. `enforce`: it times out.
   */
  readonly overrun?: 'grace' | 'enforce';
}

const WORKLOAD_OPTIONS = is.optionsOf<WorkloadOptions>(
  {},
  {
    timeScale: is.such('a finite number > 0', (value) => Number.isFinite(value) && (value as number) > 0),
    select: is.FUNCTION,
    limit: is.limit(),
    failure: is.oneOf('exit', 'machinery'),
    overrun: is.oneOf('grace', 'enforce'),
  },
);

/** How a run of a job is to end. */
export interface WorkOutcome {
  readonly state: Extract<RunState, 'COMPLETE' | 'FAILED' | 'ABORTED' | 'TIMEDOUT'>;
  readonly exitCode: number;
}

/** A recorded cancellation, for what drives the runners to repeat. */
export interface WorkAbort {
  /** Whether the job was waiting or running when it was cancelled. */
  readonly when: 'queued' | 'running';
  /** From its arrival if it was queued, from its start if it was running. */
  readonly afterMs: number;
}

/** One job as work for a runner. */
export interface WorkItem {
  readonly job: WorkloadJob;
  /** From the arrival of the first job. Items are in order of arrival, those of one instant in the order of the workload. */
  readonly arrivalMs: number;
  /** A sim script; `jobId` is the job's id, `timeoutMs` its limit. */
  readonly command: Command;
  readonly expected: WorkOutcome;
  /** Only if `expected.state` is ABORTED. */
  readonly abort?: WorkAbort;
  /** How long the job waited on the recorded machine, if the log knows. */
  readonly recordedWaitMs?: number;
  /** At least 1. A pool of single-slot runners ignores it. */
  readonly slots: number;
  /** The job that must have ended `thinkMs` before this one is submitted, if the log knows. */
  readonly after?: { readonly jobId: string; readonly thinkMs: number };
}

/** Work made of a workload. */
export interface Workload {
  readonly items: readonly WorkItem[];
  /** Jobs of which the log does not know whether they ran. */
  readonly skipped: readonly WorkloadJob[];
}

type Policy = Required<Pick<WorkloadOptions, 'failure' | 'overrun'>>;

const COMPLETE: WorkOutcome = Object.freeze({ state: 'COMPLETE', exitCode: 0 });
const EXIT_1: WorkOutcome = Object.freeze({ state: 'COMPLETE', exitCode: 1 });
const MACHINERY: WorkOutcome = Object.freeze({ state: 'FAILED', exitCode: 1 });
const ABORTED: WorkOutcome = Object.freeze({ state: 'ABORTED', exitCode: 0 });
const TIMEDOUT: WorkOutcome = Object.freeze({ state: 'TIMEDOUT', exitCode: 0 });

/**
 * Makes work of recorded jobs.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a time scale that is not > 0 and finite, or makes a time of more than a hundred
 * years, for a job with such a time, or a limit that is no count.
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
  check('jobs', jobs, is.listOf(is.ANY, 'a list of jobs'));
  for (const job of jobs) check('job', job, is.readable('a job of a workload'));
  check('options', workloadOptions, WORKLOAD_OPTIONS);
  const { timeScale = 1, select, limit = Infinity, failure = 'exit', overrun = 'grace' } = workloadOptions;
  const policy: Policy = { failure, overrun };
  const chosen = jobs.toSorted((a, b) => a.submitMs - b.submitMs).filter((job) => select?.(job) !== false);
  const isKnown = (job: WorkloadJob): boolean => outcomeOf(job, policy) !== undefined;
  const taken = chosen.filter(isKnown).slice(0, limit);
  const beginMs = taken[0]?.submitMs ?? 0;
  const scale = (recordedMs: number): number => {
    const ms = Math.round(recordedMs * timeScale * 1000) / 1000;
    if (ms <= TIME_MS_MAX) return ms;
    throw invalidArgument('timeScale', `one that makes no time longer than ${TIME_MS_MAX} ms`, timeScale);
  };
  return {
    items: taken.map((job) => itemOf(job, beginMs, scale, policy)),
    skipped: chosen.filter((job) => !isKnown(job)),
  };
}

function itemOf(job: WorkloadJob, beginMs: number, scale: (ms: number) => number, policy: Policy): WorkItem {
  const expected = outcomeOf(job, policy) as WorkOutcome;
  const { id, submitMs, runMs = 0, waitMs, slots = 1, after } = job;
  const timeoutMs = timeoutOf(job, expected);
  return {
    job,
    arrivalMs: scale(submitMs - beginMs),
    command: {
      argv: scriptOf(expected, scale(runMs)),
      ...(timeoutMs === undefined ? {} : { timeoutMs: scale(timeoutMs) }),
      jobId: id,
    },
    expected,
    ...(expected.state === 'ABORTED' ? { abort: abortOf(job, scale) } : {}),
    ...(waitMs === undefined ? {} : { recordedWaitMs: scale(waitMs) }),
    slots: Math.max(1, slots),
    ...(after === undefined ? {} : { after: { jobId: after.jobId, thinkMs: scale(after.thinkMs) } }),
  };
}

/** `undefined` if the log does not know whether the job ran at all. */
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

function timeoutOf(job: WorkloadJob, { state }: WorkOutcome): number | undefined {
  const { runMs = 0, limitMs } = job;
  if (limitMs === undefined) return undefined;
  return isOverrun(job) && state !== 'TIMEDOUT' ? runMs + limitMs / 10 : limitMs;
}

function abortOf({ runMs = 0, waitMs = 0 }: WorkloadJob, scale: (ms: number) => number): WorkAbort {
  return runMs > 0 ? { when: 'running', afterMs: scale(runMs) } : { when: 'queued', afterMs: scale(waitMs) };
}

/** A sim script (R135) that sleeps for `runMs` and then ends so; what is stopped from outside never ends by itself. */
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
