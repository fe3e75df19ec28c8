// A tree is removed with a bounded share of what all file operations of the process need, and as far as the system allows.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type * as fsPromises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { removeTree, removeTreeSync } from '../../src/host/remove-tree.ts';

/** What goes on in the disk, and what happens before a folder is removed. */
const watched = vi.hoisted(() => ({
  now: 0,
  most: 0,
  entries: 0,
  mostEntries: 0,
  beforeRmdir: (_path: string): void => {},
}));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fsPromises>();
  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    watched.now += 1;
    watched.most = Math.max(watched.most, watched.now);
    try {
      return await work();
    } finally {
      watched.now -= 1;
    }
  };
  return {
    ...real,
    unlink: (path: string) => counted(() => real.unlink(path)),
    rmdir: (path: string) => {
      watched.beforeRmdir(String(path));
      return counted(() => real.rmdir(path));
    },
    opendir: async (path: string, options: object) => {
      const dir = await real.opendir(path, options);
      const read = dir.read.bind(dir) as () => Promise<never>;
      watched.entries = 0;
      dir.read = () => {
        watched.mostEntries = Math.max(watched.mostEntries, ++watched.entries);
        return read();
      };
      return dir;
    },
  };
});

let root: string;
let tree: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'remove-tree-'));
  tree = join(root, 'tree');
  mkdirSync(tree);
  Object.assign(watched, { now: 0, most: 0, entries: 0, mostEntries: 0, beforeRmdir: () => {} });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a large tree never takes more than eight file operations at a time, nor more than 256 entries of a folder', async () => {
  for (let index = 0; index < 600; index += 1) {
    mkdirSync(join(tree, String(index)));
    if (index % 3 === 0) writeFileSync(join(tree, String(index), 'file'), '');
  }
  await removeTree(tree);
  expect([existsSync(tree), watched.most, watched.mostEntries]).toEqual([false, 8, 256]);
});

const isRoot = process.geteuid?.() === 0;
const because = isRoot ? '' : ': not tried because only the superuser can give files to others';
test.skipIf(!isRoot)(
  `what cannot be removed keeps nothing else, and the error names it${because}`,
  async () => {
    chmodSync(root, 0o777);
    for (const name of ['a', 'of another/inner', 'z']) {
      mkdirSync(join(tree, name), { recursive: true });
      writeFileSync(join(tree, name, 'file'), '');
    }
    for (const name of ['', 'a', 'a/file', 'z', 'of another']) chownSync(join(tree, name), 65_534, 65_534);
    const stays = join(tree, 'of another/inner/file');
    for (const remove of [removeTree, removeTreeSync]) {
      process.seteuid?.(65_534);
      try {
        await expect((async () => remove(tree))()).rejects.toMatchObject({ code: 'EACCES', path: stays });
      } finally {
        process.seteuid?.(0);
      }
      expect(
        readdirSync(tree, { recursive: true })
          .map(String)
          .sort((a, b) => a.length - b.length),
      ).toEqual(['of another', 'of another/inner', 'of another/inner/file']);
    }
  },
);

test.skipIf(!isRoot)(
  `the error names ten of many that stay, and the rest are not tried${because}`,
  async () => {
    chmodSync(root, 0o777);
    const folder = join(tree, 'of another');
    mkdirSync(folder);
    for (let n = 0; n < 150; n += 1) writeFileSync(join(folder, String(n)), '');
    chownSync(tree, 65_534, 65_534);
    process.seteuid?.(65_534);
    const error = await removeTree(tree)
      .then(() => new Error('it has removed them'))
      .catch((reason: unknown) => reason as Error)
      .finally(() => process.seteuid?.(0));
    expect(error).toMatchObject({ code: 'EACCES' });
    const named = error.message.split('; ');
    expect(named.slice(0, 10).filter((text) => text.includes(`unlink '${folder}/`))).toHaveLength(10);
    expect(named.slice(10)).toEqual(['and 94 more']);
  },
);

test('what a process that is ending still adds is removed too', async () => {
  const added = ['later', 'last'];
  watched.beforeRmdir = (path) => {
    const name = path === tree ? added.shift() : undefined;
    if (name !== undefined) writeFileSync(join(tree, name), '');
  };
  await removeTree(tree);
  expect([existsSync(tree), added]).toEqual([false, []]);
});

test('a process that adds files for ever keeps nobody waiting for ever', async () => {
  let added = 0;
  watched.beforeRmdir = () => writeFileSync(join(tree, String(added++)), '');
  await expect(removeTree(tree)).rejects.toMatchObject({ code: 'ENOTEMPTY', path: tree });
});
