// The tree of an output directory on its way from a server to the disk of a client.
import { expect, test } from 'vitest';
import { MESSAGES, type ReadRequest } from '../../src/cas/codec.ts';
import { digestOf } from '../../src/cas/digest-of.ts';
import { createMemoryActionCache } from '../../src/cas/memory-action-cache.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { topicOf } from '../../src/kernel/question.ts';
import { Cancellation } from '../../src/model/cancellation.ts';
import { missingBlobsOf } from '../../src/model/content-store.ts';
import { FetchedTree } from '../../src/remote/fetched-tree.ts';
import { TreeWalk } from '../../src/remote/input-tree.ts';
import { RemoteClient } from '../../src/remote/remote-client.ts';
import { createRemoteService } from '../../src/remote/remote-service.ts';
import { overWire, type RemoteService } from '../../src/remote/rpc.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { simulate } from '../../src/simulation/simulate.ts';

interface Scene {
  readonly tree: FetchedTree;
  readonly content: MemoryContentStore;
  /** What was asked of Read. */
  readonly reads: ReadRequest[];
}

async function play(scene: (scene: Scene) => Promise<void>): Promise<void> {
  const verdict = await simulate({
    scenario: async ({ world }) => {
      const runner = createFakeRunner(world, { script: () => ({}) });
      const content = createMemoryContentStore();
      const server = createRemoteService(world, { runner, content, cache: createMemoryActionCache() });
      const wire = overWire(server);
      const reads: ReadRequest[] = [];
      const transport: RemoteService = {
        unary: (method, request, context) => wire.unary(method, request, context),
        clientStream: (method, requests, context) => wire.clientStream(method, requests, context),
        serverStream: (method, request, context) => {
          reads.push(request as ReadRequest);
          return wire.serverStream(method, request, context);
        },
      };
      const options = { transport, instanceName: '', retriesMax: 0, callMsMax: 1_000 };
      const client = new RemoteClient(world, options, topicOf('client'), new AbortController().signal);
      await scene({ tree: new FetchedTree(client), content, reads });
      server.close();
      await runner.release();
    },
  });
  expect(verdict.failure?.message).toBeUndefined();
}

test('what the server has lost is missing, by name; folders are not asked for there', () =>
  play(async ({ tree, content, reads }) => {
    const [kept, lost] = [content.add('kept'), digestOf('lost')];
    const root = tree.addTree(MESSAGES.Tree.encode({ root: {}, children: [{ symlinks: [] }] }));
    expect(await tree.findMissing([root, kept, lost])).toEqual([lost]);
    await tree.read(root);
    expect(reads).toEqual([]);
    for (const work of [tree.read(lost), tree.readStream(lost)[Symbol.asyncIterator]().next()]) {
      const error: unknown = await work.catch((thrown: unknown) => thrown);
      expect(missingBlobsOf(error)).toEqual([lost]);
    }
  }));

test('a range is all that is asked for', () =>
  play(async ({ tree, content, reads }) => {
    const digest = content.add('0123456789');
    expect(Buffer.from(await tree.read(digest, { offset: 2, limit: 3 })).toString()).toBe('234');
    expect(reads).toMatchObject([{ readOffset: 2, readLimit: 3 }]);
    expect(Buffer.from(await tree.read(digest, { offset: 8, limit: 9 })).toString()).toBe('89');
  }));

test('a large blob comes in parts, each asked for once the one before was taken, until it is cancelled', () =>
  play(async ({ tree, content, reads }) => {
    const bytes = new Uint8Array(9 * 1024 * 1024).fill(7);
    const digest = content.add(bytes);
    const cancel = new Cancellation();
    const got: Uint8Array[] = [];
    for await (const part of tree.readStream(digest)) {
      got.push(part);
      expect(reads).toHaveLength(got.length);
    }
    expect(got).toHaveLength(3);
    expect(digestOf(Buffer.concat(got))).toEqual(digest);
    const stream = tree.readStream(digest, {}, cancel);
    await stream.next();
    cancel.cancel();
    await expect(stream.next()).rejects.toMatchObject({ code: 'RUNNER_CANCELLED' });
  }));

test('of bytes that are not those of the digest the last never come', () =>
  play(async ({ tree, content }) => {
    const bytes = new Uint8Array(5 * 1024 * 1024);
    const digest = content.add(bytes);
    const { readStream } = content;
    content.readStream = async function* spoilt(...args) {
      for await (const part of readStream.apply(content, args)) yield part.map(() => 1);
    };
    const stream = tree.readStream(digest);
    await stream.next();
    await expect(stream.next()).rejects.toThrow('the server gave other bytes for blob');
  }));

test('names and targets that are not UTF-8 are refused, in a tree as in an input root', async () => {
  const digest = digestOf('');
  const directories: readonly Parameters<typeof MESSAGES.Directory.encode>[0][] = [
    { files: [{ name: 'bad!', digest }] },
    { directories: [{ name: 'bad!', digest }] },
    { symlinks: [{ name: 'link', target: 'bad!' }] },
    // The same text stands in it in UTF-8 as well.
    { files: [{ name: 'bad!', digest }], symlinks: [{ name: 'link', target: 'bad\uFFFD' }] },
    { directories: [{ name: 'bad\uFFFD', digest }], symlinks: [{ name: 'bad!', target: 'link' }] },
  ];
  const damaged = (bytes: Uint8Array): Uint8Array =>
    Buffer.from(Buffer.from(bytes).map((byte) => (byte === 0x21 ? 0xff : byte)));
  const refusal = 'expected texts in UTF-8, got "bad\uFFFD"';
  await play(async ({ tree }) => {
    for (const root of directories) {
      expect(() => tree.addTree(damaged(MESSAGES.Tree.encode({ root })))).toThrow(refusal);
      const content = createMemoryContentStore();
      const rootDigest = content.add(damaged(MESSAGES.Directory.encode(root)));
      const walk = new TreeWalk(content, rootDigest, () => undefined);
      expect(() => walk.next()).toThrow(refusal);
    }
    const real = MESSAGES.Tree.encode({ root: { files: [{ name: 'bad\uFFFD', digest }] } });
    expect(() => tree.addTree(real)).not.toThrow();
  });
});
