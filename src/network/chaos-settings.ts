/**
 * What a chaos runner is set to do, changeable at any time (R150). Invariant: a setting is checked when it is made, and in force
 * from then on; changing one waits for nothing.
 */
import * as is from '../kernel/shape.ts';
import type { Choices } from '../kernel/decisions.ts';
import { type RunStatus, zeroStatus } from '../model/run-status.ts';
import { DEFAULT_DELAY_STEPS, DelayDraw } from './chaos-delay.ts';
import { InjectedFaultError, makeInjectedFault } from './chaos-error.ts';
import type { FaultErrorMaker, InjectedFault } from './chaos-error.ts';
import { FaultPicker, NO_FAULTS, type ChaosOperation, type FaultPlan } from './fault-plan.ts';
import { check } from '../kernel/argument-check.ts';

/** Name of a chaos runner without one of its own. */
export const CHAOS_NAME = 'chaos';

/** What every call fails with: an error that is wrapped with the zero values of R149, a message, or a maker of the very error. */
export type ChaosError = Error | string | FaultErrorMaker;

/** How a chaos runner begins; without options it changes nothing. */
export interface ChaosOptions {
  /** Names the runner in labels and in the trace; `chaos` by default. */
  readonly name?: string;
  /** Calls are delayed by less than this (R148); 0 by default. */
  readonly maxDelayMs?: number;
  /** How many different delays there are, at most one per microsecond; 32 by default. */
  readonly delaySteps?: number;
  /** Makes every call but `release` fail (R147). */
  readonly error?: ChaosError;
  /** The status that `run` carries in its error (R149); the zero status by default. */
  readonly runStatus?: RunStatus;
  /** Fault points (R153); none by default. */
  readonly plan?: FaultPlan;
  /** What the fault points `before` and `after` fail with; an {@link InjectedFaultError} by default. */
  readonly faultError?: FaultErrorMaker;
  /** A reordered call is held back for at most this long; 1,000 by default. */
  readonly reorderHoldMs?: number;
}

const ERROR = is.anyOf(
  'an Error, a message or a function that makes an Error',
  is.TEXT,
  is.FUNCTION,
  is.instanceOf('an Error', Error),
);

/** The options of `createChaosRunner`. */
export const CHAOS_OPTIONS: is.RecordShape = is.optionsOf<ChaosOptions>(
  {},
  {
    name: is.TEXT,
    // These are looked at where they come into force, since they can be changed.
    maxDelayMs: is.ANY,
    delaySteps: is.ANY,
    plan: is.ANY,
    error: is.ANY,
    runStatus: is.anObject('a run status'),
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
    this.#runStatus = status;
  }

  /** No delay, no error, no faults. */
  clear(): void {
    this.setDelay(0);
    this.setPlan(NO_FAULTS);
    this.setError(undefined);
  }

  /** The error that every call fails with, if one is set. */
  setErrorFor(operation: ChaosOperation): Error | undefined {
    const error = this.#error;
    if (error === undefined) return undefined;
    const fault = makeInjectedFault(operation, 'error', this.#runStatus);
    if (typeof error === 'function') return error(fault);
    return new InjectedFaultError(fault, typeof error === 'string' ? new Error(error) : error);
  }

  /** The error of a fault point. */
  faultErrorFor(operation: ChaosOperation, kind: InjectedFault['kind']): Error {
    const fault = makeInjectedFault(operation, kind, this.#runStatus);
    return this.#faultError?.(fault) ?? new InjectedFaultError(fault);
  }
}

function checkError(error: ChaosError | undefined): ChaosError | undefined {
  if (error !== undefined) check('error', error, ERROR);
  return error;
}
