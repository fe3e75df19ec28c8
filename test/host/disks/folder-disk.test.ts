import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  type DiskCrashCase,
  diskCases,
  type DiskSubject,
} from '../../../src/conformance/parts/disk-cases.ts';
import { createFolderDisk } from '../../../src/host/disks/folder-disk.ts';

const writer = fileURLToPath(new URL('dying-process.ts', import.meta.url));
/** After how many promises each process is killed. */
const KILLED_AFTER = [1, 4, 17];

async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'dryrunner-disk-'));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Starts the program in a process of its own, and kills it as soon as it has promised so much; gives all that it has promised. */
async function killWriter(folder: string, title: string, promises: number): Promise<string[]> {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(
    process.execPath,
    ['--import', 'tsx', writer, folder, title],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = once(child, 'close');
  let complaints = '';
  child.stderr.on('data', (text) => (complaints += String(text)));
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    if (lines.push(line) === promises) child.kill('SIGKILL');
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself with ${code}: ${complaints}`);
  return lines;
}

const subject: DiskSubject = {
  name: 'a folder of the machine',
  use: (body) => inFolder((folder) => body(() => createFolderDisk({ folder }))),
  async crash({ title, verify }: DiskCrashCase) {
    for (const promises of KILLED_AFTER) {
      await inFolder(async (folder) => {
        const reported = await killWriter(folder, title, promises);
        expect(reported.length).toBeGreaterThanOrEqual(promises);
        await verify(createFolderDisk({ folder }), reported);
      });
    }
  },
};

describe('a folder of the machine', () => {
  test.each(diskCases)('$title', (each) => each.prove(subject));

  test('is made with the first operation', async () => {
    await inFolder(async (above) => {
      const folder = join(above, 'a', 'b');
      const disk = createFolderDisk({ folder, name: 'locks' });
      expect(await readdir(above)).toEqual([]);
      expect(await disk.list()).toEqual([]);
      expect(await readdir(folder)).toEqual([]);
      await disk.write('c/d', 'x');
      await disk.sync('c/d');
      expect(await readFile(join(folder, 'c', 'd'), 'utf8')).toBe('x');
    });
  });

  test('says in an error what was asked for on which disk, with the system error as its cause', async () => {
    await inFolder(async (folder) => {
      const disk = createFolderDisk({ folder, name: 'locks' });
      await expect(disk.read('a/b')).rejects.toMatchObject({
        code: 'RUNNER_DISK_NOT_FOUND',
        message: 'read of a/b on disk locks: no such file',
        cause: { code: 'ENOENT' },
      });
    });
  });

  test('follows no link, inside or out, and neither reads nor changes what is behind one', async () => {
    await inFolder(async (above) => {
      const [folder, outside] = [join(above, 'disk'), join(above, 'outside')];
      await mkdir(folder);
      await mkdir(outside);
      await writeFile(join(outside, 'secret'), 'secret');
      await symlink(outside, join(folder, 'way'));
      await symlink(join(outside, 'secret'), join(folder, 'file'));
      await symlink(join(outside, 'new'), join(folder, 'dangling'));
      const disk = createFolderDisk({ folder });
      await disk.write('own', 'own');
      const refused = (call: Promise<unknown>): Promise<void> =>
        expect(call).rejects.toMatchObject({ code: 'RUNNER_DISK_FAILED' });
      for (const path of ['file', 'way/secret', 'way/deep/new', 'dangling']) {
        await refused(disk.write(path, 'x'));
        await refused(disk.append(path, 'x'));
      }
      for (const path of ['file', 'way/secret']) {
        await refused(disk.read(path));
        await refused(disk.sync(path));
        await refused(disk.remove(path));
        await refused(disk.rename(path, 'stolen'));
      }
      await refused(disk.rename('own', 'way/own'));
      await refused(disk.list('way'));
      expect(await disk.list()).toEqual(['own']);
      expect([await readdir(outside), await readFile(join(outside, 'secret'), 'utf8')]).toEqual([
        ['secret'],
        'secret',
      ]);
    });
  });

  test('takes nothing for a file that is none', async () => {
    await inFolder(async (folder) => {
      const { status } = await runToEnd('mkfifo', [join(folder, 'pipe')]);
      expect(status).toBe(0);
      const disk = createFolderDisk({ folder });
      for (const call of [
        disk.read('pipe'),
        disk.append('pipe', 'x'),
        disk.sync('pipe'),
        disk.remove('pipe'),
      ]) {
        await expect(call).rejects.toMatchObject({ code: 'RUNNER_DISK_FAILED' });
      }
      expect(await disk.list()).toEqual([]);
    });
  });

  test('reports what the system refuses as its failure', async () => {
    await inFolder(async (above) => {
      await writeFile(join(above, 'file'), '');
      const disk = createFolderDisk({ folder: join(above, 'file', 'disk') });
      await expect(disk.write('a', 'x')).rejects.toMatchObject({
        code: 'RUNNER_DISK_FAILED',
        cause: { code: 'ENOTDIR' },
      });
    });
  });
});

async function runToEnd(
  command: string,
  args: readonly string[],
): Promise<{ readonly status: number | null }> {
  const [status] = (await once(spawn(command, args, { stdio: 'ignore' }), 'close')) as [number | null];
  return { status };
}
