/**
 * The log files of the actions of one worker of a build cluster. Invariants: their folder is made usable again if an
 * action has changed its mode; why no file can be created is reported to the owner of the cluster, and clients get an
 * error that may be over later, without a path of this machine.
 */
import { chmodSync, lstatSync } from 'node:fs';
import { isRunnerError, RunnerError } from '../../kernel/errors.ts';
import { isOutOfFiles, isOutOfRoom } from '../../model/content-store.ts';
import { isSystemError, meaningOf } from '../../model/system-error.ts';
import type { LocalOutput } from '../outputs/local-output-file.ts';
import type { LocalOutputs, OutputRetention } from '../outputs/local-output.ts';

/** Log files in a folder. */
export class WorkLogs implements LocalOutputs {
  readonly #files: LocalOutputs;
  readonly #onTrouble: (text: string) => void;

  constructor(files: LocalOutputs, onTrouble: (text: string) => void) {
    this.#files = files;
    this.#onTrouble = onTrouble;
  }

  get dir(): string {
    return this.#files.dir;
  }

  /**
   * @throws RunnerError (rejects) `RUNNER_DISK_FAILED` if no file can be made, `RUNNER_OUTPUT_FAILED` if there is no
   * room, or too many files are open.
   */
  async create(id: string): Promise<LocalOutput> {
    try {
      return await this.#createIn(id);
    } catch (error) {
      const cause = isRunnerError(error, 'RUNNER_OUTPUT_FAILED') ? error.cause : error;
      if (!isSystemError(cause)) throw error;
      const why = meaningOf(cause);
      if (isOutOfRoom(cause) || isOutOfFiles(cause)) {
        throw new RunnerError('RUNNER_OUTPUT_FAILED', why, { cause: error });
      }
      this.#onTrouble(`no log of an action can be created in ${this.dir}: ${why}`);
      const message = `the cluster has no folder for logs: ${why}`;
      throw new RunnerError('RUNNER_DISK_FAILED', message, { cause: error });
    }
  }

  async #createIn(id: string): Promise<LocalOutput> {
    try {
      return await this.#files.create(id);
    } catch (error) {
      if (!isRefused(error) || !isFolder(this.dir)) throw error;
      // Actions run as the user of the server, and so may change the mode.
      chmodSync(this.dir, 0o700);
      return this.#files.create(id);
    }
  }

  find(key: string): LocalOutput | undefined {
    return this.#files.find(key);
  }

  drop(uri: string): Promise<boolean> {
    return this.#files.drop(uri);
  }

  prune(retention: OutputRetention): Promise<number> {
    return this.#files.prune(retention);
  }

  dispose(): Promise<void> {
    return this.#files.dispose();
  }
}

/** A folder itself, and no link to one. */
function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isRefused(error: unknown): boolean {
  return (
    isRunnerError(error, 'RUNNER_OUTPUT_FAILED') &&
    (error.cause as { code?: unknown } | undefined)?.code === 'EACCES'
  );
}
