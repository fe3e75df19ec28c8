import { expect, test } from 'vitest';
import { createExecRunner } from '../../src/host/exec-runner.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';

test('a runner of this machine with instruments that throw completes its run', async () => {
  const broken = (): never => {
    throw new Error('the backend is away');
  };
  const runner = createExecRunner({
    metrics: {
      counter: () => ({ increment: broken }),
      gauge: () => ({ set: broken }),
      histogram: () => ({ record: broken }),
    },
  });
  try {
    const { runId } = await runner.run({ argv: ['true'] });
    const { status } = await finalStatus(runner, runId);
    expect([status.state, status.exitCode]).toEqual(['COMPLETE', 0]);
  } finally {
    await runner.release();
    await runner.outputs.dispose();
  }
});
