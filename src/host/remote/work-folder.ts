/**
 * The folder in which the workers of a build cluster carry actions out. Invariants: no action is carried out where
 * another user may write; if the folder was removed, or others may write to it, it is made again; what
 * cannot be repaired is reported to the owner of the cluster, and clients get an error that may be over later, without a
 * path of this machine.
 */
import { RunnerError } from '../../kernel/errors.ts';
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
      return await this.#make(name);
    } catch (error) {
      if (isOutOfRoom(error) || isOutOfFiles(error)) throw error;
    }
    // The folder may have been removed after it was checked.
    try {
      return await this.#make(name);
    } catch (error) {
      if (isOutOfRoom(error) || isOutOfFiles(error)) throw error;
      const cause = error instanceof FilerError ? error.cause : error;
      // Without the path that it was to have, which is another one for each action: the same trouble is said once.
      const why = meaningOf(cause);
      this.#onTrouble(`no folder can be made for actions in ${this.#folder.path}: ${why}`);
      const message = `the cluster has no folder for the action: ${why}`;
      throw new RunnerError('RUNNER_DISK_FAILED', message, { cause: error });
    }
  }

  async #make(name: string): Promise<DirCheckout> {
    this.#folder.restore();
    const made = await this.#dirs.create(name);
    // Only then is it known to be in the folder of this user, and not in one that came into its place meanwhile.
    if (this.#folder.isPrivate()) return made;
    throw new RunnerError('RUNNER_DISK_FAILED', 'it was removed, or others may write to it');
  }
}
