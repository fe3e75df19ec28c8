// A remote runner over gRPC over real commands, on the machine's time: cases, any sequence of calls, and an exploration.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { assertRunnerProperty } from '../../src/check/runner-property.ts';
import { supportsAllBut } from '../../src/conformance/capability.ts';
import { shellCommands } from '../../src/conformance/command-vocabulary.ts';
import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import { exploreRunner } from '../../src/conformance/workload/explore-runner.ts';
import { connectRemote, createLocalOutputs, realWorld, serveBuildCluster } from '../../src/host/index.ts';
import { createRemoteRunner } from '../../src/remote/remote-runner.ts';
import type { Service } from '../../src/model/service.ts';
import type { World } from '../../src/model/world.ts';
import { REACH_KINDS } from '../../src/oracles/reach-kinds.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';

const remote: ConformanceSubject = {
  name: 'remote over gRPC over exec',
  supports: supportsAllBut({
    virtualTime: 'it runs on the machine’s time',
    failures: 'no machine loses a process on request',
    outputs: 'the protocol gives the logs of an action that has completed, and of no other',
    filers: 'its snapshots are trees in a content store, which have no filer here',
    collaborators: 'it has no invoker here: that is on the server',
    actions: 'it has no invoker here: that is on the server',
    stubborn: 'how long a command has to stop is up to the server',
    exactStates: 'what comes and goes between two messages of a watch is not seen',
  }),
  commands: shellCommands,
  wallWorld: () => realWorld(),
  async create(world, options) {
    const cluster = await serveBuildCluster({ jobs: 1 });
    const transport = await connectRemote({ endpoint: cluster.endpoint });
    const outputs = createLocalOutputs();
    const service = createRemoteRunner(world, { ...options, transport, outputs });
    return {
      service,
      dispose: async () => {
        transport.close();
        await cluster.close();
        await outputs.dispose();
      },
    };
  },
};

describeRunner(remote, conformanceCases);

test('R200 R201 R203 R110 any sequence of commands leaves a runner on a real cluster within its contract', async () => {
  const cluster = await serveBuildCluster({ jobs: 3 });
  const transport = await connectRemote({ endpoint: cluster.endpoint });
  const outputs = createLocalOutputs();
  try {
    const property = {
      wallWorld: () => realWorld(),
      capacity: 3,
      create: (world: World) => createRemoteRunner(world, { capacity: 3, history: 0, transport, outputs }),
      readOutput: (_runner: Service, ref: string) => readFile(decodeURI(new URL(ref).pathname), 'utf8'),
    };
    const reach = await assertRunnerProperty(property, { seed: 1, numRuns: 12 });
    expect(reach.missed(REACH_KINDS)).toEqual(['injected fault']);
    // The cluster ends an operation a moment after its client has asked for that.
    await expect.poll(() => cluster.service.activeOperations, { timeout: 30_000 }).toBe(0);
  } finally {
    transport.close();
    await cluster.close();
    await outputs.dispose();
  }
});

test('R200 R201 R203 R110 a runner on a real cluster keeps the contract under whatever an exploration thinks of', async () => {
  const { failure } = await exploreRunner(remote, { sequences: 6 });
  expect(failure?.text).toBeUndefined();
});
