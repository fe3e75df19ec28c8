// Any sequence of calls on a remote runner, over the server over a simulated runner, with and without a network that lies.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runnerProperty } from '../../src/check/runner-property.ts';
import { exploreRunner } from '../../src/conformance/workload/explore-runner.ts';
import type { Service } from '../../src/model/service.ts';
import type { World } from '../../src/model/world.ts';
import { createRemoteRunner } from '../../src/remote/remote-runner.ts';
import { createRemoteService } from '../../src/remote/remote-service.ts';
import { overWire } from '../../src/remote/rpc.ts';
import { makeBazelLab } from './bazel-lab.ts';
import { remote } from './remote-subject.ts';

/** A remote runner whose release takes its cluster along. */
function remoteStack(world: World): Service {
  const { blobs, results, runner: worker } = makeBazelLab(world, { name: 'worker' });
  const server = createRemoteService(world, { runner: worker, content: blobs, cache: results });
  const runner = createRemoteRunner(world, { capacity: 3, history: 0, transport: overWire(server) });
  return {
    // An empty script ends at once, and no server takes an empty command.
    run: (command) => runner.run(command.argv.length > 0 ? command : { ...command, argv: ['complete 0'] }),
    abort: (runId) => runner.abort(runId),
    query: (query, wait) => runner.query(query, wait),
    queryNow: (query) => runner.queryNow(query),
    status: (runId) => runner.status(runId),
    statusAll: () => runner.statusAll(),
    async release() {
      await runner.release();
      server.close();
      await worker.release();
    },
  };
}

test('R200 R201 R203 property: any sequence of commands leaves a remote runner within its contract', async () => {
  await fc.assert(runnerProperty({ capacity: 3, create: remoteStack }), { numRuns: 60 });
});

test('R200 R201 R203 a remote runner keeps the contract under whatever an exploration thinks of', async () => {
  const { failure } = await exploreRunner(remote, { executions: 150 });
  expect(failure?.text).toBeUndefined();
});
