/** Packages that keep results: nothing stale is given, what is asked for at once is made once, and there is an end to what is kept. */
import { outcome, passes, pauses, promised, upTo, type ForeignScenario } from './promised.ts';
import { rarely } from '../zoo/odds.ts';
import type { Simulation } from 'dryrunner';

interface Store {
  set(key: string, value: number, ttlMs: number): unknown;
  get(key: string): number | undefined | Promise<number | undefined>;
}

/** Sets and gets three keys at drawn times: what is given was set last, and is younger than its time to live. */
async function driveStore(
  sim: Simulation,
  store: Store,
  ttls: readonly number[],
  times: readonly number[],
): Promise<void> {
  const kept = new Map<string, { value: number; until: number }>();
  for (const value of upTo(14)) {
    await pauses(sim, 'gap', times);
    const key = sim.pick('key', ['a', 'b', 'c']);
    if (sim.pick('set', [true, false])) {
      const ttlMs = sim.pick('ttl', ttls);
      await store.set(key, value, ttlMs);
      kept.set(key, { value, until: performance.now() + ttlMs });
      continue;
    }
    const got = await store.get(key);
    const known = kept.get(key);
    const now = performance.now();
    if (got !== undefined) {
      sim.check(got === known?.value, `${key} is ${known?.value}, and it gave ${got}`);
      sim.check(
        now <= (known?.until ?? 0) + 1,
        `${key} lived until ${known?.until} ms, and was given at ${now} ms`,
      );
    } else if (known !== undefined) {
      sim.check(now >= known.until - 1, `${key} lives until ${known.until} ms, and was gone at ${now} ms`);
    }
  }
}

interface LruCache {
  readonly LRUCache: new (options: {
    max: number;
    ttl?: number;
    ttlAutopurge?: boolean;
    dispose?: (value: number, key: string, reason: string) => void;
    fetchMethod?: (key: string) => Promise<number>;
    allowStale?: boolean;
  }) => {
    set(key: string, value: number, options?: { ttl?: number }): unknown;
    get(key: string): number | undefined;
    fetch(key: string, options?: { forceRefresh?: boolean }): Promise<number | undefined>;
    clear(): void;
    readonly size: number;
  };
}

export const lruCacheTtl: ForeignScenario = promised<LruCache>({
  package: 'lru-cache',
  name: 'lru-cache-ttl',
  says: 'ttl is the max time in milliseconds for items to live before they are considered stale; a stale item is not returned',
  leftovers: 'fail',
  async run(sim, { LRUCache }) {
    const cache = new LRUCache({ max: 3, ttl: 100, ttlAutopurge: rarely(sim, 'autopurge', 2) });
    const store: Store = {
      set: (key, value, ttl) => cache.set(key, value, { ttl }),
      get: (key) => cache.get(key),
    };
    await driveStore(sim, store, [50, 100, 200], [0, 10, 49, 50, 51, 100, 101]);
    cache.clear();
    await passes(300);
  },
});

export const lruCacheDispose: ForeignScenario = promised<LruCache>({
  package: 'lru-cache',
  name: 'lru-cache-dispose',
  says: 'dispose is called once for each item that leaves the cache; never more than max items',
  async run(sim, { LRUCache }) {
    const inside = new Map<number, string>();
    const cache = new LRUCache({
      max: 2,
      ttl: 50,
      ttlAutopurge: true,
      dispose(value, key) {
        sim.check(inside.get(value) === key, `${key} was disposed of twice`);
        inside.delete(value);
      },
    });
    for (const value of upTo(12)) {
      await pauses(sim, 'gap', [0, 10, 49, 50, 51]);
      const key = sim.pick('key', ['a', 'b', 'c']);
      inside.set(value, key);
      cache.set(key, value);
      sim.check(cache.size <= 2, `max 2: ${cache.size} items`);
      sim.check(
        inside.size === cache.size,
        `${cache.size} items are kept, ${inside.size} were not disposed of`,
      );
    }
    await passes(200);
    sim.check(
      cache.size === 0 && inside.size === 0,
      `all have expired: ${cache.size} kept, ${inside.size} not disposed of`,
    );
  },
});

export const lruCacheFetch: ForeignScenario = promised<LruCache>({
  package: 'lru-cache',
  name: 'lru-cache-fetch',
  says: 'concurrent fetches of one key share one call of fetchMethod; a stale value is fetched again',
  leftovers: 'fail',
  async run(sim, { LRUCache }) {
    const running = new Map<string, number>();
    const cache = new LRUCache({
      max: 3,
      ttl: 50,
      async fetchMethod(key) {
        running.set(key, (running.get(key) ?? 0) + 1);
        sim.check(running.get(key) === 1, `${key} is fetched ${running.get(key)} times at once`);
        await pauses(sim, 'work', [0, 10, 40, 60]);
        running.set(key, 0);
        if (rarely(sim, 'fails', 5)) throw new Error('not fetched');
        return performance.now();
      },
    });
    const fetches: Promise<unknown>[] = [];
    for (let count = 0; count < 8; count += 1) {
      await pauses(sim, 'gap', [0, 10, 49, 51]);
      const asked = performance.now();
      const key = sim.pick('key', ['a', 'b']);
      const fetched = cache.fetch(key).then((value) => {
        sim.check(
          value === undefined || asked - value <= 52,
          `${key} of ${value} ms was given at ${asked} ms, with a ttl of 50 ms`,
        );
      });
      fetches.push(outcome(fetched));
    }
    await Promise.all(fetches);
  },
});

interface NodeCacheInstance {
  set(key: string, value: number, ttl: number): boolean;
  get(key: string): number | undefined;
  keys(): string[];
  close(): void;
  on(event: 'expired', listener: (key: string, value: number) => void): void;
}
interface NodeCachePackage {
  readonly default: new (options: {
    stdTTL?: number;
    checkperiod?: number;
    maxKeys?: number;
  }) => NodeCacheInstance;
}

export const nodeCacheTtl: ForeignScenario = promised<NodeCachePackage>({
  package: 'node-cache',
  name: 'node-cache-ttl',
  says: 'keys expire after their ttl and are deleted from the cache; close stops the check timer',
  leftovers: 'fail',
  async run(sim, { default: NodeCache }) {
    const cache = new NodeCache({ checkperiod: 1 });
    const store: Store = {
      set: (key, value, ms) => cache.set(key, value, ms / 1000),
      get: (key) => cache.get(key),
    };
    await driveStore(sim, store, [500, 1000, 2000], [0, 100, 499, 500, 501, 1000, 1001]);
    cache.close();
  },
});

export const nodeCacheExpired: ForeignScenario = promised<NodeCachePackage>({
  package: 'node-cache',
  name: 'node-cache-expired',
  says: 'expired is fired once when a key expires, and not for one that was set anew in time',
  leftovers: 'fail',
  async run(sim, { default: NodeCache }) {
    const cache = new NodeCache({ checkperiod: 1 });
    const until = new Map<number, number>();
    let expired = 0;
    cache.on('expired', (key, value) => {
      expired += 1;
      const due = until.get(value);
      sim.check(due !== undefined, `${key} expired twice`);
      sim.check(
        performance.now() >= (due ?? 0),
        `${key} lives until ${due} ms, and expired at ${performance.now()} ms`,
      );
      until.delete(value);
    });
    let last = new Map<string, number>();
    for (const value of upTo(8)) {
      await pauses(sim, 'gap', [0, 500, 999, 1000, 1001]);
      const key = sim.pick('key', ['a', 'b']);
      const ttl = sim.pick('ttl', [1, 2]);
      const before = last.get(key);
      if (before !== undefined && (until.get(before) ?? 0) >= performance.now()) until.delete(before);
      until.set(value, performance.now() + ttl * 1000);
      last = last.set(key, value);
      cache.set(key, value, ttl);
    }
    await passes(5_000);
    sim.check(cache.keys().length === 0, `all have expired, and ${cache.keys().length} are kept`);
    sim.check(expired > 0, 'expected at least one to expire');
    cache.close();
  },
});

interface KeyvPackage {
  readonly default: new (options?: { ttl?: number }) => {
    set(key: string, value: number, ttlMs: number): Promise<boolean>;
    get(key: string): Promise<number | undefined>;
  };
}

export const keyvTtl: ForeignScenario = promised<KeyvPackage>({
  package: 'keyv',
  name: 'keyv-ttl',
  says: 'TTL based expiry: a key is given until its ttl in milliseconds has passed, and not after',
  leftovers: 'fail',
  async run(sim, { default: Keyv }) {
    await driveStore(sim, new Keyv(), [50, 100, 200], [0, 10, 49, 50, 51, 100, 101]);
  },
});

interface QuickLruPackage {
  readonly default: new (options: {
    maxSize: number;
    maxAge?: number;
    onEviction?: (key: string, value: number) => void;
  }) => {
    set(key: string, value: number, options?: { maxAge: number }): unknown;
    get(key: string): number | undefined;
    has(key: string): boolean;
    expiresIn(key: string): number | undefined;
    readonly size: number;
    keys(): Iterable<string>;
  };
}

export const quickLruAge: ForeignScenario = promised<QuickLruPackage>({
  package: 'quick-lru',
  name: 'quick-lru-age',
  says: 'maxAge is the maximum number of milliseconds an item should remain in the cache, per item as well',
  leftovers: 'fail',
  async run(sim, { default: QuickLRU }) {
    const cache = new QuickLRU({ maxSize: 3 });
    const store: Store = {
      set: (key, value, maxAge) => cache.set(key, value, { maxAge }),
      get: (key) => cache.get(key),
    };
    await driveStore(sim, store, [50, 100, 200], [0, 10, 49, 50, 51, 100, 101]);
  },
});

function evictionScenario(name: string, says: string, isStrict: boolean): ForeignScenario {
  return promised<QuickLruPackage>({
    package: 'quick-lru',
    name,
    says,
    ...(isStrict
      ? { judged: { judgement: 'bug', of: /^\w was evicted with \d+, and had been set to \d+ since$/ } }
      : {}),
    leftovers: 'fail',
    async run(sim, { default: QuickLRU }) {
      const evicted: number[] = [];
      const last = new Map<string, number>();
      const keyOf = new Map<number, string>();
      const cache = new QuickLRU({
        maxSize: 2,
        maxAge: 50,
        onEviction(key, value) {
          sim.check(keyOf.get(value) === key, `${key} was evicted with ${value}, which it never had`);
          sim.check(
            !isStrict || last.get(key) === value,
            `${key} was evicted with ${value}, and had been set to ${last.get(key)} since`,
          );
          evicted.push(value);
        },
      });
      for (const value of upTo(12)) {
        await pauses(sim, 'gap', [0, 10, 49, 51]);
        const key = sim.pick('key', ['a', 'b', 'c', 'd']);
        if (sim.pick('set', [true, true, false])) {
          last.set(key, value);
          keyOf.set(value, key);
          cache.set(key, value);
          sim.check(cache.has(key) && cache.get(key) === value, `${key} was just set, and it is gone`);
        } else cache.get(key);
        sim.check(cache.size <= 2, `maxSize 2: size says ${cache.size}`);
        const twice = evicted.find((each, index) => evicted.indexOf(each) !== index);
        sim.check(twice === undefined, `item ${twice} was evicted twice`);
      }
      await passes(51);
      for (const [key, value] of last) {
        sim.check(cache.get(key) === undefined, `${key} has expired, and it is there`);
        sim.check(evicted.includes(value), `${key} is gone, and was not evicted`);
      }
    },
  });
}

export const quickLruEviction: ForeignScenario = evictionScenario(
  'quick-lru-eviction',
  'onEviction is called once for each item that is evicted by pressure or expiry, with a value it had; size is that of maxSize at most',
  false,
);

export const quickLruEvictsItems: ForeignScenario = evictionScenario(
  'quick-lru-evicts-items',
  'onEviction is called right before an item is evicted, so with the value that it has',
  true,
);

interface Memoizee {
  readonly default: (
    load: (key: string) => Promise<number>,
    options: { promise: boolean; maxAge?: number; preFetch?: boolean | number; max?: number },
  ) => (key: string) => Promise<number>;
}

export const memoizeeAge: ForeignScenario = promised<Memoizee>({
  package: 'memoizee',
  name: 'memoizee-age',
  says: 'a result is cleared maxAge after it was made; a rejected promise is not kept; concurrent calls share one result',
  async run(sim, { default: memoize }) {
    const running = new Map<string, number>();
    const memoized = memoize(
      async (key) => {
        running.set(key, (running.get(key) ?? 0) + 1);
        sim.check(running.get(key) === 1, `${key} is made ${running.get(key)} times at once`);
        const began = performance.now();
        await pauses(sim, 'work', [0, 10, 40]);
        running.set(key, 0);
        if (rarely(sim, 'fails', 5)) throw new Error('not made');
        return began;
      },
      { promise: true, maxAge: 100 },
    );
    const calls: Promise<unknown>[] = [];
    for (let count = 0; count < 8; count += 1) {
      await pauses(sim, 'gap', [0, 10, 99, 100, 101]);
      const asked = performance.now();
      const key = sim.pick('key', ['a', 'b']);
      const call = memoized(key).then((began) => {
        sim.check(
          asked - began <= 141,
          `${key} made at ${began} ms was given at ${asked} ms, with a maxAge of 100 ms`,
        );
      });
      calls.push(outcome(call));
    }
    await Promise.all(calls);
    await passes(300);
  },
});

export const memoizeePrefetch: ForeignScenario = promised<Memoizee>({
  package: 'memoizee',
  name: 'memoizee-prefetch',
  says: 'preFetch makes a value anew in the background when it is accessed close to its expiry; a failure of that harms nobody',
  async run(sim, { default: memoize }) {
    let made = 0;
    let last = { isGood: false, at: 0 };
    const memoized = memoize(
      async () => {
        made += 1;
        const began = performance.now();
        last = { isGood: false, at: began };
        await pauses(sim, 'work', [0, 10, 40]);
        if (made > 1 && rarely(sim, 'fails', 4)) throw new Error('not made');
        last = { isGood: true, at: performance.now() };
        return began;
      },
      { promise: true, maxAge: 100, preFetch: true },
    );
    for (let count = 0; count < 8; count += 1) {
      await pauses(sim, 'gap', [0, 10, 70, 99, 100, 101]);
      const asked = performance.now();
      const before = made;
      const age = asked - last.at;
      const call = memoized('key').then((began) => {
        sim.check(
          asked - began <= 141,
          `made at ${began} ms, and given at ${asked} ms, with a maxAge of 100 ms`,
        );
      });
      const end = await outcome(call);
      sim.check(made - before <= 2, `one call, and it was made ${made - before} times`);
      if (!last.isGood || age > 98) continue;
      sim.check(end === 'resolved', `it was ${age} ms old, and a call failed: ${String(end)}`);
      await passes(1);
      sim.check(age < 69 || made > before, `it was ${age} ms old of 100, and was not made anew`);
    }
    await passes(300);
  },
});

interface PMemoize {
  readonly default: (
    load: (key: string) => Promise<number>,
    options?: { cache?: Map<string, number> | false },
  ) => (key: string) => Promise<number>;
}

export const pMemoizeShared: ForeignScenario = promised<PMemoize>({
  package: 'p-memoize',
  name: 'p-memoize-shared',
  says: 'promises are cached until resolving, so concurrent calls share one; then the value is; a rejection is not cached',
  leftovers: 'fail',
  async run(sim, { default: pMemoize }) {
    const cache = rarely(sim, 'cache', 2) ? false : new Map<string, number>();
    const running = new Map<string, number>();
    const made = new Map<string, number>();
    const failedAt = new Map<string, number>();
    const memoized = pMemoize(
      async (key) => {
        running.set(key, (running.get(key) ?? 0) + 1);
        sim.check(running.get(key) === 1, `${key} is made ${running.get(key)} times at once`);
        await pauses(sim, 'work', [0, 10, 40]);
        running.set(key, 0);
        if (rarely(sim, 'fails', 4)) {
          failedAt.set(key, performance.now());
          throw new Error('not made');
        }
        made.set(key, (made.get(key) ?? 0) + 1);
        return performance.now();
      },
      { cache },
    );
    const calls: Promise<unknown>[] = [];
    for (let count = 0; count < 8; count += 1) {
      await pauses(sim, 'gap', [0, 10, 40]);
      const key = sim.pick('key', ['a', 'b']);
      const asked = performance.now();
      const ended = (end: 'resolved' | Error): void => {
        const failed = failedAt.get(key) ?? -1;
        sim.check(
          end === 'resolved' || failed >= asked,
          `${key} failed at ${failed} ms, and a call of ${asked} ms was rejected with that`,
        );
      };
      calls.push(outcome(memoized(key)).then(ended));
    }
    await Promise.all(calls);
    if (cache !== false) {
      for (const [key, times] of made) sim.check(times === 1, `${key} was cached, and made ${times} times`);
    }
  },
});

interface DataLoaderPackage {
  readonly default: new (
    batch: (keys: readonly string[]) => Promise<readonly (string | Error)[]>,
    options?: { maxBatchSize?: number; cache?: boolean },
  ) => { load(key: string): Promise<string>; clear(key: string): unknown };
}

export const dataloaderBatches: ForeignScenario = promised<DataLoaderPackage>({
  package: 'dataloader',
  name: 'dataloader-batches',
  says: 'loads of one tick become one batch of up to maxBatchSize; a key is loaded once and cached; each load gets the value of its key',
  leftovers: 'fail',
  async run(sim, { default: DataLoader }) {
    const maxBatchSize = sim.pick('size', [1, 2, 10]);
    const batches: string[][] = [];
    /** The keys that are loaded for the first time, by the time of that. */
    const firsts = new Map<number, number>();
    const known = new Set<string>();
    const loader = new DataLoader(
      async (keys) => {
        batches.push([...keys]);
        await pauses(sim, 'work', [0, 10, 40]);
        return keys.map((key) => (key === 'bad' ? new Error('bad') : `value of ${key}`));
      },
      { maxBatchSize },
    );
    const loads: Promise<unknown>[] = [];
    for (let count = 0; count < 10; count += 1) {
      await pauses(sim, 'gap', [0, 0, 10]);
      const key = sim.pick('key', ['a', 'b', 'c', 'bad']);
      const now = performance.now();
      if (!known.has(key)) firsts.set(now, (firsts.get(now) ?? 0) + 1);
      known.add(key);
      const loaded = loader
        .load(key)
        .then((value) => sim.check(value === `value of ${key}`, `${key} got ${value}`));
      loads.push(
        outcome(loaded).then((end) =>
          sim.check((end === 'resolved') === (key !== 'bad'), `${key}: ${String(end)}`),
        ),
      );
    }
    await Promise.all(loads);
    const keys = batches.flat();
    sim.check(new Set(keys).size === keys.length, `a key was loaded twice: ${keys.join()}`);
    sim.check(
      Math.max(...batches.map(({ length }) => length)) <= maxBatchSize,
      `a batch is larger than ${maxBatchSize}`,
    );
    const expected = [...firsts.values()].reduce((sum, count) => sum + Math.ceil(count / maxBatchSize), 0);
    sim.check(
      batches.length === expected,
      `loads of ${firsts.size} ticks, up to ${maxBatchSize} a batch: expected ${expected} batches, got ${batches.length}`,
    );
  },
});
