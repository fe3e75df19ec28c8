/**
 * An action cache in memory. Invariant: results are copied on the way in and out, and the least recently used one is
 * evicted first.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { type ActionOutcome, copyOfOutcome } from '../model/action.ts';
import type { ActionCache } from '../model/content-store.ts';
import { checkDigest, type Digest, digestKey } from '../model/digest.ts';

/** Options of {@link createMemoryActionCache}. */
export interface MemoryActionCacheOptions {
  /** Maximum number of results; the least recently used one is evicted first. Default Infinity. */
  readonly maxEntries?: number;
}

const CACHE_OPTIONS = is.optionsOf<MemoryActionCacheOptions>({}, { maxEntries: is.limit() });

/** An action cache in memory. */
export interface MemoryActionCache extends ActionCache {
  /** Number of results stored. */
  readonly size: number;
  get(instanceName: string, action: Digest): ActionOutcome | undefined;
  put(instanceName: string, action: Digest, outcome: ActionOutcome): void;
  /** Removes a result. False if there is none. */
  remove(instanceName: string, action: Digest): boolean;
}

class MemoryResults implements MemoryActionCache {
  readonly cancelBoundMs = 0;
  readonly #maxEntries: number;
  /** In order of use, the most recent last. */
  readonly #entries = new Map<string, ActionOutcome>();

  constructor({ maxEntries = Infinity }: MemoryActionCacheOptions) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(instanceName: string, action: Digest): ActionOutcome | undefined {
    const key = keyOf(instanceName, action);
    const outcome = this.#entries.get(key);
    if (outcome === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, outcome);
    return copyOfOutcome(outcome);
  }

  put(instanceName: string, action: Digest, outcome: ActionOutcome): void {
    const key = keyOf(instanceName, action);
    this.#entries.delete(key);
    this.#entries.set(key, copyOfOutcome(outcome));
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries) return;
      this.#entries.delete(oldest);
    }
  }

  remove(instanceName: string, action: Digest): boolean {
    return this.#entries.delete(keyOf(instanceName, action));
  }
}

function keyOf(instanceName: string, action: Digest): string {
  check('instanceName', instanceName, is.TEXT);
  checkDigest('action', action);
  return `${instanceName}/${digestKey(action)}`;
}

/**
 * Creates an action cache in memory, which answers synchronously.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a `maxEntries` below 0.
 * @example
 * ```ts
 * import { createMemoryActionCache, digestOf } from 'dryrunner/remote';
 * const cache = createMemoryActionCache();
 * const action = digestOf('an action');
 * const metadata = { worker: 'w1' };
 * cache.put('', action, { exitCode: 0, outputFiles: [], outputDirectories: [], outputSymlinks: [], metadata });
 * console.log(cache.get('', action)?.exitCode, cache.get('other', action)); // 0 undefined
 * ```
 */
export function createMemoryActionCache(options: MemoryActionCacheOptions = {}): MemoryActionCache {
  check('options', options, CACHE_OPTIONS);
  return new MemoryResults(options);
}
