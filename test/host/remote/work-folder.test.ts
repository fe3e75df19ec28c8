// The folder of a cluster's actions is used only while it belongs to this user alone.
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WorkFolder } from '../../../src/host/remote/work-folder.ts';
import { makeTempFolder, type TempFolder } from '../../../src/host/temp-folder.ts';

let root: string;
let folder: TempFolder;
let troubles: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dryrunner-work-'));
  vi.stubEnv('TMPDIR', root);
  folder = makeTempFolder('serve');
  troubles = [];
});
afterEach(async () => {
  await folder.remove();
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

const workFolder = (of = folder): WorkFolder => new WorkFolder(of, (text) => troubles.push(text));

function makeOthers(): string {
  const others = join(root, 'others');
  mkdirSync(others, { mode: 0o777 });
  return others;
}

/** A link is what every user can put there. */
function putLink(path: string): void {
  rmSync(path, { recursive: true });
  symlinkSync(makeOthers(), path);
}

function putFolder(path: string): void {
  rmSync(path, { recursive: true });
  chownSync(makeOthers(), 65_534, 65_534);
  renameSync(join(root, 'others'), path);
}

const isRoot = process.geteuid?.() === 0;

describe('the folder of the actions of a cluster', () => {
  test('is private again before it is used, whatever its mode was', async () => {
    const work = workFolder();
    for (const mode of [0o777, 0o710, 0o500, 0]) {
      chmodSync(folder.path, mode);
      const made = await work.create('action');
      expect(dirname(made.path)).toBe(folder.path);
      expect(statSync(folder.path).mode & 0o777).toBe(0o700);
    }
    expect(troubles).toEqual([]);
  });

  test.for([
    ['a link', putLink],
    ...(isRoot ? [['a folder of another user', putFolder] as const] : []),
  ] as const)('is not used with %s in its place, and is UNAVAILABLE until that has gone', async ([, put]) => {
    const work = workFolder();
    put(folder.path);
    await expect(work.create('action')).rejects.toMatchObject({
      code: 'RUNNER_DISK_FAILED',
      message: 'the cluster has no folder for the action: file already exists',
    });
    expect(readdirSync(`${folder.path}/`)).toEqual([]);
    expect(troubles).toEqual([`no folder can be made for actions in ${folder.path}: file already exists`]);
    rmSync(folder.path, { recursive: true });
    expect(dirname((await work.create('action')).path)).toBe(folder.path);
  });

  test('is not used with something else that comes into its place after the check', async () => {
    let left = 1;
    const restore = (): void => {
      folder.restore();
      if (left > 0) putLink(folder.path);
      left -= 1;
    };
    const work = workFolder({ ...folder, restore });
    await expect(work.create('action')).rejects.toMatchObject({ code: 'RUNNER_DISK_FAILED' });
    rmSync(folder.path);
    await work.create('action');
    // Removed after the check: once more.
    left = 1;
    const gone = workFolder({
      ...folder,
      restore() {
        folder.restore();
        if (left > 0) rmSync(folder.path, { recursive: true });
        left -= 1;
      },
    });
    expect(dirname((await gone.create('action')).path)).toBe(folder.path);
  });

  test('that refuses each action says the same each time, so that it can be said once an hour', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    const work = workFolder({ ...folder, path: file, isPrivate: () => true, restore: () => undefined });
    for (const name of ['run-1', 'run-2']) await expect(work.create(name)).rejects.toThrow('not a directory');
    const said = `no folder can be made for actions in ${file}: not a directory`;
    expect(troubles).toEqual([said, said]);
  });
});
