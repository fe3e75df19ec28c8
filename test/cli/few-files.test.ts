import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtCommand } from './command.ts';

const SAYS = 'error: no file descriptor is left to open another file: raise `ulimit -n`\n';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dryrunner-few-files-'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'empty.js'), '');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What Node does with these arguments if its process may have so many files open. */
function withFiles(most: number, ...args: readonly string[]): readonly [code: number | null, err: string] {
  const limited = ['-c', 'ulimit -n "$0" && exec "$@"', String(most), process.execPath];
  const { status, stderr } = spawnSync('sh', [...limited, ...args], { encoding: 'utf8' });
  return [status, stderr];
}

/** How it fails with fewer and fewer files, until Node itself cannot load a module. */
function failures(args: readonly string[]): (readonly [code: number | null, err: string])[] {
  const found: (readonly [code: number | null, err: string])[] = [];
  for (let most = 40; withFiles(most, join(folder, 'empty.js'))[0] === 0; most -= 1) {
    const [code, err] = withFiles(most, ...builtCommand, ...args);
    if (code !== 0) found.push([code, err]);
  }
  return found;
}

// From Node 22 on, whatever can load one module can load the command, and may only find no file for the command of `exec`.
test.skipIf(process.platform === 'win32').for([
  [['list'], 2],
  [['exec', '--', 'true'], 125],
] as const)(
  'not on Windows, because it has no such limit: %s that may open too few files says so, and exits with %d',
  ([args, code]) => {
    const found = failures(args);
    if (process.version.startsWith('v20.')) expect(found).toContainEqual([code, SAYS]);
    for (const [exitCode, err] of found) {
      expect(exitCode, err).toBe(code);
      if (err === SAYS) continue;
      expect(args[0]).toBe('exec');
      expect(err).toMatch(/FAILED 240 {2}could not exec: EMFILE: too many open files, open '[^']*'\n$/);
    }
  },
);
