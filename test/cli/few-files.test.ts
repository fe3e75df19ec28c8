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

/**
 * How it fails with fewer and fewer files, until it cannot load itself. `exec` may be able to start while no file is
 * left for its command.
 */
function failures(args: readonly string[]): (readonly [code: number | null, err: string])[] {
  const found: (readonly [code: number | null, err: string])[] = [];
  for (let most = 40; most > 3 && found.at(-1)?.[1] !== SAYS; most -= 1) {
    const [code, err] = withFiles(most, args);
    if (code !== 0) found.push([code, err]);
  }
  return found;
}

test.skipIf(process.platform === 'win32').for([
  [['list'], 2],
  [['exec', '--', 'true'], 125],
] as const)(
  'not on Windows, because it has no such limit: %s that may open too few files says so, and exits with %d',
  ([args, code]) => {
    const found = failures(args);
    expect(found.at(-1)).toEqual([code, SAYS]);
    for (const [exitCode, err] of found.slice(0, -1)) {
      expect(exitCode, err).toBe(code);
      expect(err).toMatch(/FAILED 240 {2}could not exec: EMFILE: too many open files, open '[^']*'\n$/);
    }
  },
);
