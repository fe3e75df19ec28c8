// A remote runner over gRPC over real commands, on the machine's time.
import { supportsAllBut } from '../../src/conformance/capability.ts';
import { shellCommands } from '../../src/conformance/command-vocabulary.ts';
import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import { connectRemote, createLocalOutputs, realWorld, serveBuildCluster } from '../../src/host/index.ts';
import { createRemoteRunner } from '../../src/remote/remote-runner.ts';
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
