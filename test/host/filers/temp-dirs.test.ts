// Temporary directories are new and private, and gone after their release or with their process.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
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
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTempDirs } from '../../../src/host/filers/temp-dirs.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dryrunner-test-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

/** Runs a program that has made a directory of the name `dir` in its own folder; gives the path of that directory. */
function inProcess(end: string): string {
  const program = `
    import { writeFileSync } from 'node:fs';
    import { createTempDirs } from './src/host/filers/temp-dirs.ts';
    const dir = await createTempDirs().create('job');
    writeFileSync(dir.path + '/file', '');
    console.log(dir.path);
    ${end}`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const env = { ...process.env, TMPDIR: root };
  return spawnSync(process.execPath, args, { encoding: 'utf8', env }).stdout.trim();
}

/** tsx has a folder of its own there. */
function left(): string[] {
  return readdirSync(root).filter((name) => !name.startsWith('tsx-'));
}

describe('temporary directories', () => {
  test('are private, carry the requested name, and are gone after the release', async () => {
    const dirs = createTempDirs({ root });
    const dir = await dirs.create('run/0 ../\0x');
    expect(basename(dir.path)).toMatch(/^dryrunner-run_0_..__x-\w{6}$/);
    expect([statSync(dir.path).mode & 0o777, dir.id, dirs.boundMs]).toEqual([0o700, '', 5_000]);
    await dir.release();
    expect(readdirSync(root)).toEqual([]);
    const odd = await createTempDirs({ root, prefix: '../' }).create('..');
    expect(readdirSync(root)).toEqual([basename(odd.path)]);
  });

  test('R171 a directory that the run made read-only is still removed', async () => {
    // The superuser may write anywhere, so that the test must be somebody else for a while.
    const isRoot = process.geteuid?.() === 0;
    chmodSync(root, 0o777);
    if (isRoot) process.seteuid?.(65_534);
    try {
      const dir = await createTempDirs({ root }).create('run');
      mkdirSync(join(dir.path, 'locked', 'deeper'), { recursive: true });
      const odd = Buffer.concat([Buffer.from(join(dir.path, 'locked', 'deeper/')), Buffer.of(0xff)]);
      mkdirSync(odd);
      writeFileSync(Buffer.concat([odd, Buffer.from('/file')]), '');
      chmodSync(odd, 0o555);
      symlinkSync('/etc', join(dir.path, 'locked', 'link'));
      chmodSync(join(dir.path, 'locked', 'deeper'), 0o000);
      chmodSync(join(dir.path, 'locked'), 0o555);
      await dir.release();
      expect(existsSync(dir.path)).toBe(false);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  test('R171 a directory deeper than the longest path is removed with all that is in it', async () => {
    const dirs = createTempDirs({ root });
    const dir = await dirs.create('run');
    // 400 levels of 30 bytes are 12 kB, and no path has more than 4 kB. A file and a link on each level; some levels are locked.
    const name = 'd'.repeat(30);
    const dig = `i=0; while [ $i -lt 400 ]; do i=$((i+1)); : > file; ln -s / link; mkdir -p '${name}/side/x'
      cd -P '${name}' || exit 1; done; : > last`;
    execFileSync('sh', ['-c', dig], { cwd: dir.path });
    chmodSync(join(dir.path, name, name), 0o500);
    await dir.release();
    expect([readdirSync(root), existsSync('/proc')]).toEqual([[], true]);
  });

  test('R171 a directory that cannot be removed is reported with exit code 213', async () => {
    const isRoot = process.geteuid?.() === 0;
    chmodSync(root, 0o777);
    if (isRoot) process.seteuid?.(65_534);
    try {
      const outer = await createTempDirs({ root }).create('outer');
      const inner = await createTempDirs({ root: outer.path }).create('inner');
      chmodSync(outer.path, 0o555);
      await expect(inner.release()).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        message: `checkout ${inner.path} could not be removed: EACCES: permission denied, rmdir '${inner.path}'`,
        exitCode: 213,
        cause: { code: 'EACCES' },
      });
      await outer.release();
      expect(existsSync(outer.path)).toBe(false);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});

describe('the folder of a process', () => {
  test('holds the temporary directories that were given no other', async () => {
    vi.stubEnv('TMPDIR', root);
    const [one, other] = await Promise.all([createTempDirs().create('x'), createTempDirs().create('y')]);
    expect(basename(one.path)).toMatch(/^dryrunner-x-\w{6}$/);
    expect(dirname(one.path)).toBe(dirname(other.path));
    expect(left()).toEqual([expect.stringMatching(`^dryrunner-runs-${process.pid}-`)]);
    await Promise.all([one.release(), other.release()]);
    expect(readdirSync(dirname(one.path))).toEqual([]);
  });

  test('is made anew where somebody has removed it', async () => {
    vi.stubEnv('TMPDIR', root);
    const dirs = createTempDirs();
    const { path } = await dirs.create('x');
    rmSync(dirname(path), { recursive: true });
    const made = await Promise.all([dirs.create('y'), dirs.create('z')]);
    expect(made.map((dir) => existsSync(dir.path))).toEqual([true, true]);
    expect(left()).toHaveLength(1);
  });

  test.for<readonly [string, (path: string) => void]>([
    ['others may write to it', (path) => chmodSync(path, 0o777)],
    [
      'a link is in its place',
      (path) => {
        renameSync(path, `${path}-away`);
        symlinkSync(`${path}-away`, path);
      },
    ],
  ])('is made anew where %s', async ([, change]) => {
    vi.stubEnv('TMPDIR', root);
    const dirs = createTempDirs();
    const { path } = await dirs.create('x');
    change(dirname(path));
    const made = await dirs.create('y');
    expect(dirname(made.path)).not.toBe(dirname(path));
    expect(statSync(dirname(made.path)).mode & 0o777).toBe(0o700);
    expect((await dirs.create('z')).path.startsWith(`${dirname(made.path)}/`)).toBe(true);
  });

  test('that cannot be made fails as a directory in it would', async () => {
    vi.stubEnv('TMPDIR', join(root, 'missing'));
    await expect(createTempDirs().create('x')).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      exitCode: 212,
      cause: { code: 'RUNNER_OUTPUT_FAILED' },
    });
  });

  test.for(['process.exit(3);', "setTimeout(() => { throw new Error('x'); }, 1);", ''])(
    'goes with the process, which has released nothing: %s',
    (end) => {
      expect(inProcess(end)).toMatch(/dryrunner-runs-\d+-[^/]+\/dryrunner-job-\w+$/);
      expect(left()).toEqual([]);
    },
  );

  test('goes with the next process where it was killed', () => {
    const killed = inProcess("process.kill(process.pid, 'SIGKILL');");
    expect(existsSync(killed)).toBe(true);
    inProcess('');
    expect(left()).toEqual([]);
  });
});
