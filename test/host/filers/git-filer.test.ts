import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createGitFiler } from '../../../src/host/filers/git-filer.ts';
import { Cancellation } from '../../../src/model/cancellation.ts';
import { diskFilerCases } from './disk-filer-cases.ts';
import { readTree, writeTree } from './disk-tree.ts';
import { commitOf, git } from './git-repository.ts';

describe('the git filer', () => {
  diskFilerCases({
    create: (store, root) => createGitFiler({ repo: store, root }),
    unknownId: 'ab'.repeat(20),
    idExpected: 'the full id of a commit in lower-case hexadecimal',
  });
});

let base: string;
let repo: string;
let root: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'dryrunner-test-')));
  repo = join(base, 'repo');
  root = join(base, 'checkouts');
  mkdirSync(root);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const processesNaming = (mark: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const isZombie = /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
        return !isZombie && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(mark);
      } catch {
        return false;
      }
    });

describe('commits of a real repository', () => {
  test('R170 R171 each commit is checked out as it is, links and executable bits too, and the repository is unchanged', async () => {
    const tree = { 'a/x.sh': 'x:run', b: 'text', 'a/l': '-> ../b' };
    const first = commitOf(repo, tree);
    const second = commitOf(repo, { c: 'new' });
    writeFileSync(join(repo, 'b'), 'not committed');
    const filer = createGitFiler({ repo, root });
    const [one, two] = await Promise.all([filer.checkout(first), filer.checkout(second)]);
    expect(readTree(one.path)).toEqual(tree);
    expect(readTree(two.path)).toEqual({ ...tree, c: 'new' });
    await Promise.all([one.release(), two.release()]);
    expect(readdirSync(root)).toEqual([]);
    expect(git(repo, 'worktree', 'list').split('\n')).toHaveLength(1);
    expect(git(repo, 'status', '--porcelain')).toBe('M b');
  });

  test('R170 an ingestion is a commit that others can read and that garbage collection keeps', async () => {
    commitOf(repo, { a: '1' });
    const filer = createGitFiler({ repo, root });
    const id = await filer.ingest(writeTree(join(base, 'source'), { 'd/e': 'content', '.gitignore': 'e\n' }));
    git(repo, 'gc', '--prune=now', '--quiet');
    expect(git(repo, 'ls-tree', '-r', '--name-only', id)).toBe('.gitignore\nd/e');
    expect(git(repo, 'show', '--no-patch', '--format=%an %ad %s', '--date=unix', id)).toBe(
      'dryrunner 0 Snapshot',
    );
    expect(git(repo, 'for-each-ref', '--format=%(refname)', 'refs/dryrunner')).toBe(
      `refs/dryrunner/snapshots/${id}`,
    );
    expect(readTree((await filer.checkout(id)).path)).toEqual({ 'd/e': 'content', '.gitignore': 'e\n' });
    expect(git(repo, 'status', '--porcelain')).toBe('');
  });

  test('R170 a pipe anywhere in a source is refused, not left out; what is in .git does not matter', async () => {
    commitOf(repo, { a: '1' });
    const filer = createGitFiler({ repo, root });
    const source = writeTree(join(base, 'source'), { 'd/e/f': 'content', 'd/link': '-> e' });
    mkdirSync(join(source, '.git'));
    execFileSync('mkfifo', [join(source, '.git', 'pipe')]);
    const id = await filer.ingest(source);
    expect(git(repo, 'ls-tree', '-r', '--name-only', id)).toBe('d/e/f\nd/link');
    const pipe = join(source, 'd', 'e', 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const target of ['', 'x/y']) {
      await expect(filer.ingestMap(new Map([[source, target]]))).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        exitCode: 214,
        message: `neither file, directory nor link: ${pipe}`,
      });
    }
  });

  test('R170 the surroundings do not affect the filer: variables, ignored files, a repository above', async () => {
    git(base, 'init', '-q');
    const source = writeTree(join(base, 'source'), { a: 'one\r\ntwo\n' });
    const outside = {
      GIT_DIR: join(base, '.git'),
      GIT_INDEX_FILE: '/nowhere',
      GIT_WORK_TREE: '/',
      GIT_AUTHOR_NAME: 'x',
    };
    const plain = await createGitFiler({ repo: join(base, 'other'), root }).ingest(source);
    Object.assign(process.env, outside);
    try {
      const filer = createGitFiler({ repo, root });
      expect(await filer.ingest(source)).toBe(plain);
      expect(readTree((await filer.checkout(plain)).path)).toEqual({ a: 'one\r\ntwo\n' });
    } finally {
      for (const name of Object.keys(outside)) delete process.env[name];
    }
    expect(existsSync(join(repo, 'HEAD'))).toBe(true);
    expect(git(base, 'rev-list', '--all', '--count')).toBe('0');
  });

  test('R170 a repository inside the source is refused with exit code 214', async () => {
    const source = writeTree(join(base, 'source'), { a: '1' });
    commitOf(join(source, 'inner'), { b: '2' });
    await expect(createGitFiler({ repo, root }).ingest(source)).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      message: 'a repository inside of a snapshot cannot be kept: inner',
      exitCode: 214,
    });
    expect(readdirSync(root)).toEqual([]);
  });

  test('R170 D90 names that git would quote or read as options survive', async () => {
    const tree = { '--help': '1', 'a\tb\n"c"': '2', 'é☃': '3', '*': '4', ':(top)x': '5' };
    const source = writeTree(join(base, 'source'), tree);
    const filer = createGitFiler({ repo, root });
    expect(readTree((await filer.checkout(await filer.ingest(source))).path)).toEqual(tree);
    const paths = new Map(Object.keys(tree).map((name) => [join(source, name), `é/${name}`]));
    const expected = Object.fromEntries(
      Object.entries(tree).map(([name, content]) => [`é/${name}`, content]),
    );
    expect(readTree((await filer.checkout(await filer.ingestMap(paths))).path)).toEqual(expected);
  });

  test.each(['', '.git'])(
    'R170 a relative URL of a remote is taken from the repository: %j',
    async (inside) => {
      const up = join(base, 'there', 'up');
      commitOf(up, { a: '1' });
      commitOf(join(base, 'up'), { a: 'of another repository' });
      const real = join(base, 'there', 'repo');
      commitOf(real, { b: '1' });
      symlinkSync(real, join(base, 'link'));
      git(real, 'remote', 'add', 'origin', inside === '' ? '../up' : '../../up');
      await createGitFiler({ repo: join(base, 'link', inside), root, remote: 'origin' }).update();
      expect(git(real, 'rev-parse', 'refs/dryrunner/remote/heads/main')).toBe(git(up, 'rev-parse', 'HEAD'));
    },
  );

  test('R170 an update fetches what is new at the remote, and only then can it be checked out', async () => {
    const remote = join(base, 'remote');
    commitOf(remote, { a: '1' });
    const filer = createGitFiler({ repo, root, remote, updateIntervalMs: 60_000 });
    await filer.update();
    const commit = commitOf(remote, { a: '2' });
    git(remote, 'tag', 'v1');
    await expect(filer.checkout(commit)).rejects.toMatchObject({ code: 'RUNNER_UNKNOWN_SNAPSHOT' });
    await filer.update();
    expect(readTree((await filer.checkout(commit)).path)).toEqual({ a: '2' });
    expect(git(repo, 'for-each-ref', '--format=%(refname)')).toBe(
      'refs/dryrunner/remote/heads/main\nrefs/dryrunner/remote/tags/v1',
    );
    rmSync(remote, { recursive: true });
    await expect(filer.update()).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      message: expect.stringMatching(/^git fetch ended with 128: .*does not appear to be a git repository/s),
    });
    expect(filer.updateIntervalMs).toBe(60_000);
  });

  test('R170 an update of a shallow clone fetches a branch that began before the history of the clone does', async () => {
    const remote = join(base, 'remote');
    const first = commitOf(remote, { a: '1' });
    commitOf(remote, { a: '2' });
    git(base, 'clone', '-q', '--depth', '1', `file://${remote}`, repo);
    git(remote, 'checkout', '-q', '-b', 'old', first);
    const commit = commitOf(remote, { b: '3' });
    const filer = createGitFiler({ repo, root, remote: 'origin' });
    await filer.update();
    expect(readTree((await filer.checkout(commit)).path)).toEqual({ a: '1', b: '3' });
  });

  test('R170 an update fetches from the first of several URLs of a remote, as git does', async () => {
    const up = join(base, 'up');
    const commit = commitOf(up, { a: '1' });
    commitOf(repo, { b: '1' });
    git(repo, 'remote', 'add', 'origin', up);
    git(repo, 'remote', 'set-url', '--add', 'origin', join(base, 'only for pushes'));
    const filer = createGitFiler({ repo, root, remote: 'origin' });
    await filer.update();
    expect(readTree((await filer.checkout(commit)).path)).toEqual({ a: '1' });
  });

  test('R170 works also once the folder in which the process began has been removed', async () => {
    const remote = join(base, 'remote');
    const commit = commitOf(remote, { a: '1' });
    const source = writeTree(join(base, 'source'), { b: '2' });
    const began = process.cwd();
    const gone = join(base, 'gone');
    mkdirSync(gone);
    process.chdir(gone);
    try {
      await createGitFiler({ repo, remote: '../remote' }).update();
      rmSync(gone, { recursive: true });
      const filer = createGitFiler({ repo: join(base, 'other'), root, remote });
      await filer.update();
      expect(readTree((await filer.checkout(commit)).path)).toEqual({ a: '1' });
      expect(readTree((await filer.checkout(await filer.ingest(source))).path)).toEqual({ b: '2' });
    } finally {
      process.chdir(began);
    }
  });

  test('R170 a damaged repository, a missing git and an impossible repository are errors of the filer, not unknown ids', async () => {
    const commit = commitOf(repo, { a: 'content' });
    const object = git(repo, 'rev-parse', 'HEAD:a');
    const path = join(repo, '.git', 'objects', object.slice(0, 2), object.slice(2));
    rmSync(path);
    writeFileSync(path, 'garbage');
    await expect(createGitFiler({ repo, root }).checkout(commit)).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      exitCode: 212,
      message: expect.stringMatching(/^git checkout-index ended with \d+: /),
    });
    await expect(createGitFiler({ repo, root, git: '/no/git' }).checkout(commit)).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      message: 'git could not be started: spawn /no/git ENOENT',
      cause: { code: 'ENOENT' },
    });
    // No repository, but something is there, and a repository lies around it.
    git(base, 'init', '-q');
    writeTree(join(base, 'plain'), { file: '' });
    mkdirSync(join(base, 'links'));
    symlinkSync(join(base, 'plain'), join(base, 'links', 'plain'));
    for (const place of ['plain', 'links/plain']) {
      await expect(createGitFiler({ repo: join(base, place), root }).checkout(commit)).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        exitCode: 217,
        message: expect.stringMatching(/^git rev-parse ended with 128: fatal: not a git repository/),
      });
    }
    writeFileSync(join(base, 'file'), '');
    const odd = createGitFiler({ repo: join(base, 'file'), root });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(odd.checkout(commit)).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
        exitCode: 217,
      });
    }
    expect(readdirSync(root)).toEqual([]);
  });
});

describe('a git that does not end', () => {
  /** Stands in for git: ignores SIGTERM or not, and leaves a child that does and holds the pipes. */
  function stubbornGit(mark: string, trap: string): string {
    const path = join(base, 'git-stub');
    const body = `${trap}\nsh -c "trap '' TERM; while :; do sleep 1; done # ${mark}" &\nwait\n`;
    writeFileSync(path, `#!/bin/sh\ncase "$*" in\n*rev-parse*) exec git "$@";;\nesac\n${body}`);
    chmodSync(path, 0o755);
    return path;
  }

  test.for(['trap "" TERM', ''])(
    'R172 R173 D44 D88 D97 is killed with its children when cancelled, and nothing is left (%j)',
    async (trap) => {
      const commit = commitOf(repo, { a: '1' });
      const mark = `mark-${process.pid}-${base.slice(-6)}`;
      const stub = stubbornGit(mark, trap);
      const filer = createGitFiler({ repo, root, git: stub, remote: 'origin' });
      const source = writeTree(join(base, 'source'), { a: '1' });
      const operations: ((cancel: Cancellation) => Promise<unknown>)[] = [
        (cancel) => filer.checkout(commit, cancel),
        (cancel) => filer.checkoutAt(commit, join(base, 'at'), cancel),
        (cancel) => filer.ingest(source, cancel),
        (cancel) => filer.update(cancel),
      ];
      await Promise.all(
        operations.map(async (operation) => {
          const cancel = new Cancellation();
          const over = expect(operation(cancel)).rejects.toMatchObject({ code: 'RUNNER_CANCELLED' });
          await wait(200);
          cancel.cancel();
          cancel.cancel();
          await over;
        }),
      );
      expect([readdirSync(root), existsSync(join(base, 'at'))]).toEqual([[], false]);
      // The kill has been sent; a process needs a moment to go.
      while (processesNaming(mark).length > 0) await wait(10);
      const after = createGitFiler({ repo, root });
      expect(readTree((await after.checkout(commit)).path)).toEqual({ a: '1' });
    },
  );

  // Not by chance: each way of ending five times at once.
  test.for(['exit', 'throw', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'])(
    'R204 ends with our process, including its children, when that ends by %s',
    async (how) => {
      const mark = `mark-${process.pid}-${base.slice(-6)}`;
      onTestFinished(() => {
        for (const pid of processesNaming(mark)) process.kill(Number(pid), 'SIGKILL');
      });
      const stub = stubbornGit(mark, `trap "" TERM INT HUP\ntouch "${base}/started-$PPID"`);
      const source = writeTree(join(base, 'source'), { a: '1' });
      const program = fileURLToPath(new URL('git-filer-process.ts', import.meta.url));
      await Promise.all(
        Array.from({ length: 5 }, async (_, nth) => {
          const own = join(base, `repo${nth}`);
          // The shell makes its number that of the process, which the stub knows as its parent's.
          const line = 'exec "$0" --import "$1" "$2" "$3" "$4" "$5" "$6" "$7/started-$$"';
          const words = [process.execPath, import.meta.resolve('tsx'), program, how, own, stub, source, base];
          const child = spawn('sh', ['-c', line, ...words], { stdio: 'ignore' });
          const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
          expect(signal ?? code).toBe({ exit: 0, throw: 1 }[how] ?? how);
        }),
      );
      expect(readdirSync(base).filter((name) => name.startsWith('started-'))).toHaveLength(5);
      while (processesNaming(mark).length > 0) await wait(10);
    },
  );

  test('R173 a cancel after the end does nothing', async () => {
    const commit = commitOf(repo, { a: '1' });
    const cancel = new Cancellation();
    const checkout = await createGitFiler({ repo, root }).checkout(commit, cancel);
    cancel.cancel();
    expect(readTree(checkout.path)).toEqual({ a: '1' });
    await checkout.release();
  });
});

test.for([
  [{ repo: '' }, 'a path or name that is no option'],
  [{ repo: '-x' }, 'a path or name that is no option'],
  [{ repo: 'a\0' }, 'a path or name that is no option'],
  [{ repo: 'a', remote: '--upload-pack=x' }, 'a path or name that is no option'],
  [{ repo: 'a', updateIntervalMs: -1 }, 'a finite number ≥ 0'],
] as const)('R170 the options %j are refused', ([options, expected]) => {
  expect(() => createGitFiler(options)).toThrow(
    expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected }),
  );
});
