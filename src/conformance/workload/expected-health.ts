/**
 * Whether a runner trusts its machine, given how its runs ended, and how it reports that: the only place in the
 * workloads that implements R60 and R81. Invariant: its only input is the ends of the runs that left the queue, in
 * order.
 */
import { check } from '../../kernel/argument-check.ts';
import * as is from '../../kernel/shape.ts';
import { isTerminal, RUN_STATES } from '../../model/run-state.ts';
import type { RunStatus } from '../../model/run-status.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import { maskForState, type StateMask } from '../../model/state-mask.ts';
import type { WorkloadHost } from './workload-host.ts';

/** After one failure with this code, a runner no longer trusts its machine. */
export const LOST_AT_ONCE = 241;
/** After two failures in a row with the same one of these codes, it does not either. */
export const LOST_IN_A_ROW: readonly [number, number] = [211, 212];
const ABORTED = maskForState('ABORTED');
const FAILED = maskForState('FAILED');

/** The effect of the runs that have ended so far. */
export interface HealthSoFar {
  /** The exit code of the last run, if it FAILED; else 0. */
  readonly lastCode: number;
  readonly isLost: boolean;
}

/** The state before the first run. */
export const TRUSTED: HealthSoFar = Object.freeze({ lastCode: 0, isLost: false });

/**
 * The state after another run that left the queue and ended in one of the states `ends`, with `exitCode` if FAILED
 * (R81).
 */
export function afterEnd(before: HealthSoFar, ends: StateMask, exitCode: number): HealthSoFar {
  if (ends === ABORTED) return before;
  if (ends !== FAILED) return { ...before, lastCode: 0 };
  const isRow = LOST_IN_A_ROW.includes(exitCode) && before.lastCode === exitCode;
  return { lastCode: exitCode, isLost: before.isLost || exitCode === LOST_AT_ONCE || isRow };
}

/**
 * Whether a run may end in several of the states `ends`, FAILED with `exitCode`, so that the runner's health is not
 * determined.
 */
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
 * Whether a runner trusts its machine by R81, for models of a runner. It must be given the ends of the runs that left
 * the queue, in order.
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

  /** True once the runner takes no more runs, for good. */
  get isLost(): boolean {
    return this.#now.isLost;
  }

  /**
   * Records the status of another run: call it once for each run that is over. A status that is not terminal has no
   * effect.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless given a status.
   */
  note(status: Pick<RunStatus, 'state' | 'exitCode'>): void {
    check('status', status, STATUS);
    const { state, exitCode } = status;
    if (isTerminal(state)) this.#now = afterEnd(this.#now, maskForState(state), exitCode);
  }
}

/** What a machine must report of itself. */
export interface ExpectedService {
  readonly rule: string;
  readonly initialized: boolean;
  readonly isHealthy: boolean;
  /** Its expected error, in words. */
  readonly says: string;
  readonly isError: (error: string) => boolean;
}

/** The part for a machine without an error. */
export const NO_ERROR: Pick<ExpectedService, 'says' | 'isError'> = {
  says: 'no error',
  isError: (error) => error === '',
};

/** The part for a machine that gives a reason, in its own words. */
export const SOME_ERROR: Pick<ExpectedService, 'says' | 'isError'> = {
  says: 'an error that says why',
  isError: (error) => error !== '',
};

/** The report of a runner that is ready, by whether its runs have made it unhealthy. */
export function expectedService(isLost: boolean): ExpectedService {
  return isLost
    ? { rule: 'R81 R82', initialized: true, isHealthy: false, ...SOME_ERROR }
    : { rule: 'R60', initialized: true, isHealthy: true, ...NO_ERROR };
}

/** Fails unless the machine reports what it must; `call` is the call whose answer contained the report. */
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
