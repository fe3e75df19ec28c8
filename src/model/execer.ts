/** The lower contract: start one process, wait for it, stop it. Simulated, trivial, recorded and OS execers keep it alike. */
import type { Chunk } from './output.ts';
import type { Command, LogTags } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import type { MaybePromise } from './maybe-promise.ts';

/** State of a process; done means not RUNNING (R119). */
export type ProcessState = 'UNKNOWN' | 'RUNNING' | 'COMPLETE' | 'FAILED';

/** How a process stands or ended. */
export interface ProcessStatus {
  readonly state: ProcessState;
  /** The command's exit code; −1 for a death by signal (COMPLETE) or an abort (FAILED) (R124, R126). */
  readonly exitCode: ExitCode;
  /** Text for people; empty when there is nothing to say. */
  readonly error: string;
  /** The signal that ended it, such as `SIGKILL`, if one did (R124). */
  readonly signal?: string;
  /** Faults that did not change the outcome: a sink that failed, output that was cut (R123). */
  readonly faults?: readonly string[];
}

/** Where a process's output goes. What it throws or rejects with is a fault of the sink and never stops the process (R123). */
export interface Sink {
  write(chunk: Chunk): MaybePromise<void>;
}

/** The memory cap was passed; the process has been killed already when this is handed over (R133). */
export interface MemoryReport {
  /** `initial`: over the cap at the first check, FAILED 241; `exceeded`: passed later, COMPLETE 1 (R132). */
  readonly kind: 'initial' | 'exceeded';
  readonly status: ProcessStatus;
}

/** What an execer gets (R98). */
export interface ExecCommand extends LogTags {
  readonly argv: readonly string[];
  readonly envVars?: Readonly<Record<string, string>>;
  /** Working directory. */
  readonly dir: string;
  /** Absent sinks discard. */
  readonly stdout?: Sink;
  readonly stderr?: Sink;
  /** The run this process belongs to; names decisions and resources. */
  readonly runId?: string;
  /** Name of the runner that it belongs to: runs of two runners may have the same id. */
  readonly runner?: string;
  /** Called once if the memory cap is passed; needs no receiver (R133). */
  readonly onMemoryReport?: (report: MemoryReport) => void;
}

/** A started process. `wait` and `abort` may be called often, in any order; all give the same final status (R120). */
export interface Process {
  /** Its end, once all output has been delivered. Never rejects: an end that is not known is FAILED with a text. */
  wait(): MaybePromise<ProcessStatus>;
  /** Stops it and its descendants, and gives the final status; the natural one if it had ended before. Never rejects. */
  abort(): MaybePromise<ProcessStatus>;
  /**
   * True once its end is decided, also while `wait` does not say so yet: output is still delivered, or this program was held up and has not
   * heard of the end. A deadline is too late then (R103). Without it only what `wait` has given counts.
   */
  hasEnded?(): boolean;
}

/** Starts processes. */
export interface Execer {
  /** Within this many milliseconds an `abort` is over (R199); shown to the oracles and used to bound waits. */
  readonly cancelBoundMs: number;
  /** Refuses a command that can never start, when it is offered (R66, R121): throws `RUNNER_INVALID_ARGUMENT`. */
  check?(command: Command): void;
  /** Starts a process. Throws or rejects if it cannot be started; then nothing runs (R98, R136). */
  exec(command: ExecCommand): MaybePromise<Process>;
}
