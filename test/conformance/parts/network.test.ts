import { describe, test } from 'vitest';
import { createNetwork } from '../../../src/cluster/network.ts';
import { networkCases } from '../../../src/conformance/parts/network-cases.ts';
import { simulatedNetworkCases } from '../../../src/conformance/parts/simulated-network-cases.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { networkSubject, simulatedNetwork } from './part-subjects.ts';
import { expectAllToFail, spoils } from './spoilt.ts';

describe('what any network promises', () => {
  describeRunner(networkSubject('the network of a simulation'), networkCases);
});
describe('what a simulated network promises', () => {
  describeRunner(simulatedNetwork, simulatedNetworkCases);
});

const VERBS = ['node', 'connect', 'through', 'send', 'partition', 'cut', 'hold', 'release', 'repair', 'stop'];

test('each case of networks fails for a network without one of its verbs', async () => {
  const subjects = spoils([...VERBS, 'crash', 'restart', 'leave']).map((spoil) =>
    networkSubject('spoilt', spoil),
  );
  await expectAllToFail(networkCases, subjects);
});

test('each case of simulated networks fails for a network without one of its verbs, or deaf to its options', async () => {
  await expectAllToFail(simulatedNetworkCases, [
    ...spoils(VERBS).map((spoil) => ({
      name: 'spoilt',
      create: (...given: Parameters<typeof createNetwork>) => spoil(createNetwork(...given)),
    })),
    { name: 'deaf', create: (sim) => createNetwork(sim) },
  ]);
});
