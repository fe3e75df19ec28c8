// A node without faults is its runner: its callers notice neither machine nor network, on a clock that is off as well.
import { supportsAllBut } from '../../src/conformance/capability.ts';
import { simCommands } from '../../src/conformance/command-vocabulary.ts';
import { conformanceCases } from '../../src/conformance/conformance-cases.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { createNode } from '../../src/simulation/service-node.ts';
import type { SimulatedWorld } from '../../src/simulation/simulation.ts';
import { describeRunner } from '../../src/vitest/describe-runner.ts';

const node: ConformanceSubject = {
  name: 'node',
  supports: supportsAllBut({}),
  commands: simCommands,
  create(world, options) {
    const made = createNode(
      { world: world as SimulatedWorld },
      {
        name: 'n',
        skew: { offsetMs: 12_345 },
        start: (inside) => createSimulatedRunner(inside, options),
      },
    );
    return { service: made, readOutput: (uri) => made.service?.outputs.find(uri)?.text() ?? '' };
  },
};

describeRunner(node, conformanceCases);
