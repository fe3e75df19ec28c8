/**
 * Whether a runner trusts its machine, by what its runs have ended as, and what it says of that: the only place where workloads say what R60 and R81 make of an end.
 * Invariant: it sees the ends of the runs that left the queue, in their order, and nothing else.
 */
import { check } from '../../kernel/argument-check.ts';
import * as is from '../../kernel/shape.ts';
import { isTerminal, RUN_STATES } from '../../model/run-state.ts';
import type { RunStatus } from '../../model/run-status.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import { maskForState, type StateMask } from '../../model/state-mask.ts';
import type { WorkloadHost } from './workload-host.ts';

/** A runner that sees it once does not trust its machine any more. */
export const LOST_AT_ONCE = 241;
/** One that sees either of them twice in a row does not. */
export const LOST_IN_A_ROW: readonly [number, number] = [211, 212];
const ABORTED = maskForState('ABORTED');
const FAILED = maskForState('FAILED');

/** What the ends of some runs have left behind. */
export interface HealthSoFar {
  /** The exit code of the last run, if it FAILED; else 0. */
  readonly lastCode: number;
  readonly isLost: boolean;
}

/** Before the first run. */
export const TRUSTED: HealthSoFar = Object.freeze({ lastCode: 0, isLost: false });

/** After one more run that left the queue: it has ended in one of the ways `ends`, FAILED with `exitCode` (R81). */
export function afterEnd(before: HealthSoFar, ends: StateMask, exitCode: number): HealthSoFar {
  if (ends === ABORTED) return before;
  if (ends !== FAILED) return { ...before, lastCode: 0 };
  const isRow = LOST_IN_A_ROW.includes(exitCode) && before.lastCode === exitCode;
  return { lastCode: exitCode, isLost: before.isLost || exitCode === LOST_AT_ONCE || isRow };
}

/** Whether a run may end in several of the ways `ends`, FAILED with `exitCode`, that make a difference to the runner's health. */
export function isHealthOpen({ lastCode }: HealthSoFar, ends: StateMask, exitCode: number): boolean {
  if ((ends & (ends - 1)) === 0) return false;
  const matters = (code: number): boolean => code === LOST_AT_ONCE || LOST_IN_A_ROW.includes(code);
  return ((ends & FAILED) !== 0 && matters(exitCode)) || ((ends & ABORTED) !== 0 && matters(lastCode));
}

const STATUS = is.objectOf<Pick<RunStatus, 'state' | 'exitCode'>>(
  'the state and the exit code of a run',
  { state: is.oneOf(...RUN_STATES), exitCode: is.WHOLE },
  {},
);

/**
 * Whether one runner trusts its machine by R81, for a model of a runner: it takes the ends of the runs that have left the queue, in their order.
 *
 * @example
 * ```ts
 * import { ExpectedHealth } from 'dryrunner/conformance';
 * const health = new ExpectedHealth();
 * health.note({ state: 'FAILED', exitCode: 212 });
 * health.note({ state: 'ABORTED', exitCode: 0 });
 * console.log(health.isLost); // false
 * health.note({ state: 'FAILED', exitCode: 212 });
 * console.log(health.isLost); // true
 * ```
 */
export class ExpectedHealth {
  #now = TRUSTED;

  /** It takes no runs any more; once true, for good. */
  get isLost(): boolean {
    return this.#now.isLost;
  }

  /**
   * One more run has such a status: once for each run that is over; what is not over makes no difference.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if it is no status.
   */
  note(status: Pick<RunStatus, 'state' | 'exitCode'>): void {
    check('status', status, STATUS);
    const { state, exitCode } = status;
    if (isTerminal(state)) this.#now = afterEnd(this.#now, maskForState(state), exitCode);
  }
}

/** What a machine has to say of itself. */
export interface ExpectedService {
  readonly rule: string;
  readonly initialized: boolean;
  readonly isHealthy: boolean;
  /** Its error, in words. */
  readonly says: string;
  readonly isError: (error: string) => boolean;
}

/** A machine without an error. */
export const NO_ERROR: Pick<ExpectedService, 'says' | 'isError'> = {
  says: 'no error',
  isError: (error) => error === '',
};

/** A machine that says why, in words of its own. */
export const SOME_ERROR: Pick<ExpectedService, 'says' | 'isError'> = {
  says: 'an error that says why',
  isError: (error) => error !== '',
};

/** That of a runner that is ready, by whether its runs have made it unhealthy. */
export function expectedService(isLost: boolean): ExpectedService {
  return isLost
    ? { rule: 'R81 R82', initialized: true, isHealthy: false, ...SOME_ERROR }
    : { rule: 'R60', initialized: true, isHealthy: true, ...NO_ERROR };
}

/** Fails unless a machine says of itself what it has to; `call` is what it said it in. */
export function checkServiceStatus(
  host: Pick<WorkloadHost, 'check'>,
  call: string,
  got: ServiceStatus,
  { rule, initialized, isHealthy, says, isError }: ExpectedService,
): void {
  const isFitting = got.initialized === initialized && got.isHealthy === isHealthy && isError(got.error);
  if (isFitting) return;
  host.check(
    false,
    `${rule} ${call}: expected a service that is ${healthText(initialized, isHealthy)}, with ${says}, got one that is ${healthText(got.initialized, got.isHealthy)}, with ${got.error === '' ? 'no error' : `the error ${JSON.stringify(got.error)}`}`,
  );
}

function healthText(initialized: boolean, isHealthy: boolean): string {
  return `${initialized ? 'initialized' : 'not initialized'} and ${isHealthy ? 'healthy' : 'not healthy'}`;
}
