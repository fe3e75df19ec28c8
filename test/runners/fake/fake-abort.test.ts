import { expect, test } from 'vitest';
import { argvScript } from '../../../src/runners/fake/fake-script.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { simulate } from '../../../src/simulation/simulate.ts';

test('R204 an abort that comes too late leaves nothing behind, whichever comes first', async () => {
  const states = new Set<string>();
  for (let seed = 1; seed <= 20; seed += 1) {
    const verdict = await simulate({
      seed,
      async scenario(sim) {
        const runner = createFakeRunner(sim.world, { script: argvScript });
        const { runId } = await runner.run({ argv: ['sleep 10', 'complete 0'] });
        const abort = sim.sleep(10).then(() => runner.abort(runId));
        states.add((await finalStatus(runner, runId)).status.state);
        await runner.release();
        await abort.catch(() => undefined);
      },
    });
    expect(verdict.failure).toBeUndefined();
  }
  expect([...states].sort()).toEqual(['ABORTED', 'COMPLETE']);
});
