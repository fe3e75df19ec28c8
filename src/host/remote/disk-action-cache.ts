/**
 * Results of actions in a folder. Invariant: a result comes back as it was put, or not at all: one that was damaged, or written by a version
 * that nobody knows, is a miss.
 */
import * as is from '../../kernel/shape.ts';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { outcomeMessage, outcomeOf } from '../../cas/action-messages.ts';
import { MESSAGES } from '../../cas/codec.ts';
import { check } from '../../kernel/argument-check.ts';
import type { ActionOutcome } from '../../model/action.ts';
import type { ActionCache } from '../../model/content-store.ts';
import { DIGEST, digestKey, type Digest } from '../../model/digest.ts';
import { makeFolderSync } from '../make-folder.ts';

/** Options of {@link createDiskActionCache}. */
export interface DiskActionCacheOptions {
  /** The folder; made if it is not there. */
  readonly dir: string;
  /** How many results it keeps; what was not asked for longest goes first. Default 1,000,000. */
  readonly maxEntries?: number;
}

const OPTIONS = is.optionsOf<DiskActionCacheOptions>(
  { dir: is.text('a path', /^[^\0]+$/) },
  { maxEntries: is.integer(1) },
);

const SUM_BYTES = 32;
/** How often the entries are counted. */
const COUNT_EVERY = 1_000;
const EVICT_TO = 0.9;

class DiskResults implements ActionCache {
  readonly cancelBoundMs = 1_000;
  readonly #root: string;
  readonly #maxEntries: number;
  /** Since the entries were counted last. */
  #puts = 0;

  constructor({ dir, maxEntries = 1_000_000 }: DiskActionCacheOptions) {
    this.#root = resolve(dir);
    this.#maxEntries = maxEntries;
    makeFolderSync(join(this.#root, 'incoming'));
    makeFolderSync(join(this.#root, 'results'));
  }

  get(instanceName: string, action: Digest): ActionOutcome | undefined {
    const path = this.#pathOf(instanceName, action);
    const bytes = readOrNothing(path);
    if (bytes === undefined) return undefined;
    const body = bytes.subarray(SUM_BYTES);
    try {
      if (sum(body).equals(bytes.subarray(0, SUM_BYTES))) {
        const outcome = outcomeOf(MESSAGES.ActionResult.decode(body));
        const now = Date.now() / 1_000;
        utimesSync(path, now, now);
        return outcome;
      }
    } catch {
      // No result of this version.
    }
    rmSync(path, { force: true });
    return undefined;
  }

  async put(instanceName: string, action: Digest, outcome: ActionOutcome): Promise<void> {
    const path = this.#pathOf(instanceName, action);
    const body = Buffer.from(MESSAGES.ActionResult.encode(outcomeMessage(outcome)));
    const incoming = join(this.#root, 'incoming', randomBytes(12).toString('hex'));
    try {
      writeFileSync(incoming, Buffer.concat([sum(body), body]), { flag: 'wx' });
      makeFolderSync(join(path, '..'));
      renameSync(incoming, path);
    } catch (error) {
      rmSync(incoming, { force: true });
      throw error;
    }
    this.#puts += 1;
    if (this.#puts % Math.min(COUNT_EVERY, this.#maxEntries) === 0) await this.#evict();
  }

  async #evict(): Promise<void> {
    const results = join(this.#root, 'results');
    const all: { path: string; usedMs: number }[] = [];
    for (const folder of await readdir(results)) {
      for (const name of await readdir(join(results, folder))) {
        const path = join(results, folder, name);
        const stats = statSync(path, { throwIfNoEntry: false });
        if (stats !== undefined) all.push({ path, usedMs: stats.mtimeMs });
      }
    }
    if (all.length <= this.#maxEntries) return;
    all.sort((a, b) => a.usedMs - b.usedMs);
    const kept = Math.floor(this.#maxEntries * EVICT_TO);
    for (const { path } of all.slice(0, all.length - kept)) rmSync(path, { force: true });
  }

  #pathOf(instanceName: string, action: Digest): string {
    check('instanceName', instanceName, is.TEXT);
    check('action', action, DIGEST);
    const name = createHash('sha256')
      .update(`${digestKey(action)} ${instanceName}`)
      .digest('hex');
    return join(this.#root, 'results', name.slice(0, 2), name.slice(2));
  }
}

function sum(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function readOrNothing(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Makes an action cache in a folder. Processes may share it, and be killed at any time.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for options that make no sense; the system's error if the folder cannot be made.
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
