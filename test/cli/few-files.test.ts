import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { builtCommand } from './command.ts';

const SAYS = 'error: no file descriptor is left to open another file: raise `ulimit -n`\n';

/** What the command does if its process may have so many files open. */
function withFiles(most: number, args: readonly string[]): readonly [code: number | null, err: string] {
  const limited = ['-c', 'ulimit -n "$0" && exec "$@"', String(most), process.execPath, ...builtCommand];
  const { status, stderr } = spawnSync('sh', [...limited, ...args], { encoding: 'utf8' });
  return [status, stderr];
}

/** How it fails with the most files with which it does. */
function firstFailure(args: readonly string[]): readonly [code: number | null, err: string] {
  for (let most = 40; most > 3; most -= 1) {
    const [code, err] = withFiles(most, args);
    if (code !== 0) return [code, err];
  }
  return [0, ''];
}

test.skipIf(process.platform === 'win32').for([
  [['list'], 2],
  [['exec', '--', 'true'], 125],
] as const)(
  'not on Windows, because it has no such limit: %s that may open too few files says so, and exits with %d',
  ([args, code]) => {
    expect(firstFailure(args)).toEqual([code, SAYS]);
  },
);
