// Arguments and variables that are not UTF-8, of which Node gives other text than was meant.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { requireTextArguments, requireTextVariable } from '../../src/cli/typed-bytes.ts';
import { serveBuildCluster } from '../../src/host/remote/build-cluster.ts';
import { builtCommand, type Finished } from './command.ts';

/** Runs `dryrunner exec` with what a shell makes of that line, which begins with its options. */
async function execLine(line: string, environment = ''): Promise<Finished> {
  const script = `${environment} exec "$0" "$@" exec ${line}`;
  try {
    const { stdout, stderr } = await promisify(execFile)('/bin/sh', [
      '-c',
      script,
      process.execPath,
      ...builtCommand,
    ]);
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

const NOWHERE = '--remote grpc://127.0.0.1:1';
const hasProc = existsSync('/proc/self/cmdline');
const title = hasProc
  ? 'of the process itself'
  : 'without /proc nothing distinguishes U+FFFD from other bytes';

describe.skipIf(!hasProc)(title, () => {
  test.for<[string, string, string]>([
    ['an argument', `${NOWHERE} -- echo x "$(printf 'caf\\351')"`, 'got caf\\xe9'],
    ['an option', `${NOWHERE} --env "A=$(printf '\\377')" -- env`, 'got A=\\xff'],
    ['one of two', `-- echo "$(printf '\\357\\277\\275')" "$(printf '\\377')"`, 'got \\xff'],
  ])('%s that is not UTF-8 is refused', async ([, line, text]) => {
    const err = `error: expected arguments in UTF-8, ${text}\n`;
    expect(await execLine(line)).toEqual({ code: 125, out: '', err });
  });

  test('U+FFFD itself is an argument like any other', async () => {
    const { code, out } = await execLine(`-- echo "$(printf 'a\\357\\277\\275')"`);
    expect([code, out]).toEqual([0, 'a\uFFFD\n']);
  });

  test('a variable that --env takes from here is sent as it is, or refused', async () => {
    const cluster = await serveBuildCluster({ jobs: 1 });
    onTestFinished(() => cluster.close());
    const line = `--remote ${cluster.endpoint} --env A -- /bin/sh -c 'echo "$A"'`;
    const sent = await execLine(line, `A="$(printf 'a\\357\\277\\275')"`);
    expect([sent.code, sent.out]).toEqual([0, 'a\uFFFD\n']);
    const { code, err } = await execLine(line, `A="$(printf 'a\\377')"`);
    expect([code, err]).toEqual([125, 'error: --env: expected A to be UTF-8, got a\\xff\n']);
  });
});

describe('where nothing distinguishes U+FFFD from other bytes', () => {
  const { argv } = process;
  afterEach(() => {
    process.argv = argv;
    vi.unstubAllEnvs();
  });

  test('it is refused, and all other text is not', () => {
    process.argv = ['node', 'dryrunner', 'exec', 'a\uFFFD'];
    expect(requireTextArguments).toThrow(
      'expected arguments in UTF-8, got a\uFFFD, in which U+FFFD may stand for other bytes',
    );
    process.argv = ['node', 'dryrunner', 'exec', 'ä'];
    expect(requireTextArguments).not.toThrow();
    vi.stubEnv('A', '\uFFFD');
    expect(() => requireTextVariable('--env', 'A', '\uFFFD')).toThrow(
      '--env: expected A to be UTF-8, got \uFFFD, in which U+FFFD may stand for other bytes',
    );
    expect(() => requireTextVariable('--env', 'A', 'ä')).not.toThrow();
  });
});
