import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGitFiler } from '../../../src/host/filers/git-filer.ts';
import { readTree, writeTree } from './disk-tree.ts';
import { commitOf, git } from './git-repository.ts';

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

describe('git runs with our settings alone', () => {
  const content = { 'a.txt': 'one\r\ntwo\n', 'b.bin': '$Id$\n', 'c.sh': 'x:#!/bin/sh\n', l: '-> a.txt' };
  /** Converts everything that it may, and leaves a mark wherever a program of somebody else's is run. */
  const attributes =
    '* filter=evil text eol=crlf ident working-tree-encoding=UTF-16\n[attr]odd filter=evil\nb.bin odd\n';
  let mark: string;
  let touch: string;
  beforeEach(() => {
    mark = join(base, 'mark');
    touch = join(base, 'touch.sh');
    writeFileSync(touch, `#!/bin/sh\ntouch ${mark}\necho evil\n`);
    chmodSync(touch, 0o755);
  });
  const settings = (): string => `
[core]
  autocrlf = true
  attributesFile = ${join(base, 'attributes')}
  excludesFile = ${join(base, 'excludes')}
  hooksPath = ${join(base, 'hooks')}
  fsmonitor = ${touch}
  sshCommand = ${touch}
  gitProxy = ${touch}
  alternateRefsCommand = ${touch}
  askPass = ${touch}
[filter "evil"]
  clean = ${touch}
  smudge = ${touch}
  process = ${touch}
  required = true
[init]
  templateDir = ${join(base, 'template')}
  defaultObjectFormat = sha256
[commit]
  gpgSign = true
[gpg]
  program = ${touch}
[i18n]
  commitEncoding = ISO-8859-1
[credential]
  helper = ${touch}
[user]
  name = somebody
`;
  /** Hooks, attributes and excludes that the settings name. */
  function writeSettings(): void {
    writeFileSync(join(base, 'attributes'), attributes);
    writeFileSync(join(base, 'excludes'), '*\n');
    for (const hooks of ['hooks', 'template/hooks']) {
      for (const name of ['reference-transaction', 'post-index-change', 'post-checkout', 'pre-commit']) {
        writeTree(join(base, hooks), { [name]: `x:#!/bin/sh\ntouch ${mark}\n` });
      }
    }
  }

  async function roundTrip(path: string): Promise<{ id: string; tree: object }> {
    const source = join(base, 'source');
    if (!existsSync(source)) writeTree(source, { ...content, '.gitattributes': attributes });
    const filer = createGitFiler({ repo: path, root });
    const id = await filer.ingest(source);
    const one = await filer.ingestMap(new Map([[join(source, 'a.txt'), 'a.txt']]));
    const checkout = await filer.checkout(id);
    const tree = { ...readTree(checkout.path), one: readTree((await filer.checkout(one)).path) };
    return { id: `${id} ${one}`, tree };
  }
  const whole = { ...content, '.gitattributes': attributes, one: { 'a.txt': content['a.txt'] } };

  test('R170 not with those of the machine or the user: the same content gives the same commit', async () => {
    const plain = await roundTrip(join(base, 'plain'));
    expect(plain.tree).toEqual(whole);
    writeSettings();
    writeTree(join(base, 'home'), { '.gitconfig': settings(), '.config/git/config': settings() });
    writeTree(join(base, 'home'), { '.config/git/attributes': attributes, '.config/git/ignore': '*\n' });
    writeFileSync(join(base, 'system'), settings());
    const environment = {
      HOME: join(base, 'home'),
      XDG_CONFIG_HOME: join(base, 'home', '.config'),
      GIT_CONFIG_SYSTEM: join(base, 'system'),
      GIT_CONFIG_GLOBAL: join(base, 'system'),
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'core.autocrlf',
      GIT_CONFIG_VALUE_0: 'true',
      GIT_TEMPLATE_DIR: join(base, 'template'),
      GIT_DEFAULT_HASH: 'sha256',
      GIT_OBJECT_DIRECTORY: join(base, 'nowhere'),
      GIT_SSH_COMMAND: touch,
      GIT_EXTERNAL_DIFF: touch,
      TZ: 'Asia/Tokyo',
      LC_ALL: 'tr_TR.UTF-8',
    };
    const before = { ...process.env };
    Object.assign(process.env, environment);
    try {
      expect(await roundTrip(join(base, 'other'))).toEqual(plain);
    } finally {
      for (const name of Object.keys(environment)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
    expect([existsSync(mark), existsSync(join(base, 'other', 'hooks'))]).toEqual([false, false]);
  });

  test('R170 not with those of the repository: none of its filters, attributes, hooks and replacements', async () => {
    const plain = await roundTrip(join(base, 'plain'));
    writeSettings();
    commitOf(repo, { 'old.txt': 'old' });
    const config = join(repo, '.git', 'config');
    writeFileSync(config, readFileSync(config, 'utf8') + settings().replace(/sha256/, 'sha1'));
    writeTree(join(repo, '.git'), { 'info/attributes': attributes });
    for (const name of ['reference-transaction', 'post-index-change']) {
      writeTree(join(repo, '.git', 'hooks'), { [name]: `x:#!/bin/sh\ntouch ${mark}\n` });
    }
    const { id, tree } = await roundTrip(repo);
    expect({ id, tree, ran: existsSync(mark) }).toEqual({ ...plain, ran: false });
    // Another commit in place of the snapshot, for those who honour replacements.
    const [snapshot = ''] = id.split(' ');
    writeTree(join(repo, '.git'), { [`refs/replace/${snapshot}`]: `${id.split(' ')[1]}\n` });
    const again = await createGitFiler({ repo, root }).checkout(snapshot);
    expect(readTree(again.path)).toEqual({ ...content, '.gitattributes': attributes });
  });

  test('R170 not with those of a remote: no command that the repository configures for it is run', async () => {
    const remote = join(base, 'remote');
    const commit = commitOf(remote, { a: '1' });
    commitOf(repo, { b: '2' });
    for (const [key, value] of [
      ['remote.origin.url', remote],
      ['remote.origin.uploadpack', touch],
      ['remote.origin.vcs', 'evil'],
      ['core.sshCommand', touch],
      ['core.alternateRefsCommand', touch],
      ['remote.strange.url', `ext::${touch}`],
      ['remote.secure.url', 'ssh://nobody@localhost:1/x'],
      [`url.ext::${touch}.insteadOf`, remote],
    ] as const) {
      git(repo, 'config', key, value);
    }
    const filer = createGitFiler({ repo, root, remote: 'origin' });
    await filer.update();
    expect(readTree((await filer.checkout(commit)).path)).toEqual({ a: '1' });
    for (const name of ['strange', 'secure']) {
      await expect(createGitFiler({ repo, root, remote: name }).update()).rejects.toMatchObject({
        code: 'RUNNER_FILER_FAILED',
      });
    }
    expect(existsSync(mark)).toBe(false);
  });

  test('R170 repositories of other users are read: that of the filer, and the one on this machine that it fetches from', async () => {
    const remote = join(base, 'remote');
    const commit = commitOf(remote, { a: '1' });
    commitOf(repo, { b: '2' });
    const stub = join(base, 'stub-git');
    writeFileSync(stub, '#!/bin/sh\nexport GIT_TEST_ASSUME_DIFFERENT_OWNER=1\nexec git "$@"\n', {
      mode: 0o755,
    });
    for (const place of [remote, `file://${remote}`]) {
      const filer = createGitFiler({ repo, root, remote: place, git: stub });
      await filer.update();
      expect(readTree((await filer.checkout(commit)).path)).toEqual({ a: '1' });
    }
  });

  test('R170 an update takes over branches that are gone, moved or turned into folders, and leaves other refs', async () => {
    const remote = join(base, 'remote');
    const first = commitOf(remote, { a: '1' });
    git(remote, 'branch', 'topic');
    git(remote, 'branch', 'gone');
    const own = commitOf(repo, { own: '1' });
    const filer = createGitFiler({ repo, root, remote });
    await filer.update();
    const second = commitOf(remote, { a: '2' });
    git(remote, 'branch', '-D', 'topic', 'gone');
    git(remote, 'branch', 'topic/one', first);
    await filer.update();
    await filer.update();
    expect(git(repo, 'for-each-ref', '--format=%(objectname) %(refname)').split('\n').sort()).toEqual(
      [
        `${own} refs/heads/main`,
        `${second} refs/dryrunner/remote/heads/main`,
        `${first} refs/dryrunner/remote/heads/topic/one`,
      ].sort(),
    );
  });

  test('R170 a repository whose objects have SHA-256 names works as well', async () => {
    git(base, 'init', '-q', '--object-format=sha256', '-b', 'main', 'repo');
    const { id, tree } = await roundTrip(repo);
    expect([id.length, tree]).toEqual([129, whole]);
  });

  test.for([
    '.git/hooks/post-checkout',
    '.git',
    '.GIT/x',
    '.Git./x',
    '.git ./x',
    'a/.git/x',
    'a/b/.gIt',
    'GIT~1/x',
    'git~1',
    '.git::$INDEX_ALLOCATION/x',
    'a\\.git\\x',
    '.g\u200cit/x',
  ])('R170 the target %j inside .git is refused, because git would silently leave it out', async (target) => {
    const source = writeTree(join(base, 'source'), { a: '1' });
    const filer = createGitFiler({ repo, root });
    for (const path of [source, join(source, 'a')]) {
      await expect(filer.ingestMap(new Map([[path, target]]))).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        expected: 'a path outside of .git',
      });
    }
    expect(existsSync(repo)).toBe(false);
  });

  test('R170 targets that only resemble .git are kept, and names that git cannot store are an error', async () => {
    const names = ['.gitignore', '.github/x', 'x.git', 'git', '.git-x', 'git~2', '.gi', '..git', 'a/.gita'];
    const source = writeTree(join(base, 'source'), Object.fromEntries(names.map((name) => [name, name])));
    const filer = createGitFiler({ repo, root });
    const id = await filer.ingestMap(new Map(names.map((name) => [join(source, name), name])));
    expect(readTree((await filer.checkout(id)).path)).toEqual(readTree(source));
    writeTree(source, { 'd/GIT~1': '1' });
    await expect(filer.ingest(source)).rejects.toMatchObject({
      code: 'RUNNER_FILER_FAILED',
      message: expect.stringContaining("invalid path 'd/GIT~1'"),
      exitCode: 214,
    });
  });
});
