/**
 * Converts the jobs of a Standard Workload Format log to jobs of a workload: merges parts, interprets statuses, and
 * converts seconds to milliseconds. Statuses are trusted only if they differ between jobs: in a log where every status
 * is 0 they mean nothing, and every job counts as completed.
 */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import { roundedMs } from '../../kernel/microseconds.ts';
import type { WorkloadJob } from '../workload.ts';
import { isPartOfJob, type SwfJob, SWF_STATUS as STATUS } from './swf-reader.ts';

/** A log converted to a workload. */
export interface SwfWorkload {
  /** In the order of the jobs' first rows. */
  readonly jobs: readonly WorkloadJob[];
  /** True if every status of the log is 0, so that statuses mean nothing. */
  readonly statusesMeanNothing: boolean;
}

/**
 * Converts the rows of a log to jobs of a workload, whose ids are the job numbers.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if not given a list of jobs, or for a job that no row gives a submit time:
 * of the rows of a job that was stopped and resumed, only the first need have one.
 * @example
 * ```ts
 * import { createWorkload, readSwf, swfWorkload } from 'dryrunner/trace';
 * const { jobs } = await readSwf('1 0 5 60 1 -1 -1 1 90 -1 1 3 -1 -1 -1 -1 -1 -1\n');
 * const [item] = createWorkload(swfWorkload(jobs).jobs).items;
 * if (item?.command.argv.join() !== 'sleep 60000,complete 0') throw new Error('a minute of sleep');
 * ```
 */
export function swfWorkload(jobs: readonly SwfJob[]): SwfWorkload {
  check('jobs', jobs, is.listOf(is.ANY, 'a list of jobs'));
  for (const job of jobs) check('job', job, is.readable('a job of a log'));
  const statusesMeanNothing = jobs.every(({ status }) => status === STATUS.FAILED);
  const wholes = mergeParts(jobs);
  for (const { jobNumber, submitS } of wholes) {
    if (submitS < 0) throw invalidArgument('jobs', `a row of job ${jobNumber} with its submit time`, submitS);
  }
  return { jobs: wholes.map((job) => workloadJob(job, statusesMeanNothing)), statusesMeanNothing };
}

function workloadJob(job: SwfJob, statusesMeanNothing: boolean): WorkloadJob {
  const { jobNumber, submitS, waitS, runS, requestedS, requestedProcessors, allocatedProcessors } = job;
  const limitMs = milliseconds(requestedS);
  return {
    id: String(jobNumber),
    submitMs: milliseconds(submitS),
    ...(runS < 0 ? {} : { runMs: milliseconds(runS) }),
    ...(waitS < 0 ? {} : { waitMs: milliseconds(waitS) }),
    ...(limitMs <= 0 ? {} : { limitMs }),
    slots: Math.max(1, requestedProcessors > 0 ? requestedProcessors : allocatedProcessors),
    end: endOf(job, statusesMeanNothing),
    ...(job.precedingJob > 0
      ? { after: { jobId: String(job.precedingJob), thinkMs: milliseconds(Math.max(job.thinkS, 0)) } }
      : {}),
  };
}

/** To the microsecond: a product of a fraction is seldom exact. */
function milliseconds(seconds: number): number {
  return roundedMs(seconds * 1000);
}

function endOf({ status }: SwfJob, statusesMeanNothing: boolean): WorkloadJob['end'] {
  if (status === STATUS.CANCELLED) return 'cancelled';
  const isFailed = status === STATUS.FAILED || status === STATUS.LAST_FAILED;
  return isFailed && !statusesMeanNothing ? 'failed' : 'completed';
}

/** Gives each job one row: a job that was stopped and resumed has one per part, and usually another for the whole. */
function mergeParts(jobs: readonly SwfJob[]): SwfJob[] {
  const parts = new Map<number, SwfJob[]>();
  const wholes = new Set<number>();
  for (const job of jobs) {
    if (!isPartOfJob(job)) wholes.add(job.jobNumber);
    else if (!parts.get(job.jobNumber)?.push(job)) parts.set(job.jobNumber, [job]);
  }
  return jobs.flatMap((job) => {
    if (!isPartOfJob(job)) return [job];
    const own = parts.get(job.jobNumber) ?? [];
    return own[0] === job && !wholes.has(job.jobNumber) ? [wholeOf(own)] : [];
  });
}

/**
 * Merges all parts into one job: submitted with the first part that says when, ended with the last, and running for
 * their total time.
 */
function wholeOf(parts: readonly SwfJob[]): SwfJob {
  const [first, last] = [parts[0], parts.at(-1)] as [SwfJob, SwfJob];
  const known = parts.filter(({ runS }) => runS >= 0);
  const runS = known.length === 0 ? first.runS : known.reduce((sum, part) => sum + part.runS, 0);
  const { submitS } = parts.find((part) => part.submitS >= 0) ?? first;
  return { ...first, submitS, runS, status: wholeStatus(last) };
}

function wholeStatus({ status }: SwfJob): number {
  if (status === STATUS.LAST_COMPLETED) return STATUS.COMPLETED;
  return status === STATUS.LAST_FAILED ? STATUS.FAILED : -1;
}
