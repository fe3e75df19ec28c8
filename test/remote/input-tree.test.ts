import { expect, test } from 'vitest';
import { MESSAGES } from '../../src/cas/codec.ts';
import { digestOf } from '../../src/cas/digest-of.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../../src/cas/memory-content-store.ts';
import type { ContentStore } from '../../src/model/content-store.ts';
import type { Digest } from '../../src/model/digest.ts';
import { TreeWalk } from '../../src/remote/input-tree.ts';

/** The same store with answers that come later. */
const late = (content: MemoryContentStore): ContentStore => ({
  cancelBoundMs: 0,
  findMissing: async (digests) => content.findMissing(digests),
  read: async (digest, range) => content.read(digest, range),
  readStream: (digest, range) => content.readStream(digest, range),
  write: async (digest, bytes) => content.write(digest, bytes),
  openWrite: (digest) => content.openWrite(digest),
  hold: (digests) => content.hold(digests),
});

async function walked(content: ContentStore, root: Digest) {
  const missing: string[] = [];
  const found: string[] = [];
  const walk = new TreeWalk(content, root, ({ hash }) => missing.push(hash));
  for (let one = await walk.next(); one !== undefined; one = await walk.next()) found.push(one.digest.hash);
  return { found, missing };
}

test.for([
  ['at once', (content: MemoryContentStore): ContentStore => content],
  ['later', late],
] as const)(
  'a walk gives each directory once, the shallow ones first, and names those that are missing, with a store that answers %s',
  async ([, storeOf]) => {
    const content = createMemoryContentStore();
    const add = (directories: readonly Digest[], file = ''): Digest =>
      content.add(
        MESSAGES.Directory.encode({
          files: file === '' ? [] : [{ name: file, digest: digestOf(file) }],
          directories: directories.map((digest, at) => ({ name: `d${at}`, digest })),
        }),
      );
    const lost = Array.from({ length: 3 }, (_, at) => digestOf(`lost ${at}`));
    const [lost0, lost1, lost2] = lost as [Digest, Digest, Digest];
    const leaf = add([], 'leaf');
    const middle = add([lost1, leaf, lost2]);
    const root = add([lost0, middle, leaf, lost1]);
    expect(await walked(storeOf(content), root)).toEqual({
      found: [root, middle, leaf].map(({ hash }) => hash),
      missing: [lost0, lost1, lost2].map(({ hash }) => hash),
    });
    const bad = add([], '..');
    await expect(walked(storeOf(content), add([lost0, bad]))).rejects.toThrow('expected a name without "/"');
  },
);

test('a walk stops at the directory with which its entries are too many, and reads no further', async () => {
  const content = createMemoryContentStore();
  const links = Array.from({ length: 500_001 }, (_, at) => ({ name: at.toString(36), target: 'x' }));
  const add = (symlinks: typeof links): Digest => content.add(MESSAGES.Directory.encode({ symlinks }));
  const directories = [add(links), add(links.slice(1)), add([])];
  const root = content.add(
    MESSAGES.Directory.encode({
      directories: directories.map((digest, at) => ({ name: `d${at}`, digest })),
    }),
  );
  const read: string[] = [];
  const noting: ContentStore = {
    ...late(content),
    read: async (digest, range) => {
      read.push(digest.hash);
      return content.read(digest, range);
    },
  };
  await expect(walked(noting, root)).rejects.toThrow(
    'input root: expected 1000000 entries at most, got 1000004',
  );
  expect(read).toEqual([root, ...directories.slice(0, 2)].map(({ hash }) => hash));
});
