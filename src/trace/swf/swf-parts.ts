/**
 * Jobs that were stopped and resumed have a row per part (status 2, 3 or 4), mostly beside a row for the whole. Invariant: after
 * merging, every row is a whole job, in the order of first rows.
 */
import type { SwfJob } from './swf-job.ts';
import { SWF_STATUS } from './swf-outcome.ts';

/** True for a row about a part of a job. */
function isPart({ status }: SwfJob): boolean {
  return (
    status === SWF_STATUS.PART || status === SWF_STATUS.LAST_COMPLETED || status === SWF_STATUS.LAST_FAILED
  );
}

/** Drops the parts of jobs that have a row of their own, and puts together those of jobs that have none. */
export function mergeParts(jobs: readonly SwfJob[]): SwfJob[] {
  const parts = new Map<number, SwfJob[]>();
  const wholes = new Set<number>();
  for (const job of jobs) {
    if (!isPart(job)) wholes.add(job.jobNumber);
    else if (!parts.get(job.jobNumber)?.push(job)) parts.set(job.jobNumber, [job]);
  }
  return jobs.flatMap((job) => {
    if (!isPart(job)) return [job];
    const own = parts.get(job.jobNumber) ?? [];
    return own[0] === job && !wholes.has(job.jobNumber) ? [wholeOf(own)] : [];
  });
}

/** All parts as one job: submitted with the first, ended as the last, having run as long as all of them. */
function wholeOf(parts: readonly SwfJob[]): SwfJob {
  const [first, last] = [parts[0], parts.at(-1)] as [SwfJob, SwfJob];
  const known = parts.filter(({ runS }) => runS >= 0);
  const runS = known.length === 0 ? first.runS : known.reduce((sum, part) => sum + part.runS, 0);
  return { ...first, runS, status: wholeStatus(last) };
}

function wholeStatus({ status }: SwfJob): number {
  if (status === SWF_STATUS.LAST_COMPLETED) return SWF_STATUS.COMPLETED;
  return status === SWF_STATUS.LAST_FAILED ? SWF_STATUS.FAILED : -1;
}
