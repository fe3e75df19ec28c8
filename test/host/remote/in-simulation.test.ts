// What a connection to a real cluster says in a simulation, which does not wait for a network.
import { expect, test } from 'vitest';
import { serveBuildCluster } from '../../../src/host/remote/build-cluster.ts';
import { serveRemote } from '../../../src/host/remote/grpc-server.ts';
import { connectRemote } from '../../../src/host/remote/grpc-transport.ts';
import type { RemoteService, RpcContext } from '../../../src/remote/rpc.ts';
import { createRemoteRunner } from '../../../src/remote/remote-runner.ts';
import { REMOTE_METHODS as M } from '../../../src/remote/methods.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { simulate } from '../../../src/simulation/simulate.ts';

const ENDPOINT = 'grpc://127.0.0.1:1';
const REFUSED =
  'is called in a simulation, whose virtual time does not wait for a network: ' +
  'use a server in the simulation, overWire(createRemoteService(…)) of dryrunner/remote, as the transport';

test.for([
  ['refused', () => connectRemote({ endpoint: ENDPOINT })],
  ['refused, also if it catches that', () => connectRemote({ endpoint: ENDPOINT }).catch(() => undefined)],
] as const)('connectRemote in a scenario is %s', async ([, connect]) => {
  const { failure } = await simulate({
    scenario: async () => {
      await connect();
    },
  });
  expect(failure?.message).toBe(`connectRemote ${REFUSED}`);
  expect(failure?.cause).toMatchObject({ code: 'RUNNER_OUTSIDE_CALL' });
});

test.for([
  ['serveBuildCluster', () => serveBuildCluster()],
  ['serveRemote', () => serveRemote({ service: {} as RemoteService })],
] as const)('%s is refused in a scenario, before anything is made', async ([name, serve]) => {
  const { failure } = await simulate({
    scenario: async () => {
      await serve();
    },
  });
  expect(failure?.message).toBe(`${name} ${REFUSED}`);
});

test('a runner on a connection from outside fails at once, with the simulation, and works outside', async () => {
  const transport = await connectRemote({ endpoint: ENDPOINT });
  const context: RpcContext = { signal: new AbortController().signal };
  const verdict = await simulate({
    async scenario(sim) {
      const runner = createRemoteRunner(sim.world, { transport });
      const { status } = await finalStatus(runner, (await runner.run({ argv: ['true'] })).runId);
      expect(status).toMatchObject({
        state: 'FAILED',
        exitCode: 240,
        error: expect.stringContaining(REFUSED) as unknown,
      });
      expect(sim.now()).toBe(0);
      await runner.release();
      const stream = transport.serverStream(M.waitExecution, { name: 'x' }, context);
      await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject({
        code: 'RUNNER_OUTSIDE_CALL',
      });
    },
  });
  expect(verdict.failure?.message).toBe(`a connection of connectRemote ${REFUSED}`);
  await expect(transport.unary(M.getCapabilities, { instanceName: '' }, context)).rejects.toMatchObject({
    code: 'RUNNER_RPC_FAILED',
  });
  transport.close();
});
