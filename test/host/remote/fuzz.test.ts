// Messages of every kind in which each field is missing, of another type, or of any size, sent to a server over a real connection.
// `npm run fuzz-reapi` sends 50,000 of them; `DRYRUNNER_FUZZ_MESSAGES` is how many, `DRYRUNNER_FUZZ_SEED` draws others.
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { encodeAction, encodeCommand } from '../../../src/cas/action-messages.ts';
import { MESSAGES } from '../../../src/cas/codec.ts';
import { digestOf } from '../../../src/cas/digest-of.ts';
import { protocolType } from '../../../src/cas/protocol-types.ts';
import { serveBuildCluster } from '../../../src/host/remote/build-cluster.ts';
import type { RandomStream } from '../../../src/kernel/random.ts';
import { createRandomStream } from '../../../src/kernel/seeded-random.ts';
import { digestKey, type Digest } from '../../../src/model/digest.ts';
import { REMOTE_METHODS } from '../../../src/remote/methods.ts';
import { rpcCodeName } from '../../../src/remote/rpc.ts';

const COUNT = Number(process.env['DRYRUNNER_FUZZ_MESSAGES'] ?? 2_000);
const SEED = process.env['DRYRUNNER_FUZZ_SEED'] ?? 'fuzz';
const AT_ONCE = 16;
const MIB = 1024 * 1024;

const METHODS = [
  ['Capabilities/GetCapabilities', 'GetCapabilitiesRequest', 'unary'],
  ['ActionCache/GetActionResult', 'GetActionResultRequest', 'unary'],
  ['ActionCache/UpdateActionResult', 'UpdateActionResultRequest', 'unary'],
  ['ContentAddressableStorage/FindMissingBlobs', 'FindMissingBlobsRequest', 'unary'],
  ['ContentAddressableStorage/BatchUpdateBlobs', 'BatchUpdateBlobsRequest', 'unary'],
  ['ContentAddressableStorage/BatchReadBlobs', 'BatchReadBlobsRequest', 'unary'],
  ['ContentAddressableStorage/GetTree', 'GetTreeRequest', 'streamed'],
  ['Execution/Execute', 'ExecuteRequest', 'streamed'],
  ['Execution/WaitExecution', 'WaitExecutionRequest', 'streamed'],
  ['google.longrunning.Operations/GetOperation', 'google.longrunning.GetOperationRequest', 'unary'],
  ['google.longrunning.Operations/ListOperations', 'google.longrunning.ListOperationsRequest', 'unary'],
  ['google.longrunning.Operations/CancelOperation', 'google.longrunning.CancelOperationRequest', 'unary'],
  ['google.longrunning.Operations/DeleteOperation', 'google.longrunning.DeleteOperationRequest', 'unary'],
  ['google.bytestream.ByteStream/Read', 'google.bytestream.ReadRequest', 'streamed'],
  ['google.bytestream.ByteStream/Write', 'google.bytestream.WriteRequest', 'written'],
  ['google.bytestream.ByteStream/QueryWriteStatus', 'google.bytestream.QueryWriteStatusRequest', 'unary'],
] as const;
const V2 = 'build.bazel.remote.execution.v2';
const fullName = (name: string): string => (name.startsWith('google.') ? name : `${V2}.${name}`);

test('messages of each method of the protocol are sent', () => {
  const paths = Object.values(REMOTE_METHODS).map(({ path }: { readonly path: string }) => path);
  expect(METHODS.map(([name]) => `/${fullName(name)}`).sort()).toEqual(paths.sort());
});

/** Draws messages; digests and names are often those of what is there, so that they come further than the first check. */
class Fuzzer {
  readonly #random: RandomStream;
  readonly #digests: readonly Digest[];
  readonly #texts: readonly string[];

  constructor(random: RandomStream, digests: readonly Digest[]) {
    this.#random = random;
    this.#digests = digests;
    this.#texts = [
      '',
      '.',
      '../..',
      '/etc/passwd',
      '\0',
      'ü😀',
      '-1',
      '1e9',
      'operations/1',
      'a'.repeat(300),
      'd/'.repeat(2_000),
      `blobs/${'a'.repeat(64)}/1`,
      ...digests.flatMap((digest) => {
        const key = digestKey(digest);
        return [`blobs/${key}`, `compressed-blobs/deflate/${key}`, digest.hash];
      }),
      ...['x', 'y', 'zz'].flatMap((text) => {
        const key = digestKey(digestOf(text));
        return [`uploads/u/blobs/${key}`, `uploads/u/compressed-blobs/deflate/${key}`];
      }),
    ];
  }

  /** The bytes of a request: as drawn, cut off, or with noise behind it. */
  request(type: protobuf.Type): Buffer {
    const whole = this.#message(type, 0);
    const way = this.#random.int(12);
    if (way === 0) return Buffer.from(whole.subarray(0, this.#random.int(whole.length + 1)));
    return way === 1 ? Buffer.concat([whole, this.#bytes()]) : Buffer.from(whole);
  }

  #message(type: protobuf.Type, depth: number): Uint8Array {
    const writer = protobuf.Writer.create();
    if (type.name === 'Digest' && this.#random.int(4) > 0) {
      const { hash, sizeBytes } = this.#one(this.#digests);
      return writer.uint32(10).string(hash).uint32(16).int64(sizeBytes).finish();
    }
    for (const field of type.fieldsArray) {
      if (this.#random.int(4) === 0) continue;
      const many = this.#random.int(300) === 0 ? 3_000 : 1 + this.#random.int(3);
      for (let n = field.repeated ? many : 1; n > 0; n -= 1) this.#field(writer, field, depth);
    }
    return writer.finish();
  }

  #field(writer: protobuf.Writer, field: protobuf.Field, depth: number): void {
    const { id, type, resolvedType } = field;
    const tag = (wire: number): protobuf.Writer => writer.uint32(((id << 3) | wire) >>> 0);
    if (this.#random.int(12) === 0) this.#wrong(tag);
    else if (resolvedType instanceof protobuf.Type) {
      if (depth < 6) tag(2).bytes(this.#message(resolvedType, depth + 1));
    } else if (type === 'string') tag(2).string(this.#text());
    else if (type === 'bytes') tag(2).bytes(this.#bytes());
    else tag(0).int64(this.#number());
  }

  /** A value of another type. */
  #wrong(tag: (wire: number) => protobuf.Writer): void {
    const wire = this.#random.int(8);
    if (wire === 0) tag(0).int64(this.#number());
    else if (wire === 1) tag(1).fixed64(this.#number());
    else if (wire === 2) tag(2).bytes(this.#bytes());
    else if (wire === 5) tag(5).fixed32(7);
    else tag(wire);
  }

  #text(): string {
    if (this.#random.int(400) === 0) return 'x'.repeat(MIB);
    return this.#one(this.#texts);
  }

  #bytes(): Buffer {
    const length = this.#random.int(200) === 0 ? MIB : this.#random.int(60);
    return Buffer.alloc(length, this.#random.int(256));
  }

  #number(): number {
    return this.#one([0, 1, -1, 2, 4, 9, 100, 2 ** 31 - 1, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53 - 1), 86_400]);
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#random.int(list.length)] as T;
  }
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** Sends bytes as a message, and gives the code with which the call ends. */
function send(client: grpc.Client, path: string, kind: string, messages: readonly Buffer[]): Promise<number> {
  const [first = Buffer.alloc(0)] = messages;
  const options = { deadline: Date.now() + 300_000 };
  return new Promise((resolve) => {
    const answered = (error: grpc.ServiceError | null): void => resolve(error?.code ?? 0);
    if (kind === 'unary') {
      client.makeUnaryRequest(path, asIs, asIs, first, new grpc.Metadata(), options, answered);
    } else if (kind === 'streamed') {
      const stream = client.makeServerStreamRequest(path, asIs, asIs, first, new grpc.Metadata(), options);
      stream.on('data', () => undefined);
      stream.on('error', () => undefined);
      stream.on('status', ({ code }) => resolve(code));
    } else {
      const stream = client.makeClientStreamRequest(path, asIs, asIs, new grpc.Metadata(), options, answered);
      stream.on('error', () => undefined);
      for (const message of messages) stream.write(message);
      stream.end();
    }
  });
}

/** After the garbage has gone. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test(`whatever ${COUNT} messages hold, each call ends with a typed status, and the server goes on in bounded memory`, async () => {
  const cluster = await serveBuildCluster({ jobs: 2, workers: 'simulated', casBytesMax: 64 * MIB });
  const client = new grpc.Client(cluster.endpoint.replace('grpc://', ''), grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  });
  try {
    const put = async (bytes: Uint8Array): Promise<Digest> => {
      await cluster.content.write(digestOf(bytes), bytes);
      return digestOf(bytes);
    };
    const paths = { outputFiles: ['o'], outputDirectories: [], outputPaths: [], workingDirectory: '' };
    const commandDigest = await put(
      encodeCommand({ arguments: ['true'], environmentVariables: {}, platform: [], ...paths }),
    );
    const file = await put(Buffer.from('a file'));
    const inputRootDigest = await put(MESSAGES.Directory.encode({ files: [{ name: 'f', digest: file }] }));
    const action = await put(encodeAction({ commandDigest, inputRootDigest, doNotCache: false }));
    const digests = [
      action,
      commandDigest,
      inputRootDigest,
      file,
      digestOf(''),
      digestOf('x'),
      digestOf('y'),
    ];
    const fuzzer = new Fuzzer(createRandomStream(SEED), digests);
    const pick = createRandomStream(`${SEED} methods`);
    const codes = new Map<string, number>();
    const sendSome = async (count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent += 1) {
        const [service, request, kind] = METHODS[pick.int(METHODS.length)] as (typeof METHODS)[number];
        const type = protocolType(fullName(request));
        const messages = Array.from({ length: kind === 'written' ? 1 + pick.int(3) : 1 }, () =>
          fuzzer.request(type),
        );
        const code = rpcCodeName(await send(client, `/${fullName(service)}`, kind, messages));
        codes.set(`${service} ${code}`, (codes.get(`${service} ${code}`) ?? 0) + 1);
      }
    };
    const sendAll = (count: number): Promise<unknown> =>
      Promise.all(Array.from({ length: AT_ONCE }, () => sendSome(Math.ceil(count / AT_ONCE))));
    // What is loaded and cached at first counts as there.
    await sendAll(COUNT / 10);
    const before = usedBytes();
    await sendAll(COUNT);
    const grown = usedBytes() - before;
    const unsound = [...codes.keys()].filter((key) =>
      / (INTERNAL|UNKNOWN|UNAVAILABLE|DEADLINE_EXCEEDED|UNIMPLEMENTED|DATA_LOSS|\d+)$/.test(key),
    );
    expect(unsound).toEqual([]);
    // Each method refused some of them.
    for (const [service] of METHODS) {
      if (!service.startsWith('Capabilities')) {
        expect([...codes.keys()]).toContain(`${service} INVALID_ARGUMENT`);
      }
    }
    expect(grown).toBeLessThan(100 * MIB);
    while (cluster.service.activeOperations > 0) await pause(10);
    const capabilities = METHODS[0];
    expect(await send(client, `/${fullName(capabilities[0])}`, 'unary', [Buffer.alloc(0)])).toBe(0);
    expect(cluster.service.openUploads).toBeLessThan(1_025);
    if (process.env['DRYRUNNER_FUZZ_MESSAGES'] !== undefined) {
      const list = [...codes]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, count]) => `${String(count).padStart(7)}  ${key}`);
      console.log(`${list.join('\n')}\n${(grown / MIB).toFixed(1)} MiB more in use`);
    }
  } finally {
    client.close();
    await cluster.close();
  }
}, 3_600_000);
