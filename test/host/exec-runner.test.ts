import { expect, test } from 'vitest';
import { createExecRunner } from '../../src/host/exec-runner.ts';
import { realWorld } from '../../src/host/real-world.ts';

test('R45 D22 runners of this machine in one world have different ids, and so has one that is made again', async () => {
  const world = realWorld({ seed: 'one world' });
  const ids: string[] = [];
  for (let nth = 0; nth < 3; nth += 1) {
    const runner = createExecRunner({ world });
    ids.push((await runner.run({ argv: ['true'] })).runId);
    await runner.release();
    await runner.outputs.dispose();
  }
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-0$/);
});
