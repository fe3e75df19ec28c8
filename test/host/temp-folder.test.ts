// A temporary folder goes with its process, and what a killed one has left with the next one; nothing of the living, or of others, does.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ownName } from '../../src/host/own-name.ts';
import { makeTempFolder, type TempFolder } from '../../src/host/temp-folder.ts';

/** Digs a path that is longer than the system takes. */
const DIG =
  'n=$(printf %0100d 0); i=0; while [ $i -lt 50 ]; do i=$((i+1)); mkdir $n; cd -P $n || exit 1; : > file; done';

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

/** Lets a process of its own make and use a folder, and end by itself; gives the folder. */
function inProcess(use: string): string {
  const program = `
    import { writeFileSync } from 'node:fs';
    import { makeTempFolder } from './src/host/temp-folder.ts';
    const folder = makeTempFolder('exec');
    writeFileSync(folder.path + '/file', '');
    console.log(folder.path);
    ${use}`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout.trim();
}

/** tsx has folders of its own there. */
function ours(): string[] {
  return readdirSync(root).filter((name) => !name.startsWith('tsx-'));
}

/**
 * Calls `act` with a new temporary folder and the one that it is in. The superuser may write anywhere, so that the test is somebody else for a
 * while, to whom both belong; the variable TMPDIR is not read meanwhile.
 */
async function asNobody(act: (folder: TempFolder, parent: string) => Promise<void>): Promise<void> {
  const parent = join(root, 'parent');
  mkdirSync(parent);
  vi.stubEnv('TMPDIR', parent);
  const folder = makeTempFolder('exec');
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) {
    chmodSync(root, 0o777);
    for (const path of [parent, folder.path]) chownSync(path, 65_534, 65_534);
    process.seteuid?.(65_534);
  }
  try {
    await act(folder, parent);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test('is there until it is removed', async () => {
  const folder = makeTempFolder('exec');
  writeFileSync(join(folder.path, 'file'), '');
  await Promise.all([folder.remove(), folder.remove()]);
  await folder.remove();
  expect(readdirSync(root)).toEqual([]);
});

test('is removed with folders that its user may not write', async () => {
  await asNobody(async (folder, parent) => {
    mkdirSync(join(folder.path, 'locked'));
    writeFileSync(join(folder.path, 'locked/file'), '');
    chmodSync(join(folder.path, 'locked'), 0o555);
    await folder.remove();
    expect(readdirSync(parent)).toEqual([]);
  });
});

test('that cannot be removed now can be later', async () => {
  await asNobody(async (folder, parent) => {
    chmodSync(parent, 0o555);
    await expect(folder.remove()).rejects.toMatchObject({ code: 'EACCES' });
    expect(existsSync(folder.path)).toBe(true);
    chmodSync(parent, 0o755);
    await folder.remove();
    expect(readdirSync(parent)).toEqual([]);
  });
});

test.for(['process.exit(3);', "setTimeout(() => { throw new Error('x'); }, 1);", ''])(
  'is gone when its process has ended by itself: %s',
  (end) => {
    expect(basename(inProcess(end))).toMatch(/^dryrunner-exec-\d+-/);
    expect(ours()).toEqual([]);
  },
);

test('is gone when its process has ended, also if paths in it are longer than the system takes', () => {
  inProcess(`
    import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
    spawnSync('sh', ['-c', ${JSON.stringify(DIG)}], { cwd: folder.path });`);
  expect(ours()).toEqual([]);
});

test('is removed by the next one if its process was killed, in the background', async () => {
  const dead = join(root, deadName('serve'));
  mkdirSync(join(dead, 'cas'), { recursive: true });
  spawnSync('sh', ['-c', DIG], { cwd: dead });
  const next = makeTempFolder('exec');
  expect(existsSync(dead)).toBe(true);
  await expect.poll(ours, { timeout: 60_000 }).toEqual([basename(next.path)]);
  await next.remove();
});

test('is removed also by a process that ends at once', () => {
  const dead = join(root, deadName('serve'));
  mkdirSync(join(dead, 'cas'), { recursive: true });
  // The removal has begun when the process exits.
  inProcess(`
    import { existsSync } from 'node:fs';
    const isThere = () => existsSync(${JSON.stringify(dead)});
    const step = () => (isThere() ? setImmediate(step) : process.exit());
    step();`);
  expect(ours()).toEqual([]);
});

test('stays while a command of the killed process works in it', async () => {
  const dead = join(root, deadName('runs'));
  mkdirSync(join(dead, 'job'), { recursive: true });
  const command = spawn('sleep', ['600'], { cwd: join(dead, 'job') });
  const ended = once(command, 'exit');
  try {
    await once(command, 'spawn');
    inProcess('');
    expect(ours()).toEqual([basename(dead)]);
  } finally {
    command.kill('SIGKILL');
    await ended;
  }
  inProcess('');
  expect(ours()).toEqual([]);
});

test('that is large keeps no process waiting that has ended: some of it is left for the one after that', () => {
  const dead = join(root, deadName('serve'));
  mkdirSync(dead);
  for (let index = 0; index < 2_500; index++) writeFileSync(join(dead, String(index)), '');
  inProcess('await folder.remove();');
  expect(ours()).toEqual([expect.stringMatching(/^dryrunner-serve-/)]);
  const [left = ''] = ours();
  expect([left === deadName('serve'), readdirSync(join(root, left)).length]).toEqual([
    false,
    expect.toSatisfy((count: number) => count > 0 && count < 2_500),
  ]);
  for (let round = 0; round < 10 && ours().length > 0; round++) inProcess('await folder.remove();');
  expect(ours()).toEqual([]);
});

test('is not removed by the next one while its process lives, and neither are links, files and folders of others', async () => {
  const first = makeTempFolder('exec');
  const target = join(root, 'target');
  mkdirSync(target);
  const others = [deadName('exec'), 'dryrunner-exec-', `${deadName('exec')}/x`.replace('dryrunner', 'other')];
  symlinkSync(target, join(root, others[0] ?? ''));
  writeFileSync(join(root, deadName('start')), '');
  mkdirSync(join(root, others[1] ?? ''));
  mkdirSync(join(root, others[2] ?? ''), { recursive: true });
  mkdirSync(join(root, deadName('serve')));
  const before = ours().filter((name) => name !== deadName('serve'));
  inProcess('await folder.remove();');
  expect(ours()).toEqual(before);
  expect(existsSync(first.path)).toBe(true);
  await first.remove();
});

const inOtherTime = ['--time', '--boottime', '100000', '--fork'];
const hasTimeNamespaces = spawnSync('unshare', [...inOtherTime, 'true']).status === 0;

test.skipIf(!hasTimeNamespaces)(
  'is not removed for a process that counts time otherwise, as containers may (skipped where none can be made, because only an uptime of its own shows it)',
  async () => {
    const folder = makeTempFolder('exec');
    const program =
      "import { makeTempFolder } from './src/host/temp-folder.ts'; makeTempFolder('exec').remove();";
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', program];
    const { status, stderr } = spawnSync('unshare', [...inOtherTime, ...node], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    expect(existsSync(folder.path)).toBe(true);
    await folder.remove();
  },
);

test('is made again, or usable again, for this user alone; what is in its place stays', async () => {
  const folder = makeTempFolder('exec');
  const mode = (): number => lstatSync(folder.path).mode & 0o777;
  writeFileSync(join(folder.path, 'kept'), '');
  chmodSync(folder.path, 0);
  folder.restore();
  expect([mode(), readdirSync(folder.path)]).toEqual([0o700, ['kept']]);
  rmSync(folder.path, { recursive: true });
  folder.restore();
  expect([mode(), readdirSync(folder.path)]).toEqual([0o700, []]);
  // Others may have written to it, also if they can no longer.
  writeFileSync(join(folder.path, 'planted'), '');
  chmodSync(folder.path, 0o770);
  expect(folder.isPrivate()).toBe(false);
  chmodSync(folder.path, 0o700);
  expect([folder.isPrivate(), folder.generation]).toEqual([false, 1]);
  folder.restore();
  expect([folder.isPrivate(), folder.generation]).toEqual([true, 2]);
  expect([mode(), readdirSync(folder.path)]).toEqual([0o700, []]);
  const others = join(root, 'others');
  mkdirSync(others, { mode: 0o755 });
  rmSync(folder.path, { recursive: true });
  symlinkSync(others, folder.path);
  expect(() => folder.restore()).toThrow('EEXIST');
  expect(statSync(others).mode & 0o777).toBe(0o755);
  await folder.remove();
  expect(() => folder.restore()).toThrow('the temporary folder is no longer used');
  expect(existsSync(folder.path)).toBe(false);
});
