/** The exit codes of `dryrunner exec`: the command's own, else what `timeout`, `env` and the shell give. */
import { constants } from 'node:os';
import { killingSignal, notStartedReason } from '../model/end-text.ts';
import type { ProcessStatus } from '../model/execer.ts';
import type { RunStatus } from '../model/run-status.ts';

/** The command was stopped at its deadline. */
const TIMED_OUT = 124;
/** This command failed itself, wrong options included. */
export const EXEC_FAILED = 125;
/** The program was found and could not be started. */
const NOT_EXECUTABLE = 126;
/** There is no such program. */
export const NOT_FOUND = 127;
/** To this the number of the signal is added that ended the command. */
const SIGNALLED = 128;

/** What is known of the command's process beside its run. */
export interface ProcessEnd {
  /** What kept it from starting. */
  readonly startError: unknown;
  /** How it ended, if it has started and ended. */
  readonly end: ProcessStatus | undefined;
  /** It was killed because it passed its memory cap. */
  readonly passedMemoryCap: boolean;
}

/** The exit code for a run that has ended. */
export function execStatus({ state, exitCode }: RunStatus, process: ProcessEnd): number {
  if (state !== 'TIMEDOUT' && process.passedMemoryCap) return signalCode('SIGKILL');
  switch (state) {
    case 'TIMEDOUT':
      return TIMED_OUT;
    case 'COMPLETE':
      return process.end?.signal === undefined ? exitCode : signalCode(process.end.signal);
    case 'FAILED':
      return process.startError === undefined ? EXEC_FAILED : startCode(process.startError);
    case 'ABORTED':
    case 'UNKNOWN':
    case 'PENDING':
    case 'RUNNING':
      return EXEC_FAILED;
  }
}

/** As Node says why a program did not start. */
const SPAWN_FAILED = /^spawn (?:[^]* )?(E[A-Z0-9]+)$/;
const BYTE = 255;

/** The exit code for a run that has ended on a cluster, where nothing is known of its process but what the status says. */
export function remoteExecStatus({ state, exitCode, error }: RunStatus): number {
  switch (state) {
    case 'TIMEDOUT':
      return TIMED_OUT;
    case 'COMPLETE': {
      // This package's cluster says it in words; others have the shell's code for it.
      const signal = killingSignal(error);
      if (exitCode < 0 && signal !== undefined) return signalCode(signal);
      // What no process can end with must not look like success.
      return exitCode < 0 || exitCode > BYTE ? BYTE : exitCode;
    }
    case 'FAILED': {
      const [, code] = SPAWN_FAILED.exec(notStartedReason(error) ?? '') ?? [];
      if (code === undefined) return EXEC_FAILED;
      return code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE;
    }
    case 'ABORTED':
    case 'UNKNOWN':
    case 'PENDING':
    case 'RUNNING':
      return EXEC_FAILED;
  }
}

function signalCode(name: string): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return SIGNALLED + (numbers[name] ?? 0);
}

/** The directory was looked at before, so what is missing is the program. */
function startCode(error: unknown): number {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE;
}
