// What would have held is said of the subject, and not of when the clients of a workload ask.
import { expect, test } from 'vitest';
import { interceptService } from '../../../src/call/intercept-service.ts';
import { supportsAllBut } from '../../../src/conformance/capability.ts';
import { simCommands } from '../../../src/conformance/command-vocabulary.ts';
import type { ConformanceSubject } from '../../../src/conformance/subject.ts';
import { exploreRunner } from '../../../src/conformance/workload/explore-runner.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';

test('what would have held leaves the pauses of clients as they are', async () => {
  const subject: ConformanceSubject = {
    name: 'unstoppable',
    supports: supportsAllBut({
      outputs: 'its outputs are written elsewhere',
      filers: 'its own',
      collaborators: 'none',
      actions: 'no Bazel',
    }),
    commands: simCommands,
    create(world, options) {
      const runner = createSimulatedRunner(world, options);
      const service = interceptService(runner, async (call, proceed) => {
        if (call.method !== 'abort') return proceed(call);
        const before = (await runner.statusAll()).statuses.find(({ runId }) => runId === call.args[0]);
        const answer = await proceed(call);
        if (before?.state === 'RUNNING') throw new Error('it runs already');
        return answer;
      });
      return { service };
    },
  };
  const { failure } = await exploreRunner(subject, { executions: 300, shrinkExecutions: 300 });
  const { nearestPass, nearestSearch } = failure?.explanation ?? {};
  expect(nearestPass?.text ?? '').not.toContain('sleep');
  expect(nearestSearch?.hasSkippedAnswers).toBe(true);
});
