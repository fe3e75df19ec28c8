import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeFolder, makeFolderSync } from '../../src/host/make-folder.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dryrunner-folder-'));
  await writeFile(join(dir, 'file'), '');
  await symlink(dir, join(dir, 'link'));
});
afterAll(() => rm(dir, { recursive: true }));

describe('makeFolder', () => {
  test('makes the parents too, and keeps what is there', async () => {
    const path = join(dir, 'a/b/c');
    await makeFolder(path);
    await makeFolder(path);
    await makeFolder(join(dir, 'link/a'));
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  test('many concurrent calls make one folder', async () => {
    for (let round = 0; round < 50; round += 1) {
      const paths = ['a', 'b', 'c', 'd'].flatMap((name) => [
        join(dir, `x${round}/y/${name}`),
        join(dir, `x${round}/z/${name}`),
      ]);
      await Promise.all([...paths, ...paths].map((path) => makeFolder(path)));
      for (const path of paths) expect((await stat(path)).isDirectory()).toBe(true);
    }
  });

  test('applies the mode', async () => {
    await makeFolder(join(dir, 'private/inner'), 0o700);
    expect((await stat(join(dir, 'private/inner'))).mode & 0o777).toBe(0o700);
  });

  test.for([
    ['file', 'EEXIST'],
    ['file/below', 'ENOTDIR'],
  ])('rejects where %s is in the way', async ([path, code]) => {
    await expect(makeFolder(join(dir, path!))).rejects.toMatchObject({ code });
  });

  test.skipIf(!existsSync('/proc/self'))(
    'rejects where the file system allows no folder (skipped without /proc, because no other does that)',
    async () => {
      await expect(makeFolder('/proc/dryrunner/corpus')).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );
});

describe('makeFolderSync', () => {
  test('makes the parents too, and keeps what is there', async () => {
    const path = join(dir, 'at/once/c');
    makeFolderSync(path);
    makeFolderSync(path);
    makeFolderSync(join(dir, 'link/at'));
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  test.for([
    ['file', 'EEXIST'],
    ['file/below', 'ENOTDIR'],
  ])('throws where %s is in the way', ([path, code]) => {
    expect(() => makeFolderSync(join(dir, path!))).toThrow(expect.objectContaining({ code }));
  });

  test.skipIf(!existsSync('/proc/self'))(
    'throws where the file system allows no folder (skipped without /proc, because no other does that)',
    () => {
      expect(() => makeFolderSync('/proc/dryrunner/cas')).toThrow(
        expect.objectContaining({ code: 'ENOENT' }),
      );
    },
  );
});
