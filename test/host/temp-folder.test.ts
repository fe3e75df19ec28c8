// A temporary folder goes with its process, and what a killed one has left with the next one; nothing of the living, or of others, does.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ownName } from '../../src/host/own-name.ts';
import { makeTempFolder } from '../../src/host/temp-folder.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'temp-folder-'));
  vi.stubEnv('TMPDIR', root);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

/** What a process of this machine that has ended called a folder. */
function deadName(what: string): string {
  const machine = /^\d+-\d+-([0-9a-f]{12})-/.exec(ownName())?.[1] ?? '';
  return `dryrunner-${what}-${2 ** 30}-17-${machine}-00`;
}

test('is there until it is removed', () => {
  const folder = makeTempFolder('exec');
  writeFileSync(join(folder.path, 'file'), '');
  folder.remove();
  folder.remove();
  expect(readdirSync(root)).toEqual([]);
});

test.for(['process.exit(3);', "setTimeout(() => { throw new Error('x'); }, 1);", ''])(
  'is gone when its process has ended by itself: %s',
  (end) => {
    const program = `
      import { writeFileSync } from 'node:fs';
      import { makeTempFolder } from './src/host/temp-folder.ts';
      const { path } = makeTempFolder('exec');
      writeFileSync(path + '/file', '');
      console.log(path);
      ${end}`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(basename(stdout.trim())).toMatch(/^dryrunner-exec-\d+-/);
    // tsx has folders of its own there.
    expect(readdirSync(root).filter((name) => name.startsWith('dryrunner-'))).toEqual([]);
  },
);

test('is removed by the next one if its process was killed', () => {
  mkdirSync(join(root, deadName('serve'), 'cas'), { recursive: true });
  makeTempFolder('exec').remove();
  expect(readdirSync(root)).toEqual([]);
});

test('is not removed by the next one while its process lives, and neither are links, files and folders of others', () => {
  const first = makeTempFolder('exec');
  const target = join(root, 'target');
  mkdirSync(target);
  const others = [deadName('exec'), 'dryrunner-exec-', `${deadName('exec')}/x`.replace('dryrunner', 'other')];
  symlinkSync(target, join(root, others[0] ?? ''));
  writeFileSync(join(root, deadName('start')), '');
  mkdirSync(join(root, others[1] ?? ''));
  mkdirSync(join(root, others[2] ?? ''), { recursive: true });
  const before = readdirSync(root);
  makeTempFolder('exec').remove();
  expect(readdirSync(root)).toEqual(before);
  expect(existsSync(first.path)).toBe(true);
  first.remove();
});

const inOtherTime = ['--time', '--boottime', '100000', '--fork'];
const hasTimeNamespaces = spawnSync('unshare', [...inOtherTime, 'true']).status === 0;

test.skipIf(!hasTimeNamespaces)(
  'is not removed for a process that counts time otherwise, as containers may (skipped where none can be made)',
  () => {
    const folder = makeTempFolder('exec');
    const program =
      "import { makeTempFolder } from './src/host/temp-folder.ts'; makeTempFolder('exec').remove();";
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', program];
    const { status, stderr } = spawnSync('unshare', [...inOtherTime, ...node], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    expect(existsSync(folder.path)).toBe(true);
    folder.remove();
  },
);
