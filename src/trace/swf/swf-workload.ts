/**
 * Turns a recorded log into work for runners: when each command arrives, what it does, and how its run is to end. Recorded waits
 * and outcomes are for comparison; they are what a scheduler under test is judged by, not what it is fed.
 */
import { checkArray, checkLimit, checkOptions, checkRecord } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import type { Command } from '../../model/command.ts';
import { TIME_MS_MAX } from '../../model/recording.ts';
import type { SwfJob } from './swf-job.ts';
import type { SwfOutcome, SwfOutcomeOptions } from './swf-outcome.ts';
import { SWF_STATUS, isOverrun, outcomeOf, scriptOf } from './swf-outcome.ts';
import { mergeParts } from './swf-parts.ts';

/** What to make of a log. */
export interface SwfWorkloadOptions {
  /**
   * Every time is multiplied by this; 0.001 makes seconds of milliseconds. No time may come to more than a hundred years. Default 1.
   */
  readonly timeScale?: number;
  /** Which jobs to take, after parts were merged and in order of arrival; all by default. */
  readonly select?: (job: SwfJob) => boolean;
  /** How many of these at most; no limit by default. */
  readonly limit?: number;
  /** Whether a failed job is a command with exit code 1 (default) or a failure of the machinery, FAILED 1. */
  readonly failure?: 'exit' | 'machinery';
  /**
   * What becomes of a job that ran as long as it had asked for, or longer, though the log does not say that it failed. `grace` (default):
   * the recorded machine let it, so its timeout lies a tenth of the requested time beyond its run. `enforce`: it times out.
   */
  readonly overrun?: 'grace' | 'enforce';
}

/** A recorded cancellation, for whoever drives the runners to repeat. */
export interface SwfAbort {
  /** Whether the job was waiting or running when it was cancelled. */
  readonly when: 'queued' | 'running';
  /** From its arrival if it was queued, from its start if it was running. */
  readonly afterMs: number;
}

/** One job as work for a runner. */
export interface SwfWorkItem {
  readonly job: SwfJob;
  /** From the arrival of the first job. Items are in order of arrival, those of one instant in file order. */
  readonly arrivalMs: number;
  /** A sim script; `jobId` is the job's number, `timeoutMs` the requested time. */
  readonly command: Command;
  readonly expected: SwfOutcome;
  /** Only if `expected.state` is ABORTED. */
  readonly abort?: SwfAbort;
  /** How long the job waited on the recorded machine, if the log knows. */
  readonly recordedWaitMs?: number;
  /** Processors asked for, or granted if nobody asked; at least 1. A pool of single-slot runners ignores it. */
  readonly slots: number;
  /** The job that must have ended `thinkMs` before this one is submitted, if the log knows. */
  readonly after?: { readonly jobId: string; readonly thinkMs: number };
}

/** Work made of a log. */
export interface SwfWorkload {
  readonly items: readonly SwfWorkItem[];
  /** Jobs of which the log does not know whether they ran. */
  readonly skipped: readonly SwfJob[];
  /** True if every status of the log is 0, so that none of them means anything. */
  readonly statusesMeanNothing: boolean;
}

/**
 * Makes work of the jobs of a log.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a time scale that is not > 0 and finite, or makes a time of more than a hundred
 * years, for a job with such a time, or a limit that is no count.
 * @example
 * ```ts
 * import { createSwfWorkload, readSwf } from 'dryrunner/trace';
 * const { jobs } = await readSwf('1 0 5 60 1 -1 -1 1 90 -1 1 3 -1 -1 -1 -1 -1 -1\n');
 * const [item] = createSwfWorkload(jobs).items;
 * if (item?.command.argv.join() !== 'sleep 60000,complete 0') throw new Error('a minute of sleep');
 * ```
 */
export function createSwfWorkload(
  jobs: readonly SwfJob[],
  workloadOptions: SwfWorkloadOptions = {},
): SwfWorkload {
  checkArray('jobs', 'a list of jobs', jobs);
  for (const job of jobs) checkRecord('job', 'a job of a workload', job);
  checkOptions(workloadOptions);
  const { timeScale = 1, select, limit = Infinity, failure = 'exit', overrun = 'grace' } = workloadOptions;
  if (!(timeScale > 0 && Number.isFinite(timeScale))) {
    throw invalidArgument('timeScale', 'a finite number > 0', timeScale);
  }
  checkLimit('limit', limit);
  const statusesMeanNothing = jobs.every(({ status }) => status === SWF_STATUS.FAILED);
  const options = { statusesMeanNothing, failure, overrun };
  const chosen = mergeParts(jobs)
    .sort((a, b) => a.submitS - b.submitS)
    .filter((job) => select?.(job) !== false);
  const isKnown = (job: SwfJob): boolean => outcomeOf(job, options) !== undefined;
  const taken = chosen.filter(isKnown).slice(0, limit);
  const beginS = taken[0]?.submitS ?? 0;
  const toMs = (seconds: number): number => {
    const ms = Math.round(seconds * timeScale * 1e6) / 1000;
    if (ms <= TIME_MS_MAX) return ms;
    throw invalidArgument('timeScale', `one that makes no time longer than ${TIME_MS_MAX} ms`, timeScale);
  };
  return {
    items: taken.map((job) => itemOf(job, beginS, toMs, options)),
    skipped: chosen.filter((job) => !isKnown(job)),
    statusesMeanNothing,
  };
}

function itemOf(
  job: SwfJob,
  beginS: number,
  toMs: (seconds: number) => number,
  options: SwfOutcomeOptions,
): SwfWorkItem {
  const expected = outcomeOf(job, options) as SwfOutcome;
  const { jobNumber, submitS, waitS, runS, requestedProcessors, allocatedProcessors } = job;
  const timeoutMs = timeoutOf(job, expected, toMs);
  const hasPredecessor = job.precedingJob > 0;
  return {
    job,
    arrivalMs: toMs(submitS - beginS),
    command: {
      argv: scriptOf(expected, toMs(Math.max(runS, 0))),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      jobId: String(jobNumber),
    },
    expected,
    ...(expected.state === 'ABORTED' ? { abort: abortOf(job, toMs) } : {}),
    ...(waitS < 0 ? {} : { recordedWaitMs: toMs(waitS) }),
    slots: Math.max(1, requestedProcessors > 0 ? requestedProcessors : allocatedProcessors),
    ...(hasPredecessor
      ? { after: { jobId: String(job.precedingJob), thinkMs: toMs(Math.max(job.thinkS, 0)) } }
      : {}),
  };
}

function timeoutOf(
  job: SwfJob,
  { state }: SwfOutcome,
  toMs: (seconds: number) => number,
): number | undefined {
  if (job.requestedS <= 0) return undefined;
  const hadGrace = isOverrun(job) && state !== 'TIMEDOUT';
  return hadGrace ? toMs(job.runS + job.requestedS / 10) : toMs(job.requestedS);
}

function abortOf({ runS, waitS }: SwfJob, toMs: (seconds: number) => number): SwfAbort {
  return runS > 0
    ? { when: 'running', afterMs: toMs(runS) }
    : { when: 'queued', afterMs: toMs(Math.max(waitS, 0)) };
}
