// Content stores and action caches held to their cases: in memory, simulated and on the disk; and each case can fail.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { createMemoryActionCache } from '../../../src/cas/memory-action-cache.ts';
import { createMemoryContentStore } from '../../../src/cas/memory-content-store.ts';
import {
  actionCacheCases,
  type ActionCacheSubject,
} from '../../../src/conformance/parts/action-cache-cases.ts';
import {
  contentStoreCases,
  type ContentStoreSubject,
} from '../../../src/conformance/parts/content-store-cases.ts';
import { createDiskActionCache } from '../../../src/host/remote/disk-action-cache.ts';
import { createDiskContentStore } from '../../../src/host/remote/disk-content-store.ts';
import { createSimActionCache, createSimContentStore } from '../../../src/remote/sim-stores.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { inSimulation } from '../../runners/in-simulation.ts';
import { expectAllToFail, spoils } from '../../conformance/parts/spoilt.ts';

const memoryStore: ContentStoreSubject = {
  name: 'a content store in memory',
  use: (body, limits) => body(createMemoryContentStore(limits)),
};
const memoryCache: ActionCacheSubject = {
  name: 'an action cache in memory',
  use: (body, limits) => body(createMemoryActionCache(limits)),
};

const slow = { maxDelayMs: 20 };
const simulatedStore: ContentStoreSubject = {
  name: 'a simulated content store',
  async use(body, limits) {
    await inSimulation(({ world }) =>
      body(createSimContentStore(world, createMemoryContentStore(limits), slow)),
    );
  },
};
const simulatedCache: ActionCacheSubject = {
  name: 'a simulated action cache',
  async use(body, limits) {
    await inSimulation(({ world }) =>
      body(createSimActionCache(world, createMemoryActionCache(limits), createMemoryContentStore(), slow)),
    );
  },
};

async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'dryrunner-cases-'));
  try {
    await body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const diskStore: ContentStoreSubject = {
  name: 'a content store on the disk',
  use: (body, limits) =>
    inFolder(async (dir) => {
      const store = createDiskContentStore({ dir, ...limits });
      try {
        await body(store);
      } finally {
        store.close();
      }
    }),
};
const diskCache: ActionCacheSubject = {
  name: 'an action cache on the disk',
  use: (body, limits) => inFolder((dir) => body(createDiskActionCache({ dir, ...limits }))),
};

describe('content stores', () => {
  for (const subject of [memoryStore, simulatedStore, diskStore]) describeRunner(subject, contentStoreCases);
});
describe('action caches', () => {
  for (const subject of [memoryCache, simulatedCache, diskCache]) describeRunner(subject, actionCacheCases);
});

test('each case of content stores and action caches fails for one without one of its methods', async () => {
  await expectAllToFail(
    contentStoreCases,
    spoils(['findMissing', 'read', 'readStream', 'write', 'openWrite', 'hold']).map((spoil) => ({
      name: 'spoilt',
      use: (body, limits) => body(spoil(createMemoryContentStore(limits))),
    })),
  );
  await expectAllToFail(
    actionCacheCases,
    spoils(['get', 'put', 'cancelBoundMs']).map((spoil) => ({
      name: 'spoilt',
      use: (body, limits) => body(spoil(createMemoryActionCache(limits))),
    })),
  );
});
