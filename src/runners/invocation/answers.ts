/**
 * Checks what collaborators answer, where the answer enters an invocation. Invariant: an answer that passes has all that
 * an invocation and a store rely on, so a wrong one is the failure of its phase, in words, and no error in an event that
 * comes later, which would leave the run without an end.
 */
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import * as is from '../../kernel/shape.ts';
import type { Action, ActionCommand, ActionOutcome } from '../../model/action.ts';
import type { MemoryReport, Process, ProcessState, ProcessStatus } from '../../model/execer.ts';
import type { Checkout } from '../../model/filer.ts';
import type { Output } from '../../model/output.ts';

type FieldsOf<T> = { readonly [field in keyof T]?: unknown };

const NO_FIELDS = Object.freeze({});

/** Written out field by field, because the shapes of arguments would cost too much for each run. */
function fieldsOf<T>(answer: unknown): FieldsOf<T> {
  return answer ?? NO_FIELDS;
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isFilled(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

const CHECKOUT_CALLS: Readonly<Record<'checkout' | 'tempdir', string>> = Object.freeze({
  checkout: 'checkout() of the filer',
  tempdir: 'create() of the temporary directories',
});

/** Without a path the command would run in the directory of its runner. */
export function checkCheckout(from: 'checkout' | 'tempdir', answer: unknown): asserts answer is Checkout {
  const { path, release } = fieldsOf<Checkout>(answer);
  if (isFilled(path) && isFunction(release)) return;
  throw invalidArgument(CHECKOUT_CALLS[from], 'an object with path and release()', answer);
}

export function checkOutput(answer: unknown): asserts answer is Output {
  const { uri, write, close } = fieldsOf<Output>(answer);
  if (typeof uri === 'string' && isFunction(write) && isFunction(close)) return;
  throw invalidArgument('create() of the outputs', 'an object with uri, write() and close()', answer);
}

export function checkProcess(answer: unknown): asserts answer is Process {
  const { wait, abort } = fieldsOf<Process>(answer);
  if (isFunction(wait) && isFunction(abort)) return;
  throw invalidArgument('exec() of the execer', 'an object with wait() and abort()', answer);
}

export function checkProcessStatus(answer: unknown): asserts answer is ProcessStatus {
  const from = 'wait() of the process';
  const { state, exitCode, error, faults } = fieldsOf<ProcessStatus>(answer);
  if (!isProcessState(state)) throw invalidArgument(from, 'an object with state', answer);
  if (!Number.isSafeInteger(exitCode)) check(`exitCode of ${from}`, exitCode, is.WHOLE);
  if (typeof error !== 'string') throw invalidArgument(`error of ${from}`, 'a string', error);
  if (faults === undefined) return;
  if (Array.isArray(faults) && faults.every((fault) => typeof fault === 'string')) return;
  throw invalidArgument(`faults of ${from}`, 'a list of strings', faults);
}

const PROCESS_STATES: Readonly<Record<ProcessState, true>> = {
  UNKNOWN: true,
  RUNNING: true,
  COMPLETE: true,
  FAILED: true,
};

function isProcessState(value: unknown): value is ProcessState {
  return typeof value === 'string' && Object.hasOwn(PROCESS_STATES, value);
}

export function checkMemoryReport(report: unknown): asserts report is MemoryReport {
  const { state, exitCode, error } = fieldsOf<ProcessStatus>(fieldsOf<MemoryReport>(report).status);
  if (isProcessState(state) && Number.isSafeInteger(exitCode) && typeof error === 'string') return;
  throw invalidArgument('report', 'an object with the status of the process', report);
}

export function checkSizes(answer: unknown): asserts answer is ReadonlyMap<string, number> {
  const from = 'sizesKb() of the directory monitor';
  const { get, [Symbol.iterator]: entries } = fieldsOf<ReadonlyMap<string, number>>(answer);
  if (!isFunction(get) || !isFunction(entries)) throw invalidArgument(from, 'a Map', answer);
  for (const [suffix, kb] of answer as ReadonlyMap<unknown, unknown>) {
    if (typeof suffix !== 'string') throw invalidArgument(`suffix of ${from}`, 'a string', suffix);
    if (!Number.isFinite(kb)) throw invalidArgument(`${suffix} of ${from}`, 'a finite number', kb);
  }
}

export function checkUrl(answer: unknown): asserts answer is string {
  if (!isFilled(answer)) throw invalidArgument('upload() of the uploader', 'a URL', answer);
}

export function checkSnapshotId(answer: unknown): asserts answer is string {
  if (!isFilled(answer)) throw invalidArgument('ingestMap() of the filer', 'a snapshot id', answer);
}

export function checkOutcome(answer: unknown): asserts answer is ActionOutcome {
  if (Number.isInteger(fieldsOf<ActionOutcome>(answer).exitCode)) return;
  throw invalidArgument('cachedOutcome() of the actions', 'an object with exitCode', answer);
}

export function checkAction(answer: unknown): asserts answer is Action {
  const from = 'action() of the actions';
  const { commandDigest, inputRootDigest, timeoutMs } = fieldsOf<Action>(answer);
  if (commandDigest === undefined || inputRootDigest === undefined) {
    throw invalidArgument(from, 'an object with commandDigest and inputRootDigest', answer);
  }
  if (timeoutMs === undefined || (Number.isFinite(timeoutMs) && (timeoutMs as number) >= 0)) return;
  throw invalidArgument(`timeoutMs of ${from}`, 'a finite number ≥ 0', timeoutMs);
}

export function checkActionCommand(answer: unknown): asserts answer is ActionCommand {
  if (Array.isArray(fieldsOf<ActionCommand>(answer).arguments)) return;
  throw invalidArgument('command() of the actions', 'an object with a list of arguments', answer);
}
