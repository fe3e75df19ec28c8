/** What is known so far of one run that is being recorded. Times are relative to its acceptance, to the microsecond. */
import type { Command } from '../model/command.ts';
import type { RecordedRun, RecordedStatus } from '../model/recorded-run.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { ProcessRecording } from '../trace/recording-execer.ts';

/** Digests of what a process wrote. */
export type OutputDigests = Pick<RecordedRun, 'stdoutSha256' | 'stderrSha256'>;

/** One run of a recording. */
export class RunRecord {
  /** As the service calls it; the recording numbers its runs instead. */
  readonly runId: RunID;
  readonly #command: Command;
  readonly #acceptedAtMs: number;
  readonly #statuses: RecordedStatus[] = [];
  #abortedAtMs: number | undefined;
  digests: OutputDigests = {};

  constructor(command: Command, { runId }: RunStatus, acceptedAtMs: number) {
    this.runId = runId;
    this.#command = command;
    this.#acceptedAtMs = acceptedAtMs;
  }

  /** True once a terminal status was seen. */
  get hasEnded(): boolean {
    const last = this.#statuses.at(-1);
    return last !== undefined && isTerminal(last.state);
  }

  /** Adds a status that was seen at `nowMs`; one that says nothing new is left out. */
  see({ state, exitCode, error }: RunStatus, nowMs: number): void {
    if (this.hasEnded || this.#statuses.at(-1)?.state === state) return;
    this.#statuses.push({ atMs: relative(nowMs, this.#acceptedAtMs), state, exitCode, error });
  }

  /** Notes the first request to stop the run, unless it had ended. */
  abort(nowMs: number): void {
    if (!this.hasEnded) this.#abortedAtMs ??= relative(nowMs, this.#acceptedAtMs);
  }

  /** The run as it goes into a recording that began at `beganAtMs`. */
  toRecordedRun(index: number, beganAtMs: number, process: ProcessRecording | undefined): RecordedRun {
    const abortedAtMs = this.#effectiveAbort();
    return {
      runId: String(index),
      command: this.#command,
      acceptedAtMs: relative(this.#acceptedAtMs, beganAtMs),
      statuses: [...this.#statuses],
      output: process?.output ?? [],
      ...(abortedAtMs === undefined ? {} : { abortedAtMs }),
      ...(process === undefined ? this.digests : digestsOf(process)),
    };
  }

  /** A request that came no earlier than another end than ABORTED has stopped nothing, and would race with that end when played. */
  #effectiveAbort(): number | undefined {
    const abortedAtMs = this.#abortedAtMs;
    const last = this.#statuses.at(-1);
    const isTooLate =
      abortedAtMs !== undefined &&
      last !== undefined &&
      isTerminal(last.state) &&
      last.state !== 'ABORTED' &&
      last.atMs <= abortedAtMs;
    return isTooLate ? undefined : abortedAtMs;
  }
}

/** Digests stand for output that can be played again, which cut output cannot. */
function digestsOf({ isCut, stdoutSha256, stderrSha256 }: ProcessRecording): OutputDigests {
  return isCut ? {} : { stdoutSha256, stderrSha256 };
}

function relative(ms: number, beginMs: number): number {
  return Math.max(0, Math.round((ms - beginMs) * 1000)) / 1000;
}
