// A remote runner over the server over a simulated runner, in process, as the conformance suite sees it.
import { supportsAllBut } from '../../src/conformance/capability.ts';
import { simCommands } from '../../src/conformance/command-vocabulary.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import { createRemoteRunner } from '../../src/remote/remote-runner.ts';
import { createRemoteService } from '../../src/remote/remote-service.ts';
import { overWire } from '../../src/remote/rpc.ts';
import { makeBazelLab } from './bazel-lab.ts';

/** See above. */
export const remote: ConformanceSubject = {
  name: 'remote over simulated',
  supports: supportsAllBut({
    outputs: 'the protocol gives the logs of an action that has completed, and of no other',
    filers: 'its snapshots are trees in a content store, which have no filer here',
    collaborators: 'it has no invoker here: that is on the server',
    actions: 'it has no invoker here: that is on the server',
  }),
  commands: simCommands,
  create(world, options) {
    const { blobs, results, runner } = makeBazelLab(world, { name: `worker ${options.idPrefix ?? ''}` });
    const server = createRemoteService(world, { runner, content: blobs, cache: results });
    const service = createRemoteRunner(world, { ...options, transport: overWire(server) });
    return {
      service,
      dispose: async () => {
        server.close();
        await runner.release();
      },
    };
  },
};
