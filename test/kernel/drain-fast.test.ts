import { expect, test, vi } from 'vitest';

test('that the fast drain does nothing in a promise reaction says nothing of the next time', async () => {
  vi.resetModules();
  const { fastDrain, isFastDrainExact } = await import('../../src/kernel/drain-fast.ts');
  await Promise.resolve();
  expect(isFastDrainExact()).toBe(false);
  const outside = await new Promise<boolean>((resolve) => {
    setImmediate(() => resolve(isFastDrainExact()));
  });
  expect(outside).toBe(fastDrain !== undefined);
});
