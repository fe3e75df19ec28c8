import { describe, expect, test } from 'vitest';
import { chaosCases, type ChaosSubject } from '../../../src/conformance/parts/chaos-cases.ts';
import { nodeCases } from '../../../src/conformance/parts/node-cases.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import type { ChaosError } from '../../../src/network/chaos-settings.ts';
import type { ServiceMethod } from '../../../src/model/service.ts';
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

test.each(['run', 'abort', 'query', 'queryNow', 'statusAll', 'status'] as const)(
  'R147 finds a chaos runner whose %s is passed on although an error is set, whatever comes of it',
  async (method: ServiceMethod) => {
    const [setting] = chaosCases.filter(({ title }) => title.startsWith('R147 R149 every call fails'));
    for (const failsAfterwards of [false, true]) {
      const create: ChaosSubject['create'] = (world, service, options = {}) => {
        const made = createChaosRunner(world, service, options);
        const own = made[method].bind(made) as (...args: unknown[]) => Promise<unknown>;
        const passOn = service[method].bind(service) as typeof own;
        let isSet = options.error !== undefined;
        return Object.assign(made, {
          setError(error: ChaosError | undefined) {
            isSet = error !== undefined;
            Object.getPrototypeOf(made).setError.call(made, error);
          },
          async [method](...args: unknown[]) {
            if (!isSet) return own(...args);
            const passed = passOn(...args);
            if (!failsAfterwards) return passed;
            await passed.catch(() => undefined);
            return own(...args);
          },
        });
      };
      const failure = setting?.prove({ name: 'it passes on', create }, { seeds: [1] });
      await expect(failure).rejects.toThrow(
        failsAfterwards
          ? /^the calls that reach the runner: expected \[\], got/
          : new RegExp(`^${method}: expected`),
      );
    }
  },
);
