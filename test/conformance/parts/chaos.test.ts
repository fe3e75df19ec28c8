import { describe, test } from 'vitest';
import { chaosCases } from '../../../src/conformance/parts/chaos-cases.ts';
import { nodeCases } from '../../../src/conformance/parts/node-cases.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import { createNode } from '../../../src/simulation/service-node.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { chaos, serviceNode } from './part-subjects.ts';
import { expectAllToFail, spoils } from './spoilt.ts';

describe('networks and machines of runners', () => {
  describeRunner(chaos, chaosCases);
  describeRunner(serviceNode, nodeCases);
});

test('each case of chaos and nodes fails for one without one of its methods', async () => {
  await expectAllToFail(
    chaosCases,
    spoils(['run', 'status', 'release']).map((spoil) => ({
      name: 'spoilt',
      create: (...given: Parameters<typeof createChaosRunner>) => spoil(createChaosRunner(...given)),
    })),
  );
  await expectAllToFail(nodeCases, [
    ...spoils(['run', 'release']).map((spoil) => ({
      name: 'spoilt',
      create: (...given: Parameters<typeof createNode>) => spoil(createNode(...given)),
    })),
    {
      name: 'deaf',
      create: (sim, { start }) => createNode(sim, { name: 'deaf', start }),
    },
  ]);
});
