import { describe, expect, test } from 'vitest';
import { createMemoryActionCache } from '../../../src/cas/memory-action-cache.ts';
import {
  actionCacheCases,
  type ActionCacheSubject,
} from '../../../src/conformance/parts/action-cache-cases.ts';
import { memoryDiskCases } from '../../../src/conformance/parts/memory-disk-cases.ts';
import { storeCases, type StoreSubject } from '../../../src/conformance/parts/store-cases.ts';
import { createMemoryDisk } from '../../../src/disks/memory-disk.ts';
import type { ActionOutcome } from '../../../src/model/action.ts';
import type { ActionCache } from '../../../src/model/content-store.ts';
import type { QueryResult } from '../../../src/model/status-reader.ts';
import { createStatusStore } from '../../../src/store/status-store.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { memoryDisk, statusStore } from './part-subjects.ts';
import { casesThatHold, expectAllToFail, spoils } from './spoilt.ts';

describe('stores and disks in memory', () => {
  describeRunner(statusStore, storeCases);
  describeRunner(memoryDisk, memoryDiskCases);
});

test('each case of stores and disks in memory fails for one without one of its methods', async () => {
  await expectAllToFail(
    storeCases,
    spoils(['newRun', 'update', 'query', 'awaitService', 'statusAll']).map((spoil) => ({
      name: 'spoilt',
      create: (given) => spoil(createStatusStore(given)),
    })),
  );
  await expectAllToFail(memoryDiskCases, [
    ...spoils(['mount', 'files', 'powerFail', 'write', 'append', 'sync']).map((spoil) => ({
      name: 'spoilt',
      create(...given: Parameters<typeof createMemoryDisk>) {
        const medium = createMemoryDisk(...given);
        return spoil({
          name: medium.name,
          mount: (...of: Parameters<typeof medium.mount>) => spoil(medium.mount(...of)),
          crash: () => medium.crash(),
          powerFail: () => medium.powerFail(),
          files: () => medium.files(),
        });
      },
    })),
    { name: 'deaf', create: (world) => createMemoryDisk(world) },
  ]);
});

describe('parts that hand out frozen answers', () => {
  const frozen = <T>(value: T): T => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
    Object.values(value).forEach(frozen);
    return Object.freeze(value);
  };
  /** The store whose lists of all runs pass through a function. */
  const listing = (change: (list: QueryResult) => QueryResult): StoreSubject => ({
    ...statusStore,
    create(options) {
      const store = createStatusStore(options);
      const statusAll = store.statusAll.bind(store);
      return Object.assign(store, { statusAll: async () => change(await statusAll()) });
    },
  });
  describeRunner({ ...listing(frozen), name: 'a store with frozen lists' }, storeCases);
  const cacheWith = (change: (outcome: ActionOutcome) => ActionOutcome): ActionCacheSubject => ({
    name: 'an action cache with frozen results',
    async use(body, limits) {
      const cache = createMemoryActionCache(limits);
      const get: ActionCache['get'] = (instance, action) => {
        const found = cache.get(instance, action);
        return found === undefined ? found : change(found);
      };
      await body({
        cancelBoundMs: 0,
        get,
        put: (instance, action, outcome) => cache.put(instance, action, outcome),
      });
    },
  });
  describeRunner(cacheWith(frozen), actionCacheCases);

  test('R39 fail neither case, which finds those whose lists callers can change', async () => {
    let list: QueryResult | undefined;
    const ofStore = storeCases.filter(({ title }) => title.includes('neither a writer nor a reader'));
    expect(await casesThatHold(ofStore, [listing((fresh) => (list ??= fresh))])).toEqual([]);
    let files: ActionOutcome | undefined;
    const ofCache = actionCacheCases.filter(({ title }) => title.includes('can change neither'));
    expect(await casesThatHold(ofCache, [cacheWith((fresh) => (files ??= fresh))])).toEqual([]);
    expect([list?.statuses, files?.outputFiles]).toEqual([[], []]);
  });
});
