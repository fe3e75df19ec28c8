/**
 * Results of actions in a folder. Invariant: a result is returned as it was put, or not at all: one that is damaged, or
 * was written by an unknown version, is a miss.
 */
import * as is from '../../kernel/shape.ts';
import { createHash } from 'node:crypto';
import { utimesSync, writeFileSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { outcomeMessage, outcomeOf } from '../../cas/action-messages.ts';
import { MESSAGES } from '../../cas/codec.ts';
import { check } from '../../kernel/argument-check.ts';
import type { ActionOutcome } from '../../model/action.ts';
import type { ActionCache } from '../../model/content-store.ts';
import { checkDigest, digestKey, type Digest } from '../../model/digest.ts';
import { ownName } from '../own-name.ts';
import { readIfRegular, replaceWith } from '../regular-file.ts';
import { asStoreError, namesIn, removeQuietly, statsAt, StoreFolders, sweepFolder } from './store-folder.ts';

/** Options of {@link createDiskActionCache}. */
export interface DiskActionCacheOptions {
  /** The folder; made if it is missing. */
  readonly dir: string;
  /** How many results it keeps; the least recently used go first. Default 1,000,000. */
  readonly maxEntries?: number;
  /**
   * Gets a sentence, the same one once an hour, if the folder was removed and cannot be made again. Its calls fail with
   * the same.
   */
  readonly onTrouble?: (text: string) => void;
}

const OPTIONS = is.optionsOf<DiskActionCacheOptions>(
  { dir: is.text('a path', /^[^\0]+$/) },
  { maxEntries: is.integer(1), onTrouble: is.FUNCTION },
);

const SUM_BYTES = 32;
const EVICT_TO = 0.9;
/** The name of a result with that of its folder. */
const RESULT = /^[0-9a-f]{64}$/;

class DiskResults implements ActionCache {
  readonly cancelBoundMs = 1_000;
  readonly #root: string;
  readonly #folders: StoreFolders;
  readonly #maxEntries: number;
  /** Approximate number of results, because other processes may add and remove some. Unknown until the first put. */
  #entries: number | undefined;
  #counting: Promise<void> | undefined;

  constructor({ dir, maxEntries = 1_000_000, onTrouble }: DiskActionCacheOptions) {
    this.#root = resolve(dir);
    this.#maxEntries = maxEntries;
    this.#folders = new StoreFolders(this.#root, ['incoming', 'results'], onTrouble);
    sweepFolder(join(this.#root, 'incoming'));
  }

  get(instanceName: string, action: Digest): ActionOutcome | undefined {
    const path = this.#pathOf(instanceName, action);
    const bytes = readIfRegular(path);
    if (bytes === undefined) return undefined;
    const body = bytes.subarray(SUM_BYTES);
    try {
      if (sum(body).equals(bytes.subarray(0, SUM_BYTES))) {
        const outcome = outcomeOf(MESSAGES.ActionResult.decode(body));
        touch(path);
        return outcome;
      }
    } catch {
      // Not a result of this version.
    }
    // If it stays, it is a miss again.
    removeQuietly(path);
    return undefined;
  }

  async put(instanceName: string, action: Digest, outcome: ActionOutcome): Promise<void> {
    const path = this.#pathOf(instanceName, action);
    const body = Buffer.from(MESSAGES.ActionResult.encode(outcomeMessage(outcome)));
    const bytes = Buffer.concat([sum(body), body]);
    try {
      this.#write(path, bytes);
    } catch (error) {
      if (!this.#folders.areMadeAgain(error)) throw this.#folders.failure(asStoreError(error, body.length));
      this.#entries = undefined;
      this.#write(path, bytes);
    }
    if (this.#entries === undefined || this.#entries > this.#maxEntries) {
      await (this.#counting ??= this.#evict(path).finally(() => {
        this.#counting = undefined;
      }));
    }
  }

  #write(path: string, bytes: Uint8Array): void {
    const incoming = join(this.#root, 'incoming', ownName());
    try {
      writeFileSync(incoming, bytes, { flag: 'wx' });
      this.#folders.make(join(path, '..'));
      if (this.#entries !== undefined && statsAt(path) === undefined) this.#entries += 1;
      replaceWith(incoming, path);
    } catch (error) {
      removeQuietly(incoming);
      throw error;
    }
  }

  /**
   * Counts the results, and removes the least recently used if there are too many; `latest` stays, whatever the times
   * of the files say: those of one moment are equal.
   */
  async #evict(latest: string): Promise<void> {
    sweepFolder(join(this.#root, 'incoming'));
    const results = join(this.#root, 'results');
    const paths: string[] = [];
    for (const folder of namesIn(results)) {
      for (const name of namesIn(join(results, folder))) {
        // Nothing else may go: the folder may be, or lead to, one of the user's.
        if (RESULT.test(`${folder}${name}`)) paths.push(join(results, folder, name));
      }
    }
    this.#entries = paths.length;
    if (paths.length <= this.#maxEntries) return;
    const all: { path: string; usedMs: number }[] = [];
    for (const path of paths) {
      const stats = path === latest ? undefined : await stat(path).catch(() => undefined);
      if (stats !== undefined) all.push({ path, usedMs: stats.mtimeMs });
    }
    all.sort((a, b) => a.usedMs - b.usedMs);
    const kept = Math.max(1, Math.floor(this.#maxEntries * EVICT_TO));
    for (const { path } of all.slice(0, Math.max(0, all.length + 1 - kept))) {
      await rm(path, { force: true, recursive: true });
      this.#entries -= 1;
    }
  }

  #pathOf(instanceName: string, action: Digest): string {
    check('instanceName', instanceName, is.TEXT);
    checkDigest('action', action);
    const name = createHash('sha256')
      .update(`${digestKey(action)} ${instanceName}`)
      .digest('hex');
    return join(this.#root, 'results', name.slice(0, 2), name.slice(2));
  }
}

function sum(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Marks a result as just used. */
function touch(path: string): void {
  const now = Date.now() / 1_000;
  try {
    utimesSync(path, now, now);
  } catch {
    // It belongs to another user, or the disk is read-only: the result is still valid, only evicted sooner.
  }
}

/**
 * Makes an action cache in a folder. Processes may share it, and be killed at any time.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options; the system's error if the folder cannot be made.
 * @example
 * ```ts
 * import { mkdtemp, rm } from 'node:fs/promises';
 * import { createDiskActionCache } from 'dryrunner/host';
 * import { digestOf } from 'dryrunner/remote';
 * const dir = await mkdtemp('/tmp/results-');
 * const cache = createDiskActionCache({ dir });
 * console.log(await cache.get('', digestOf('an action'))); // undefined
 * await rm(dir, { recursive: true });
 * ```
 */
export function createDiskActionCache(options: DiskActionCacheOptions): ActionCache {
  check('options', options, OPTIONS);
  return new DiskResults(options);
}
