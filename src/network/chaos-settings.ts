/**
 * The settings of a chaos runner, which can be changed at any time (R150). Invariant: a setting is checked when it is
 * made, and applies from then on; changing one never waits.
 */
import * as is from '../kernel/shape.ts';
import type { Choices } from '../kernel/decisions.ts';
import { type RunStatus, zeroStatus } from '../model/run-status.ts';
import { DEFAULT_DELAY_STEPS, DelayDraw } from './chaos-delay.ts';
import { InjectedFaultError, makeInjectedFault } from './chaos-error.ts';
import type { FaultErrorMaker, InjectedFault } from './chaos-error.ts';
import { FaultPicker, NO_FAULTS, type ChaosOperation, type FaultPlan } from './fault-plan.ts';
import { check } from '../kernel/argument-check.ts';

/** Default name of a chaos runner. */
export const CHAOS_NAME = 'chaos';

/**
 * The error of every call: an error or a message, to be wrapped with the zero values of R149, or a function that
 * creates the error itself.
 */
export type ChaosError = Error | string | FaultErrorMaker;

/** Initial settings of a chaos runner; without options it changes nothing. */
export interface ChaosOptions {
  /** Name of the runner in labels and in the trace; `chaos` by default. */
  readonly name?: string;
  /** Upper limit of the delay of a call in milliseconds, exclusive (R148); 0 by default. */
  readonly maxDelayMs?: number;
  /** Number of different delays, at most one per microsecond; 32 by default. */
  readonly delaySteps?: number;
  /** Makes every call except `release` fail with this error (R147). */
  readonly error?: ChaosError;
  /** The status that `run` carries in its error (R149); the zero status by default. */
  readonly runStatus?: RunStatus;
  /** Fault points (R153); none by default. */
  readonly plan?: FaultPlan;
  /** Creates the error of the fault points `before` and `after`; an {@link InjectedFaultError} by default. */
  readonly faultError?: FaultErrorMaker;
  /** How long a reordered call is held back at most, in milliseconds; 1,000 by default. */
  readonly reorderHoldMs?: number;
}

const ERROR = is.anyOf(
  'an Error, a message or a function that makes an Error',
  is.TEXT,
  is.FUNCTION,
  is.instanceOf('an Error', Error),
);

const RUN_STATUS = is.anObject('a run status');

/** The options of `createChaosRunner`. */
export const CHAOS_OPTIONS: is.RecordShape = is.optionsOf<ChaosOptions>(
  {},
  {
    name: is.TEXT,
    // Checked when they are applied, because they can be changed later.
    maxDelayMs: is.ANY,
    delaySteps: is.ANY,
    plan: is.ANY,
    error: is.ANY,
    runStatus: RUN_STATUS,
    faultError: is.FUNCTION,
    reorderHoldMs: is.DURATION_MS,
  },
);

/** The settings in force. */
export class ChaosSettings {
  readonly name: string;
  readonly reorderHoldMs: number;
  readonly #choices: Choices;
  readonly #delaySteps: number;
  readonly #faultError: FaultErrorMaker | undefined;
  #delays: DelayDraw;
  #faults: FaultPicker;
  #error: ChaosError | undefined;
  #runStatus: RunStatus;

  constructor(choices: Choices, options: ChaosOptions) {
    const {
      name = CHAOS_NAME,
      maxDelayMs = 0,
      delaySteps = DEFAULT_DELAY_STEPS,
      reorderHoldMs = 1000,
    } = options;
    this.name = name;
    this.reorderHoldMs = reorderHoldMs;
    this.#choices = choices;
    this.#delaySteps = delaySteps;
    this.#faultError = options.faultError;
    this.#delays = new DelayDraw(choices, maxDelayMs, delaySteps);
    this.#faults = new FaultPicker(choices, options.plan ?? NO_FAULTS, name);
    this.#error = checkError(options.error);
    this.#runStatus = options.runStatus ?? zeroStatus();
  }

  get delays(): DelayDraw {
    return this.#delays;
  }

  get faults(): FaultPicker {
    return this.#faults;
  }

  setDelay(maxDelayMs: number): void {
    this.#delays = new DelayDraw(this.#choices, maxDelayMs, this.#delaySteps);
  }

  setPlan(plan: FaultPlan): void {
    this.#faults = new FaultPicker(this.#choices, plan, this.name);
  }

  setError(error: ChaosError | undefined): void {
    this.#error = checkError(error);
  }

  setRunStatus(status: RunStatus): void {
    check('status', status, RUN_STATUS);
    this.#runStatus = status;
  }

  /** Ends all delays, errors and faults. */
  clear(): void {
    this.setDelay(0);
    this.setPlan(NO_FAULTS);
    this.setError(undefined);
  }

  /** The error set for every call, if any. */
  setErrorFor(operation: ChaosOperation): Error | undefined {
    const error = this.#error;
    if (error === undefined) return undefined;
    const fault = makeInjectedFault(operation, 'error', this.#runStatus);
    if (typeof error === 'function') {
      const made: unknown = error(fault);
      check('the result of error', made, is.ERROR);
      return made as Error;
    }
    return new InjectedFaultError(fault, typeof error === 'string' ? new Error(error) : error);
  }

  /** The error of a fault point. */
  faultErrorFor(operation: ChaosOperation, kind: InjectedFault['kind']): Error {
    const fault = makeInjectedFault(operation, kind, this.#runStatus);
    if (this.#faultError === undefined) return new InjectedFaultError(fault);
    const made: unknown = this.#faultError(fault);
    check('the result of faultError', made, is.ERROR);
    return made as Error;
  }
}

function checkError(error: ChaosError | undefined): ChaosError | undefined {
  if (error !== undefined) check('error', error, ERROR);
  return error;
}
