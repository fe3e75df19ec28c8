import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import fs from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { MESSAGES } from '../../../src/cas/codec.ts';
import { digestOf } from '../../../src/cas/digest-of.ts';
import { createMemoryActionCache } from '../../../src/cas/memory-action-cache.ts';
import { createMemoryContentStore } from '../../../src/cas/memory-content-store.ts';
import { createDiskActionCache } from '../../../src/host/remote/disk-action-cache.ts';
import {
  createDiskContentStore,
  type DiskContentStore,
} from '../../../src/host/remote/disk-content-store.ts';
import type { ActionOutcome } from '../../../src/model/action.ts';
import type { ContentStore } from '../../../src/model/content-store.ts';
import { digestKey, type Digest } from '../../../src/model/digest.ts';
import { ownName } from '../../../src/host/own-name.ts';
import { realWorld } from '../../../src/host/real-world.ts';
import { REMOTE_METHODS as M } from '../../../src/remote/methods.ts';
import { createRemoteService } from '../../../src/remote/remote-service.ts';
import { RpcError, rpcCodeName } from '../../../src/remote/rpc.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { SmallDisk, smallDiskMissingBecause, titledForSmallDisk } from './small-disk.ts';

let dir: string;
const open: DiskContentStore[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dryrunner-stores-'));
});

afterEach(() => {
  for (const store of open.splice(0)) store.close();
  rmSync(dir, { recursive: true, force: true });
});

function disk(maxBytes = Infinity): DiskContentStore {
  const store = createDiskContentStore({ dir, maxBytes });
  open.push(store);
  return store;
}

/** What may be where a file ought to be. */
const INTRUDERS: readonly (readonly [string, (path: string) => void])[] = [
  ['a pipe', (path) => void spawnSync('mkfifo', [path])],
  ['a folder', (path) => mkdirSync(join(path, 'inner'), { recursive: true })],
  ['a link to nowhere', (path) => symlinkSync('/no/such/file', path)],
];

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const put = async (store: ContentStore, text: string): Promise<Digest> => {
  const digest = digestOf(text);
  await store.write(digest, bytesOf(text));
  return digest;
};
const fileOf = ({ hash }: Digest, root = dir): string =>
  join(root, 'objects', hash.slice(0, 2), hash.slice(2));
const code = async (work: unknown): Promise<unknown> => {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};
/** Says that a blob was used last that long ago. */
const age = (digest: Digest, hours: number, root = dir): void => {
  const seconds = Date.now() / 1_000 - hours * 3_600;
  utimesSync(fileOf(digest, root), seconds, seconds);
};

const NO_OUTPUTS: ActionOutcome = {
  exitCode: 0,
  outputFiles: [],
  outputDirectories: [],
  outputSymlinks: [],
  metadata: { worker: 'w' },
};

/** Lets calls of the file system fail whose first argument is such a one; the function that it gives ends that. */
function failing(
  name: 'readdirSync' | 'writeFileSync' | 'writeSync',
  errorCode: string,
  isStruck: (first: unknown) => boolean,
): () => void {
  const original: (...given: never[]) => unknown = fs[name];
  let isOver = false;
  const spy = vi.spyOn(fs, name).mockImplementation((...given: unknown[]) => {
    if (!isOver && isStruck(given[0])) {
      throw Object.assign(new Error(errorCode), { code: errorCode, syscall: name });
    }
    return original(...(given as never[]));
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    spy.mockRestore();
    syncBuiltinESMExports();
  });
  return () => {
    isOver = true;
  };
}

/** How much is in all files below a folder. */
function bytesBelow(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

async function allBytes(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const part of parts) found.push(part);
  return Buffer.concat(found);
}

describe.each(INTRUDERS)('%s in the place of a file', (_what, make) => {
  test('is a missing blob, until the blob is stored', async () => {
    const store = disk(1_000_000);
    // Of the size that a folder has, of a blob that is read at once, and of one that is read in parts.
    mkdirSync(join(dir, 'some'));
    for (const size of [statSync(join(dir, 'some')).size, 5, 100_000]) {
      const text = 'x'.repeat(size);
      const digest = digestOf(text);
      make(fileOf(digest));
      expect(await store.findMissing([digest])).toEqual([digest]);
      expect(await code(store.read(digest))).toBe('RUNNER_MISSING_BLOBS');
      expect(await code(store.readStream(digest)[Symbol.asyncIterator]().next())).toBe(
        'RUNNER_MISSING_BLOBS',
      );
      await put(store, text);
      expect(new TextDecoder().decode(await store.read(digest))).toBe(text);
    }
    expect(store.sizeBytes).toBe(statSync(join(dir, 'some')).size + 100_005);
  });

  test('is no cached result, until the result is put', async () => {
    const cache = createDiskActionCache({ dir });
    const action = digestOf('action');
    const outcome = {
      exitCode: 0,
      outputFiles: [],
      outputDirectories: [],
      outputSymlinks: [],
      metadata: { worker: 'w' },
    };
    await cache.put('', action, outcome);
    const [path = ''] = readdirSync(join(dir, 'results'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    rmSync(path);
    make(path);
    expect(await cache.get('', action)).toBeUndefined();
    await cache.put('', action, outcome);
    expect((await cache.get('', action))?.exitCode).toBe(0);
  });
});

describe('a content store on the disk', () => {
  test('gives what one in memory gives, for any blobs and ranges', async () => {
    const memory = createMemoryContentStore();
    const store = disk();
    const range = fc.record({ offset: fc.nat(300_000), limit: fc.nat(300_000) });
    const blob = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc.constantFrom(65_536, 65_537, 262_145).map((n) => new Uint8Array(n).fill(n)),
    );
    await fc.assert(
      fc.asyncProperty(blob, range, fc.boolean(), async (bytes, at, isStored) => {
        const digest = digestOf(bytes);
        for (const each of [memory, store]) if (isStored) await each.write(digest, bytes);
        const results = await Promise.all(
          [memory, store].map(async (each) => {
            try {
              const [whole, missing] = [await each.read(digest, at), await each.findMissing([digest])];
              const streamed = await allBytes(each.readStream(digest, at));
              return [Buffer.from(whole).toString('hex'), streamed.toString('hex'), missing];
            } catch (error) {
              return (error as { code: string }).code;
            }
          }),
        );
        expect(results[1]).toEqual(results[0]);
      }),
      { numRuns: 100 },
    );
  });

  test('refuses bytes that are others than announced, and keeps nothing of them', async () => {
    const store = disk();
    const digest = digestOf('right');
    expect(await code(store.write(digest, bytesOf('wrong')))).toBe('RUNNER_WRONG_DIGEST');
    const writer = store.openWrite(digest);
    await writer.write(0, bytesOf('wro'));
    expect(await code(writer.write(3, bytesOf('ng and more')))).toBe('RUNNER_WRONG_DIGEST');
    await writer.write(3, bytesOf('ng'));
    expect(await code(writer.finish())).toBe('RUNNER_WRONG_DIGEST');
    expect(await store.findMissing([digest])).toEqual([digest]);
    expect(readdirSync(join(dir, 'incoming'))).toEqual([]);
  });

  test('what was damaged on the disk is never given: it is missing until it is stored again', async () => {
    const store = disk();
    const small = await put(store, 'small');
    const large = await put(store, 'x'.repeat(300_000));
    writeFileSync(fileOf(small), 'smell');
    writeFileSync(fileOf(large), 'y'.repeat(300_000));
    const damaged = { code: 'RUNNER_MISSING_BLOBS', cause: { code: 'RUNNER_WRONG_DIGEST' } };
    await expect(store.read(small)).rejects.toMatchObject({ ...damaged, digests: [small] });
    await expect(allBytes(store.readStream(large))).rejects.toMatchObject({ ...damaged, digests: [large] });
    expect(await store.findMissing([small, large])).toEqual([small, large]);
    await put(store, 'small');
    truncateSync(fileOf(small), 2);
    expect(await store.findMissing([small])).toEqual([small]);
    await put(store, 'small');
    expect(Buffer.from(await store.read(small)).toString()).toBe('small');
  });

  test('what was damaged on the disk is missing, not wrong, for the clients of a server', async () => {
    const content = disk();
    const world = realWorld();
    const cache = createMemoryActionCache();
    const server = createRemoteService(world, { runner: createFakeRunner(world), content, cache });
    const context = { signal: new AbortController().signal };
    const statusOf = async (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => 'OK',
        (error: unknown) => (error instanceof RpcError ? rpcCodeName(error.status.code) : error),
      );
    const damage = (digest: Digest): void => writeFileSync(fileOf(digest), Buffer.alloc(digest.sizeBytes));
    const all = async (messages: AsyncIterable<unknown>): Promise<unknown> => {
      const found: unknown[] = [];
      for await (const message of messages) found.push(message);
      return found;
    };
    try {
      const blob = await put(content, 'blob');
      damage(blob);
      const resourceName = `blobs/${digestKey(blob)}`;
      const read = { resourceName, readOffset: 0, readLimit: 0 };
      expect(await statusOf(all(server.serverStream(M.read, read, context)))).toBe('NOT_FOUND');
      const tree = MESSAGES.Tree.encode({ root: { files: [{ name: 'x', digest: digestOf('') }] } });
      const treeDigest = digestOf(tree);
      await content.write(treeDigest, tree);
      const outcome = {
        exitCode: 0,
        outputFiles: [],
        outputDirectories: [{ path: 'o', treeDigest }],
        outputSymlinks: [],
        metadata: { worker: 'w' },
      };
      const actionDigest = await put(content, 'action');
      cache.put('', actionDigest, outcome);
      damage(treeDigest);
      damage(actionDigest);
      const asked = MESSAGES.GetActionResultRequest.decode(
        MESSAGES.GetActionResultRequest.encode({ actionDigest }),
      );
      expect(await statusOf(server.unary(M.getActionResult, asked, context))).toBe('NOT_FOUND');
      const request = MESSAGES.ExecuteRequest.decode(
        MESSAGES.ExecuteRequest.encode({ actionDigest, skipCacheLookup: true }),
      );
      expect(await statusOf(all(server.serverStream(M.execute, request, context)))).toBe(
        'FAILED_PRECONDITION',
      );
    } finally {
      server.close();
    }
  });

  test.for([100, Infinity])('counts what was there before, with room for %s B', async (maxBytes) => {
    const before = disk();
    for (const text of ['four', 'seven 7']) await put(before, text);
    const store = disk(maxBytes);
    expect(store.sizeBytes).toBe(11);
    await put(store, 'more');
    expect([store.sizeBytes, before.sizeBytes]).toEqual([15, 15]);
    const late = disk(maxBytes);
    await put(late, 'and more');
    expect(late.sizeBytes).toBe(23);
  });

  test('evicts what was not used for longest, never what is held, and refuses what has no room then', async () => {
    const store = disk(100);
    const blobs: Digest[] = [];
    for (const letter of ['a', 'b', 'c', 'd']) blobs.push(await put(store, letter.repeat(20)));
    const [a, b, c, d] = blobs as [Digest, Digest, Digest, Digest];
    for (const [index, blob] of blobs.entries()) age(blob, 10 - index);
    const hold = store.hold([a, d]);
    await put(store, 'e'.repeat(40));
    expect(await store.findMissing([a, b, c, d])).toEqual([b, c]);
    const e = digestOf('e'.repeat(40));
    expect(await code(put(store, 'f'.repeat(61)))).toBe('RUNNER_STORE_FULL');
    expect(await store.findMissing([a, d, e])).toEqual([]);
    hold.release();
    hold.release();
    age(e, 20);
    await put(store, 'f'.repeat(61));
    // No more than that is needed.
    expect(await store.findMissing([a, d, e])).toEqual([a, e]);
    expect(store.sizeBytes).toBeLessThanOrEqual(100);
  });

  test('what is held while others are evicted is there all the time', async () => {
    const count = 300;
    // Within a second of its last use, a blob is not touched again by a hold.
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now());
    const store = disk(count * 10);
    const texts = Array.from({ length: count }, (_, at) => String(at).padStart(10, '-'));
    const digests = await Promise.all(texts.map((text) => put(store, text)));
    for (const [at, digest] of digests.entries()) age(digest, count - at);
    const eviction = { isOver: false };
    const written = code(put(store, 'n'.repeat(count * 5))).finally(() => (eviction.isOver = true));
    while (statSync(fileOf(digests[0]!), { throwIfNoEntry: false }) !== undefined) await turn();
    const left = digests.slice(count - 200);
    const hold = store.hold(left);
    expect(await store.findMissing(left)).toEqual([]);
    while (!eviction.isOver) {
      await turn();
      expect(await store.findMissing(left)).toEqual([]);
    }
    hold.release();
    expect(await written.finally(() => clock.mockRestore())).toBe('RUNNER_STORE_FULL');
  });

  test('does not evict what another process holds, and knows when that one is dead', async () => {
    const store = disk(100);
    const other = disk();
    const [held, free] = [await put(other, 'h'.repeat(40)), await put(other, 'f'.repeat(40))];
    age(held, 10);
    age(free, 9);
    // Another process has not touched them before: a store of its own.
    const holder = disk();
    const hold = holder.hold([held]);
    // There is room for that only without what is held.
    expect(await code(put(store, 'n'.repeat(70)))).toBe('RUNNER_STORE_FULL');
    // Nothing goes for a blob that has no room all the same.
    expect(await holder.findMissing([held, free])).toEqual([]);
    age(free, 9);
    await put(store, 'n'.repeat(60));
    expect(await holder.findMissing([held, free])).toEqual([free]);
    hold.release();
    for (const each of open.splice(1)) each.close();
    age(held, 10);
    await put(store, 'n'.repeat(70));
    expect(await store.findMissing([held])).toEqual([held]);
  });

  test.for<readonly [string, (other: DiskContentStore, digest: Digest) => unknown]>([
    ['has asked for', (other, digest) => other.findMissing([digest])],
    ['has read', (other, digest) => other.read(digest)],
    ['has read in parts', (other, digest) => allBytes(other.readStream(digest))],
  ])('spares what a client of another process %s, however long ago it was used before', async ([, use]) => {
    const [store, other] = [disk(100), disk()];
    const beforeMs = Date.now() - 30_000;
    const clock = vi.spyOn(Date, 'now').mockReturnValue(beforeMs);
    const digest = await put(other, 'o'.repeat(60)).finally(() => clock.mockRestore());
    utimesSync(fileOf(digest), beforeMs / 1_000, beforeMs / 1_000);
    await use(other, digest);
    expect(await code(put(store, 'n'.repeat(60)))).toBe('RUNNER_STORE_FULL');
    expect(await other.findMissing([digest])).toEqual([]);
  });

  test('evicts what another process has put there, once it does not hold it and has not used it for a while', async () => {
    const [store, other] = [disk(100), disk(100)];
    const [old, young] = [await put(other, 'o'.repeat(40)), await put(other, 'y'.repeat(40))];
    utimesSync(fileOf(old), Date.now() / 1_000 - 60, Date.now() / 1_000 - 60);
    await put(store, 'n'.repeat(60));
    expect(await store.findMissing([old, young])).toEqual([old]);
  });

  test('counts as used when its upload ends, however long ago its last bytes came', async () => {
    const digest = digestOf('slow');
    const writer = disk().openWrite(digest);
    await writer.write(0, bytesOf('slow'));
    for (const name of readdirSync(join(dir, 'incoming'))) utimesSync(join(dir, 'incoming', name), 1, 1);
    await writer.finish();
    expect(statSync(fileOf(digest)).mtimeMs).toBeGreaterThan(1_000_000);
  });

  test('is not touched by a request for the same hash with another size', async () => {
    const store = disk();
    for (const text of ['small', 'x'.repeat(300_000)]) {
      const digest = await put(store, text);
      for (const sizeBytes of [digest.sizeBytes + 1, digest.sizeBytes - 1]) {
        expect(await code(store.read({ ...digest, sizeBytes }))).toBe('RUNNER_MISSING_BLOBS');
        expect(await code(allBytes(store.readStream({ ...digest, sizeBytes })))).toBe('RUNNER_MISSING_BLOBS');
      }
      expect(await store.findMissing([digest])).toEqual([]);
    }
  });

  test('never has more than it may, however many write at the same time, and room for all that fits', async () => {
    const store = disk(1_000);
    for (let n = 0; n < 9; n += 1) age(await put(store, String(n).repeat(100)), 10 - n);
    // Together so much that the blobs that were there go, whichever writer makes the room.
    const sizes = [400, 250, 100, 100];
    const news = await Promise.all(sizes.map((size, n) => put(store, 'abcd'.charAt(n).repeat(size))));
    expect(await store.findMissing(news)).toEqual([]);
    expect(store.sizeBytes).toBeLessThanOrEqual(1_000);
    const hold = store.hold(news);
    const many = Array.from({ length: 20 }, (_, n) => code(put(store, `${n} ${'z'.repeat(200)}`)));
    expect(new Set(await Promise.all(many))).toEqual(new Set(['RUNNER_STORE_FULL']));
    hold.release();
    const codes = await Promise.all(
      Array.from({ length: 20 }, (_, n) => code(put(store, `${n} ${'y'.repeat(197)}`.slice(0, 200)))),
    );
    expect(codes.filter((each) => each === undefined).length).toBeGreaterThan(0);
    expect(store.sizeBytes).toBeLessThanOrEqual(1_000);
  });

  test('counts what is being written, until it is there or given up', async () => {
    const store = disk(100);
    const [first, second] = ['a', 'b'].map((letter) => digestOf(letter.repeat(60)));
    const writer = store.openWrite(first!);
    await writer.write(0, bytesOf('a'.repeat(50)));
    expect(await code(put(store, 'b'.repeat(60)))).toBe('RUNNER_STORE_FULL');
    await writer.discard();
    await put(store, 'b'.repeat(60));
    expect(await store.findMissing([first!, second!])).toEqual([first]);
    expect(readdirSync(join(dir, 'incoming'))).toEqual([]);
  });

  test('keeps no room for what is given up at any moment of a write', async () => {
    const store = disk(100);
    await put(store, 'a');
    for (let turns = 0; turns < 10; turns += 1) {
      const bytes = bytesOf(String(turns).repeat(60));
      const writer = store.openWrite(digestOf(bytes));
      const written = code(writer.write(0, bytes));
      for (let n = 0; n < turns; n += 1) await Promise.resolve();
      await writer.discard();
      await written;
    }
    expect(await code(put(store, 'b'.repeat(99)))).toBeUndefined();
  });

  test('gives up what is not finished when it is closed', async () => {
    const store = createDiskContentStore({ dir });
    const writer = store.openWrite(digestOf('abcdef'));
    await writer.write(0, bytesOf('abc'));
    expect(readdirSync(join(dir, 'incoming'))).toHaveLength(1);
    store.close();
    expect(readdirSync(join(dir, 'incoming'))).toEqual([]);
    expect(await code(writer.write(3, bytesOf('def')))).toBe('RUNNER_INVALID_ARGUMENT');
  });

  test('loses nothing to a blob that can never fit', async () => {
    const store = disk(100);
    expect(store.blobBytesMax).toBe(100);
    const kept = await put(store, 'kept');
    age(kept, 10);
    const huge = store.openWrite({ hash: 'a'.repeat(64), sizeBytes: 101 });
    expect(await code(huge.write(0, bytesOf('x')))).toBe('RUNNER_STORE_FULL');
    expect(await store.findMissing([kept])).toEqual([]);
  });

  test('looks again at what it keeps if that failed once', async () => {
    const store = disk(100);
    const repaired = failing('readdirSync', 'EIO', (path) => path === join(dir, 'objects'));
    expect(await code(put(store, 'a'))).toBe('RUNNER_DISK_FAILED');
    repaired();
    expect(await code(put(store, 'a'))).toBeUndefined();
  });

  test.for<readonly [string, (store: DiskContentStore) => unknown]>([
    ['it is counted', (store) => store.sizeBytes],
    ['a blob comes', (store) => put(store, 'a')],
    ['others go for a blob', (store) => put(store, 'b'.repeat(60))],
  ])('a folder of blobs that cannot be read is said when %s', async ([title, use]) => {
    const said: string[] = [];
    const store = createDiskContentStore({ dir, maxBytes: 100, onTrouble: (text) => said.push(text) });
    open.push(store);
    if (title === 'others go for a blob') await put(store, 'c'.repeat(60));
    failing('readdirSync', 'EIO', (path) => path === join(dir, 'objects', '00'));
    const used = async (): Promise<unknown> => use(store);
    await expect(used()).rejects.toMatchObject({
      code: 'RUNNER_DISK_FAILED',
      message: 'the folder of a store cannot be used: EIO',
    });
    expect(said).toEqual([`the folder ${dir} of a store cannot be used: EIO`]);
  });

  test('does not take what it cannot look at for an empty folder', async () => {
    const { hash } = await put(disk(), 'a'.repeat(60));
    const folder = join(dir, 'objects', hash.slice(0, 2));
    const repaired = failing('readdirSync', 'EMFILE', (path) => path === folder);
    const store = disk(100);
    expect(await code(put(store, 'b'.repeat(30)))).toBe('EMFILE');
    repaired();
    await put(store, 'b'.repeat(30));
    expect(store.sizeBytes).toBe(90);
  });

  test('a blob that was damaged on the disk is right again once its bytes are written', async () => {
    const store = disk(1_000_000);
    for (const size of [10, 100_000]) {
      const digest = await put(store, 'x'.repeat(size));
      writeFileSync(fileOf(digest), 'y'.repeat(size));
      await put(store, 'x'.repeat(size));
      expect(Buffer.from(await store.read(digest)).toString()).toBe('x'.repeat(size));
    }
    expect(store.sizeBytes).toBe(100_010);
  });

  test('counts a blob once that comes while it looks for others to evict', async () => {
    const store = disk(100);
    for (let n = 0; n < 9; n += 1) age(await put(store, `${n}`.repeat(10)), 10 - n);
    let last = '';
    for (let n = 0; !digestOf(last).hash.startsWith('ff'); n += 1) last = `last ${n}`;
    // Each step of a loop lets others have a turn.
    let now = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 1_000));
    onTestFinished(() => clock.mockRestore());
    await Promise.all([put(store, 'b'.repeat(30)), put(store, last)]);
    expect(store.sizeBytes).toBe(bytesBelow(join(dir, 'objects')));
    expect(await store.findMissing([digestOf(last)])).toEqual([]);
  });

  test('counts and evicts blobs alone, and no file of the user in a folder of that name', async () => {
    const store = disk(100);
    const alien = join(dir, 'objects', 'ab', 'FILE');
    writeFileSync(alien, new Uint8Array(90));
    utimesSync(alien, 1, 1);
    const old = await put(store, 'o'.repeat(60));
    age(old, 1);
    await put(store, 'n'.repeat(60));
    expect([store.sizeBytes, await store.findMissing([old]), existsSync(alien)]).toEqual([60, [old], true]);
  });

  test('makes its folder again that somebody has removed, and counts from nothing', async () => {
    const store = disk(100);
    const old = await put(store, 'o'.repeat(60));
    expect(await store.findMissing([old])).toEqual([]);
    rmSync(dir, { recursive: true });
    expect(await store.findMissing([old])).toEqual([old]);
    expect(await code(store.read(old))).toBe('RUNNER_MISSING_BLOBS');
    const [fresh, second] = [await put(store, 'n'.repeat(60)), await put(store, 's'.repeat(40))];
    expect(store.sizeBytes).toBe(100);
    expect(await store.findMissing([fresh, second])).toEqual([]);
    expect(readdirSync(join(dir, 'leases'))).toHaveLength(1);
    rmSync(join(dir, 'objects'), { recursive: true });
    const whole = store.openWrite(old);
    await whole.write(0, bytesOf('o'.repeat(60)));
    await whole.finish();
    expect(await store.findMissing([old, fresh])).toEqual([fresh]);
  });

  test('makes its folder again with the mode that it had, and not those in it', async () => {
    chmodSync(dir, 0o750);
    const inner = join(dir, 'a', 'b');
    mkdirSync(inner, { recursive: true, mode: 0o700 });
    const store = createDiskContentStore({ dir: inner });
    open.push(store);
    rmSync(dir, { recursive: true });
    await put(store, 'fresh');
    const modeOf = (path: string): number => statSync(path).mode & 0o777;
    expect([dir, join(dir, 'a'), inner].map(modeOf)).toEqual([0o750, 0o700, 0o700]);
    expect(modeOf(join(inner, 'objects'))).toBe(0o777 & ~process.umask());
  });

  test('what had come of a blob when the folder was removed is lost, which its writer learns, and can be sent again', async () => {
    const said: string[] = [];
    const store = createDiskContentStore({ dir, maxBytes: 100_000, onTrouble: (text) => said.push(text) });
    open.push(store);
    const bytes = bytesOf('ab'.repeat(10_000));
    const upload = async (inBetween: () => void): Promise<void> => {
      const writer = store.openWrite(digestOf(bytes));
      await writer.write(0, bytes.subarray(0, 10_000));
      inBetween();
      await writer.write(10_000, bytes.subarray(10_000));
      await writer.finish();
    };
    await expect(upload(() => rmSync(dir, { recursive: true }))).rejects.toMatchObject({
      code: 'RUNNER_DISK_FAILED',
      message: `the folder of the store was removed, and with it what had come of ${digestKey(digestOf(bytes))}`,
    });
    await upload(() => undefined);
    expect(await store.findMissing([digestOf(bytes)])).toEqual([]);
    expect([store.sizeBytes, readdirSync(join(dir, 'incoming'))]).toEqual([20_000, []]);
    expect(said).toEqual([]);
  });

  test('says once that a file is in the place of its folder, with each call that fails for that', async () => {
    const said: string[] = [];
    const onTrouble = (text: string): void => void said.push(text);
    const store = createDiskContentStore({ dir, maxBytes: 100, onTrouble });
    const cache = createDiskActionCache({ dir: join(dir, 'ac'), onTrouble });
    open.push(store);
    const kept = await put(store, 'kept');
    rmSync(dir, { recursive: true });
    writeFileSync(dir, '');
    expect(await store.findMissing([kept])).toEqual([kept]);
    for (const size of [10, 90]) {
      await expect(put(store, 'x'.repeat(size))).rejects.toMatchObject({
        code: 'RUNNER_DISK_FAILED',
        message: 'the folder of a store was removed, and cannot be made again: not a directory',
      });
    }
    const text = `the folder ${dir} of a store was removed, and cannot be made again: ENOTDIR: `;
    expect(said).toEqual([expect.stringContaining(text)]);
    expect(await cache.get('', kept)).toBeUndefined();
    expect(await code(cache.put('', kept, NO_OUTPUTS))).toBe('RUNNER_DISK_FAILED');
    expect(said).toHaveLength(2);
    rmSync(dir);
    await put(store, 'kept');
    await cache.put('', kept, NO_OUTPUTS);
    expect([await store.findMissing([kept]), (await cache.get('', kept))?.exitCode]).toEqual([[], 0]);
  });

  test('evicts on a disk that is full below its limit, and says so once', async () => {
    const said: string[] = [];
    const store = createDiskContentStore({ dir, maxBytes: 1_000_000, onTrouble: (text) => said.push(text) });
    open.push(store);
    const old: Digest[] = [];
    for (let n = 0; n < 20; n += 1) old.push(await put(store, String(100 + n).repeat(3)));
    old.forEach((digest, n) => age(digest, 30 - n));
    const [held, ...free] = old;
    store.hold([held!]);
    const isFull = (path: unknown): boolean =>
      String(path).startsWith(dir) && bytesBelow(join(dir, 'objects')) > 171;
    failing('writeFileSync', 'ENOSPC', isFull);
    failing('writeSync', 'ENOSPC', () => isFull(dir));
    const first = await put(store, 'first one');
    // As many as it takes, and a tenth more.
    expect(await store.findMissing(old)).toEqual(free.slice(0, 3));
    const bytes = bytesOf('w'.repeat(20));
    const writer = store.openWrite(digestOf(bytes));
    await writer.write(0, bytes);
    await writer.finish();
    expect(await store.findMissing([...old.slice(0, 10), first, digestOf(bytes)])).toEqual(free.slice(0, 3));
    const last = await put(store, 'last of all');
    expect(await store.findMissing(old)).toEqual(free.slice(0, 7));
    store.hold([...old, first, digestOf(bytes), last, await put(store, 'y'.repeat(90))]);
    expect(await code(put(store, 'z'.repeat(90)))).toBe('RUNNER_STORE_FULL');
    expect(said).toEqual([
      `the disk of ${dir} is full, although the store may keep 1000000 B: what was not used for longest is evicted earlier`,
    ]);
  });

  test('what is held is touched, also when it is much', async () => {
    const store = disk();
    const blobs: Digest[] = [];
    for (let n = 0; n < 500; n += 1) blobs.push(await put(store, String(n)));
    for (const blob of blobs) age(blob, 10);
    const holder = disk();
    const hold = holder.hold(blobs);
    const isOld = (blob: Digest): boolean => Date.now() - statSync(fileOf(blob)).mtimeMs > 3_600_000;
    while (blobs.some(isOld)) await new Promise(setImmediate);
    hold.release();
  });

  test('a process that is killed while it writes leaves whole blobs alone', async () => {
    const script = `
      import { createDiskContentStore } from ${JSON.stringify(new URL('../../../src/host/remote/disk-content-store.ts', import.meta.url).href)};
      import { digestOf } from ${JSON.stringify(new URL('../../../src/cas/digest-of.ts', import.meta.url).href)};
      const store = createDiskContentStore({ dir: ${JSON.stringify(dir)} });
      process.stdout.write('writing');
      for (let n = 0; ; n += 1) {
        const bytes = new Uint8Array(n % 2 === 0 ? 100 : 100_000).fill(n % 251);
        bytes.set(new TextEncoder().encode(String(n)));
        await store.write(digestOf(bytes), bytes);
      }`;
    for (let round = 0; round < 3; round += 1) {
      const child = spawn(process.execPath, [
        '--import',
        import.meta.resolve('tsx'),
        '--input-type=module',
        '-e',
        script,
      ]);
      await once(child.stdout, 'data');
      while (
        readdirSync(join(dir, 'objects')).every(
          (folder) => readdirSync(join(dir, 'objects', folder)).length < 2,
        )
      );
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    const store = disk();
    let seen = 0;
    for (const folder of readdirSync(join(dir, 'objects'))) {
      for (const name of readdirSync(join(dir, 'objects', folder))) {
        const hash = folder + name;
        const sizes = [await store.findMissing([{ hash, sizeBytes: 100 }])];
        const sizeBytes = sizes[0]?.length === 0 ? 100 : 100_000;
        expect(digestOf(await store.read({ hash, sizeBytes }))).toEqual({ hash, sizeBytes });
        seen += 1;
      }
    }
    expect(seen).toBeGreaterThan(2);
    await put(store, 'goes on');
  });

  test('a process that is killed keeps nothing: neither what it held nor what it wrote; one that only stands still keeps it', async () => {
    const [source, digests] = ['disk-content-store.ts', '../../cas/digest-of.ts'].map((path) =>
      JSON.stringify(new URL(path, new URL('../../../src/host/remote/', import.meta.url)).href),
    );
    const script = `
      import { createDiskContentStore } from ${source};
      import { digestOf } from ${digests};
      const store = createDiskContentStore({ dir: ${JSON.stringify(dir)}, maxBytes: 1000 });
      const held = new Uint8Array(600).fill(1);
      await store.write(digestOf(held), held);
      store.hold([digestOf(held)]);
      const part = new Uint8Array(300);
      await store.openWrite(digestOf(part)).write(0, part.subarray(0, 200));
      process.stdout.write('holding');
      setInterval(() => undefined, 1000);`;
    const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script];
    const child = spawn(process.execPath, args);
    await once(child.stdout, 'data');
    const filesIn = (name: string): string[] => readdirSync(join(dir, name));
    const [lease = ''] = filesIn('leases');
    child.kill('SIGSTOP');
    // It has not been heard of for an hour.
    for (const path of [join(dir, 'leases', lease), join(dir, 'incoming', filesIn('incoming')[0] ?? '')]) {
      utimesSync(path, Date.now() / 1_000 - 3_600, Date.now() / 1_000 - 3_600);
    }
    const before = disk(1_000);
    expect(await code(put(before, 'n'.repeat(900)))).toBe('RUNNER_STORE_FULL');
    expect(filesIn('incoming')).toHaveLength(1);
    child.kill('SIGKILL');
    await once(child, 'close');
    // Who is there already, and who comes now.
    await put(before, 'n'.repeat(900));
    before.close();
    await put(disk(1_000), 'm'.repeat(900));
    expect(filesIn('leases')).not.toContain(lease);
    expect(filesIn('incoming')).toEqual([]);
  });

  /** So many renewals of leases pass, each two seconds after the last. */
  const renewals = (count: number): void => void vi.advanceTimersByTime(count * 2_000);

  test.for([
    ['elsewhere', `1-1-${'0'.repeat(12)}-x`, false],
    ['here that lives', ownName(), true],
  ] as const)(
    'a process %s counts until it has not renewed its lease for a minute',
    async ([, name, isKept]) => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
      onTestFinished(() => void vi.useRealTimers());
      const lease = join(dir, 'leases', name);
      const store = disk(100);
      const held = await put(store, 'h'.repeat(60));
      const renew = (): void => writeFileSync(lease, String(Date.now() - 60_000));
      const refuses = async (): Promise<void> =>
        expect(await code(put(store, 'n'.repeat(60)))).toBe('RUNNER_STORE_FULL');
      renew();
      await refuses();
      renewals(30);
      await refuses();
      // Neither a jump of the clock nor the age of a lease says that its process stands still.
      const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
      await refuses().finally(() => clock.mockRestore());
      renew();
      utimesSync(lease, Date.now() / 1_000 - 3_600, Date.now() / 1_000 - 3_600);
      renewals(30);
      await refuses();
      renewals(1);
      renew();
      await refuses();
      renewals(31);
      await put(store, 'n'.repeat(60));
      expect(await store.findMissing([held])).toEqual([held]);
      expect(readdirSync(join(dir, 'leases')).includes(name)).toBe(isKept);
    },
  );

  test.for([
    ['damaged stands for holds of any age', 'NaN', 0],
    ['empty stands for holds since its own time', '', 2],
  ] as const)('a lease that is %s', async ([, text, hours]) => {
    const lease = join(dir, 'leases', ownName());
    const store = disk(100);
    const held = await put(store, 'h'.repeat(60));
    age(held, 1);
    writeFileSync(lease, text);
    const seconds = Date.now() / 1_000 - hours * 3_600;
    utimesSync(lease, seconds, seconds);
    expect(await code(put(store, 'n'.repeat(60)))).toBe('RUNNER_STORE_FULL');
    writeFileSync(lease, text === '' ? '' : String(Date.now()));
    utimesSync(lease, Date.now() / 1_000, Date.now() / 1_000);
    await put(store, 'n'.repeat(60));
    expect(await store.findMissing([held])).toEqual([held]);
  });

  test('anything but a lease holds nothing, such as a folder of somebody else', async () => {
    const store = disk(100);
    const first = await put(store, 'h'.repeat(60));
    mkdirSync(join(dir, 'leases', 'theirs'));
    await put(store, 'n'.repeat(60));
    expect(await store.findMissing([first])).toEqual([first]);
  });

  test('what another process holds for long is spared, and all else that was used since can go', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const [store, other] = [disk(100), disk(100)];
    const held = await put(other, 'h'.repeat(10));
    const along = digestOf('a'.repeat(10));
    const hold = other.hold([held]);
    other.holdAlong(held, [along]);
    await put(other, 'a'.repeat(10));
    await vi.advanceTimersByTimeAsync(1_000);
    const free = await put(other, 'f'.repeat(70));
    utimesSync(fileOf(free), Date.now() / 1_000, Date.now() / 1_000);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await code(put(store, 'n'.repeat(70)))).toBe('RUNNER_STORE_FULL');
    await vi.advanceTimersByTimeAsync(30_000);
    await put(store, 'n'.repeat(70));
    expect(await store.findMissing([held, along, free])).toEqual([free]);
    hold.release();
  });

  test('unfinished files of a process elsewhere go once it is silent for long, also while others run', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const [living, dead, young] = ['1', '2', '3'].map((pid) => `${pid}-1-${'0'.repeat(12)}-`);
    const silent = (folder: string, name: string, silentS: number): void => {
      const path = join(dir, folder, name);
      writeFileSync(path, String(Date.now()));
      utimesSync(path, Date.now() / 1_000 - silentS, Date.now() / 1_000 - silentS);
    };
    const store = disk(100);
    for (const of of [living, dead]) silent('leases', `${of}x`, 0);
    for (const of of [living, dead]) silent('incoming', `${of}y`, 3_600);
    silent('incoming', `${young}y`, 30);
    const incoming = (): string[] => readdirSync(join(dir, 'incoming')).sort();
    disk();
    expect(incoming()).toEqual([`${living}y`, `${dead}y`, `${young}y`]);
    renewals(31);
    silent('leases', `${living}x`, 0);
    await put(store, 'a'.repeat(70));
    await code(put(store, 'b'.repeat(70)));
    expect(incoming()).toEqual([`${living}y`, `${young}y`]);
    expect(readdirSync(join(dir, 'leases'))).not.toContain(`${dead}x`);
  });

  test('goes on where it cannot look at the leases, and looks again', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const store = disk(100);
    const held = await put(store, 'h'.repeat(60));
    writeFileSync(join(dir, 'leases', ownName()), '0');
    const repaired = failing('readdirSync', 'EMFILE', (path) => path === join(dir, 'leases'));
    renewals(40);
    repaired();
    // None of those counts for a lease that nobody has seen.
    expect(await code(put(store, 'n'.repeat(60)))).toBe('RUNNER_STORE_FULL');
    renewals(31);
    await put(store, 'n'.repeat(60));
    expect(await store.findMissing([held])).toEqual([held]);
  });

  test('replaces its lease whole, so that no process reads half of it', async () => {
    const store = disk(10);
    const path = join(dir, 'leases', readdirSync(join(dir, 'leases'))[0]!);
    const before = readFileSync(path, 'utf8');
    linkSync(path, join(dir, 'before'));
    await put(store, 'a'.repeat(6));
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Number(before) + 1);
    await put(store, 'b'.repeat(6)).finally(() => clock.mockRestore());
    expect(readFileSync(join(dir, 'before'), 'utf8')).toBe(before);
    expect(Number(readFileSync(path, 'utf8'))).toBe(Number(before) + 1);
    expect(readdirSync(join(dir, 'incoming'))).toEqual([]);
  });

  test('knows its own holds, also if it cannot write its lease', async () => {
    const store = disk(100);
    const path = join(dir, 'leases', readdirSync(join(dir, 'leases'))[0]!);
    disk();
    rmSync(path);
    mkdirSync(path);
    const [held, free] = [await put(store, 'h'.repeat(40)), await put(store, 'f'.repeat(40))];
    const hold = store.hold([held]);
    for (const each of [held, free]) age(each, 1);
    await put(store, 'n'.repeat(40));
    expect(await store.findMissing([held, free])).toEqual([free]);
    expect(readdirSync(join(dir, 'incoming'))).toEqual([]);
    hold.release();
  });

  const onSmallDisk = (title: string, kib: number, body: (small: SmallDisk) => Promise<void>): void => {
    test.skipIf(smallDiskMissingBecause !== undefined)(titledForSmallDisk(title), async () => {
      const small = new SmallDisk(kib);
      try {
        await body(small);
      } finally {
        small.remove();
      }
    });
  };

  onSmallDisk(
    'what a full disk has no room for is refused as by a full store, and leaves nothing',
    512,
    async (small) => {
      const store = createDiskContentStore({ dir: small.dir });
      const incoming = join(small.dir, 'incoming');
      try {
        const small100 = await put(store, 's'.repeat(100));
        for (const size of [600_000, 60_000_000]) {
          expect(await code(put(store, 'x'.repeat(size)))).toBe('RUNNER_STORE_FULL');
        }
        const writer = store.openWrite(digestOf('y'.repeat(600_000)));
        await writer.write(0, bytesOf('y'.repeat(300_000)));
        expect(await code(writer.write(300_000, bytesOf('y'.repeat(300_000))))).toBe('RUNNER_STORE_FULL');
        const cache = createDiskActionCache({ dir: small.dir });
        const stdoutRaw = new Uint8Array(300_000);
        const outcome: ActionOutcome = {
          exitCode: 0,
          outputFiles: [],
          outputDirectories: [],
          outputSymlinks: [],
          stdoutRaw,
          metadata: { worker: 'w' },
        };
        expect(await code(cache.put('', digestOf('action'), outcome))).toBe('RUNNER_STORE_FULL');
        await writer.discard();
        expect(readdirSync(incoming)).toEqual([]);
        expect(await store.findMissing([small100])).toEqual([]);
        await put(store, 'z'.repeat(300_000));
      } finally {
        store.close();
      }
    },
  );

  /** Fills a disk to its last byte with files that no store can remove. */
  const stuff = ({ dir: top }: SmallDisk): void => {
    for (const size of [65_536, 4_096]) {
      const stuffing = (): void => {
        for (let n = 0; ; n += 1) writeFileSync(join(top, `stuffing-${size}-${n}`), new Uint8Array(size));
      };
      expect(stuffing).toThrow('ENOSPC');
    }
  };

  onSmallDisk(
    'servers that start on a full disk evict all the same, but what one of them holds',
    512,
    async (small) => {
      const filler = createDiskContentStore({ dir: small.dir });
      const old: Digest[] = [];
      for (const name of 'abcdef') old.push(await put(filler, name.repeat(30_000)));
      filler.close();
      for (const [n, digest] of old.entries()) age(digest, 10 - n, small.dir);
      stuff(small);
      const [one, two] = [1, 2].map(() => createDiskContentStore({ dir: small.dir, maxBytes: 1_000_000 }));
      try {
        two!.hold(old.slice(0, 1));
        const news = [await put(one!, 'n'.repeat(30_000)), await put(two!, 'm'.repeat(30_000))];
        const gone = await one!.findMissing(old);
        expect(gone.slice(0, 2)).toEqual(old.slice(1, 3));
        expect(await one!.findMissing([old[0]!, ...news])).toEqual([]);
      } finally {
        one!.close();
        two!.close();
      }
    },
  );

  onSmallDisk(
    'what several calls add to a full disk at once finds room as long as anything may be evicted',
    2_048,
    async (small) => {
      const onTrouble = (): void => {
        throw new Error('the log is full');
      };
      const store = createDiskContentStore({ dir: small.dir, maxBytes: 1_000_000_000, onTrouble });
      const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
      onTestFinished(() => warned.mockRestore());
      try {
        for (let n = 0; n < 15; n += 1) await put(store, String.fromCharCode(65 + n).repeat(100_000));
        stuff(small);
        for (const names of ['abcdef', 'ghijkl']) {
          const added = [...names].map(async (name, n) => {
            const bytes = bytesOf(name.repeat(200_000));
            if (n % 2 === 0) return await store.write(digestOf(bytes), bytes);
            const writer = store.openWrite(digestOf(bytes));
            await writer.write(0, bytes.subarray(0, 120_000));
            await writer.write(120_000, bytes.subarray(120_000));
            await writer.finish();
          });
          expect(await Promise.all(added.map(code))).toEqual(names.split('').map(() => undefined));
        }
        const last = 'l'.repeat(200_000);
        expect(warned.mock.calls).toEqual([['onTrouble of a store threw: the log is full']]);
        expect(await store.findMissing([digestOf(last)])).toEqual([]);
      } finally {
        store.close();
      }
    },
  );

  onSmallDisk('a blob goes on where the disk was full, once it has room', 512, async (small) => {
    const store = createDiskContentStore({ dir: small.dir });
    try {
      const bytes = bytesOf('abcdefgh'.repeat(50_000));
      const writer = store.openWrite(digestOf(bytes));
      await writer.write(0, bytes.subarray(0, 100_000));
      const stuffing = join(small.dir, 'stuffing');
      writeFileSync(stuffing, new Uint8Array(300_000));
      expect(await code(writer.write(100_000, bytes.subarray(100_000)))).toBe('RUNNER_STORE_FULL');
      rmSync(stuffing);
      await writer.write(100_000, bytes.subarray(100_000));
      await writer.finish();
      expect(digestOf(await store.read(digestOf(bytes)))).toEqual(digestOf(bytes));
    } finally {
      store.close();
    }
  });

  test.skipIf(smallDiskMissingBecause !== undefined)(
    titledForSmallDisk('a lease is renewed where the disk has room for no other file'),
    () => {
      const small = new SmallDisk(1_024, 300);
      try {
        vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
        onTestFinished(() => void vi.useRealTimers());
        const store = createDiskContentStore({ dir: small.dir });
        const lease = join(small.dir, 'leases', readdirSync(join(small.dir, 'leases'))[0]!);
        utimesSync(lease, 1, 1);
        expect(() => {
          for (let n = 0; n < 300; n += 1) writeFileSync(join(small.dir, String(n)), '');
        }).toThrow('ENOSPC');
        renewals(1);
        expect(statSync(lease).mtimeMs).toBeGreaterThan(1_000);
        store.close();
      } finally {
        small.remove();
      }
    },
  );

  onSmallDisk(
    'a folder that cannot be written is refused, and a store in one that no longer can be closes',
    512,
    async (small) => {
      const said: string[] = [];
      const options = { dir: small.dir, onTrouble: (text: string) => said.push(text) };
      const store = createDiskContentStore(options);
      const writer = store.openWrite(digestOf('abc'));
      const cache = createDiskActionCache(options);
      small.protect();
      const failed = {
        code: 'RUNNER_DISK_FAILED',
        message: 'the folder of a store cannot be used: read-only file system',
      };
      for (const text of ['abc', 'def']) {
        await expect(put(store, text)).rejects.toMatchObject(failed);
        await expect(cache.put('', digestOf(text), NO_OUTPUTS)).rejects.toMatchObject(failed);
      }
      await expect(writer.write(0, bytesOf('a'))).rejects.toMatchObject(failed);
      // Once by each of the two.
      expect(said).toEqual(
        Array(2).fill(`the folder ${small.dir} of a store cannot be used: read-only file system`),
      );
      store.close();
      expect(() => createDiskContentStore({ dir: small.dir })).toThrow('EROFS: read-only file system');
      expect(() => createDiskActionCache({ dir: small.dir })).toThrow('EROFS: read-only file system');
    },
  );

  test('the empty blob is always there', async () => {
    const store = disk();
    expect(await store.findMissing([digestOf('')])).toEqual([]);
    expect(await store.read(digestOf(''))).toHaveLength(0);
  });

  test('a read error while the consumer still has the chunk before reaches the consumer', async () => {
    const store = disk();
    const bytes = new Uint8Array(3_000_000).fill(1);
    const digest = digestOf(bytes);
    await store.write(digest, bytes);
    const file = await openFile(fileOf(digest));
    const files = Object.getPrototypeOf(file) as FileHandle;
    await file.close();
    const { read } = files;
    const broken = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
    const reads = vi
      .spyOn(files, 'read')
      .mockImplementationOnce(read)
      .mockImplementationOnce(() => Promise.reject(broken));
    const stray = vi.fn();
    process.on('unhandledRejection', stray);
    onTestFinished(() => {
      reads.mockRestore();
      process.off('unhandledRejection', stray);
    });
    const chunks = store.readStream(digest)[Symbol.asyncIterator]();
    expect(await chunks.next()).toMatchObject({ done: false });
    expect(reads).toHaveBeenCalledTimes(2);
    for (let turns = 0; turns < 3; turns += 1) await turn();
    expect(stray).not.toHaveBeenCalled();
    await expect(chunks.next()).rejects.toMatchObject({
      code: 'RUNNER_DISK_FAILED',
      message: 'the folder of a store cannot be used: i/o error',
    });
  });
});

/** Moves the time of the last use of all results in that folder. */
function shiftResults(root: string, shiftS: number): void {
  const results = join(root, 'results');
  for (const folder of readdirSync(results)) {
    for (const name of readdirSync(join(results, folder))) {
      const path = join(results, folder, name);
      const seconds = statSync(path).mtimeMs / 1_000 + shiftS;
      utimesSync(path, seconds, seconds);
    }
  }
}

describe('an action cache on the disk', () => {
  const action = digestOf('action');
  const outcome: ActionOutcome = {
    exitCode: 0,
    outputFiles: [{ path: 'a', digest: digestOf('a'), isExecutable: true }],
    outputDirectories: [],
    outputSymlinks: [],
    metadata: { worker: 'w', workerStartMs: 5 },
  };

  test('gives what was put, to another process as well, and nothing of another instance', async () => {
    await createDiskActionCache({ dir }).put('i', action, outcome);
    const cache = createDiskActionCache({ dir });
    expect(await cache.get('i', action)).toEqual(outcome);
    expect(await cache.get('', action)).toBeUndefined();
  });

  test.for([
    ['before', -10],
    ['after', 10],
  ] as const)(
    'keeps the result just put, however few it may keep, if others seem put %s it',
    async ([, shiftS]) => {
      for (const maxEntries of [1, 2]) {
        const cache = createDiskActionCache({ dir: join(dir, String(maxEntries)), maxEntries });
        for (const name of ['a', 'b', 'c']) {
          const latest = digestOf(name);
          await cache.put('', latest, outcome);
          expect(await cache.get('', latest)).toEqual(outcome);
          shiftResults(join(dir, String(maxEntries)), shiftS);
        }
        expect(await cache.get('', digestOf('a'))).toBeUndefined();
      }
    },
  );

  test('takes a damaged result for none', async () => {
    const cache = createDiskActionCache({ dir });
    await cache.put('', action, outcome);
    const [folder = ''] = readdirSync(join(dir, 'results'));
    const [name = ''] = readdirSync(join(dir, 'results', folder));
    const path = join(dir, 'results', folder, name);
    for (const damage of [
      () => truncateSync(path, 40),
      () => writeFileSync(path, 'x'),
      () => truncateSync(path, 0),
    ]) {
      await cache.put('', action, outcome);
      damage();
      expect(await cache.get('', action)).toBeUndefined();
    }
  });

  test('gives a result that it cannot touch, and keeps it', async () => {
    const cache = createDiskActionCache({ dir });
    await cache.put('', action, outcome);
    const [folder = ''] = readdirSync(join(dir, 'results'));
    const [name = ''] = readdirSync(join(dir, 'results', folder));
    const path = join(dir, 'results', folder, name);
    // A read-only disk, or a file of another user.
    const utimes = vi.spyOn(fs, 'utimesSync').mockImplementation(() => {
      throw Object.assign(new Error('read-only'), { code: 'EROFS' });
    });
    syncBuiltinESMExports();
    try {
      expect(await cache.get('', action)).toEqual(outcome);
      expect(utimes).toHaveBeenCalled();
      expect(statSync(path).isFile()).toBe(true);
    } finally {
      vi.restoreAllMocks();
      syncBuiltinESMExports();
    }
  });

  test.for(['starts', 'evicts'] as const)(
    'removes what was half written elsewhere more than a minute ago when it %s, and nothing else',
    async (when) => {
      const incoming = join(dir, 'incoming');
      const cache = createDiskActionCache({ dir });
      const nowS = Date.now() / 1_000;
      for (const [name, ageS] of [
        ['7-17-0123456789ab-old', 61],
        ['7-17-0123456789ab-new', 0],
        ['of somebody else', 61],
      ] as const) {
        writeFileSync(join(incoming, name), 'half');
        utimesSync(join(incoming, name), nowS - ageS, nowS - ageS);
      }
      if (when === 'starts') createDiskActionCache({ dir });
      else await cache.put('', action, outcome);
      expect(readdirSync(incoming).sort()).toEqual(['7-17-0123456789ab-new', 'of somebody else']);
    },
  );

  test('keeps no more than it may', async () => {
    const cache = createDiskActionCache({ dir, maxEntries: 10 });
    writeFileSync(join(dir, 'results', 'of somebody else'), '');
    const theirs = join(dir, 'results', 'photos', 'birthday.jpg');
    mkdirSync(join(theirs, '..'));
    writeFileSync(theirs, '');
    utimesSync(theirs, 1, 1);
    for (let n = 0; n < 30; n += 1) await cache.put('', digestOf(String(n)), outcome);
    let kept = 0;
    for (let n = 0; n < 30; n += 1) {
      if ((await cache.get('', digestOf(String(n)))) !== undefined) kept += 1;
    }
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThanOrEqual(10);
    expect(statSync(theirs).isFile()).toBe(true);
  });

  test('evicts results that were not asked for before one that was', async () => {
    const cache = createDiskActionCache({ dir, maxEntries: 4 });
    const [asked, ...others] = ['a', 'b', 'c', 'd'].map((name) => digestOf(name));
    for (const each of [asked!, ...others]) await cache.put('', each, outcome);
    shiftResults(dir, -1_000);
    await cache.get('', asked!);
    const latest = digestOf('latest');
    await cache.put('', latest, outcome);
    const isKept = async (each: Digest): Promise<boolean> => (await cache.get('', each)) !== undefined;
    expect(await isKept(asked!)).toBe(true);
    expect(await isKept(latest)).toBe(true);
    expect((await Promise.all(others.map(isKept))).filter(Boolean)).toHaveLength(1);
  });
});
