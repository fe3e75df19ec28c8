/** One run of a recording as one piece: enough for a recorded execer to play its process under any scheduler. */
import type { Command } from './command.ts';
import type { RunState } from './run-state.ts';

/** One chunk of output: when, relative to the start of the process, on which stream, and its text or base64 bytes. */
export interface RecordedChunk {
  readonly atMs: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text?: string;
  readonly base64?: string;
}

/** A status as it was seen, relative to the acceptance of the run. */
export interface RecordedStatus {
  readonly atMs: number;
  readonly state: RunState;
  readonly exitCode: number;
  readonly error: string;
}

/** One run as it really happened. Times are relative. */
export interface RecordedRun {
  readonly runId: string;
  /** The runner that it is of: another one may have a run of the same id. Absent: it is the only one. */
  readonly runner?: string;
  readonly command: Command;
  /** When it was accepted, relative to the start of the recording. */
  readonly acceptedAtMs: number;
  readonly statuses: readonly RecordedStatus[];
  readonly output: readonly RecordedChunk[];
  /** When an abort was asked for, relative to the acceptance; absent if none was. */
  readonly abortedAtMs?: number;
}
