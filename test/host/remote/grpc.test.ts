// The server and the client over real connections.
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import http2, {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { createServer as createTlsServer, rootCertificates } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deflateRawSync, deflateSync, inflateRawSync } from 'node:zlib';
import type * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { isRunnerError, RunnerError } from '../../../src/kernel/errors.ts';
import { encodeAction, encodeCommand } from '../../../src/cas/action-messages.ts';
import { COMPRESSORS, MESSAGES, type WriteRequest } from '../../../src/cas/codec.ts';
import { digestOf } from '../../../src/cas/digest-of.ts';
import {
  type BuildCluster,
  type BuildClusterOptions,
  serveBuildCluster,
} from '../../../src/host/remote/build-cluster.ts';
import {
  connectRemote,
  type ConnectRemoteOptions,
  type RemoteConnection,
} from '../../../src/host/remote/grpc-transport.ts';
import { FilerError } from '../../../src/filers/filer-error.ts';
import { type RpcAccess, serveRemote } from '../../../src/host/remote/grpc-server.ts';
import { namedTopic } from '../../../src/kernel/question.ts';
import { realWorld } from '../../../src/host/real-world.ts';
import { createMemoryMetrics } from '../../../src/metrics/memory-metrics.ts';
import { type ActionCommand, RPC_CODES } from '../../../src/model/action.ts';
import { digestKey, type Digest } from '../../../src/model/digest.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { REMOTE_METHODS as M } from '../../../src/remote/methods.ts';
import { createRemoteRunner } from '../../../src/remote/remote-runner.ts';
import { RpcError, rpcCodeName } from '../../../src/remote/rpc.ts';
import { SmallDisk, smallDiskMissingBecause, titledForSmallDisk } from './small-disk.ts';

const MIB = 1024 * 1024;
const ends: (() => unknown)[] = [];

const broken = vi.hoisted(() => ({ release: false, checkout: false, refusals: 0 }));
vi.mock(import('../../../src/host/exec-runner.ts'), async (original) => {
  const real = await original();
  const failing = {
    cancelBoundMs: 0,
    updateIntervalMs: 0,
    checkout: () => Promise.reject(new FilerError('a disk that fails')),
  };
  const createExecRunner: typeof real.createExecRunner = (options) => {
    const filers = new Map([['bazel', { filer: failing as never }]] as const);
    const runner = real.createExecRunner(broken.checkout ? { ...options, filers } : options);
    const run = runner.run.bind(runner);
    runner.run = async (command) => {
      if (broken.refusals === 0) return run(command);
      broken.refusals -= 1;
      throw new RunnerError('RUNNER_UNHEALTHY', 'a disk that is slow');
    };
    if (!broken.release) return runner;
    const release = runner.release.bind(runner);
    runner.release = async () => {
      await release();
      throw new Error('a worker that does not let go');
    };
    return runner;
  };
  return { ...real, createExecRunner };
});

/** Something that happens once, and can be awaited. */
class Gate {
  readonly opened: Promise<void>;
  open: () => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }
}

afterEach(async () => {
  vi.restoreAllMocks();
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(
  options: BuildClusterOptions = {},
  connecting: Partial<ConnectRemoteOptions> = {},
): Promise<{ cluster: BuildCluster; remote: RemoteConnection }> {
  const cluster = await serveBuildCluster({ jobs: 2, ...options });
  ends.push(() => cluster.close());
  const remote = await connectRemote({ endpoint: cluster.endpoint, ...connecting });
  ends.push(() => remote.close());
  return { cluster, remote };
}

/** A proxy that stops forwarding at `cut`, and closes nothing. */
async function serveProxy(port: number): Promise<{ readonly port: number; cut(): void }> {
  let isCut = false;
  const sockets: Socket[] = [];
  const forward = (from: Socket, to: Socket): void => {
    sockets.push(from);
    from.on('data', (bytes) => (isCut ? undefined : to.write(bytes)));
    from.on('error', () => undefined);
  };
  const proxy = createServer((near) => {
    const far = connectSocket(port, '127.0.0.1');
    forward(near, far);
    forward(far, near);
  });
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const cut = (): void => void (isCut = true);
  return { port: (proxy.address() as AddressInfo).port, cut };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const call = (signal: AbortSignal = new AbortController().signal) => ({ signal });
const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no failure',
    (error: unknown) =>
      error instanceof RpcError ? `${rpcCodeName(error.status.code)}: ${error.message}` : String(error),
  );

async function* nothing(): AsyncGenerator<never> {}

async function all<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const message of messages) found.push(message);
  return found;
}

async function put(cluster: BuildCluster, bytes: Uint8Array): Promise<Digest> {
  const digest = digestOf(bytes);
  await cluster.content.write(digest, bytes);
  return digest;
}

async function putAction(
  cluster: BuildCluster,
  script: string,
  inputRootDigest = digestOf(''),
  outputFiles: readonly string[] = [],
  timeoutMs?: number,
): Promise<Digest> {
  const paths = {
    outputFiles,
    outputDirectories: [],
    outputPaths: [],
    workingDirectory: '',
    platform: [],
  };
  const command = { arguments: ['/bin/sh', '-c', script], environmentVariables: {}, ...paths };
  const commandDigest = await put(cluster, encodeCommand(command));
  return put(
    cluster,
    encodeAction({
      commandDigest,
      inputRootDigest,
      doNotCache: false,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    }),
  );
}

const request = (actionDigest: Digest) =>
  MESSAGES.ExecuteRequest.decode(MESSAGES.ExecuteRequest.encode({ actionDigest }));

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe('over gRPC', () => {
  test('a large blob goes up in parts and comes back, compressed as well', async () => {
    const { cluster, remote } = await serve();
    const bytes = Buffer.alloc(20_000_000, 'some text that can be compressed; ');
    const digest = digestOf(bytes);
    async function* parts(): AsyncGenerator<WriteRequest> {
      for (let at = 0; at < bytes.length; at += 1_000_000) {
        const data = bytes.subarray(at, at + 1_000_000);
        const finishWrite = at + data.length === bytes.length;
        yield { resourceName: `uploads/u/blobs/${digestKey(digest)}`, writeOffset: at, finishWrite, data };
      }
    }
    expect(await remote.clientStream(M.write, parts(), call())).toEqual({ committedSize: bytes.length });
    const read = async (kind: string): Promise<Buffer> => {
      const resource = { resourceName: `${kind}/${digestKey(digest)}`, readOffset: 0, readLimit: 0 };
      return Buffer.concat(
        (await all(remote.serverStream(M.read, resource, call()))).map(({ data }) => data),
      );
    };
    expect(digestOf(await read('blobs'))).toEqual(digest);
    const deflated = await read('compressed-blobs/deflate');
    expect(deflated.length).toBeLessThan(1_000_000);
    expect(digestOf(inflateRawSync(deflated))).toEqual(digest);
    const small = Buffer.from('small'.repeat(20));
    const data = deflateRawSync(small);
    const requests = [{ digest: digestOf(small), data, compressor: COMPRESSORS.DEFLATE }];
    const { responses } = await remote.unary(M.batchUpdateBlobs, { instanceName: '', requests }, call());
    expect(responses[0]?.status?.code).toBe(0);
    expect(await cluster.content.findMissing([digestOf(small)])).toEqual([]);
    const tiny = Buffer.from('tiny');
    await cluster.content.write(digestOf(tiny), tiny);
    const digests = [digestOf(small), digestOf(tiny)];
    const batch = { instanceName: '', digests, acceptableCompressors: [2] };
    const [got, longer] = (await remote.unary(M.batchReadBlobs, batch, call())).responses;
    expect(got?.compressor).toBe(COMPRESSORS.DEFLATE);
    expect(inflateRawSync(got?.data ?? new Uint8Array())).toEqual(small);
    // Compression would make it longer.
    expect(longer).toMatchObject({ compressor: COMPRESSORS.IDENTITY, data: tiny });
    // The protocol means the format of RFC 1951, without the header of zlib.
    const odd = deflateSync(Buffer.from('bomb'));
    const more = Buffer.concat([deflateRawSync(Buffer.from('bomb')), Buffer.from('more')]);
    const bombs = [deflateRawSync(Buffer.alloc(50_000_000)), deflateRawSync(Buffer.from('x')), odd, more];
    const bombed = await remote.unary(
      M.batchUpdateBlobs,
      {
        instanceName: '',
        requests: bombs.map((bomb) => ({
          digest: { ...digestOf('bomb'), sizeBytes: 4 },
          data: bomb,
          compressor: COMPRESSORS.DEFLATE,
        })),
      },
      call(),
    );
    expect(bombed.responses.map(({ status }) => `${status?.code} ${status?.message}`)).toEqual([
      '3 data: expected deflate of 4 B, got more',
      expect.stringMatching(/^3 expected bytes with digest .*\/4, got .*\/1$/),
      '3 data: expected deflate of 4 B: invalid stored block lengths',
      '3 data: expected deflate alone, got 4 B or more behind it',
    ]);
  });

  test('a compressed blob may be large, and others are answered while it goes up and down', async () => {
    const { cluster, remote } = await serve();
    const bytes = Buffer.alloc(96 * MIB, 'some text that can be compressed; ');
    const digest = digestOf(bytes);
    const compressed = deflateRawSync(bytes, { level: 1 });
    let answered = 0;
    let isOver = false;
    const others = async (): Promise<void> => {
      while (!isOver) {
        await remote.unary(M.getCapabilities, { instanceName: '' }, call());
        answered += 1;
      }
    };
    const resourceName = `compressed-blobs/deflate/${digestKey(digest)}`;
    async function* parts(): AsyncGenerator<WriteRequest> {
      const size = 64 * 1024;
      for (let at = 0; at < compressed.length; at += size) {
        const data = compressed.subarray(at, at + size);
        const finishWrite = at + size >= compressed.length;
        yield { resourceName: `uploads/u/${resourceName}`, writeOffset: at, finishWrite, data };
      }
    }
    const asked = others();
    expect(await remote.clientStream(M.write, parts(), call())).toEqual({
      committedSize: compressed.length,
    });
    const answeredFirst = answered;
    expect(answeredFirst).toBeGreaterThan(2);
    expect(await cluster.content.findMissing([digest])).toEqual([]);
    const pieces = await all(
      remote.serverStream(M.read, { resourceName, readOffset: 0, readLimit: 0 }, call()),
    );
    expect(answered - answeredFirst).toBeGreaterThan(2);
    isOver = true;
    await asked;
    expect(digestOf(inflateRawSync(Buffer.concat(pieces.map(({ data }) => data))))).toEqual(digest);
    // Once the blob is there, no size of the compressed data is known.
    expect(await remote.clientStream(M.write, parts(), call())).toEqual({ committedSize: -1 });
    expect(cluster.service.openUploads).toBe(0);
  });

  test.for(['breaks off', 'is damaged', 'becomes too long', 'is another blob'])(
    'a compressed upload that %s leaves nothing',
    async (what) => {
      const { cluster, remote } = await serve();
      const bytes = Buffer.alloc(2 * MIB, 'some text that can be compressed; ');
      const digest = digestOf(bytes);
      const source = what === 'becomes too long' ? Buffer.concat([bytes, bytes]) : bytes;
      const data = deflateRawSync(what === 'is another blob' ? bytes.fill('x') : source);
      if (what === 'is damaged') data.fill(0, data.length / 2);
      const name = `uploads/u/compressed-blobs/deflate/${digestKey(digest)}`;
      async function* parts(): AsyncGenerator<WriteRequest> {
        const half = Math.floor(data.length / 2);
        yield { resourceName: name, writeOffset: 0, finishWrite: false, data: data.subarray(0, half) };
        if (what === 'breaks off') return;
        yield { resourceName: '', writeOffset: half, finishWrite: true, data: data.subarray(half) };
      }
      const said = await remote.clientStream(M.write, parts(), call()).catch((error: unknown) => error);
      if (what === 'breaks off') expect(said).toEqual({ committedSize: 0 });
      else expect(said).toMatchObject({ status: { code: RPC_CODES.INVALID_ARGUMENT } });
      expect(cluster.service.openUploads).toBe(0);
      expect(await cluster.content.findMissing([digest])).toEqual([digest]);
    },
  );

  test('uploads that are never finished keep neither room nor files, while the server runs and once it has ended', async () => {
    const cas = mkdtempSync(join(tmpdir(), 'dryrunner-cas-'));
    ends.push(() => rmSync(cas, { recursive: true }));
    const { cluster, remote } = await serve({ cas, casBytesMax: 1_000, uploadIdleMs: 200 });
    const incoming = (): string[] => readdirSync(join(cas, 'cas/incoming'));
    const open = (letter: string, signal?: AbortSignal): Promise<unknown> => {
      const digest = digestOf(letter.repeat(900));
      async function* parts(): AsyncGenerator<WriteRequest> {
        const resourceName = `uploads/${letter}/blobs/${digestKey(digest)}`;
        yield { resourceName, writeOffset: 0, finishWrite: false, data: Buffer.from(letter.repeat(200)) };
        await new Promise<void>(() => {});
      }
      return remote.clientStream(M.write, parts(), call(signal)).catch((error: unknown) => error);
    };
    const gone = new AbortController();
    const said = [open('a'), open('b'), open('c', gone.signal), open('d', gone.signal)];
    while (incoming().length < 4) await pause(5);
    gone.abort();
    expect((await Promise.all(said)).map((error) => (error as RpcError).status.code)).toEqual([
      RPC_CODES.DEADLINE_EXCEEDED,
      RPC_CODES.DEADLINE_EXCEEDED,
      RPC_CODES.CANCELLED,
      RPC_CODES.CANCELLED,
    ]);
    while (cluster.service.openUploads > 0) await pause(5);
    expect(incoming()).toEqual([]);
    await put(cluster, Buffer.alloc(1_000));
    const last = open('e');
    while (incoming().length < 1) await pause(5);
    await cluster.close();
    expect(await last).toMatchObject({ status: { code: RPC_CODES.UNAVAILABLE } });
    expect(incoming()).toEqual([]);
  });

  test('statuses come with their code, sentence and missing blobs', async () => {
    const { remote } = await serve();
    const lost = digestOf('no action');
    const error: unknown = await all(remote.serverStream(M.execute, request(lost), call())).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({
      status: { code: 9, violations: [{ type: 'MISSING', subject: `blobs/${digestKey(lost)}` }] },
    });
    expect(await failure(remote.unary(M.getOperation, { name: 'x' }, call()))).toBe(
      'NOT_FOUND: no operation with the name "x"',
    );
  });

  test('however much is missing, and whatever text comes back, the status fits into a header', async () => {
    const { cluster, remote } = await serve({ jobs: 1, workers: 'simulated' });
    const lost = Array.from({ length: 5_000 }, (_, n) => digestOf(`lost ${n}`));
    const files = lost.map((digest, n) => ({ name: `f${n}`, digest }));
    const inputRootDigest = await put(cluster, MESSAGES.Directory.encode({ files }));
    const action = await putAction(cluster, 'true', inputRootDigest);
    const error: unknown = await all(remote.serverStream(M.execute, request(action), call())).catch(
      (thrown: unknown) => thrown,
    );
    const { status, message, cause } = error as RpcError;
    expect(status.code).toBe(RPC_CODES.FAILED_PRECONDITION);
    expect(message).toMatch(
      /^the action names 5000 blobs that are not there, such as .*; the details list \d+ of 5000$/,
    );
    const listed = lost
      .slice(0, 30)
      .map((digest) => ({ type: 'MISSING', subject: `blobs/${digestKey(digest)}` }));
    expect(status.violations?.slice(0, 30)).toEqual(listed);
    // As docs/remote.md says.
    expect(status.violations).toHaveLength(36);
    const [details] = (cause as grpc.ServiceError).metadata.get('grpc-status-details-bin');
    expect(Buffer.from(details ?? '').toString('base64').length).toBeLessThan(6_200);

    for (const piece of ['n', '\n"', 'ü', '😀', 'a😀']) {
      const links = { outputSymlinks: [{ path: 'a', target: `/${piece.repeat(500_000)}` }] };
      const actionResult = MESSAGES.ActionResult.decode(MESSAGES.ActionResult.encode(links));
      const said: unknown = await remote
        .unary(M.updateActionResult, { instanceName: '', actionDigest: action, actionResult }, call())
        .catch((thrown: unknown) => thrown);
      const refused = said as RpcError;
      expect(refused.status.code).toBe(RPC_CODES.INVALID_ARGUMENT);
      expect(refused.message).toMatch(/^link that could lead out .* a -> \/.*\.\.\. \(\d+ characters\)$/);
      expect(encodeURI(refused.message).length).toBeLessThanOrEqual(1_024);
    }
  });

  test.each([
    [
      'a context without a signal',
      M.getCapabilities,
      {},
      /^context\.signal: expected an AbortSignal, got undefined/,
    ],
    [
      'a signal that is none',
      M.getCapabilities,
      { signal: 5 },
      /^context\.signal: expected an AbortSignal, got 5/,
    ],
    [
      'metadata that is none',
      M.getCapabilities,
      { ...call(), metadata: {} },
      /^context\.metadata: expected a Map/,
    ],
    ['no context', M.getCapabilities, undefined, /^context: expected the context of a call/],
    ['no method', undefined, call(), /^method: expected a method of REMOTE_METHODS/],
    ['a method that is none', {}, call(), /^method\.path: expected a string/],
  ])('%s is refused before a call begins, by each kind of call', async (_, method, context, expected) => {
    const { remote } = await serve();
    const given = [method, { instanceName: '' }, context] as never as [never, never, never];
    const calls = [
      async () => remote.unary(...given),
      async () => all(remote.serverStream(...given)),
      async () => remote.clientStream(...given),
    ];
    for (const begin of calls) {
      const error: unknown = await begin().catch((thrown: unknown) => thrown);
      expect(isRunnerError(error, 'RUNNER_INVALID_ARGUMENT') && error.message).toMatch(expected);
    }
  });

  test('without its token, or with another, nobody is let in', async () => {
    const { cluster, remote } = await serve({ token: 'secret' });
    expect(await failure(remote.unary(M.getCapabilities, { instanceName: '' }, call()))).toMatch(
      /^UNAUTHENTICATED: expected the token/,
    );
    const other = await connectRemote({ endpoint: cluster.endpoint, token: 'secreT' });
    ends.push(() => other.close());
    expect(await failure(all(other.serverStream(M.execute, request(digestOf('')), call())))).toMatch(
      /^UNAUTHENTICATED/,
    );
    const right = await connectRemote({ endpoint: cluster.endpoint, token: 'secret' });
    ends.push(() => right.close());
    expect((await right.unary(M.getCapabilities, { instanceName: '' }, call())).lowApiVersion?.major).toBe(2);
  });

  test('the seed decides about each call, however many names the server has met in between', async () => {
    const codesOf = async (between: () => void): Promise<string[]> => {
      const { remote } = await serve({ chaosSeed: '1', faults: { rates: { refuse: 0.5 } } });
      const codes: string[] = [];
      for (let n = 0; n < 40; n += 1) {
        if (n === 20) between();
        codes.push(await failure(remote.unary(M.getCapabilities, { instanceName: '' }, call())));
      }
      return codes;
    };
    const codes = await codesOf(() => undefined);
    const later = await codesOf(() => {
      for (let n = 0; n < 10_000; n += 1) namedTopic('other', 'names', String(n));
    });
    expect(later).toStrictEqual(codes);
    expect(new Set(codes).size).toBe(2);
  });

  test('a connection that is lost without being closed ends on both sides, and so does its action', async () => {
    const codes: string[] = [];
    const { cluster } = await serve({
      abandonedAfterMs: 10,
      keepaliveMs: 500,
      onCall: ({ method, code, peer }) =>
        codes.push(`${method.slice(method.lastIndexOf('/') + 1)} ${code} ${peer.replace(/\d+$/, 'port')}`),
    });
    const proxy = await serveProxy(cluster.port);
    const remote = await connectRemote({ endpoint: `grpc://127.0.0.1:${proxy.port}`, keepaliveMs: 500 });
    ends.push(() => remote.close());
    const action = await putAction(cluster, 'while :; do /bin/sleep 0.1; done');
    const watched = failure(all(remote.serverStream(M.execute, request(action), call())));
    while (cluster.service.activeOperations === 0) await pause(10);
    proxy.cut();
    expect(await watched).toMatch(/^UNAVAILABLE/);
    while (cluster.service.activeOperations > 0) await pause(10);
    expect(codes).toStrictEqual(['Execute CANCELLED 127.0.0.1:port']);
  });

  test('an action whose client has gone is stopped whatever its log throws, and one whose client comes back is not', async () => {
    const abandoned: (Digest | string)[][] = [];
    const onAbandoned = (...given: [Digest, string]): void => {
      abandoned.push(given);
      throw new Error('the log is full');
    };
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    ends.push(() => warned.mockRestore());
    const { cluster, remote } = await serve({ abandonedAfterMs: 300, onAbandoned });
    const watch = async (signal: AbortSignal): Promise<string> => {
      let name = '';
      try {
        for await (const operation of remote.serverStream(M.execute, request(action), { signal })) {
          name = operation.name;
        }
      } catch {
        // Cancelled.
      }
      return name;
    };
    const action = await putAction(cluster, 'while :; do /bin/sleep 0.1; done');
    const gone = new AbortController();
    const watched = watch(gone.signal);
    while (cluster.service.activeOperations === 0) await pause(10);
    gone.abort();
    await watched;
    while (cluster.service.activeOperations > 0) await pause(10);
    const again = new AbortController();
    const first = watch(again.signal);
    while (cluster.service.activeOperations === 0) await pause(10);
    const [{ name } = { name: '' }] = (
      await remote.unary(M.listOperations, { filter: '', pageSize: 0, pageToken: '', name: '' }, call())
    ).operations.filter(({ done }) => !done);
    const waiting = new AbortController();
    const waited = all(remote.serverStream(M.waitExecution, { name }, call(waiting.signal))).catch(
      () => undefined,
    );
    again.abort();
    await first;
    await pause(600);
    expect([cluster.service.activeOperations, abandoned]).toEqual([1, [[action, '']]]);
    waiting.abort();
    await waited;
    while (cluster.service.activeOperations > 0) await pause(10);
    expect(abandoned).toEqual(Array(2).fill([action, '']));
    expect(warned.mock.calls).toEqual(
      Array(2).fill(['onAbandoned of a build cluster threw: the log is full']),
    );
  });

  test('a deadline ends the call, and not the action', async () => {
    const { cluster, remote } = await serve();
    const action = await putAction(cluster, '/bin/sleep 2');
    const context = { ...call(), timeoutMs: 500 };
    expect(await failure(all(remote.serverStream(M.execute, request(action), context)))).toMatch(
      /^DEADLINE_EXCEEDED/,
    );
    const ended = await all(remote.serverStream(M.execute, request(action), call()));
    expect(ended.at(-1)?.done).toBe(true);
    expect(cluster.service.activeOperations).toBe(0);
  });

  test('anything but gRPC is refused, and a message above the limit is RESOURCE_EXHAUSTED', async () => {
    const { cluster, remote } = await serve({ messageBytesMax: 10_000 });
    const session = connect(cluster.endpoint.replace('grpc://', 'http://'));
    ends.push(() => session.close());
    const stream = session.request({ ':method': 'GET', ':path': '/' });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers[':status']).toBe(415);
    stream.close();
    const digests = Array.from({ length: 200 }, () => digestOf('x'));
    expect(
      await failure(remote.unary(M.findMissingBlobs, { instanceName: '', blobDigests: digests }, call())),
    ).toMatch(/^RESOURCE_EXHAUSTED/);
  });

  test('a client with the default limit of gRPC gets a tree that is larger than a message', async () => {
    const { cluster } = await serve();
    const { Client, credentials, Metadata } = await import('@grpc/grpc-js');
    const target = 'x'.repeat(3_000);
    const directories: { name: string; digest: Digest }[] = [];
    for (let n = 0; n < 10; n += 1) {
      const symlinks = Array.from({ length: 200 }, (_, nth) => ({ name: `${n} ${nth}`, target }));
      directories.push({ name: `${n}`, digest: await put(cluster, MESSAGES.Directory.encode({ symlinks })) });
    }
    const rootDigest = await put(cluster, MESSAGES.Directory.encode({ directories }));
    const client = new Client(cluster.endpoint.replace('grpc://', ''), credentials.createInsecure());
    ends.push(() => client.close());
    const { path, request: question, response } = M.getTree;
    const encode = (message: typeof asked): Buffer => Buffer.from(question.encode(message));
    const asked = { instanceName: '', rootDigest, pageSize: 0, pageToken: '' };
    const answer = client.makeServerStreamRequest(
      path,
      encode,
      (bytes) => response.decode(bytes),
      asked,
      new Metadata(),
      {},
    );
    const pages = await all(answer as AsyncIterable<ReturnType<typeof response.decode>>);
    expect(pages.flatMap((page) => page.directories)).toHaveLength(11);
    const bytes = pages.reduce((sum, page) => sum + response.encode(page).length, 0);
    expect(bytes).toBeGreaterThan(4 * MIB);
  });

  test('an operation of a server that was there before is NOT_FOUND, and not another one', async () => {
    const names: string[] = [];
    for (const script of ['exit 1', 'exit 2']) {
      const { cluster, remote } = await serve({ workers: 'simulated' });
      const action = await putAction(cluster, script);
      names.push((await all(remote.serverStream(M.execute, request(action), call())))[0]?.name ?? '');
      const said = await failure(all(remote.serverStream(M.waitExecution, { name: names[0] ?? '' }, call())));
      expect(said).toMatch(names.length === 1 ? /^no failure$/ : /^NOT_FOUND: no operation with the name/);
    }
    expect(new Set(names).size).toBe(2);
  });

  test.for<readonly [string, Partial<ActionCommand>]>([
    ['in all three lists', { outputFiles: ['o/a'], outputDirectories: ['o/d'], outputPaths: ['o/a', 'o/d'] }],
    ['twice', { outputFiles: ['o/a', 'o/a'], outputDirectories: ['o/d', 'o/d'] }],
    ['inside of another', { outputPaths: ['o', 'o/a', 'o/d'] }],
  ])('outputs that are named %s are made and stored', async ([, lists]) => {
    for (const workers of ['exec', 'simulated'] as const) {
      const { cluster, remote } = await serve({ workers, jobs: 1 });
      const paths = { outputFiles: [], outputDirectories: [], outputPaths: [], workingDirectory: '' };
      const script = 'mkdir -p o/d; echo a > o/a; echo b > o/d/b';
      const command = {
        arguments: ['/bin/sh', '-c', script],
        environmentVariables: { PATH: process.env['PATH'] ?? '' },
        platform: [],
        ...paths,
        ...lists,
      };
      const commandDigest = await put(cluster, encodeCommand(command));
      const action = encodeAction({ commandDigest, inputRootDigest: digestOf(''), doNotCache: false });
      const last = (
        await all(remote.serverStream(M.execute, request(await put(cluster, action)), call()))
      ).at(-1);
      const { status, result } = MESSAGES.ExecuteResponse.decode(last?.response?.value ?? new Uint8Array());
      expect(status).toMatchObject({ code: 0, message: '' });
      const [files, dirs] = [result?.outputFiles ?? [], result?.outputDirectories ?? []];
      const found = [...files, ...dirs].map(({ path }) => path);
      expect(found).toEqual([...new Set(found)]);
      expect(found).toEqual(expect.arrayContaining(['o/a']));
    }
  });

  /** Where temporary files are made until the end of the test. */
  function ownTempRoot(): string {
    const dir = mkdtempSync(join(tmpdir(), 'dryrunner-end-'));
    vi.stubEnv('TMPDIR', dir);
    ends.push(() => {
      rmSync(dir, { recursive: true });
      vi.unstubAllEnvs();
    });
    return dir;
  }

  test.for([
    { metrics: 5 },
    { abandonedAfterMs: -1 },
    { faults: 5, chaosSeed: '1' },
    { faults: { rates: { refuse: 1 } } },
    { chaosSeed: '' },
    { tls: {} },
    { tls: { cert: 5, key: 'k' } },
    { uploadIdleMs: -1 },
    { jobs: 1_025 },
    { cas: '/dev/null/x' },
  ] as unknown as BuildClusterOptions[])(
    'a cluster that refuses its options leaves nothing behind: %j',
    async (options) => {
      const dir = ownTempRoot();
      await expect(serveBuildCluster(options)).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
      expect(readdirSync(dir)).toEqual([]);
    },
  );

  test('a folder that cannot be used, or a port that is in use, is one error and no other line', async () => {
    await expect(serveBuildCluster({ cas: '/dev/null/x' })).rejects.toThrow(
      /^cas: \/dev\/null\/x cannot be used: ENOTDIR: /,
    );
    const { port } = (await serve({ workers: 'simulated' })).cluster;
    const printed = vi.spyOn(console, 'error');
    await expect(serveBuildCluster({ port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another program listens there`,
    );
    expect(printed).not.toHaveBeenCalled();
  });

  test.for(['127.0.0.1', 'localhost'])(
    'a cluster that cannot listen on a port of %s leaves no store in its folder',
    async (host) => {
      const { port } = (await serve({ host, workers: 'simulated' })).cluster;
      const cas = join(ownTempRoot(), 'store');
      const error = await serveBuildCluster({ host, port, cas }).catch((cause: unknown) => cause);
      expect(error).toMatchObject({
        code: 'RUNNER_RPC_FAILED',
        message: `cannot listen on ${host}:${port}: another program listens there`,
      });
      expect(existsSync(cas)).toBe(false);
    },
  );

  test('a cluster whose action cache cannot be opened leaves no content store open', async () => {
    const cas = ownTempRoot();
    writeFileSync(join(cas, 'ac'), 'a file');
    await expect(serveBuildCluster({ cas })).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    expect(readdirSync(join(cas, 'cas', 'leases'))).toEqual([]);
  });

  test.skipIf(smallDiskMissingBecause !== undefined)(
    titledForSmallDisk(
      'a temporary folder without room for the stores is RUNNER_OUTPUT_FAILED, and is removed',
    ),
    async () => {
      const small = new SmallDisk(64, 30);
      ends.push(() => small.remove());
      vi.stubEnv('TMPDIR', small.dir);
      ends.push(() => void vi.unstubAllEnvs());
      await expect(serveBuildCluster({ workers: 'simulated' })).rejects.toMatchObject({
        code: 'RUNNER_OUTPUT_FAILED',
        message: expect.stringMatching(/^the temporary folder .* cannot be used: ENOSPC: /) as unknown,
      });
      expect(readdirSync(small.dir)).toEqual([]);
    },
  );

  test('a worker that cannot be released leaves nothing else behind', async () => {
    const dir = ownTempRoot();
    ends.push(() => {
      broken.release = false;
    });
    broken.release = true;
    const cluster = await serveBuildCluster({ jobs: 2, workers: 'simulated' });
    expect(readdirSync(dir)).not.toEqual([]);
    await expect(cluster.close()).rejects.toThrow('a worker that does not let go');
    expect(readdirSync(dir)).toEqual([]);
  });

  /** What came of a command: its exit code or its status, and what it printed. */
  async function endOf(
    { cluster, remote }: Awaited<ReturnType<typeof serve>>,
    script: string,
    outputs: readonly string[] = [],
  ): Promise<{ readonly end: string; readonly stdout: string }> {
    const action = await putAction(cluster, script, digestOf(''), outputs);
    const last = (await all(remote.serverStream(M.execute, request(action), call()))).at(-1);
    const { status, result } = MESSAGES.ExecuteResponse.decode(last?.response?.value ?? new Uint8Array());
    const isOk = status?.code === RPC_CODES.OK;
    const end = isOk
      ? `exit code ${result?.exitCode}`
      : `${rpcCodeName(status?.code ?? -1)}: ${status?.message}`;
    const digest = result?.stdoutDigest ?? digestOf('');
    return { end, stdout: Buffer.from(await cluster.content.read(digest)).toString() };
  }

  test('the folder of its actions is made again if it is removed, with the same rights', async () => {
    const [cas, dir] = [mkdtempSync(join(tmpdir(), 'dryrunner-cas-')), ownTempRoot()];
    ends.push(() => rmSync(cas, { recursive: true }));
    const troubles: string[] = [];
    const served = await serve({ cas, onTrouble: (text) => troubles.push(text) });
    const [name = ''] = readdirSync(dir);
    const folder = join(dir, name);
    for (let n = 0; n < 3; n += 1) {
      rmSync(folder, { recursive: true });
      expect(await endOf(served, `echo ${n}`)).toEqual({ end: 'exit code 0', stdout: `${n}\n` });
      expect(statSync(folder).mode & 0o777).toBe(0o700);
    }
    chmodSync(folder, 0);
    expect(await endOf(served, 'echo mode')).toEqual({ end: 'exit code 0', stdout: 'mode\n' });
    // While it is gone, what the action has made and printed is gone too.
    const printed = await endOf(served, `echo lost; rm -rf ${folder}`);
    expect(printed.end).toBe('UNAVAILABLE: the folder of the action was removed or replaced meanwhile');
    expect(await endOf(served, 'echo again')).toEqual({ end: 'exit code 0', stdout: 'again\n' });
    expect(troubles).toEqual([]);
  });

  test('a store in its temporary folder has no lease', async () => {
    const dir = ownTempRoot();
    await serve({});
    const [name = ''] = readdirSync(dir);
    expect(readdirSync(join(dir, name, 'cas/leases'))).toEqual([]);
  });

  test('its temporary folder has the same rights if a store makes it again', async () => {
    const dir = ownTempRoot();
    const { cluster } = await serve();
    const [name = ''] = readdirSync(dir);
    const folder = join(dir, name);
    const results: Parameters<BuildCluster['cache']['put']>[2] = {
      ...{ outputFiles: [], outputDirectories: [], outputSymlinks: [], exitCode: 0 },
      ...{ stdoutDigest: digestOf(''), stderrDigest: digestOf(''), metadata: { worker: '' } },
    };
    const makers = [
      () => put(cluster, Buffer.from('secret')),
      () => cluster.cache.put('', digestOf('secret'), results),
    ];
    for (const make of makers) {
      rmSync(folder, { recursive: true });
      await make();
      expect(statSync(folder).mode & 0o777).toBe(0o700);
    }
  });

  test('a folder of its actions that cannot be made again is reported once, and is UNAVAILABLE until it can', async () => {
    const [cas, dir] = [mkdtempSync(join(tmpdir(), 'dryrunner-cas-')), ownTempRoot()];
    ends.push(() => rmSync(cas, { recursive: true }));
    const troubles: string[] = [];
    const served = await serve({ cas, jobs: 1, onTrouble: (text) => troubles.push(text) });
    const [name = ''] = readdirSync(dir);
    const folder = join(dir, name);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'a file');
    for (let n = 0; n < 3; n += 1) {
      const { end } = await endOf(served, `echo ${n}`);
      expect(end).toBe('UNAVAILABLE: the cluster has no folder for the action: file already exists');
    }
    expect(troubles).toEqual([`no folder can be made for actions in ${folder}: file already exists`]);
    rmSync(folder);
    expect((await endOf(served, 'echo again')).stdout).toBe('again\n');
  });

  test('a folder of logs in which none can be created is reported once, and is UNAVAILABLE until one can', async () => {
    const dir = ownTempRoot();
    const troubles: string[] = [];
    const served = await serve({ jobs: 1, onTrouble: (text) => troubles.push(text) });
    const [name = ''] = readdirSync(dir);
    const logs = join(dir, name, 'logs');
    rmSync(logs, { recursive: true, force: true });
    writeFileSync(logs, 'a file');
    for (let n = 0; n < 3; n += 1) {
      const { end } = await endOf(served, `echo ${n}`);
      expect(end).toBe(
        'UNAVAILABLE: could not create stdout: the cluster has no folder for logs: not a directory',
      );
    }
    expect(troubles).toEqual([`no log of an action can be created in ${logs}: not a directory`]);
    rmSync(logs);
    expect((await endOf(served, 'echo again')).stdout).toBe('again\n');
  });

  test('a worker that takes no more actions is reported with the reason', async () => {
    const troubles: string[] = [];
    broken.checkout = true;
    ends.push(() => {
      broken.checkout = false;
    });
    const served = await serve({ jobs: 1, workers: 'simulated', onTrouble: (text) => troubles.push(text) });
    for (let n = 0; n < 2; n += 1) {
      expect((await endOf(served, `echo ${n}`)).end).toBe('INTERNAL: a disk that fails');
    }
    const reason = 'Worker is unhealthy: exit code 212 twice in a row: a disk that fails';
    expect((await endOf(served, 'echo 2')).end).toBe(`UNAVAILABLE: no worker takes actions: ${reason}`);
    expect(troubles).toEqual([`worker 1 of 1 takes no more actions: ${reason}`]);
  });

  test('a worker that is ill again and again is reported once', async () => {
    const troubles: string[] = [];
    broken.refusals = 2;
    const served = await serve({ jobs: 1, workers: 'simulated', onTrouble: (text) => troubles.push(text) });
    // Its health is good whenever it is asked.
    expect((await endOf(served, 'echo')).end).toBe('exit code 0');
    expect(troubles).toEqual(['worker 1 of 1 takes no more actions: a disk that is slow']);
  });

  test('R208 the gauge runningTask counts the actions of all workers', async () => {
    const metrics = createMemoryMetrics();
    const { cluster, remote } = await serve({ metrics });
    const long = failure(
      all(remote.serverStream(M.execute, request(await putAction(cluster, 'sleep 98764')), call())),
    );
    await vi.waitFor(() => expect(metrics.value('runningTask')).toBe(1), { timeout: 30_000 });
    await all(remote.serverStream(M.execute, request(await putAction(cluster, 'exit 3')), call()));
    expect(metrics.value('runningTask')).toBe(1);
    await cluster.close();
    await long;
    expect(metrics.value('runningTask')).toBe(0);
  });

  test.for([
    ['ends', 'echo out; echo err >&2', 'out\n', undefined],
    ['fails', 'echo out; exit 3', 'out\n', undefined],
    ['times out', 'echo out; sleep 100', 'out\n', 1_000],
  ] as const)(
    'the logs of an action that %s are gone when it has ended',
    async ([, script, stdout, timeoutMs]) => {
      const own = mkdtempSync(join(tmpdir(), 'dryrunner-logs-'));
      ends.push(() => rmSync(own, { recursive: true }));
      vi.stubEnv('TMPDIR', own);
      ends.push(() => vi.unstubAllEnvs());
      const { cluster, remote } = await serve({ jobs: 2 });
      const results = Array.from({ length: 4 }, async (_, index) => {
        const action = await putAction(cluster, `${script} # ${index}`, digestOf(''), [], timeoutMs);
        const last = (await all(remote.serverStream(M.execute, request(action), call()))).at(-1);
        const { result } = MESSAGES.ExecuteResponse.decode(last?.response?.value ?? new Uint8Array());
        return Buffer.from(await cluster.content.read(result?.stdoutDigest as Digest)).toString();
      });
      expect(await Promise.all(results)).toEqual(Array(4).fill(expect.stringContaining(stdout)));
      const [folder = ''] = readdirSync(own);
      expect(readdirSync(join(own, folder, 'logs'))).toEqual([]);
    },
  );

  test.skipIf(smallDiskMissingBecause !== undefined)(
    titledForSmallDisk(
      'R123 on a disk that is full an action loses its own log alone, and that is reported once',
    ),
    async () => {
      const small = new SmallDisk(4_096);
      const cas = mkdtempSync(join(tmpdir(), 'dryrunner-cas-'));
      ends.push(
        () => small.remove(),
        () => rmSync(cas, { recursive: true }),
      );
      vi.stubEnv('TMPDIR', small.dir);
      ends.push(() => void vi.unstubAllEnvs());
      const troubles: string[] = [];
      const { cluster, remote } = await serve({ cas, onTrouble: (text) => troubles.push(text) });
      const [name = ''] = readdirSync(small.dir);
      for (let n = 0; n < 3; n += 1) {
        const ended = async (script: string): Promise<unknown> => {
          const action = await putAction(cluster, `${script} # ${n}`);
          const last = (await all(remote.serverStream(M.execute, request(action), call()))).at(-1);
          const { status, message, result } = MESSAGES.ExecuteResponse.decode(
            last?.response?.value ?? new Uint8Array(),
          );
          return [status?.code, result?.exitCode, result?.stdoutDigest?.sizeBytes, message];
        };
        expect(await ended('head -c 5000000 /dev/zero')).toEqual([
          RPC_CODES.OK,
          0,
          expect.any(Number),
          expect.stringMatching(/^the logs are incomplete: output .* could not be written: ENOSPC: /),
        ]);
        expect(await ended('echo ok')).toEqual([RPC_CODES.OK, 0, 3, '']);
      }
      const folder = join(small.dir, name);
      expect(troubles).toEqual([
        expect.stringContaining(
          `not all that actions print can be kept in ${folder}: no space left on device`,
        ),
      ]);
    },
  );

  test('R123 R192 a log that is longer than its limit is cut, which the client learns, and is not cached', async () => {
    const { cluster, remote } = await serve({ logBytesMax: 10_000 });
    const action = await putAction(cluster, 'yes | head -c 1000000; echo whole >&2; exit 0');
    const last = (await all(remote.serverStream(M.execute, request(action), call()))).at(-1);
    const { status, message, result } = MESSAGES.ExecuteResponse.decode(
      last?.response?.value ?? new Uint8Array(),
    );
    expect([status?.code, result?.exitCode]).toEqual([RPC_CODES.OK, 0]);
    expect(message).toBe('the logs are incomplete: stdout is cut after 10000 B');
    const read = async (digest: Digest | null | undefined): Promise<string> =>
      Buffer.from(await cluster.content.read(digest as Digest)).toString();
    const end = '\n\nThe rest of stdout is cut after 10000 B.\n';
    expect(await read(result?.stdoutDigest)).toBe('y\n'.repeat(5_000) + end);
    expect(await read(result?.stderrDigest)).toBe('whole\n');
    expect(await cluster.cache.get('', action)).toBeUndefined();
  });

  test('a full store is RESOURCE_EXHAUSTED with its sentence, and a blob that can never fit INVALID_ARGUMENT', async () => {
    const { remote } = await serve({ casBytesMax: 1_000 });
    const nameOf = (data: Buffer): string => `uploads/u/blobs/${digestKey(digestOf(data))}`;
    const upload = (bytes: number): Promise<string> => {
      const data = Buffer.alloc(bytes, 'x');
      async function* parts(): AsyncGenerator<WriteRequest> {
        yield { resourceName: nameOf(data), writeOffset: 0, finishWrite: true, data };
      }
      return failure(remote.clientStream(M.write, parts(), call()));
    };
    const slow = Buffer.alloc(900, 'x');
    let sendRest = (): void => undefined;
    const isTime = new Promise<void>((resolve) => {
      sendRest = resolve;
    });
    async function* slowParts(): AsyncGenerator<WriteRequest> {
      const resourceName = nameOf(slow);
      yield { resourceName, writeOffset: 0, finishWrite: false, data: slow.subarray(0, 800) };
      await isTime;
      yield { resourceName, writeOffset: 800, finishWrite: true, data: slow.subarray(800) };
    }
    const underWay = remote.clientStream(M.write, slowParts(), call());
    const sentBytes = async (): Promise<number> => {
      const { committedSize } = await remote.unary(
        M.queryWriteStatus,
        { resourceName: nameOf(slow) },
        call(),
      );
      return committedSize;
    };
    while ((await sentBytes()) < 800);
    expect(await upload(500)).toMatch(/^RESOURCE_EXHAUSTED: expected room for 500 B, got 200 B of 1000 B/);
    expect(await upload(2_000)).toMatch(/^INVALID_ARGUMENT: digest.size_bytes: expected 1000 B at most/);
    sendRest();
    expect(await underWay).toMatchObject({ committedSize: 900 });
  });

  test.skipIf(smallDiskMissingBecause !== undefined)(
    titledForSmallDisk('a full disk is RESOURCE_EXHAUSTED: for uploads, results, and outputs that are kept'),
    async () => {
      const small = new SmallDisk(1_024);
      ends.push(() => small.remove());
      const { cluster, remote } = await serve({ cas: join(small.dir, 'cas') });
      const full =
        /^RESOURCE_EXHAUSTED: expected room for \d+ B, but the disk has none: no space left on device$/;
      const data = Buffer.alloc(3 * MIB, 'x');
      async function* parts(): AsyncGenerator<WriteRequest> {
        const resourceName = `uploads/u/blobs/${digestKey(digestOf(data))}`;
        yield { resourceName, writeOffset: 0, finishWrite: true, data };
      }
      expect(await failure(remote.clientStream(M.write, parts(), call()))).toMatch(full);
      const requests = [{ digest: digestOf(data), data, compressor: 0 }];
      const { responses } = await remote.unary(M.batchUpdateBlobs, { instanceName: '', requests }, call());
      expect(responses[0]?.status?.code).toBe(RPC_CODES.RESOURCE_EXHAUSTED);
      const actionResult = MESSAGES.ActionResult.decode(MESSAGES.ActionResult.encode({ stdoutRaw: data }));
      const update = { instanceName: '', actionDigest: digestOf('action'), actionResult };
      expect(await failure(remote.unary(M.updateActionResult, update, call()))).toMatch(full);
      // Its outputs do not fit into the store, its directory has all the room of the machine.
      for (const script of ['head -c 3000000 /dev/zero > out', 'head -c 3000000 /dev/zero']) {
        const action = await putAction(cluster, script, digestOf(''), ['out']);
        const last = (await all(remote.serverStream(M.execute, request(action), call()))).at(-1);
        const { status } = MESSAGES.ExecuteResponse.decode(last?.response?.value ?? new Uint8Array());
        expect(status?.code).toBe(RPC_CODES.RESOURCE_EXHAUSTED);
        expect(status?.message).toMatch(
          /^expected room for \d+ B, but the disk has none: no space left on device$/,
        );
      }
      const small100 = await put(cluster, Buffer.alloc(100));
      expect(await cluster.content.findMissing([small100])).toEqual([]);
      expect(readdirSync(join(small.dir, 'cas/cas/incoming'))).toEqual([]);
    },
  );

  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const { privateKey: ecKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const isRsa = (pem: string): boolean => new X509Certificate(pem).publicKey.asymmetricKeyType === 'rsa';
  const certificate = rootCertificates.find(isRsa) ?? '';
  const damaged = certificate.replace(/\n.{10}/, '\n----------');

  test.for<readonly [string, string, string, RegExp]>([
    ['are swapped', privateKey, certificate, /^tls\.cert: expected certificates in PEM, got a private key$/],
    [
      'are both certificates',
      certificate,
      certificate,
      /^tls\.key: expected a private key in PEM, got certificates$/,
    ],
    ['are no PEM', 'x', privateKey, /^tls\.cert: expected certificates in PEM, got something else$/],
    [
      'are no pair, of two types',
      certificate,
      ecKey,
      /^tls\.key: expected the private key of the certificate, got another one$/,
    ],
    [
      'are no pair',
      certificate,
      privateKey,
      /^tls\.key: expected the private key of the certificate, got another one$/,
    ],
    [
      'are broken',
      damaged,
      privateKey,
      /^tls: expected a certificate and its private key without a password, got what /,
    ],
  ])('a certificate and a key that %s are refused in words', async ([, cert, key, text]) => {
    const service = { unary: vi.fn(), serverStream: vi.fn(), clientStream: vi.fn() };
    await expect(serveRemote({ service, tls: { cert, key } })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringMatching(text) as string,
    });
  });

  test('a connection that is closed ends its calls, and takes no more', async () => {
    const asked: string[] = [];
    const never = (method: { path: string }): Promise<never> => {
      asked.push(method.path);
      return new Promise(() => {});
    };
    const service = {
      unary: never,
      async *serverStream(method: { path: string }): AsyncGenerator<never> {
        await never(method);
      },
      clientStream: never,
    };
    const server = await serveRemote({ service });
    ends.push(() => server.close(0));
    const remote = await connectRemote({ endpoint: server.endpoint });
    const calls = () => [
      failure(remote.unary(M.getCapabilities, { instanceName: '' }, call())),
      failure(all(remote.serverStream(M.waitExecution, { name: 'x' }, call()))),
      failure(remote.clientStream(M.write, nothing(), call())),
    ];
    const begun = calls();
    while (asked.length < 3) await pause(1);
    remote.close();
    for (const text of await Promise.all(begun)) expect(text).toMatch(/^CANCELLED: /);
    for (const text of await Promise.all(calls())) {
      expect(text).toBe('UNAVAILABLE: the connection was closed here');
    }
    remote.close();
  });

  test.for([undefined, null, 'a word'])(
    'requests that fail with %s reject the call with that reason',
    async (reason) => {
      const { remote } = await serve();
      async function* failing(): AsyncGenerator<never> {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- a program can throw anything
        throw reason;
      }
      const ended = remote.clientStream(M.write, failing(), call()).then(
        () => 'no failure',
        (error: unknown) => ({ reason: error }),
      );
      expect(await ended).toEqual({ reason });
    },
  );

  /** The messages of a write, and how many are alive once the last one has been asked for; without that one. */
  function forgettable(digest: Digest): { parts: () => AsyncGenerator<WriteRequest>; alive: () => number } {
    const given: WeakRef<WriteRequest>[] = [];
    let alive = NaN;
    const part = (writeOffset: number): WriteRequest => {
      const resourceName = `main/uploads/u/blobs/${digestKey(digest)}`;
      const made = { resourceName, writeOffset, finishWrite: false, data: Buffer.alloc(10) };
      given.push(new WeakRef(made));
      return made;
    };
    async function* parts(): AsyncGenerator<WriteRequest> {
      for (let at = 0; at < 50; at += 10) yield part(at);
      // What a weak reference was made for lives until the end of the turn in which that was done.
      await nextTurn();
      collectGarbage();
      alive = given.slice(0, -1).filter((made) => made.deref() !== undefined).length;
    }
    return { parts, alive: () => alive };
  }

  test('a write that waits for its client keeps none of the messages that are stored', async () => {
    const { cluster } = await serve();
    const { parts, alive } = forgettable(digestOf('x'.repeat(100)));
    expect(await cluster.service.clientStream(M.write, parts(), call())).toEqual({ committedSize: 50 });
    expect(alive()).toBe(0);
  });

  test('a call keeps none of the messages that its service has done with, for the access log either', async () => {
    const log: RpcAccess[] = [];
    const taken: WeakRef<object>[] = [];
    let first: unknown;
    const service = {
      unary: vi.fn(),
      serverStream: vi.fn(),
      async clientStream(_method: unknown, requests: AsyncIterable<object>) {
        for await (const message of requests) taken.push(new WeakRef(message));
        await nextTurn();
        collectGarbage();
        first = taken[0]?.deref();
        return { committedSize: taken.length };
      },
    };
    const server = await serveRemote({ service: service as never, onCall: (access) => log.push(access) });
    const remote = await connectRemote({ endpoint: server.endpoint });
    const digest = digestOf('x'.repeat(100));
    expect(await remote.clientStream(M.write, forgettable(digest).parts(), call())).toEqual({
      committedSize: 5,
    });
    remote.close();
    await server.close();
    expect(first).toBeUndefined();
    expect(log).toEqual([
      expect.objectContaining({ about: `blob ${digest.hash.slice(0, 8)}`, instance: 'main' }),
    ]);
  });

  test('texts of clients in the access log are cut', async () => {
    const log: RpcAccess[] = [];
    const { cluster, remote } = await serve({ onCall: (access) => log.push(access) });
    const length = 3_900_000;
    const long = 'n'.repeat(length);
    const target = `/${long}`;
    const actionResult = MESSAGES.ActionResult.decode(
      MESSAGES.ActionResult.encode({ outputSymlinks: [{ path: 'a', target }] }),
    );
    const calls = [
      remote.unary(M.findMissingBlobs, { instanceName: long, blobDigests: [] }, call()),
      remote.unary(M.getOperation, { name: long }, call()),
      all(remote.serverStream(M.read, { resourceName: long, readOffset: 0, readLimit: 0 }, call())),
      remote.unary(
        M.updateActionResult,
        { instanceName: '', actionDigest: digestOf('x'), actionResult },
        call(),
      ),
    ];
    for (const ended of await Promise.allSettled(calls)) expect(ended.status).toBe('rejected');
    await cluster.close();
    expect(log.map(({ code }) => code)).toEqual(Array(4).fill('INVALID_ARGUMENT'));
    const cut = `${'n'.repeat(100)}... (${length} characters)`;
    const of = (name: string) => log.find(({ method }) => method.endsWith(`/${name}`));
    expect(of('FindMissingBlobs')).toMatchObject({ instance: cut });
    expect(of('GetOperation')).toMatchObject({ about: cut });
    expect(of('UpdateActionResult')?.message).toMatch(
      /^link that could lead .*n\.\.\. \(39\d+ characters\)$/,
    );
    for (const access of log) expect(JSON.stringify(access).length).toBeLessThan(2_000);
  });

  test('connections to one server do not share a session, which one of them could end for the others', async () => {
    const peers: string[] = [];
    const { cluster, remote } = await serve({ onCall: ({ peer }) => peers.push(peer) });
    const other = await connectRemote({ endpoint: cluster.endpoint });
    ends.push(() => other.close());
    for (const connection of [remote, other, remote, other]) {
      await connection.unary(M.getCapabilities, { instanceName: '' }, call());
    }
    const [first, second] = peers;
    expect(second).not.toBe(first);
    expect(peers).toEqual([first, second, first, second]);
  });

  test.for([
    ['says nothing', ''],
    ['greets', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0'],
  ] as const)('a client that %s and stays does not keep a server from closing', async ([, greeting]) => {
    const cluster = await serveBuildCluster({ jobs: 1 });
    const socket = connectSocket({ port: cluster.port, host: '127.0.0.1', allowHalfOpen: true });
    ends.push(() => socket.destroy());
    await once(socket, 'connect');
    socket.write(greeting);
    // Not before the server has the connection.
    const remote = await connectRemote({ endpoint: cluster.endpoint });
    await remote.unary(M.getCapabilities, { instanceName: '' }, call());
    remote.close();
    const closed = once(socket.resume(), 'close');
    await cluster.close(10);
    socket.end();
    await closed;
  });

  test('a server that closes leaves the connections of others alone', async () => {
    const [closing, staying] = [await serve(), await serve()];
    const left = vi.fn();
    for (const { cluster } of [closing, staying]) {
      const socket = connectSocket(cluster.port, '127.0.0.1');
      ends.push(() => socket.destroy());
      await once(socket, 'connect');
      if (cluster === staying.cluster) socket.resume().on('close', left);
    }
    for (const { remote } of [closing, staying]) {
      await remote.unary(M.getCapabilities, { instanceName: '' }, call());
    }
    await closing.cluster.close(10);
    await staying.remote.unary(M.getCapabilities, { instanceName: '' }, call());
    expect(left).not.toHaveBeenCalled();
  });

  test('a stream makes no more messages than one beyond what its reader has taken', async () => {
    let made = 0;
    const service = {
      unary: vi.fn(),
      async *serverStream() {
        for (; made < 20; made += 1) yield { data: Buffer.alloc(MIB) };
      },
      clientStream: vi.fn(),
    };
    const server = await serveRemote({ service: service as never });
    ends.push(() => server.close(0));
    const session = connect(server.endpoint.replace('grpc', 'http'));
    ends.push(() => session.destroy());
    const headers = {
      ':method': 'POST',
      ':path': M.read.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    const stream = session.request(headers);
    stream.end(Buffer.alloc(5));
    await once(stream, 'response');
    expect(made).toBeLessThanOrEqual(2);
    let taken = 0;
    for await (const chunk of stream) taken += (chunk as Buffer).length;
    expect([made, taken]).toEqual([20, 20 * (MIB + 9)]);
  });

  /** Sends an empty Read over HTTP/2 alone, whose stream a test can break. */
  function readRaw(endpoint: string): { session: ClientHttp2Session; stream: ClientHttp2Stream } {
    const session = connect(endpoint.replace('grpc', 'http'));
    ends.push(() => session.destroy());
    const stream = session.request({
      ':method': 'POST',
      ':path': M.read.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    stream.end(Buffer.alloc(5));
    return { session, stream };
  }

  test.for<readonly [string, (session: ClientHttp2Session, stream: ClientHttp2Stream) => void]>([
    ['cancels its call', (_, stream) => stream.close(constants.NGHTTP2_CANCEL)],
    ['is gone', (session) => session.destroy()],
  ])('a stream whose reader %s while a message waits for it ends', async ([, leave]) => {
    let made = 0;
    const ended = new Gate();
    const service = {
      unary: vi.fn(),
      async *serverStream() {
        try {
          for (; ; made += 1) yield { data: Buffer.alloc(MIB) };
        } finally {
          ended.open();
        }
      },
      clientStream: vi.fn(),
    };
    const server = await serveRemote({ service: service as never });
    ends.push(() => server.close(0));
    const { session, stream } = readRaw(server.endpoint);
    await once(stream, 'response');
    leave(session, stream);
    await ended.opened;
    expect(made).toBeLessThanOrEqual(2);
  });

  test('the result of an execution counts as received once it has left, and not before', async () => {
    const events: string[] = [];
    const [made, ended] = [new Gate(), new Gate()];
    const service = {
      unary: vi.fn(),
      async *serverStream() {
        try {
          yield { name: 'o', done: false };
          made.open();
          yield { name: 'o', done: true };
        } finally {
          events.push('asked for more');
          ended.open();
        }
      },
      clientStream: vi.fn(),
    };
    const server = await serveRemote({ service: service as never });
    ends.push(() => server.close(0));
    // No byte of a message may be sent until the client says so.
    const session = connect(server.endpoint.replace('grpc', 'http'), { settings: { initialWindowSize: 0 } });
    ends.push(() => session.destroy());
    await once(session, 'localSettings');
    const stream = session.request({
      ':method': 'POST',
      ':path': M.execute.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.end(Buffer.alloc(5));
    await once(stream, 'response');
    await made.opened;
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();
    events.push('may be sent');
    session.settings({ initialWindowSize: 65_535 });
    const trailers = once(stream, 'trailers');
    stream.resume();
    await ended.opened;
    expect(events).toEqual(['may be sent', 'asked for more']);
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0' });
  });

  // gRPC calls nobody back for a message that is written then.
  test('a stream ends whose connection breaks just before a message is written', async () => {
    const createHttp2Server = http2.createServer;
    let connection: ServerHttp2Stream | undefined;
    vi.spyOn(http2, 'createServer').mockImplementation((...args: Parameters<typeof createHttp2Server>) =>
      createHttp2Server(...args).on('stream', (stream) => {
        connection = stream;
      }),
    );
    const [taken, ended] = [new Gate(), new Gate()];
    const service = {
      unary: vi.fn(),
      async *serverStream() {
        try {
          yield { data: Buffer.alloc(1) };
          await taken.opened;
          connection?.destroy();
          yield { data: Buffer.alloc(1) };
          yield { data: Buffer.alloc(1) };
        } finally {
          ended.open();
        }
      },
      clientStream: vi.fn(),
    };
    const server = await serveRemote({ service: service as never });
    ends.push(() => server.close(0));
    const { stream } = readRaw(server.endpoint);
    await once(stream, 'data');
    taken.open();
    await ended.opened;
    expect(connection?.destroyed).toBe(true);
  });

  test('callbacks of clients and faults that throw or reject are warnings, and change no answer', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    try {
      const onFault = (): never => {
        throw new Error('no room for faults');
      };
      const faults = { rates: { refuse: 1 }, strikesMax: 1, onFault };
      const chaotic = await serveBuildCluster({ jobs: 1, workers: 'simulated', chaosSeed: '1', faults });
      ends.push(() => chaotic.close());
      const transport = await connectRemote({ endpoint: chaotic.endpoint });
      ends.push(() => transport.close());
      const refusal = 'UNAVAILABLE: GetCapabilities was refused (injected fault)';
      expect(await failure(transport.unary(M.getCapabilities, { instanceName: '' }, call()))).toBe(refusal);
      const runner = createRemoteRunner(realWorld(), {
        transport,
        onOperation: () => Promise.reject(new Error('no room for names')),
      });
      ends.push(() => runner.release());
      const { runId } = await runner.run({ argv: ['complete 3'] });
      expect((await finalStatus(runner, runId)).status).toMatchObject({ state: 'COMPLETE', exitCode: 3 });
      expect(warned.mock.calls).toEqual([
        ['onFault of "remote" threw: no room for faults'],
        ['onOperation of "remote" threw: no room for names'],
      ]);
    } finally {
      warned.mockRestore();
    }
  });

  test('an access log that throws is a warning, and each call has its answer', async () => {
    const service = {
      unary: (): Promise<never> => Promise.reject(new RpcError('NOT_FOUND', 'no such thing')),
      async *serverStream(): AsyncGenerator<never> {},
      clientStream: (): Promise<never> => Promise.reject(new RpcError('NOT_FOUND', 'no such thing')),
    };
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const server = await serveRemote({
      service,
      onCall: () => {
        throw new Error('the log is full');
      },
    });
    ends.push(() => server.close(0));
    const remote = await connectRemote({ endpoint: server.endpoint });
    ends.push(() => remote.close());
    try {
      const text = 'NOT_FOUND: no such thing';
      expect(await failure(remote.unary(M.getCapabilities, { instanceName: '' }, call()))).toBe(text);
      expect(await failure(remote.clientStream(M.write, nothing(), call()))).toBe(text);
      expect(await all(remote.serverStream(M.waitExecution, { name: 'x' }, call()))).toEqual([]);
      expect(warned.mock.calls).toEqual(Array(3).fill(['onCall of a remote server threw: the log is full']));
    } finally {
      warned.mockRestore();
    }
  });

  const tlsTitle = hasOpenssl
    ? 'with TLS only those who speak it, and trust the certificate, get an answer'
    : 'TLS is not tried because openssl is not installed, which makes the certificate';
  test.skipIf(!hasOpenssl)(tlsTitle, async () => {
    const [key, cert] = certificateFor('127.0.0.1');
    const { cluster, remote } = await serve({ tls: { key, cert } }, { tlsCa: cert });
    expect(cluster.endpoint).toMatch(/^grpcs:/);
    expect((await remote.unary(M.getCapabilities, { instanceName: '' }, call())).lowApiVersion?.major).toBe(
      2,
    );
    const stranger = await connectRemote({ endpoint: cluster.endpoint });
    ends.push(() => stranger.close());
    const context = { ...call(), timeoutMs: 5_000 };
    expect(await failure(stranger.unary(M.getCapabilities, { instanceName: '' }, context))).toMatch(
      /^(UNAVAILABLE|DEADLINE_EXCEEDED)/,
    );
  });

  const addressTitle = hasOpenssl
    ? 'with TLS a server that is given by its address must prove that address, and is asked for no other name'
    : 'TLS with an address is not tried because openssl is not installed, which makes the certificate';
  test.skipIf(!hasOpenssl)(addressTitle, async () => {
    const [key, cert] = certificateFor('127.0.0.2');
    const names: string[] = [];
    const server = createTlsServer({
      ...{ key, cert, ALPNProtocols: ['h2'] },
      SNICallback: (name, done) => {
        names.push(name);
        done(null);
      },
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const remote = await connectRemote({ endpoint: `grpcs://127.0.0.1:${port}`, tlsCa: cert });
    ends.push(() => remote.close());
    const context = { ...call(), timeoutMs: 5_000 };
    expect(await failure(remote.unary(M.getCapabilities, { instanceName: '' }, context))).toMatch(
      /IP: 127\.0\.0\.1 is not in the cert's list: *127\.0\.0\.2/,
    );
    expect(new Set(names)).toEqual(new Set(['address.invalid']));
  });
});

/** A key, and a certificate for that address that is its own authority. */
function certificateFor(ip: string): [key: Buffer, cert: Buffer] {
  const dir = mkdtempSync(join(tmpdir(), 'dryrunner-tls-'));
  ends.push(() => rmSync(dir, { recursive: true }));
  const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile, '-out', certFile];
  const named = ['-days', '2', '-subj', '/CN=localhost', '-addext', `subjectAltName=IP:${ip}`];
  execFileSync('openssl', [...made, ...named], { stdio: 'ignore' });
  return [readFileSync(keyFile), readFileSync(certFile)];
}

describe('a server that answers nonsense', () => {
  const echo = { requestSerialize: Buffer.from, requestDeserialize: Buffer.from };
  const method = {
    ...echo,
    path: M.getCapabilities.path,
    requestStream: false,
    responseStream: false,
    responseSerialize: Buffer.from,
    responseDeserialize: Buffer.from,
  };

  test.for<[string, number, string | undefined, string]>([
    ['a code that nobody knows', 999, undefined, 'UNKNOWN: odd'],
    ['details that cannot be read', 5, 'garbage', 'NOT_FOUND: odd'],
  ])('with %s fails the call, and nothing else', async ([, code, details, expected]) => {
    const { Server, ServerCredentials, Metadata } = await import('@grpc/grpc-js');
    const metadata = new Metadata();
    if (details !== undefined) metadata.set('grpc-status-details-bin', Buffer.from(details));
    const server = new Server();
    server.addService(
      { getCapabilities: method },
      {
        getCapabilities: (_call: unknown, answer: grpc.sendUnaryData<Buffer>) =>
          answer({ code, details: 'odd', metadata }),
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    ends.push(() => server.forceShutdown());
    const connection = await connectRemote({ endpoint: `grpc://127.0.0.1:${port}` });
    ends.push(() => connection.close());
    expect(await failure(connection.unary(M.getCapabilities, { instanceName: '' }, call()))).toBe(expected);
  });

  test.for([0, 1, 2, 5, 7])(
    'a stream that is reset with code %i, without a status, is UNAVAILABLE',
    async (reset) => {
      const server = http2.createServer();
      server.on('stream', (stream) => {
        stream.on('error', () => undefined);
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.write(Buffer.alloc(5), () => stream.close(reset));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      ends.push(() => server.close());
      const { port } = server.address() as AddressInfo;
      const connection = await connectRemote({ endpoint: `grpc://127.0.0.1:${port}` });
      ends.push(() => connection.close());
      const watch = async (): Promise<void> => {
        const stream = connection.serverStream(M.waitExecution, { name: 'x' }, call());
        for await (const { name } of stream) expect(name).toBe('');
      };
      expect(await failure(watch())).toMatch(/^UNAVAILABLE: /);
    },
  );

  test('an endpoint that cannot be is refused before anything is tried', async () => {
    for (const endpoint of ['grpc://127.0.0.1:65536', 'grpcs://a:0']) {
      await expect(connectRemote({ endpoint })).rejects.toThrow(
        `options.endpoint: expected a port from 1 to 65535, got "${endpoint}"`,
      );
    }
    const hosts = ['127.0.0.1:', ':1', 'a:b', '[::1', '::1', 'a:1:2', 'a@b:1', '?x', '%zz:1', 'a b', ''];
    for (const endpoint of ['http://a:1', ...hosts.map((host) => `grpc://${host}`)]) {
      await expect(connectRemote({ endpoint })).rejects.toThrow(
        `options.endpoint: expected grpc://HOST:PORT or grpcs://HOST:PORT, got "${endpoint}"`,
      );
    }
    for (const endpoint of ['grpc://127.0.0.1:65535', 'grpc://[::1]:65535/', 'grpcs://build.example.com']) {
      (await connectRemote({ endpoint })).close();
    }
  });
});
