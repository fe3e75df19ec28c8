// What the trace says of the calls of a remote runner.
import { describe, expect, test } from 'vitest';
import { createNetwork, type NodeContext } from '../../src/cluster/index.ts';
import { MESSAGES } from '../../src/cas/codec.ts';
import { snapshotOfDigest } from '../../src/model/digest.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../../src/cas/memory-content-store.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { instanceOf } from '../../src/remote/call-trace.ts';
import { createRemoteRunner } from '../../src/remote/remote-runner.ts';
import { createRemoteService } from '../../src/remote/remote-service.ts';
import { overWire, type RemoteService, RpcError } from '../../src/remote/rpc.ts';
import { eventText } from '../../src/trace/event-text.ts';
import { inSimulation } from '../runners/in-simulation.ts';
import { makeBazelLab } from './bazel-lab.ts';

/** A scenario with one run that writes `hello`. */
function oneRun(
  behind: (service: RemoteService) => RemoteService,
  { content: own, snapshotId }: Partial<ReturnType<typeof largeSnapshot>> = {},
): (sim: Simulation) => Promise<void> {
  return async (sim) => {
    const { runner: worker, blobs: content, results: cache } = makeBazelLab(sim.world, { name: 'worker' });
    const server = createRemoteService(sim.world, { runner: worker, content, cache });
    const runner = createRemoteRunner(sim.world, {
      name: 'client',
      transport: behind(overWire(server)),
      ...(own === undefined ? {} : { content: own }),
    });
    const { runId } = await runner.run({
      argv: ['stdout hello', 'complete 3'],
      ...(snapshotId === undefined ? {} : { snapshotId }),
    });
    expect((await finalStatus(runner, runId)).status).toMatchObject({ state: 'COMPLETE', exitCode: 3 });
    await runner.release();
    server.close();
    await worker.release();
  };
}

/** A snapshot with one file that is too large for a batch. */
function largeSnapshot(): { readonly content: MemoryContentStore; readonly snapshotId: string } {
  const content = createMemoryContentStore();
  const digest = content.add(new Uint8Array(3_000_000).fill(7));
  const root = content.add(
    MESSAGES.Directory.encode({ files: [{ name: 'large', digest, isExecutable: false }] }),
  );
  return { content, snapshotId: snapshotOfDigest(root) };
}

/** The lines about remote calls of that run, without names that are drawn. */
async function linesOf(...args: Parameters<typeof oneRun>): Promise<readonly string[]> {
  const verdict = await inSimulation(oneRun(...args));
  const calls = verdict.trace().filter((event: TraceEvent) => event.type === 'message');
  return calls.map((event) =>
    eventText(event)
      .replace(/operations\/[\w-]+/, 'operations/N')
      .replace(/(action|blob) [0-9a-f]{8}\b/, '$1 HASH'),
  );
}

const DOWN = new RpcError('UNAVAILABLE', 'the network is down');

describe('the calls of a remote runner', () => {
  test('are in the trace, with what they are about and what they came to', async () => {
    expect(await linesOf((service) => service)).toEqual([
      'client calls FindMissingBlobs(3 blobs) of the server',
      'client gets 2 missing from the server as the answer to its call of FindMissingBlobs',
      'client calls BatchUpdateBlobs(2 blobs) of the server',
      'client gets OK from the server as the answer to its call of BatchUpdateBlobs',
      'client calls Execute(run 0, action HASH) of the server',
      'client gets exit code 3 as operations/N from the server as the answer to its call of Execute',
      'client calls Read(blob HASH) of the server',
      'client gets 5 B from the server as the answer to its call of Read',
    ]);
  });

  test('that fail say why, and how far they had come', async () => {
    let calls = 0;
    const lines = await linesOf((service) => ({
      async unary(method, request, context) {
        calls += 1;
        if (calls === 1) throw DOWN;
        return service.unary(method, request, context);
      },
      async *serverStream(method, request, context) {
        let given = 0;
        for await (const answer of service.serverStream(method, request, context)) {
          if (given === 1 && method.path.endsWith('/Execute')) throw DOWN;
          given += 1;
          yield answer;
        }
      },
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
    }));
    expect(lines[1]).toBe(
      'client gets the error "UNAVAILABLE: the network is down" of its call of FindMissingBlobs to the server',
    );
    expect(lines).toContain(
      'client gets the error "UNAVAILABLE: the network is down, after QUEUED as operations/N" of its call of Execute to the server',
    );
    expect(lines).toContain('client calls WaitExecution(run 0, operations/N) of the server');
  });

  test('name blobs by the first 8 digits of their hashes, those of a large upload too', async () => {
    const { content, snapshotId } = largeSnapshot();
    let writes = 0;
    const lines = await linesOf(
      (service) => ({
        unary: (method, request, context) => service.unary(method, request, context),
        serverStream: (method, request, context) => service.serverStream(method, request, context),
        async clientStream(method, requests, context) {
          writes += 1;
          if (writes === 1) throw new RpcError('UNAVAILABLE', `lost ${'0123456789abcdef'.repeat(4)}/3`);
          return service.clientStream(method, requests, context);
        },
      }),
      { content, snapshotId },
    );
    expect(lines.filter((line) => line.includes('Write'))).toEqual([
      'client calls Write(blob HASH) of the server',
      'client gets the error "UNAVAILABLE: lost 01234567/3" of its call of Write to the server',
      'client calls QueryWriteStatus(blob HASH) of the server',
      expect.stringMatching(
        /^client gets .* as the answer to its call of QueryWriteStatus$|^client gets the error/,
      ),
      'client calls Write(blob HASH) of the server',
      'client gets 3000000 B from the server as the answer to its call of Write',
    ]);
  });

  test('that take too long end at the limit', async () => {
    let calls = 0;
    const lines = await linesOf((service) => ({
      unary: (method, request, context) => {
        calls += 1;
        return calls === 1 ? new Promise(() => {}) : service.unary(method, request, context);
      },
      serverStream: (method, request, context) => service.serverStream(method, request, context),
      clientStream: (method, requests, context) => service.clientStream(method, requests, context),
    }));
    expect(lines[1]).toBe(
      'client gets the error "DEADLINE_EXCEEDED: the call took longer than 60000 ms" of its call of FindMissingBlobs to the server',
    );
  });

  test('change the hash of a trace in the same way, kept or not, and have no words in one that is not', async () => {
    const details: (string | undefined)[] = [];
    const hashes: string[] = [];
    for (const keepTrace of [true, false]) {
      const watch = (event: TraceEvent): void => {
        if (event.type === 'message') details.push(event.detail);
      };
      const { traceHash } = await inSimulation(
        oneRun((service) => service),
        {
          keepTrace,
          oracles: [() => ({ watch, end() {} })],
        },
      );
      hashes.push(traceHash);
    }
    expect(hashes[1]).toBe(hashes[0]);
    expect(details.map((detail) => detail !== undefined)).toEqual([
      ...Array.from({ length: 8 }, () => true),
      ...Array.from({ length: 8 }, () => false),
    ]);
  });

  test('have ids of their own, also of clients with one name on several nodes and after a restart', async () => {
    const verdict = await inSimulation(async (sim) => {
      const { runner: worker, blobs: content, results: cache } = makeBazelLab(sim.world, { name: 'worker' });
      const server = createRemoteService(sim.world, { runner: worker, content, cache });
      const net = createNetwork(sim);
      const program = async ({ world, name, incarnation }: NodeContext): Promise<void> => {
        for (let client = 0; client < 2; client += 1) {
          const runner = createRemoteRunner(world, {
            name: 'client',
            idPrefix: `${name}${incarnation}${client}-`,
            transport: overWire(server),
          });
          await finalStatus(runner, (await runner.run({ argv: ['complete 3'] })).runId);
          await runner.release();
        }
      };
      const node = net.node('a', program);
      net.node('b', program, { skew: { offsetMs: 7_000 } });
      await sim.sleep(60_000, 'lets them run');
      node.crash();
      node.restart();
      await sim.sleep(60_000, 'lets it run again');
      server.close();
      await worker.release();
    });
    const ids = verdict.trace().flatMap((event) => {
      return event.type === 'message' && event.kind === 'call' ? [event.id] : [];
    });
    expect(ids).toHaveLength(18);
    expect(new Set(ids).size).toBe(18);
  });
});

test.for([
  [{ instanceName: 'main' }, 'main'],
  [{ instanceName: '' }, ''],
  [{ resourceName: `blobs/${'ab'.repeat(32)}/1` }, ''],
  [{ resourceName: `a/b/compressed-blobs/zstd/${'ab'.repeat(32)}/1` }, 'a/b'],
  [{ resourceName: `main/uploads/u/blobs/${'ab'.repeat(32)}/1` }, 'main'],
  [{ resourceName: `uploads/u/blobs/${'ab'.repeat(32)}/1` }, ''],
  [undefined, ''],
])('the instance of %o is %o', ([request, instance]) => {
  expect(instanceOf(request)).toBe(instance);
});
