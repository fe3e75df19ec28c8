/**
 * Results of actions in a temporary folder. Invariant: no result is given that others may have put there: unlike a blob,
 * a result cannot be checked, and once a temporary folder is removed, any user of the machine can make one of its name.
 */
import type { ActionOutcome } from '../../model/action.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import type { ActionCache } from '../../model/content-store.ts';
import type { Digest } from '../../model/digest.ts';
import type { TempFolder } from '../temp-folder.ts';
import { requirePrivateFolder } from './private-folder.ts';

/** A cache that lies in a temporary folder. */
export class PrivateActionCache implements ActionCache {
  readonly cancelBoundMs: number;
  readonly #cache: ActionCache;
  readonly #folder: TempFolder;

  constructor(cache: ActionCache, folder: TempFolder) {
    this.cancelBoundMs = cache.cancelBoundMs;
    this.#cache = cache;
    this.#folder = folder;
  }

  async get(instanceName: string, action: Digest, cancel?: Cancellable): Promise<ActionOutcome | undefined> {
    if (!this.#folder.isPrivate()) return undefined;
    const { generation } = this.#folder;
    const outcome = await this.#cache.get(instanceName, action, cancel);
    // Asked after it was read: the folder may have been replaced before, and made again since.
    return this.#folder.isPrivate() && this.#folder.generation === generation ? outcome : undefined;
  }

  /** Rejects with `RUNNER_DISK_FAILED` if the folder is not one of this user alone, and cannot be made so. */
  async put(
    instanceName: string,
    action: Digest,
    outcome: ActionOutcome,
    cancel?: Cancellable,
  ): Promise<void> {
    requirePrivateFolder(this.#folder, 'results');
    await this.#cache.put(instanceName, action, outcome, cancel);
  }
}
