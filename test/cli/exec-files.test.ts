// The files that `dryrunner exec` opens, and the message about one that `replay` reads.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtCommand, type Finished, run, start, type Started, startWith } from './command.ts';

let dir = '';
const at = (name: string): string => join(dir, name);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'exec-files-'));
  for (const name of ['no-writer', 'removed', 'no-reader', 'fed', 'read']) spawnSync('mkfifo', [at(name)]);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs a command that gets SIGTERM once its handlers are there, and while it opens a FIFO. */
function runTerminated(...args: readonly string[]): Promise<Finished> {
  return terminated('', ...args).finished;
}

/** The same, still running; `before` is code that it runs just before the signal. */
function terminated(before: string, ...args: readonly string[]): Started {
  const hook = at('sends.mjs');
  writeFileSync(
    hook,
    `import { rmSync } from 'node:fs'; import { isMainThread } from 'node:worker_threads'; const watch = setInterval(() => { if (process.listenerCount('SIGTERM') === 0) return; clearInterval(watch); setTimeout(() => { ${before} process.kill(process.pid, 'SIGTERM'); }, 300); }, 20); if (!isMainThread) clearInterval(watch);`,
  );
  return startWith({ NODE_OPTIONS: `--import=${hook}` }, ...args);
}

describe('a FIFO', () => {
  test('whose other end nobody opens does not block signals: --stdin', async () => {
    const { code, err } = await runTerminated('exec', '--stdin', at('no-writer'), '--', 'cat');
    expect(err).toMatch(/^interrupted while nobody wrote to .*no-writer$/m);
    expect(code).toBe(143);
  });

  test('that has been removed while nobody had opened its other end does not block signals', async () => {
    const { child, finished } = terminated(
      `rmSync(${JSON.stringify(at('removed'))});`,
      ...['exec', '--stdin', at('removed'), '--', 'cat'],
    );
    const { err } = await finished;
    expect(err).toMatch(/^interrupted while nobody wrote to .*removed$/m);
    // A shell shows 143 for it too.
    expect(child.signalCode).toBe('SIGTERM');
  });

  test('whose other end nobody opens does not block signals: --trace', async () => {
    const started = start('exec', '--trace', at('no-reader'), '--', 'true');
    await started.prints('COMPLETE');
    // It is released by then, or ends the command that has ended: either way there is nothing to abort.
    started.child.kill('SIGINT');
    const { code, err } = await started.finished;
    expect(err).toMatch(/^interrupted while nobody read from .*no-reader$/m);
    expect(err).not.toMatch(/released/);
    expect(code).toBe(130);
  });

  test('with a reader and a writer works', async () => {
    const script = `echo fed > ${at('fed')} & cat ${at('read')} > ${at('copy')}`;
    const other = once(spawn('sh', ['-c', script]), 'close');
    const { code, out } = await run('exec', '--stdin', at('fed'), '--trace', at('read'), '--', 'cat');
    expect([code, out]).toEqual([0, 'fed\n']);
    await other;
    expect((await run('replay', at('copy'))).code).toBe(0);
  });
});

/** Where nobody listens; asked once. */
const NOBODY = ['exec', '--remote', 'grpc://127.0.0.1:1', '--retries', '0'];
const SERVE = ['serve', '--reapi', '--port', '0'];

describe('a file with a token, a certificate or a key', () => {
  test.for<readonly [string, readonly string[], readonly string[]]>([
    ['--token-file', NOBODY, ['--', 'true']],
    ['--tls-ca', ['exec', '--remote', 'grpcs://127.0.0.1:1'], ['--', 'true']],
    ['--token-file', SERVE, []],
    ['--tls-cert', [...SERVE, '--tls-key', '/dev/null'], []],
    ['--tls-key', [...SERVE, '--tls-cert', '/dev/null'], []],
  ])('that nobody writes does not block signals: %s of %o', async ([option, before, after]) => {
    const { code, err } = await runTerminated(...before, option, at('no-writer'), ...after);
    expect(err).toMatch(/^interrupted while nobody wrote to .*no-writer$/m);
    expect(code).toBe(143);
  });

  test.for<readonly [string, string, string]>([
    ['that has no end', '/dev/zero', 'expected at most 1,000,000 bytes, got more'],
    ['that is a folder', '/', 'EISDIR: illegal operation on a directory, read'],
  ])('%s is refused', async ([, path, why]) => {
    const refused = await run(...NOBODY, '--token-file', path, '--', 'true');
    expect(refused).toEqual({
      code: 125,
      out: '',
      err: `error: --token-file: ${path} cannot be read: ${why}\n`,
    });
  });

  test('may come through a pipe, with a name or without', async () => {
    const writer = once(spawn('sh', ['-c', `sleep 0.5; echo secret > ${at('fed')}`]), 'close');
    expect((await run(...NOBODY, '--token-file', at('fed'), '--', 'true')).err).toContain(
      'cannot be reached',
    );
    await writer;
    const line = [process.execPath, ...builtCommand, ...NOBODY, '--token-file', '/dev/fd/3', '--', 'true'];
    const through = (command: string): string =>
      spawnSync('bash', ['-c', `"$@" 3< <(${command})`, 'bash', ...line], { encoding: 'utf8' }).stderr;
    expect(through('sleep 0.5; echo secret')).toContain('cannot be reached');
    expect(through('true')).toBe(
      'error: --token-file: expected one word of ASCII characters in /dev/fd/3, got nothing\n',
    );
  });

  test('that somebody opens and writes nothing to has come to its end', async () => {
    const writer = once(spawn('sh', ['-c', `: > ${at('fed')}`]), 'close');
    const { code, err } = await run(...NOBODY, '--token-file', at('fed'), '--', 'true');
    expect([code, err]).toEqual([
      125,
      `error: --token-file: expected one word of ASCII characters in ${at('fed')}, got nothing\n`,
    ]);
    await writer;
  });

  test('that holds no token is not shown', async () => {
    await writeFile(at('words'), 'my secret\n');
    expect((await run(...NOBODY, '--token-file', at('words'), '--', 'true')).err).toBe(
      `error: --token-file: expected one word of ASCII characters in ${at('words')}, got 9 characters with spaces or non-ASCII\n`,
    );
  });
});

/** Names of the standard input that only Linux has. */
const PROC_NAMES = ['/proc/self/fd/0', '/proc/thread-self/fd/0'];
const hasProc = existsSync('/proc/thread-self/fd');

test('replay does not wait for the writer of a FIFO, and says of a recording in a pipe what it needs', async () => {
  const { code, err } = await run('replay', at('no-writer'));
  expect(err).toMatch(/^error: .*no-writer: expected a regular file, got a FIFO\n$/);
  expect(code).toBe(2);
  await run('exec', '--trace', at('passed-on'), '--', 'true');
  await symlink('/dev/stdin', at('link'));
  for (const name of ['/dev/stdin', at('link'), ...(hasProc ? PROC_NAMES : [])]) {
    const line = [process.execPath, ...builtCommand, 'replay', name];
    const script = `cat ${at('passed-on')} | "$@"`;
    const piped = spawnSync('bash', ['-c', script, 'bash', ...line], { encoding: 'utf8' });
    expect([piped.status, piped.stderr]).toEqual([
      2,
      `error: ${name}: expected a regular file, for a recording is read twice: write it to one first\n`,
    ]);
  }
});

test('replay names a damaged file only once', async () => {
  await writeFile(at('cut.gz'), gzipSync('{"format":"dryrunner-trace"}\n').subarray(0, 15));
  const { code, err } = await run('replay', at('cut.gz'));
  expect(err.split('cut.gz').length - 1).toBe(1);
  expect(code).toBe(2);
});
