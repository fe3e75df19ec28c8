/**
 * Whether a runner trusts its machine, by what its runs have ended as, and what it says of that: the only place where workloads know R60 and R81.
 * Invariant: it sees the ends of the runs that left the queue, in their order, and nothing else.
 */
import type { RunStatus } from '../../model/run-status.ts';
import type { ServiceStatus } from '../../model/service-status.ts';
import { maskForState, type StateMask } from '../../model/state-mask.ts';
import type { WorkloadHost } from './workload-host.ts';

const LOST_AT_ONCE = 241;
const LOST_IN_A_ROW: ReadonlySet<number> = new Set([211, 212]);
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
  const isRow = LOST_IN_A_ROW.has(exitCode) && before.lastCode === exitCode;
  return { lastCode: exitCode, isLost: before.isLost || exitCode === LOST_AT_ONCE || isRow };
}

/** Whether a run may end in several of the ways `ends`, FAILED with `exitCode`, that make a difference to the runner's health. */
export function isHealthOpen({ lastCode }: HealthSoFar, ends: StateMask, exitCode: number): boolean {
  if ((ends & (ends - 1)) === 0) return false;
  const matters = (code: number): boolean => code === LOST_AT_ONCE || LOST_IN_A_ROW.has(code);
  return ((ends & FAILED) !== 0 && matters(exitCode)) || ((ends & ABORTED) !== 0 && matters(lastCode));
}

/** The same, kept for one runner. */
export class ExpectedHealth {
  #now = TRUSTED;

  get isLost(): boolean {
    return this.#now.isLost;
  }

  /** A run that has left the queue is over. */
  note({ state, exitCode }: RunStatus): void {
    this.#now = afterEnd(this.#now, maskForState(state), exitCode);
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
