/**
 * The folder in which the workers of a build cluster carry actions out. Invariants: if it was removed, or nobody may use
 * it any more, it is made again or made usable; what cannot be repaired is reported to the owner of the cluster, and
 * clients get an error that may be over later, without a path of this machine.
 */
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import { FilerError } from '../../filers/filer-error.ts';
import { isOutOfFiles, isOutOfRoom } from '../../model/content-store.ts';
import { meaningOf } from '../../model/system-error.ts';
import type { DirCheckout } from '../filers/dir-checkout.ts';
import { createTempDirs, type DiskTempDirs } from '../filers/temp-dirs.ts';
import type { TempFolder } from '../temp-folder.ts';

/** Makes the folders of actions in one of the cluster. */
export class WorkFolder implements DiskTempDirs {
  readonly boundMs: number;
  readonly #folder: TempFolder;
  readonly #dirs: DiskTempDirs;
  readonly #onTrouble: (text: string) => void;

  constructor(folder: TempFolder, onTrouble: (text: string) => void) {
    this.#folder = folder;
    this.#dirs = createTempDirs({ root: folder.path });
    this.boundMs = this.#dirs.boundMs;
    this.#onTrouble = onTrouble;
  }

  /**
   * @throws RunnerError (rejects) `RUNNER_DISK_FAILED` if there is no such folder and none can be made,
   * `RUNNER_FILER_FAILED` if there is no room, or too many files are open.
   */
  async create(name: string): Promise<DirCheckout> {
    try {
      return await this.#dirs.create(name);
    } catch (error) {
      if (isOutOfRoom(error) || isOutOfFiles(error)) throw error;
    }
    try {
      this.#folder.restore();
      return await this.#dirs.create(name);
    } catch (error) {
      if (isOutOfRoom(error) || isOutOfFiles(error)) throw error;
      const cause = error instanceof FilerError ? error.cause : error;
      this.#onTrouble(`no folder can be made for actions in ${this.#folder.path}: ${messageOf(cause)}`);
      const message = `the cluster has no folder for the action: ${meaningOf(cause)}`;
      throw new RunnerError('RUNNER_DISK_FAILED', message, { cause: error });
    }
  }
}
