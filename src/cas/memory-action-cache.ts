/** Results in memory. Invariant: what goes in and out is copied, and what was not asked for longest goes first. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { ActionOutcome } from '../model/action.ts';
import type { ActionCache } from '../model/content-store.ts';
import { DIGEST, type Digest, digestKey } from '../model/digest.ts';

/** Options of {@link createMemoryActionCache}. */
export interface MemoryActionCacheOptions {
  /** How many results it keeps; what was not asked for longest goes first. Default Infinity. */
  readonly maxEntries?: number;
}

const CACHE_OPTIONS = is.optionsOf<MemoryActionCacheOptions>({}, { maxEntries: is.limit() });

/** An action cache in memory. */
export interface MemoryActionCache extends ActionCache {
  /** How many results it keeps. */
  readonly size: number;
  get(instanceName: string, action: Digest): ActionOutcome | undefined;
  put(instanceName: string, action: Digest, outcome: ActionOutcome): void;
  /** Forgets a result. False if there is none. */
  remove(instanceName: string, action: Digest): boolean;
}

class MemoryResults implements MemoryActionCache {
  readonly cancelBoundMs = 0;
  readonly #maxEntries: number;
  /** The one that was asked for last at the end. */
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
    return structuredClone(outcome);
  }

  put(instanceName: string, action: Digest, outcome: ActionOutcome): void {
    const key = keyOf(instanceName, action);
    this.#entries.delete(key);
    this.#entries.set(key, structuredClone(outcome));
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
  check('action', action, DIGEST);
  return `${instanceName}/${digestKey(action)}`;
}

/**
 * Makes an action cache in memory, which answers at once and keeps what it is given.
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
