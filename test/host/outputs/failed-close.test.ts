// Outputs whose file the system does not close without an error, as on a network disk that has no room for what was written.
import type * as files from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { createLocalOutputs } from '../../../src/host/outputs/local-output.ts';

vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof files>();
  return {
    ...real,
    open: async (...args: Parameters<typeof real.open>) => {
      const file = await real.open(...args);
      const close = file.close.bind(file);
      const failing = async (): Promise<void> => {
        await close();
        throw new Error('EDQUOT');
      };
      return Object.defineProperty(file, 'close', { value: failing });
    },
  };
});

const failed = {
  code: 'RUNNER_OUTPUT_FAILED',
  message: expect.stringMatching(/could not be closed: EDQUOT$/),
};

test('R167 dropping an output that could not be closed says so, removes its file and forgets it', async () => {
  const outputs = createLocalOutputs();
  const [first, second, third] = [
    await outputs.create('a'),
    await outputs.create('b'),
    await outputs.create('c'),
  ];
  await expect(first.close()).rejects.toMatchObject(failed);
  await expect(outputs.drop(first.uri)).rejects.toMatchObject(failed);
  expect([existsSync(first.path), outputs.find('a'), outputs.find(first.uri)]).toEqual([
    false,
    undefined,
    undefined,
  ]);
  expect(await outputs.drop(first.uri)).toBe(false);
  await expect(second.close()).rejects.toMatchObject(failed);
  await expect(outputs.prune({ maxCount: 1 })).rejects.toMatchObject(failed);
  expect([outputs.find('b'), await outputs.prune({ maxCount: 1 })]).toEqual([undefined, 0]);
  await expect(outputs.dispose()).rejects.toMatchObject(failed);
  expect([outputs.find('c'), existsSync(third.path)]).toEqual([undefined, false]);
  await outputs.dispose();
});
