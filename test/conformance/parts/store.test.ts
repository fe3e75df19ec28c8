import { describe, test } from 'vitest';
import { memoryDiskCases } from '../../../src/conformance/parts/memory-disk-cases.ts';
import { storeCases } from '../../../src/conformance/parts/store-cases.ts';
import { createMemoryDisk } from '../../../src/disks/memory-disk.ts';
import { createStatusStore } from '../../../src/store/status-store.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { memoryDisk, statusStore } from './part-subjects.ts';
import { expectAllToFail, spoils } from './spoilt.ts';

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
