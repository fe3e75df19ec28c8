// What needs the messages of the protocol says so when it is made, if protobufjs is not installed.
import { expect, test, vi } from 'vitest';
import { serveBuildCluster } from '../../src/host/remote/build-cluster.ts';
import { connectRemote } from '../../src/host/remote/grpc-transport.ts';
import { serveRemote } from '../../src/host/remote/grpc-server.ts';
import { realWorld } from '../../src/host/real-world.ts';
import { createMemoryActionCache } from '../../src/cas/memory-action-cache.ts';
import { createMemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { createRemoteRunner } from '../../src/remote/remote-runner.ts';
import { createRemoteService } from '../../src/remote/remote-service.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';

vi.mock(import('node:module'), async (original) => {
  const real = await original();
  const createRequire: typeof real.createRequire = (from) => {
    const require = real.createRequire(from);
    return Object.assign((name: string): unknown => {
      if (name !== 'protobufjs') return require(name);
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
    }, require);
  };
  return { ...real, createRequire };
});

const never = (): never => {
  throw new Error('nobody calls this');
};
const service = { unary: never, serverStream: never, clientStream: never };

test.for<readonly [string, () => unknown]>([
  ['connectRemote', () => connectRemote({ endpoint: 'grpc://127.0.0.1:1' })],
  ['serveRemote', () => serveRemote({ service })],
  ['createRemoteService', () => serveBuildCluster({ jobs: 1 })],
  ['createRemoteRunner', () => createRemoteRunner(realWorld(), { transport: service })],
  [
    'createRemoteService',
    () =>
      createRemoteService(realWorld(), {
        runner: createFakeRunner(realWorld()),
        content: createMemoryContentStore(),
        cache: createMemoryActionCache(),
      }),
  ],
])('%s says what to install', async ([name, make]) => {
  await expect((async () => make())()).rejects.toMatchObject({
    code: 'RUNNER_MISSING_PACKAGE',
    message: `${name} needs the package protobufjs: npm install protobufjs`,
  });
});
