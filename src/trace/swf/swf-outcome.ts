/**
 * What became of a recorded job, in the states of a run, and the sim script that makes it happen again. A log's status is trusted
 * only if it tells jobs apart: where every status is 0, status means nothing and every job ran to its end.
 */
import type { RunState } from '../../model/run-state.ts';
import type { SwfJob } from './swf-job.ts';

/** Status codes of the format. */
export const SWF_STATUS: {
  readonly FAILED: 0;
  readonly COMPLETED: 1;
  readonly PART: 2;
  readonly LAST_COMPLETED: 3;
  readonly LAST_FAILED: 4;
  readonly CANCELLED: 5;
} = Object.freeze({
  FAILED: 0,
  COMPLETED: 1,
  PART: 2,
  LAST_COMPLETED: 3,
  LAST_FAILED: 4,
  CANCELLED: 5,
});

/** How a run of the job is to end. */
export interface SwfOutcome {
  readonly state: Extract<RunState, 'COMPLETE' | 'FAILED' | 'ABORTED' | 'TIMEDOUT'>;
  readonly exitCode: number;
}

/** What to make of statuses. */
export interface SwfOutcomeOptions {
  /** True if every status of the log is 0. */
  readonly statusesMeanNothing: boolean;
  /** Whether a failed job is a command with exit code 1 or a failure of the machinery. */
  readonly failure: 'exit' | 'machinery';
  /** Whether a job that ran longer than it had asked for is stopped at its limit even if the log says it completed. */
  readonly overrun: 'grace' | 'enforce';
}

const COMPLETE: SwfOutcome = Object.freeze({ state: 'COMPLETE', exitCode: 0 });
const EXIT_1: SwfOutcome = Object.freeze({ state: 'COMPLETE', exitCode: 1 });
const MACHINERY: SwfOutcome = Object.freeze({ state: 'FAILED', exitCode: 1 });
const ABORTED: SwfOutcome = Object.freeze({ state: 'ABORTED', exitCode: 0 });
const TIMEDOUT: SwfOutcome = Object.freeze({ state: 'TIMEDOUT', exitCode: 0 });

/** True if the job ran at least as long as it had asked for. */
export function isOverrun({ runS, requestedS }: SwfJob): boolean {
  return requestedS > 0 && runS >= requestedS;
}

/** The outcome of a job; `undefined` if the log does not know whether it ran at all. */
export function outcomeOf(job: SwfJob, options: SwfOutcomeOptions): SwfOutcome | undefined {
  const { status, runS } = job;
  if (status === SWF_STATUS.CANCELLED) return ABORTED;
  if (runS < 0) return undefined;
  if (options.overrun === 'enforce' && isOverrun(job)) return TIMEDOUT;
  if (options.statusesMeanNothing) return COMPLETE;
  const isFailed = status === SWF_STATUS.FAILED || status === SWF_STATUS.LAST_FAILED;
  if (!isFailed) return COMPLETE;
  if (isOverrun(job)) return TIMEDOUT;
  return options.failure === 'exit' ? EXIT_1 : MACHINERY;
}

/** A sim script (R135) that sleeps for `runMs` and then ends so; what is stopped from outside never ends by itself. */
export function scriptOf({ state, exitCode }: SwfOutcome, runMs: number): readonly string[] {
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
