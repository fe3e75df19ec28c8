import { expect, test, vi } from 'vitest';
import { createCoverage } from '../../src/explore/coverage.ts';
import { ExploreSlot } from '../../src/threads/slot.ts';

test('what a thread has run that had to be ended is not run again', async () => {
  const slot = new ExploreSlot({
    task: {
      kind: 'campaign',
      ...{ scenario: 'any', strategy: 'random', seed: '1', bounds: {}, corpus: [] },
      ...{ firstIndex: 0, shards: 1, keepGoing: false, strict: false },
    },
    limits: { entry: new URL('./stubborn-process.ts', import.meta.url), hangMs: 3_600_000, memoryMb: 64 },
    coverage: createCoverage(),
    ...{ onEvent: () => undefined, onReady: () => undefined, onRefused: () => undefined },
  });
  const report = slot.run();
  await vi.waitFor(() => expect(slot.counters().index).toBe(7), { timeout: 300_000 });
  slot.askToFinish();
  expect(await report).toMatchObject({ stoppedBy: 'stopped', nextIndex: 7 });
});
