/**
 * The life of one run as a pure function (R88). Completions at the same instant arrive as separate events in an order
 * that the clock decides; every order has exactly one legal outcome here (R104). Invariants: an abort in time takes
 * precedence over everything else (R105, R108), a deadline or memory report only over no stop at all (R103), and
 * clean-up follows every path.
 */
import type { ProcessStatus } from '../../model/execer.ts';
import { failedText } from '../../model/end-text.ts';
import { EXIT_CODES, type ExitCode } from '../../model/exit-code.ts';
import {
  type Outcome,
  type StopCause,
  NEW_INVOCATION,
  type InvocationEffect,
  type InvocationEvent,
  type InvocationState,
  type InvocationStep,
} from './invocation-state.ts';
import type { InvocationPhase } from '../../model/trace-event.ts';

const ABORTED: Outcome = Object.freeze({ state: 'ABORTED', exitCode: 0, error: '', uploads: false });
const TIMEDOUT: Outcome = Object.freeze({ state: 'TIMEDOUT', exitCode: 0, error: '', uploads: true });
/** The outcome of a run that succeeded. */
const COMPLETE_0: Outcome = Object.freeze({
  state: 'COMPLETE',
  exitCode: 0,
  error: '',
  uploads: true,
});

/** The outcome of a run that was stopped by a request or its deadline. */
function stoppedOutcome(cause: 'abort' | 'deadline'): Outcome {
  return cause === 'abort' ? ABORTED : TIMEDOUT;
}

/** The outcome of a run in which a phase failed for another reason than the command. */
function failedOutcome(exitCode: ExitCode, error: string): Outcome {
  return { state: 'FAILED', exitCode, error, uploads: false };
}

/** The outcome of a run whose process ended, depending on why it was being stopped. */
function endedOutcome(status: ProcessStatus, stop: StopCause): Outcome {
  if (stop === 'abort' || stop === 'deadline') return stoppedOutcome(stop);
  if (stop === 'memory') return memoryOutcome(status);
  switch (status.state) {
    case 'COMPLETE':
      if (status.exitCode === 0 && status.error === '') return COMPLETE_0;
      return { state: 'COMPLETE', exitCode: status.exitCode, error: status.error, uploads: true };
    case 'FAILED':
      return failedOutcome(status.exitCode || EXIT_CODES.POST_EXEC, failedText(status.error));
    case 'UNKNOWN':
    case 'RUNNING':
      return failedOutcome(EXIT_CODES.POST_EXEC, `unexpected exec state ${status.state}: ${status.error}`);
  }
}

/**
 * Exceeding the cap at the start is the machine's fault (FAILED 241), exceeding it later the command's (COMPLETE 1);
 * both upload.
 */
function memoryOutcome(status: ProcessStatus): Outcome {
  const state = status.state === 'FAILED' ? 'FAILED' : 'COMPLETE';
  return { state, exitCode: status.exitCode, error: status.error, uploads: true };
}

const NONE: readonly InvocationEffect[] = [];
const ENTER: readonly InvocationEffect[] = ['enter'];
const BOUND: readonly InvocationEffect[] = ['bound'];
const CANCEL: readonly InvocationEffect[] = ['cancel', 'bound'];
const KILL: readonly InvocationEffect[] = ['kill', 'bound'];
const RUN: readonly InvocationEffect[] = ['running', 'enter'];
const RUN_STOPPED: readonly InvocationEffect[] = ['enter', 'kill', 'bound'];
const ABANDON: readonly InvocationEffect[] = ['abandon', 'enter'];

/**
 * Steps at the end of each phase in the undisturbed life of a run that completes with 0. Nearly all runs take these, so
 * the steps are computed once, here, by the same rules as all others; states that are not in the map are reduced as
 * usual.
 */
const PLAIN_STEPS = new Map<InvocationState, InvocationStep>();
/** State of a run whose process is running and which nothing has disturbed. */
export const UNDISTURBED_WAIT: InvocationState = keepPlainSteps(NEW_INVOCATION);
const PLAIN_END: InvocationStep = go({ ...UNDISTURBED_WAIT, outcome: COMPLETE_0 }, 'measure');
keepPlainSteps(PLAIN_END.state);

/** Fills the map; returns the first state in which the end of the phase alone leads no further. */
function keepPlainSteps(first: InvocationState): InvocationState {
  let state = first;
  for (let step = afterDone(state); step.state !== state; step = afterDone(state)) {
    PLAIN_STEPS.set(state, step);
    state = step.state;
  }
  return state;
}

/** Returns the next state and the effects to perform. Pure: the same arguments give the same step. */
export function reduceInvocation(state: InvocationState, event: InvocationEvent): InvocationStep {
  switch (event.type) {
    case 'done':
      if (event.phase !== state.phase) return { state, effects: NONE };
      return PLAIN_STEPS.get(state) ?? afterDone(state);
    case 'failed':
      return event.phase === state.phase
        ? afterFailure(state, event.exitCode, event.error)
        : { state, effects: NONE };
    case 'cached':
      return state.phase === 'lookup' ? afterHit(state, event.exitCode) : { state, effects: NONE };
    case 'ended':
      return state.phase === 'wait' ? afterEnd(state, event.status) : { state, effects: NONE };
    case 'abort':
      return onAbort(state, event.isKept);
    case 'deadline':
      if (event.hasEnded || !isBeforeEnd(state.phase)) return onLateDeadline(state);
      if (state.stop === 'none') return onStop(state, 'deadline');
      if (state.stop !== 'memory' || state.isLate) return { state, effects: NONE };
      // The end of the process has a bound since its memory report; what follows needs one as well (R102).
      return { state: { ...state, isLate: true }, effects: NONE };
    case 'memory':
      // The execer has killed the process already, so it remains to note the cause and wait (R112, R133).
      if (state.phase !== 'wait' || state.stop !== 'none') return { state, effects: NONE };
      return { state: { ...state, stop: 'memory', hurried: true }, effects: BOUND };
    case 'overdue':
      return event.phase === state.phase ? afterOverdue(state) : { state, effects: NONE };
  }
}

function isBeforeEnd(phase: InvocationPhase): boolean {
  switch (phase) {
    case 'preprocess':
    case 'lookup':
    case 'checkout':
    case 'outputs':
    case 'prepare':
    case 'exec':
    case 'wait':
      return true;
    case 'measure':
    case 'collect':
    case 'keep':
    case 'upload':
    case 'close':
    case 'release':
    case 'postprocess':
    case 'end':
      return false;
  }
}

function onAbort(state: InvocationState, isKept: boolean): InvocationStep {
  if (isBeforeEnd(state.phase)) {
    return state.stop === 'abort' ? { state, effects: NONE } : onStop(state, 'abort');
  }
  if (state.phase === 'end') return { state, effects: NONE };
  // A kept result belongs to a run that succeeded, whatever happens now (R192).
  const inTime = !isKept && isInTime(state.phase);
  if (inTime && state.outcome?.uploads === true && state.stop !== 'abort') {
    const aborted: InvocationState = {
      ...state,
      stop: 'abort',
      hurried: true,
      outcome: stoppedOutcome('abort'),
    };
    return { state: aborted, effects: state.phase === 'measure' ? BOUND : CANCEL };
  }
  // Too late to change the outcome (R109); but the caller of abort must not wait for a collaborator that hangs (R199).
  return state.hurried ? { state, effects: NONE } : { state: { ...state, hurried: true }, effects: BOUND };
}

/** True if an abort in that phase, which comes after the end of the command, still decides (R108, R109). */
function isInTime(phase: InvocationPhase): boolean {
  return phase === 'measure' || phase === 'collect' || phase === 'upload';
}

function onStop(state: InvocationState, cause: 'abort' | 'deadline'): InvocationStep {
  const stopped: InvocationState = { ...state, stop: cause, hurried: true };
  // The first stop cancels and sets the bound; a later cause only changes the outcome of the run.
  if (state.hurried && state.stop !== 'memory') return { state: stopped, effects: NONE };
  return { state: stopped, effects: state.phase === 'wait' ? KILL : CANCEL };
}

/** Too late to change the outcome (R103); but the run must end, whatever hangs (R102). */
function onLateDeadline(state: InvocationState): InvocationStep {
  if (state.isLate || isStopped(state) || state.phase === 'end') return { state, effects: NONE };
  return { state: { ...state, isLate: true }, effects: isCutByDeadline(state.phase) ? BOUND : NONE };
}

/**
 * True if a deadline limits a phase to the bound of its collaborator. What stores the output of the command is not cut
 * short (R101, R115): without it, the outcome would be another (R191).
 */
export function isCutByDeadline(phase: InvocationPhase): boolean {
  return phase !== 'collect' && phase !== 'keep' && phase !== 'upload';
}

function afterDone(state: InvocationState): InvocationStep {
  switch (state.phase) {
    case 'preprocess':
      if (isStopped(state)) return settle(state);
      return go(state, state.path === 'bazel' ? 'lookup' : 'checkout');
    case 'lookup':
      return isStopped(state) ? settle(state) : go(state, 'checkout');
    case 'checkout': {
      const held: InvocationState = { ...state, checkedOut: true };
      return isStopped(state) ? settle(held) : go({ ...held, opened: true }, 'outputs');
    }
    case 'outputs':
      if (isStopped(state)) return settle(state);
      return go(state, state.path === 'bazel' ? 'prepare' : 'exec');
    case 'prepare':
      return isStopped(state) ? settle(state) : go(state, 'exec');
    case 'exec': {
      const waiting: InvocationState = { ...state, phase: 'wait' };
      return { state: waiting, effects: isStopped(state) ? RUN_STOPPED : RUN };
    }
    case 'measure':
      return isCollected(state) ? go(state, 'collect') : cleanUp(state);
    case 'collect':
      return isCollected(state) && state.path === 'bazel' ? go(state, 'keep') : cleanUp(state);
    case 'keep':
      return cleanUp(state);
    case 'upload':
      return go(state, 'close');
    case 'close':
      return state.checkedOut ? go(state, 'release') : go(state, 'postprocess');
    case 'release':
      return go(state, 'postprocess');
    case 'postprocess':
      return go(state, 'end');
    case 'wait':
    case 'end':
      return { state, effects: NONE };
  }
}

/**
 * True if the outputs of the command are collected: only after it ended by itself (R191, R198); a stop in the meantime
 * replaces the outcome.
 */
function isCollected({ path, outcome }: InvocationState): boolean {
  return path !== 'plain' && outcome?.state === 'COMPLETE';
}

/** A result from the cache: the run ends without starting a process (R186). */
function afterHit(state: InvocationState, exitCode: number): InvocationStep {
  if (isStopped(state)) return settle(state);
  return cleanUp({ ...state, outcome: { state: 'COMPLETE', exitCode, error: '', uploads: false } });
}

/** A phase failed. If the run is being stopped, the cause of the stop still decides how it ends (R106). */
function afterFailure(state: InvocationState, exitCode: number, error: string): InvocationStep {
  if (state.phase === 'collect' && isCollected(state)) {
    return cleanUp({ ...state, outcome: failedOutcome(exitCode, error) });
  }
  if (!isBeforeEnd(state.phase)) return afterDone(state);
  if (isStopped(state)) return settle(state);
  return cleanUp({ ...state, outcome: failedOutcome(exitCode, error) });
}

function afterEnd(state: InvocationState, status: ProcessStatus): InvocationStep {
  const outcome = endedOutcome(status, state.stop);
  if (state === UNDISTURBED_WAIT && outcome === COMPLETE_0) return PLAIN_END;
  return go({ ...state, hurried: isStopped(state), outcome }, 'measure');
}

function afterOverdue(state: InvocationState): InvocationStep {
  if (state.phase === 'wait') {
    const status: ProcessStatus = {
      state: 'FAILED',
      exitCode: -1,
      error: 'the process could not be stopped',
    };
    return { state: afterEnd(state, status).state, effects: ABANDON };
  }
  const next = isBeforeEnd(state.phase) ? settle(state) : afterDone(state);
  return { state: next.state, effects: ABANDON };
}

function isStopped(state: InvocationState): boolean {
  return state.stop === 'abort' || state.stop === 'deadline';
}

function settle(state: InvocationState): InvocationStep {
  return cleanUp({ ...state, outcome: stoppedOutcome(state.stop === 'abort' ? 'abort' : 'deadline') });
}

function cleanUp(state: InvocationState): InvocationStep {
  if (state.opened) return go(state, state.outcome?.uploads === true ? 'upload' : 'close');
  return go(state, state.checkedOut ? 'release' : 'postprocess');
}

function go(state: InvocationState, phase: InvocationPhase): InvocationStep {
  const { path, stop, outcome, hurried, isLate, opened, checkedOut } = state;
  // Field by field, because this happens for each phase and a spread takes five times as long.
  return { state: { path, phase, stop, outcome, hurried, isLate, opened, checkedOut }, effects: ENTER };
}
