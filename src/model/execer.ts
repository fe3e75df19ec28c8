/**
 * The lower contract: start one process, wait for it, stop it. Simulated, trivial, recorded and OS execers all keep it.
 */
import type { Chunk } from './output.ts';
import type { Command, LogTags } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import type { MaybePromise } from './maybe-promise.ts';

/** State of a process; any state but RUNNING is final (R119). */
export type ProcessState = 'UNKNOWN' | 'RUNNING' | 'COMPLETE' | 'FAILED';

/** The state of a process, and how it ended. */
export interface ProcessStatus {
  readonly state: ProcessState;
  /** The command's exit code; −1 for a death by signal (COMPLETE) or an abort (FAILED) (R124, R126). */
  readonly exitCode: ExitCode;
  /** Explanation for people; empty if there is none. */
  readonly error: string;
  /** The signal that ended the process, such as `SIGKILL`, if one did (R124). */
  readonly signal?: string;
  /** Faults that did not affect the outcome: a failed sink, output that was cut (R123). */
  readonly faults?: readonly string[];
}

/**
 * Receives the output of a process. If it throws or rejects, that is a fault of the sink and never stops the process
 * (R123).
 */
export interface Sink {
  write(chunk: Chunk): MaybePromise<void>;
}

/** Reports that a process exceeded its memory cap; the process has already been killed (R133). */
export interface MemoryReport {
  /** `initial`: over the cap at the first check, FAILED 241; `exceeded`: passed later, COMPLETE 1 (R132). */
  readonly kind: 'initial' | 'exceeded';
  readonly status: ProcessStatus;
}

/** Everything an execer needs to start a process (R98). */
export interface ExecCommand extends LogTags {
  readonly argv: readonly string[];
  readonly envVars?: Readonly<Record<string, string>>;
  /** Working directory. */
  readonly dir: string;
  /** If absent, the output is discarded. */
  readonly stdout?: Sink;
  readonly stderr?: Sink;
  /** The run that the process belongs to; part of the names of decisions and resources. */
  readonly runId?: string;
  /** Name of the runner that owns the run: runs of two runners may have the same id. */
  readonly runner?: string;
  /** Called once if the memory cap is exceeded; does not use `this` (R133). */
  readonly onMemoryReport?: (report: MemoryReport) => void;
}

/**
 * A started process. `wait` and `abort` may be called repeatedly and in any order; all calls give the same final status
 * (R120).
 */
export interface Process {
  /**
   * Resolves with the final status once all output has been delivered. Never rejects: if the end is unknown, the state
   * is FAILED with a text.
   */
  wait(): MaybePromise<ProcessStatus>;
  /**
   * Stops the process and its descendants, and gives the final status: the natural one if it had already ended. Never
   * rejects.
   */
  abort(): MaybePromise<ProcessStatus>;
  /**
   * True once the end of the process is decided, even if `wait` does not report it yet, because output is still being
   * delivered or this program was held up and has not noticed the end. A deadline is too late then (R103). If absent,
   * only the result of `wait` counts.
   */
  hasEnded?(): boolean;
}

/** Starts processes. */
export interface Execer {
  /** An `abort` finishes within this many milliseconds (R199); oracles check it, and waits are bounded by it. */
  readonly cancelBoundMs: number;
  /** Throws `RUNNER_INVALID_ARGUMENT` for a command that can never start, when it is offered (R66, R121). */
  check?(command: Command): void;
  /** Starts a process. Throws or rejects if it cannot be started; then nothing runs (R98, R136). */
  exec(command: ExecCommand): MaybePromise<Process>;
}
