import { describe, test } from 'vitest';
import * as cluster from '../../../src/cluster/index.ts';
import { lockCases } from '../../../src/conformance/parts/lock-cases.ts';
import { realWorld } from '../../../src/host/real-world.ts';
import { describeRunner } from '../../../src/vitest/describe-runner.ts';
import { locks } from './part-subjects.ts';
import { expectAllToFail, spoils } from './spoilt.ts';

describe('what locks promise', () => {
  describeRunner(locks, lockCases);
  describeRunner({ name: 'locks on the machine', parts: cluster, wallWorld: realWorld }, lockCases);
});

const FACTORIES = [
  'createMutex',
  'createSemaphore',
  'createCondition',
  'createChannel',
  'createDeferred',
] as const;
const METHODS = ['acquire', 'release', 'run', 'wait', 'send', 'withTimeout', 'noteWait'];

test('each case of locks fails for locks without one of their methods', async () => {
  const subjects = spoils(METHODS).map((spoil) => {
    const parts = Object.fromEntries(
      FACTORIES.map((name) => [
        name,
        (...given: never[]) => {
          const part = (cluster[name] as (...args: never[]) => object)(...given);
          // A condition has to know the mutex that it is made on.
          return name === 'createMutex' ? part : spoil(part);
        },
      ]),
    );
    const { withTimeout, noteWait } = spoil({ withTimeout: cluster.withTimeout, noteWait: cluster.noteWait });
    return { name: 'spoilt', parts: { ...parts, withTimeout, noteWait } as never };
  });
  const spoiltMutex = spoils(['acquire', 'run']).map((spoil) => ({
    name: 'spoilt',
    parts: {
      ...cluster,
      createMutex: (...given: Parameters<typeof cluster.createMutex>) => spoil(cluster.createMutex(...given)),
    } as never,
  }));
  await expectAllToFail(lockCases, [...subjects, ...spoiltMutex]);
});
