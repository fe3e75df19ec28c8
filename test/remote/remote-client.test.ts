// What a client asks of a server that takes no message above 4 MiB, as most do.
import { describe, expect, test } from 'vitest';
import { createMemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { digestOf } from '../../src/cas/digest-of.ts';
import { digestKey, type Digest } from '../../src/model/digest.ts';
import { RPC_CODES } from '../../src/model/action.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { topicOf } from '../../src/kernel/question.ts';
import { CallTrace } from '../../src/remote/call-trace.ts';
import { RemoteClient } from '../../src/remote/remote-client.ts';
import { createRemoteService } from '../../src/remote/remote-service.ts';
import { overWire, type RemoteService, RpcError } from '../../src/remote/rpc.ts';
import { inSimulation } from '../runners/in-simulation.ts';
import { makeBazelLab } from './bazel-lab.ts';

const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** Refuses messages as servers of gRPC do, and notes by method how many it took. */
function strict(service: RemoteService, taken: Record<string, number>): RemoteService {
  return {
    ...service,
    async unary(method, request, context) {
      const bytes = method.request.encode(request as never).length;
      const name = method.path.slice(method.path.lastIndexOf('/') + 1);
      if (bytes > MESSAGE_BYTES_MAX) {
        throw new RpcError('RESOURCE_EXHAUSTED', `${name}: message of ${bytes} B, at most 4 MiB`);
      }
      taken[name] = (taken[name] ?? 0) + 1;
      return service.unary(method, request, context);
    },
  };
}

test('very many tiny blobs are asked for and uploaded in messages that a server takes', async () => {
  await inSimulation(async ({ world }) => {
    const lab = makeBazelLab(world);
    const server = createRemoteService(world, { runner: lab.runner, content: lab.blobs, cache: lab.results });
    const taken: Record<string, number> = {};
    const transport = strict(overWire(server), taken);
    const options = { transport, instanceName: '', retriesMax: 0, callMsMax: 60_000 };
    const client = new RemoteClient(world, options, topicOf('client'), new AbortController().signal);
    const source = createMemoryContentStore();
    const blobs = new Map<string, Digest>();
    for (let n = 0; n < 60_000; n += 1) {
      const digest = source.add(String(n));
      blobs.set(digestKey(digest), digest);
    }
    await client.upload(blobs, source);
    expect(lab.blobs.findMissing([...blobs.values()])).toEqual([]);
    expect(taken).toEqual({ FindMissingBlobs: 4, BatchUpdateBlobs: 4 });
    await client.upload(blobs, source);
    expect(taken).toEqual({ FindMissingBlobs: 8, BatchUpdateBlobs: 4 });
    server.close();
    await lab.runner.release();
  });
});

test('a server that takes less in a batch gets no more, and larger blobs as streams', async () => {
  await inSimulation(async ({ world }) => {
    const lab = makeBazelLab(world);
    const parts = { runner: lab.runner, content: lab.blobs, cache: lab.results };
    const server = createRemoteService(world, { ...parts, batchBytesMax: 1_000 });
    const taken: Record<string, number> = {};
    const transport = strict(overWire(server), taken);
    const options = { transport, instanceName: '', retriesMax: 0, callMsMax: 60_000 };
    const client = new RemoteClient(world, options, topicOf('client'), new AbortController().signal);
    const source = createMemoryContentStore();
    const digests = [600, 601, 999, 1_001].map((size) => source.add('x'.repeat(size)));
    await client.upload(new Map(digests.map((digest) => [digestKey(digest), digest])), source);
    expect(lab.blobs.findMissing(digests)).toEqual([]);
    // The first batch was refused.
    expect(taken).toEqual({ FindMissingBlobs: 2, GetCapabilities: 1, BatchUpdateBlobs: 4 });
    server.close();
    await lab.runner.release();
  });
});

test('a server that takes no batches gets each blob as a stream, the empty one too', async () => {
  await inSimulation(async ({ world }) => {
    const lab = makeBazelLab(world);
    const server = createRemoteService(world, { runner: lab.runner, content: lab.blobs, cache: lab.results });
    const wire = overWire(server);
    const written: number[] = [];
    let asksForEmpty = true;
    const transport: RemoteService = {
      ...wire,
      unary: async (method, request, context) => {
        if (method.path.endsWith('BatchUpdateBlobs')) throw new RpcError('UNIMPLEMENTED', 'no batches');
        const answer = await wire.unary(method, request, context);
        if (!method.path.endsWith('FindMissingBlobs') || !asksForEmpty) return answer;
        const { missingBlobDigests } = answer as { readonly missingBlobDigests: readonly Digest[] };
        return { missingBlobDigests: [...missingBlobDigests, digestOf('')] } as typeof answer;
      },
      clientStream: async (method, requests, context) => {
        const answer = await wire.clientStream(method, requests, context);
        written.push((answer as { readonly committedSize: number }).committedSize);
        return answer;
      },
    };
    const options = { transport, instanceName: '', retriesMax: 0, callMsMax: 60_000 };
    const client = new RemoteClient(world, options, topicOf('client'), new AbortController().signal);
    const source = createMemoryContentStore();
    const blobs = (texts: readonly string[]): Map<string, Digest> =>
      new Map(texts.map((text) => [digestKey(digestOf(text)), source.add(text)]));
    await client.upload(blobs(['one', 'three', '']), source);
    expect(written).toEqual([3, 5, 0]);
    asksForEmpty = false;
    await client.upload(blobs(['seven', 'one']), source);
    expect(written).toEqual([3, 5, 0, 5]);
    expect(lab.blobs.findMissing([digestOf('three'), digestOf('seven')])).toEqual([]);
    server.close();
    await lab.runner.release();
  });
});

/** A server that takes or gives a part first, and all of it when asked again. */
function halfHearted(bytes: Uint8Array): RemoteService {
  let isFirst = true;
  const isAgain = (): boolean => !isFirst || (isFirst = false);
  return {
    async unary(method, request, { timeoutMs }) {
      expect(timeoutMs).toBe(60_000);
      const { blobDigests, requests = [] } = request as {
        readonly blobDigests?: unknown;
        readonly requests?: readonly { readonly digest: Digest }[];
      };
      if (blobDigests !== undefined) return { missingBlobDigests: blobDigests } as never;
      if (requests.length === 0) return { committedSize: 10, complete: false } as never;
      const code = isAgain() ? 0 : RPC_CODES.UNAVAILABLE;
      const status = { code, message: 'later', details: [] };
      return { responses: requests.map(({ digest }) => ({ digest, status })) } as never;
    },
    async *serverStream() {
      yield { data: isAgain() ? bytes.subarray(2) : bytes.subarray(0, 2) } as never;
    },
    async clientStream(_method, _requests, { timeoutMs }) {
      expect(timeoutMs).toBeUndefined();
      return { committedSize: isAgain() ? bytes.length : 10 } as never;
    },
  };
}

const SMALL = new TextEncoder().encode('hello');
const LARGE = new Uint8Array(3_000_000);

test.for([
  [
    'a batch that is taken in part',
    'BatchUpdateBlobs(1 blob) is tried again: UNAVAILABLE: blob 2cf24dba/5 was not taken: later',
    {
      'call FindMissingBlobs': 1,
      'reply FindMissingBlobs': 1,
      'call BatchUpdateBlobs': 2,
      'reply BatchUpdateBlobs': 2,
    },
    SMALL,
    'upload',
  ],
  [
    'a blob that is taken in part',
    'Write(blob 35bce4ea) is tried again: UNAVAILABLE: blob 35bce4ea was taken to 10 B only',
    {
      'call Write': 2,
      'error Write': 1,
      'reply Write': 1,
      'call QueryWriteStatus': 1,
      'reply QueryWriteStatus': 1,
    },
    LARGE,
    'upload',
  ],
  [
    'a download that ends early',
    'Read(blob 2cf24dba) is tried again: UNAVAILABLE: blob 2cf24dba ended after 2 B',
    { 'call Read': 2, 'error Read': 1, 'reply Read': 1 },
    SMALL,
    'read',
  ],
] as const)(
  '%s is tried again, its user gets a line with why, and the trace has how it ended',
  async ([, line, events, bytes, what]) => {
    await inSimulation(async ({ world }) => {
      const digest = digestOf(bytes);
      const lines: string[] = [];
      const ends: Record<string, number> = {};
      const record = (event: TraceEvent): void => {
        if (event.type !== 'message') return;
        const key = `${event.kind} ${event.name}`;
        ends[key] = (ends[key] ?? 0) + 1;
      };
      const options = {
        transport: halfHearted(bytes),
        instanceName: '',
        retriesMax: 1,
        callMsMax: 60_000,
        onRetry: (call: string, why: string) => void lines.push(`${call} is tried again: ${why}`),
      };
      const calls = new CallTrace(world, { record }, 'client', '0');
      const client = new RemoteClient(world, options, topicOf('client'), new AbortController().signal, calls);
      if (what === 'read') expect(await client.read(digest)).toEqual(bytes);
      else {
        const source = createMemoryContentStore();
        source.add(bytes);
        await client.upload(new Map([[digestKey(digest), digest]]), source);
      }
      expect(lines).toEqual([line]);
      expect(ends).toMatchObject(events);
    });
  },
);

test('an attempt that took too long adds nothing to the next, even if its answers still come', async () => {
  await inSimulation(async (sim) => {
    const bytes = Uint8Array.from({ length: 40 }, (_, index) => index);
    let calls = 0;
    const transport: RemoteService = {
      unary: () => Promise.reject(new RpcError('UNIMPLEMENTED', 'only Read')),
      clientStream: () => Promise.reject(new RpcError('UNIMPLEMENTED', 'only Read')),
      async *serverStream(_method, request) {
        const { readOffset } = request as { readonly readOffset: number };
        calls += 1;
        if (calls === 1) {
          yield { data: bytes.subarray(0, 10) } as never;
          await sim.sleep(350);
          yield { data: bytes.subarray(10, 20) } as never;
          return;
        }
        await sim.sleep(150);
        yield { data: bytes.subarray(readOffset) } as never;
      },
    };
    const options = { transport, instanceName: '', retriesMax: 5, callMsMax: 200 };
    const client = new RemoteClient(sim.world, options, topicOf('client'), new AbortController().signal);
    expect(await client.read(digestOf(bytes))).toEqual(bytes);
    expect(calls).toBe(2);
  });
});

test('a download may take any time while bytes come, and fails when none come for the limit of a call', async () => {
  await inSimulation(async (sim) => {
    const bytes = Uint8Array.from({ length: 40 }, (_, index) => index);
    const limits: unknown[] = [];
    let isStalling = false;
    const transport: RemoteService = {
      unary: () => Promise.reject(new RpcError('UNIMPLEMENTED', 'only Read')),
      clientStream: () => Promise.reject(new RpcError('UNIMPLEMENTED', 'only Read')),
      async *serverStream(_method, _request, { timeoutMs }) {
        limits.push(timeoutMs);
        for (let at = 0; at < 40; at += 10) {
          await sim.sleep(150);
          while (isStalling && at === 30) {
            yield { data: new Uint8Array() } as never;
            await sim.sleep(90);
          }
          yield { data: bytes.subarray(at, at + 10) } as never;
        }
      },
    };
    const options = { transport, instanceName: '', retriesMax: 0, callMsMax: 200 };
    const client = new RemoteClient(sim.world, options, topicOf('client'), new AbortController().signal);
    expect(await client.read(digestOf(bytes))).toEqual(bytes);
    isStalling = true;
    const sinceMs = sim.world.clock.now();
    await expect(client.read(digestOf(bytes))).rejects.toThrow('nothing more came for 200 ms');
    expect(sim.world.clock.now() - sinceMs).toBe(3 * 150 + 200);
    expect(limits).toEqual([undefined, undefined]);
    // The server notices that nobody listens any more.
    await sim.sleep(100);
  });
});

const MIB = 1024 * 1024;

/** A server with one blob, which notes what is read of it; `breakOff` throws before answers that do not come. */
function blobServer(
  bytes: Uint8Array,
  breakOff: (call: number, offset: number) => void,
  { takesLimits }: { readonly takesLimits: boolean },
): { readonly transport: RemoteService; readonly reads: string[]; readonly open: Set<number> } {
  const reads: string[] = [];
  const open = new Set<number>();
  const unimplemented = () => Promise.reject(new RpcError('UNIMPLEMENTED', 'only Read'));
  async function* serverStream(_method: unknown, request: unknown, { signal }: { signal: AbortSignal }) {
    const { readOffset, readLimit } = request as { readonly readOffset: number; readonly readLimit: number };
    const call = reads.push(`${readOffset} ${readLimit}`);
    if (!takesLimits && readLimit > 0) throw new RpcError('UNIMPLEMENTED', 'no partial files');
    open.add(call);
    try {
      const end = readLimit === 0 ? bytes.length : readOffset + readLimit;
      for (let at = readOffset; at < end;) {
        breakOff(call, at);
        if (signal.aborted) throw new RpcError('CANCELLED', 'the client has gone');
        const data = bytes.subarray(at, Math.min(end, at + 3 * MIB));
        at += data.length;
        yield { data } as never;
      }
      breakOff(call, end);
    } finally {
      open.delete(call);
    }
  }
  const transport = { unary: unimplemented, clientStream: unimplemented, serverStream };
  return { transport, reads, open };
}

/** Bytes in which each place differs from those a little further. */
const SERIES = Uint8Array.from({ length: 9 * MIB }, (_, index) => index % 251);

const LOST = new RpcError('UNAVAILABLE', 'the connection is lost');

test('a part of a blob that has come whole before its call broke off is not asked for again, nor the rest with it', async () => {
  await inSimulation(async ({ world }) => {
    const breakOff = (call: number, offset: number): void => {
      if (call === 1 && offset === 4 * MIB) throw LOST;
    };
    const { transport, reads } = blobServer(SERIES, breakOff, { takesLimits: true });
    const options = { transport, instanceName: '', retriesMax: 1, callMsMax: 1_000 };
    const client = new RemoteClient(world, options, topicOf('client'), new AbortController().signal);
    const parts: Uint8Array[] = [];
    for await (const part of client.readStream(digestOf(SERIES))) parts.push(part);
    expect(Buffer.concat(parts).equals(SERIES)).toBe(true);
    expect(reads).toEqual([`0 ${4 * MIB}`, `${4 * MIB} ${4 * MIB}`, `${8 * MIB} 0`]);
  });
});

describe('a server that reads no parts of blobs, as that of Buildbarn', () => {
  test('is asked for a large blob once, and where a call has broken off for the rest', async () => {
    await inSimulation(async ({ world }) => {
      const breakOff = (call: number, offset: number): void => {
        if (call === 2 && offset === 6 * MIB) throw LOST;
      };
      const { transport, reads, open } = blobServer(SERIES, breakOff, { takesLimits: false });
      const options = { transport, instanceName: '', retriesMax: 1, callMsMax: 1_000 };
      const client = new RemoteClient(world, options, topicOf('client'), new AbortController().signal);
      const lengths: number[] = [];
      const parts: Uint8Array[] = [];
      for await (const part of client.readStream(digestOf(SERIES))) {
        lengths.push(part.length);
        parts.push(part);
      }
      expect(Buffer.concat(parts).equals(SERIES)).toBe(true);
      expect(lengths).toEqual([4 * MIB, 4 * MIB, MIB]);
      expect(reads).toEqual([`0 ${4 * MIB}`, '0 0', `${6 * MIB} 0`]);
      reads.length = 0;
      const range = await client.read(digestOf(SERIES), { offset: MIB, limit: 5 });
      expect([...range]).toEqual([...SERIES.subarray(MIB, MIB + 5)]);
      expect(reads).toEqual([`${MIB} 0`]);
      expect([...open]).toEqual([]);
    });
  });

  test.for([
    ['whose reader has left', false],
    ['whose client has ended', true],
  ] as const)('no longer sends a blob %s between two parts', async ([, isAborted]) => {
    await inSimulation(async ({ world }) => {
      const signals: AbortSignal[] = [];
      const { transport, open } = blobServer(SERIES, () => undefined, { takesLimits: false });
      const noted: RemoteService = {
        ...transport,
        serverStream: (method, request, context) => {
          signals.push(context.signal);
          return transport.serverStream(method, request, context);
        },
      };
      const controller = new AbortController();
      const options = { transport: noted, instanceName: '', retriesMax: 1, callMsMax: 1_000 };
      const client = new RemoteClient(world, options, topicOf('client'), controller.signal);
      const stream = client.readStream(digestOf(SERIES));
      await stream.next();
      expect([...open]).toEqual([2]);
      expect(signals.at(-1)?.aborted).toBe(false);
      if (isAborted) controller.abort();
      else await stream.return(undefined);
      expect(signals.at(-1)?.aborted).toBe(true);
      if (isAborted) await expect(stream.next()).rejects.toThrow('the call was cancelled');
      await Promise.resolve();
      expect([...open]).toEqual([]);
    });
  });
});

test('a server that says of a blob that it has it already is not sent it again', async () => {
  await inSimulation(async ({ world }) => {
    const calls: string[] = [];
    const there = { code: RPC_CODES.ALREADY_EXISTS, message: 'it is there', details: [] };
    const transport: RemoteService = {
      unary: async (method, request) => {
        calls.push(method.path.slice(method.path.lastIndexOf('/') + 1));
        const { blobDigests, requests = [] } = request as {
          readonly blobDigests?: unknown;
          readonly requests?: readonly { readonly digest: Digest }[];
        };
        if (blobDigests !== undefined) return { missingBlobDigests: blobDigests } as never;
        return { responses: requests.map(({ digest }) => ({ digest, status: there })) } as never;
      },
      serverStream: () => {
        throw new RpcError('UNIMPLEMENTED', 'only uploads');
      },
      clientStream: async () => {
        calls.push('Write');
        throw new RpcError('ALREADY_EXISTS', 'it is there');
      },
    };
    const options = { transport, instanceName: '', retriesMax: 5, callMsMax: 60_000 };
    const client = new RemoteClient(world, options, topicOf('client'), new AbortController().signal);
    const source = createMemoryContentStore();
    const digests = [source.add(SMALL), source.add(LARGE)];
    await client.upload(new Map(digests.map((digest) => [digestKey(digest), digest])), source);
    expect(calls).toEqual(['FindMissingBlobs', 'Write', 'BatchUpdateBlobs']);
  });
});

test('an upload may take any time while bytes are taken, and fails when none are for the limit of a call', async () => {
  await inSimulation(async (sim) => {
    const limits: unknown[] = [];
    let takesMax = Infinity;
    const transport: RemoteService = {
      unary: async (method, request) => {
        if (!method.path.endsWith('FindMissingBlobs')) {
          throw new RpcError('UNIMPLEMENTED', 'no QueryWriteStatus');
        }
        return { missingBlobDigests: (request as { readonly blobDigests: unknown }).blobDigests } as never;
      },
      serverStream: () => {
        throw new RpcError('UNIMPLEMENTED', 'only uploads');
      },
      async clientStream(_method, requests, { timeoutMs }) {
        limits.push(timeoutMs);
        let [committedSize, taken] = [0, 0];
        for await (const request of requests) {
          committedSize += (request as { readonly data: Uint8Array }).data.length;
          taken += 1;
          if (taken >= takesMax) await new Promise<never>(() => {});
          await sim.sleep(150);
        }
        return { committedSize } as never;
      },
    };
    const options = { transport, instanceName: '', retriesMax: 0, callMsMax: 200 };
    const client = new RemoteClient(sim.world, options, topicOf('client'), new AbortController().signal);
    const source = createMemoryContentStore();
    const digest = source.add(LARGE);
    const upload = (): Promise<void> => client.upload(new Map([[digestKey(digest), digest]]), source);
    await upload();
    expect(sim.now()).toBe(Math.ceil(LARGE.length / 65_536) * 150);
    takesMax = 3;
    const sinceMs = sim.now();
    await expect(upload()).rejects.toThrow('nothing more was taken for 200 ms');
    expect(sim.now() - sinceMs).toBe(2 * 150 + 200);
    expect(limits).toEqual([undefined, undefined]);
  });
});

test('an upload that the server has given up after its client asked for its status is sent again', async () => {
  await inSimulation(async (sim) => {
    const { world } = sim;
    const lab = makeBazelLab(world);
    const server = createRemoteService(world, { runner: lab.runner, content: lab.blobs, cache: lab.results });
    const wire = overWire(server);
    const offsets: number[] = [];
    async function* noted(requests: AsyncIterable<unknown>): AsyncGenerator<never> {
      let sent = 0;
      for await (const request of requests) {
        if (sent === 0) offsets.push((request as { readonly writeOffset: number }).writeOffset);
        sent += 1;
        if (offsets.length === 1 && sent === 4) throw new RpcError('UNAVAILABLE', 'the connection is lost');
        yield request as never;
      }
    }
    const transport: RemoteService = {
      ...wire,
      unary: async (method, request, context) => {
        const answer = await wire.unary(method, request, context);
        // The server gives it up meanwhile.
        if (method.path.endsWith('QueryWriteStatus')) await sim.sleep(60_000);
        return answer;
      },
      clientStream: (method, requests, context) => wire.clientStream(method, noted(requests), context),
    };
    const options = { transport, instanceName: '', retriesMax: 5, callMsMax: 120_000 };
    const client = new RemoteClient(world, options, topicOf('client'), new AbortController().signal);
    const source = createMemoryContentStore();
    const digest = source.add('x'.repeat(2_500_000));
    await client.upload(new Map([[digestKey(digest), digest]]), source);
    expect(offsets).toEqual([0, 196_608, 0]);
    expect(lab.blobs.findMissing([digest])).toEqual([]);
    server.close();
    await lab.runner.release();
  });
});
