/**
 * The Remote Execution API over gRPC beside `@grpc/grpc-js` alone: actions that do nothing, found in the cache and carried out by a fake
 * runner, and a large blob up and down. Client and server are in this process, so that what is measured is what both do.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { encodeAction, encodeCommand, outcomeMessage } from '../src/cas/action-messages.ts';
import { MESSAGES } from '../src/cas/codec.ts';
import { createDiskContentStore, realWorld, serveRemote } from '../src/host/index.ts';
import { createFakeRunner } from '../src/index.ts';
import {
  createMemoryActionCache,
  createMemoryContentStore,
  createRemoteService,
  digestOf,
  formatDigest,
} from '../src/remote/index.ts';
import { REMOTE_METHODS as M } from '../src/remote/methods.ts';
import type { Figure } from './figure.ts';
import { collectGarbage, interleave, median, type Cost } from './measure.ts';

const ACTIONS = 2_000;
const CALLERS = 100;
/** A round takes a fifth of a second, in which anything else that the machine does shows. */
const ROUNDS_MIN = 11;
const BLOB_BYTES = 100_000_000;
const CHUNK_BYTES = 256 * 1024;
/** A server says that an action waits, runs and has ended. */
const STAGES = 3;
const asIs = (bytes: Buffer): Buffer => bytes;

/** One and the same work by many callers. */
async function byCallers(work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < ACTIONS) await work(next++);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

/** What gRPC alone does: gives back what it gets, as often as an execution has stages, and takes and gives bytes. */
async function startEcho(
  blob: Buffer,
): Promise<{ readonly client: grpc.Client; readonly close: () => void }> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
    path,
    requestStream,
    responseStream,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  });
  const definition = {
    one: method('/echo.Echo/One', false, false),
    many: method('/echo.Echo/Many', false, true),
    up: method('/echo.Echo/Up', true, false),
    down: method('/echo.Echo/Down', false, true),
  };
  server.addService(definition, {
    one: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) =>
      answer(null, call.request),
    many: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      for (let n = 0; n < STAGES; n += 1) call.write(call.request);
      call.end();
    },
    up: (call: grpc.ServerReadableStream<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
      call.on('data', () => undefined);
      call.on('end', () => answer(null, Buffer.alloc(1)));
    },
    down: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      let at = 0;
      const send = (): void => {
        while (at < blob.length) {
          const more = call.write(blob.subarray(at, at + CHUNK_BYTES));
          at += CHUNK_BYTES;
          if (!more) {
            call.once('drain', send);
            return;
          }
        }
        call.end();
      };
      send();
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, found: number): void =>
      error === null ? resolve(found) : reject(error);
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), bound);
  });
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  });
  const close = (): void => {
    client.close();
    server.forceShutdown();
  };
  return { client, close };
}

function chunksOf(blob: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(blob.length / CHUNK_BYTES) }, (_, n) =>
    blob.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES),
  );
}

/** The messages of a write, made before so that only the server has work. */
function writesOf(resourceName: string, chunks: readonly Buffer[]): Buffer[] {
  return chunks.map((data, n) => {
    const finishWrite = n === chunks.length - 1;
    return Buffer.from(
      MESSAGES.WriteRequest.encode({ resourceName, writeOffset: n * CHUNK_BYTES, finishWrite, data }),
    );
  });
}

async function sendAll(client: grpc.Client, path: string, messages: readonly Buffer[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const call = client.makeClientStreamRequest(path, asIs, asIs, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
    let next = 0;
    const send = (): void => {
      for (let message = messages[next]; message !== undefined; message = messages[next]) {
        next += 1;
        if (!call.write(message)) {
          call.once('drain', send);
          return;
        }
      }
      call.end();
    };
    send();
  });
}

/** Actions that the server knows; each is another one. */
function makeActions(): {
  readonly content: ReturnType<typeof createMemoryContentStore>;
  readonly digests: ReturnType<typeof digestOf>[];
} {
  const content = createMemoryContentStore();
  const paths = {
    outputFiles: [],
    outputDirectories: [],
    outputPaths: [],
    workingDirectory: '',
    platform: [],
  };
  const inputRootDigest = content.add('');
  const digests = Array.from({ length: ACTIONS }, (_, n) => {
    const command = { arguments: ['complete 0', `# ${n}`], environmentVariables: {}, ...paths };
    return content.add(
      encodeAction({
        commandDigest: content.add(encodeCommand(command)),
        inputRootDigest,
        doNotCache: false,
      }),
    );
  });
  return { content, digests };
}

/** Actions in a second and a large blob, each beside gRPC alone. */
export async function measureRemote(rounds: number): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), 'dryrunner-bench-'));
  const blob = Buffer.alloc(BLOB_BYTES);
  for (let at = 0; at < blob.length; at += 4_096) blob.writeUInt32LE(at, at);
  const { content, digests } = makeActions();
  const cache = createMemoryActionCache();
  const result = {
    outputFiles: [],
    outputDirectories: [],
    outputSymlinks: [],
    exitCode: 0,
    metadata: { worker: 'w' },
  };
  for (const digest of digests) cache.put('', digest, result);
  const runner = createFakeRunner(realWorld(), { capacity: 1_000_000, history: 1_000, script: () => ({}) });
  const service = createRemoteService(realWorld(), { runner, content, cache });
  const server = await serveRemote({ service });
  // The same client as for the echo: what differs is the server.
  const remote = new grpc.Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
  const disk = createDiskContentStore({ dir });
  const blobs = await serveRemote({
    service: createRemoteService(realWorld(), { runner, content: disk, cache }),
  });
  const blobRemote = new grpc.Client(`127.0.0.1:${blobs.port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  });
  const name = formatDigest(digestOf(blob));
  const chunks = chunksOf(blob);
  const writes = writesOf(`uploads/u/blobs/${name}`, chunks);
  const read = Buffer.from(MESSAGES.ReadRequest.encode({ resourceName: `blobs/${name}` }));
  const echo = await startEcho(blob);
  const wanted = digests.map((actionDigest) =>
    Buffer.from(MESSAGES.GetActionResultRequest.encode({ actionDigest })),
  );
  const executed = digests.map((actionDigest) =>
    Buffer.from(MESSAGES.ExecuteRequest.encode({ actionDigest, skipCacheLookup: true })),
  );
  // About as long as an operation.
  const stage = Buffer.alloc(180);
  const answer = Buffer.from(MESSAGES.ActionResult.encode(outcomeMessage(result)));
  const ways = {
    cached: () => byCallers((n) => callOne(remote, M.getActionResult.path, wanted[n] as Buffer)),
    echo: () => byCallers(() => callOne(echo.client, '/echo.Echo/One', answer)),
    uncached: () => byCallers((n) => callMany(remote, M.execute.path, executed[n] as Buffer)),
    echoMany: () => byCallers(() => callMany(echo.client, '/echo.Echo/Many', stage)),
  };
  // Apart from the others, which would collect the garbage of these.
  const blobWays = {
    blob: async () => {
      // Not there any more, as another client's blob would be.
      rmSync(join(dir, 'objects', name.slice(0, 2), name.slice(2, 64)), { force: true });
      await sendAll(blobRemote, M.write.path, writes);
      await callMany(blobRemote, M.read.path, read);
    },
    echoBlob: async () => {
      await sendAll(echo.client, '/echo.Echo/Up', chunks);
      await callMany(echo.client, '/echo.Echo/Down', Buffer.alloc(0));
    },
  };
  try {
    for (const way of [ways.cached, ways.echo, ways.uncached, ways.echoMany]) await way();
    const enough = Math.max(rounds, ROUNDS_MIN);
    const costs = await interleave(ways, enough, collectGarbage);
    return figures({ ...costs, ...(await interleave(blobWays, enough, collectGarbage)) });
  } finally {
    for (const connection of [remote, blobRemote]) connection.close();
    echo.close();
    service.close();
    await server.close();
    await blobs.close();
    await runner.release();
    disk.close();
    rmSync(dir, { recursive: true });
  }
}

function callOne(client: grpc.Client, path: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asIs, asIs, bytes, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

function callMany(client: grpc.Client, path: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = client.makeServerStreamRequest(path, asIs, asIs, bytes);
    call.on('data', () => undefined);
    call.on('end', () => resolve());
    call.on('error', reject);
  });
}

type Way = 'cached' | 'echo' | 'uncached' | 'echoMany' | 'blob' | 'echoBlob';

function figures(costs: Readonly<Record<Way, readonly Cost[]>>): Figure[] {
  const ratio = (way: Way, peer: Way): number =>
    median(costs[way].map(({ wallMs }, round) => (costs[peer][round]?.wallMs ?? NaN) / wallMs));
  const perSecond = (way: Way): number =>
    Math.round(median(costs[way].map(({ wallMs }) => (ACTIONS * 1000) / wallMs)));
  const mbPerSecond = (way: Way): number =>
    Math.round(median(costs[way].map(({ wallMs }) => (2 * BLOB_BYTES) / 1000 / wallMs)));
  const base = { unit: '×', goalIs: 'least', by: 'wall time' } as const;
  return [
    {
      ...base,
      name: 'remote, actions from the cache',
      value: ratio('cached', 'echo'),
      goal: 0.7,
      peer: `echo of @grpc/grpc-js: ${perSecond('echo')}/s`,
      note: `GetActionResult by ${CALLERS} callers, results in memory`,
      more: { perSecond: perSecond('cached') },
    },
    {
      ...base,
      name: 'remote, actions carried out',
      value: ratio('uncached', 'echoMany'),
      goal: 0.5,
      peer: `echo of @grpc/grpc-js, ${STAGES} answers: ${perSecond('echoMany')}/s`,
      note: `Execute by ${CALLERS} callers, a fake runner, blobs in memory`,
      more: { perSecond: perSecond('uncached') },
    },
    {
      ...base,
      name: 'remote, 100 MB up and down',
      value: ratio('blob', 'echoBlob'),
      goal: 0.5,
      peer: `streams of @grpc/grpc-js: ${mbPerSecond('echoBlob')} MB/s`,
      note: 'written to the disk and read back, digested on both ways',
      more: { mbPerSecond: mbPerSecond('blob') },
    },
  ];
}
