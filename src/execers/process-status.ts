/**
 * The statuses with which a process can end, one constructor each, so that every execer uses the same shape and the
 * same texts. Statuses are frozen and may be shared.
 */
import * as is from '../kernel/shape.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { MemoryReport, ProcessState, ProcessStatus } from '../model/execer.ts';
import { killedText } from '../model/end-text.ts';
import type { ExitCode } from '../model/exit-code.ts';
import { EXIT_CODES } from '../model/exit-code.ts';

/** True for every state but RUNNING (R119). */
export function isProcessDone(state: ProcessState): boolean {
  return state !== 'RUNNING';
}

/** Exit codes of processes are 32-bit integers. */
export function isExitCode(value: unknown): value is ExitCode {
  return Number.isInteger(value) && value === ((value as number) | 0);
}

/** The shape of an exit code. */
export const EXIT_CODE: is.PredicateShape = is.satisfying('a 32-bit integer', isExitCode);

const BYTE_CODES = 256;
const completed: ProcessStatus[] = [];
for (let exitCode = 0; exitCode < BYTE_CODES; exitCode++) completed.push(complete(exitCode, ''));

function complete(exitCode: ExitCode, error: string): ProcessStatus {
  return Object.freeze({ state: 'COMPLETE', exitCode, error });
}

/** The command ran and gave this exit code (R124). */
export function completeProcess(exitCode: ExitCode, error = ''): ProcessStatus {
  return (error === '' ? completed[exitCode] : undefined) ?? complete(exitCode, error);
}

/** The machinery failed, or it is unknown how the process ended (R124). */
export function failedProcess(exitCode: ExitCode, error: string): ProcessStatus {
  return Object.freeze({ state: 'FAILED', exitCode, error });
}

/**
 * Killed by a signal that the execer did not send: COMPLETE −1 with the signal's name, also in the text (R124, D64).
 */
export function signalledProcess(signal: string): ProcessStatus {
  return Object.freeze({ state: 'COMPLETE', exitCode: -1, error: killedText(signal), signal });
}

const ABORTED_BY_TERM = aborted('SIGTERM');
const ABORTED_BY_KILL = aborted('SIGKILL');

function aborted(signal: string): ProcessStatus {
  return Object.freeze({ state: 'FAILED', exitCode: -1, error: `Aborted (${signal})`, signal });
}

/** Stopped on request; `signal` is the last one that it received (R126, R141). */
export function abortedProcess(signal: string): ProcessStatus {
  if (signal === 'SIGTERM') return ABORTED_BY_TERM;
  return signal === 'SIGKILL' ? ABORTED_BY_KILL : aborted(signal);
}

/**
 * The report that a process has reached its memory cap (R132).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the usage is below the cap.
 */
export function memoryReport(kind: MemoryReport['kind'], usageBytes: number, capBytes: number): MemoryReport {
  if (!(usageBytes >= capBytes)) throw invalidArgument('usageBytes', `at least ${capBytes}`, usageBytes);
  const figures = `${usageBytes} of ${capBytes} bytes`;
  const status =
    kind === 'initial'
      ? failedProcess(
          EXIT_CODES.HIGH_INITIAL_MEMORY,
          `Critical error detected. Initial memory utilization is over the cap: ${figures}`,
        )
      : completeProcess(1, `Cmd exceeded MemoryCap, aborting process: ${figures}`);
  return Object.freeze({ kind, status });
}

/** The status with the faults that did not change the outcome added (R123). */
export function withFaults(status: ProcessStatus, faults: readonly string[]): ProcessStatus {
  return faults.length === 0 ? status : Object.freeze({ ...status, faults: Object.freeze([...faults]) });
}
