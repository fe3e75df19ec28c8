/**
 * The logs of a remote run, written here. Invariant: every log that was created is closed, also one that is there only
 * when the run is over.
 */
import type { ActionOutcome } from '../model/action.ts';
import type { Digest } from '../model/digest.ts';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import type { Output, OutputCreator } from '../model/output.ts';
import type { RunID } from '../model/run-status.ts';
import { LOST_OUTPUT } from './lost-output.ts';
import { singlePart } from './single-part.ts';

/** The logs could not be created: a failure of this machine and not of the server. */
export class LogsNotCreatedError extends RunnerError {
  constructor(cause: unknown) {
    super('RUNNER_OUTPUT_FAILED', `the logs of the run could not be created here: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** What the logs of a run need from it. */
export interface LogsOfRun {
  readonly runId: RunID;
  readonly outputs: OutputCreator;
  /** Reads a blob from the server. */
  readonly read: (digest: Digest) => AsyncIterable<Uint8Array>;
  /** Throws if the run is being stopped. */
  readonly checkWanted: () => void;
  readonly recorded: (what: string, error: string) => void;
}

/** The logs of one run. */
export class FetchedLogs {
  readonly #run: LogsOfRun;
  #logs: readonly [stdout: Output, stderr: Output] | undefined;
  /** Those that have been created, also if the other one could not be. */
  readonly #toClose: Output[] = [];
  #areFetched = false;
  #isOver = false;

  constructor(run: LogsOfRun) {
    this.#run = run;
  }

  /** Where they are; empty unless they were fetched. */
  get refs(): { readonly stdoutRef: string; readonly stderrRef: string } {
    const [stdout, stderr] = this.#areFetched ? (this.#logs ?? []) : [];
    return { stdoutRef: stdout?.uri ?? '', stderrRef: stderr?.uri ?? '' };
  }

  /** Rejects with {@link LogsNotCreatedError}. */
  async open(): Promise<readonly [stdout: Output, stderr: Output]> {
    if (this.#logs !== undefined) return this.#logs;
    const { outputs, runId } = this.#run;
    try {
      const stdout = this.#opened(await outputs.create(`${runId}-stdout`));
      const stderr = this.#opened(await outputs.create(`${runId}-stderr`));
      return (this.#logs = [stdout, stderr]);
    } catch (error) {
      throw new LogsNotCreatedError(error);
    }
  }

  #opened(log: Output): Output {
    if (this.#isOver) void this.#close(log);
    else this.#toClose.push(log);
    return log;
  }

  /**
   * Writes what the server has. A log that it has lost, or that cannot be written here, is lost and recorded; the run's
   * result does not change.
   */
  async fetch({ stdoutDigest, stderrDigest, stdoutRaw, stderrRaw }: ActionOutcome): Promise<void> {
    const [stdout, stderr] = await this.open();
    this.#areFetched = true;
    for (const [name, log, digest, raw] of [
      ['stdout', stdout, stdoutDigest, stdoutRaw],
      ['stderr', stderr, stderrDigest, stderrRaw],
    ] as const) {
      let done = 'fetched';
      try {
        for await (const part of raw === undefined ? this.#partsOf(digest) : singlePart(raw)) {
          done = 'written';
          await log.write(part);
          done = 'fetched';
        }
      } catch (error) {
        this.#run.checkWanted();
        this.#run.recorded(LOST_OUTPUT, `${name} could not be ${done} in full: ${messageOf(error)}`);
      }
    }
  }

  async *#partsOf(digest: Digest | undefined): AsyncGenerator<Uint8Array> {
    if (digest !== undefined && digest.sizeBytes > 0) yield* this.#run.read(digest);
  }

  /** Closes them; one that is created later is closed at once. */
  async end(): Promise<void> {
    this.#isOver = true;
    for (const log of this.#toClose) await this.#close(log);
  }

  async #close(log: Output): Promise<void> {
    try {
      await log.close();
    } catch (error) {
      this.#run.recorded('output', messageOf(error));
    }
  }
}
