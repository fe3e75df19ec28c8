// What a look makes of files in /proc that it cannot read, or that show something else than they should.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type * as fs from 'node:fs';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { COOKIE_VARIABLE, createToken } from '../../../src/host/process/process-cookie.ts';
import { readEnvironment } from '../../../src/host/process/process-environment.ts';
import { readProcesses, type ProcessTable } from '../../../src/host/process/process-table.ts';
import { createLinuxProcessTree } from '../../../src/host/process/process-tree-linux.ts';
import type { ProcessTree } from '../../../src/host/process/process-tree.ts';
import { comesTrue } from '../hostile/leftovers.ts';

/** Which error a path gives, or which other file is read in its place. */
const instead = vi.hoisted(() => ({ code: new Map<string, string>(), file: new Map<string, string>() }));
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const openSync = ((path: string, flags: string) => {
    const code = instead.code.get(path);
    if (code !== undefined) throw Object.assign(new Error(`${code}: ${path}`), { code });
    return real.openSync(instead.file.get(path) ?? path, flags);
  }) as typeof fs.openSync;
  return { ...real, openSync };
});

const dir = mkdtempSync(join(tmpdir(), 'process-unreadable-'));
const children: ChildProcess[] = [];
afterEach(async () => {
  instead.code.clear();
  instead.file.clear();
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
    // A look may have killed it before.
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
});
afterAll(() => rmSync(dir, { recursive: true }));

function show(path: string, text: string): void {
  const file = join(dir, path.replaceAll('/', '-'));
  writeFileSync(file, text);
  instead.file.set(path, file);
}

/** A process in a session of its own, as a daemon is. */
function sleeper(token: string): number {
  const env = { PATH: process.env['PATH'], [COOKIE_VARIABLE]: token };
  const child = spawn('sleep', ['50'], { detached: true, stdio: 'ignore', env });
  children.push(child);
  return child.pid ?? 0;
}

/** A command, and a daemon that it has left: nothing but its cookie says that it belongs to it. */
async function commandWithDaemon(): Promise<{ daemon: number; tree: ProcessTree }> {
  const token = createToken();
  const leader = sleeper(token);
  const daemon = sleeper(token);
  expect(await comesTrue(() => readEnvironment(daemon).holds(token))).toBe(true);
  return { daemon, tree: createLinuxProcessTree(leader, token) };
}

describe('a process whose environment may not be read', () => {
  test.for(['EACCES', 'EPERM'])(
    'R129 may be one that has escaped, if it is of our user (%s)',
    async (code) => {
      const { daemon, tree } = await commandWithDaemon();
      instead.code.set(`/proc/${daemon}/environ`, code);
      expect((await tree.census()).suspects.map(({ pid }) => pid)).toContain(daemon);
    },
  );

  test.for([
    // Real, effective, saved, and that of files.
    ['12345 12345 12345 12345', false],
    ['12345 0 12345 0', false],
    ['0 12345 12345 12345', true],
    ['12345 12345 0 12345', true],
  ] as const)(
    'R129 with the user ids %s, of which ours is 0, it is suspected: %s',
    async ([ids, suspected]) => {
      const { daemon, tree } = await commandWithDaemon();
      const uid = String(process.getuid?.());
      const status = readFileSync(`/proc/${daemon}/status`, 'utf8');
      const shown = ids.split(' ').map((id) => (id === '0' ? uid : id));
      show(`/proc/${daemon}/status`, status.replace(/^Uid:.*$/m, `Uid:\t${shown.join('\t')}`));
      instead.code.set(`/proc/${daemon}/environ`, 'EACCES');
      const { suspects } = await tree.census();
      // Others may hide on this machine, too.
      expect(suspects.some(({ pid }) => pid === daemon)).toBe(suspected);
    },
  );

  test('R129 because its first thread has ended, is read by way of another thread', async () => {
    const token = createToken();
    const env = { PATH: process.env['PATH'], [COOKIE_VARIABLE]: token };
    // Has several threads.
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 50_000)'], { env, stdio: 'ignore' });
    children.push(child);
    const path = `/proc/${child.pid}`;
    // What anyone but the superuser sees then.
    instead.code.set(`${path}/environ`, 'EACCES');
    show(`${path}/statm`, '0 0 0 0 0 0 0\n');
    show(`${path}/stat`, `${child.pid} (node) Z 1${' 0'.repeat(48)}\n`);
    expect(await comesTrue(() => readEnvironment(child.pid ?? 0).holds(token))).toBe(true);
  });

  test('R129 for lack of descriptors is not passed over: the look fails', async () => {
    const { daemon, tree } = await commandWithDaemon();
    instead.code.set(`/proc/${daemon}/environ`, 'EMFILE');
    await expect(tree.census()).rejects.toThrow('EMFILE');
    instead.code.clear();
    expect((await tree.kill()).members.map(({ pid }) => pid)).toContain(daemon);
  });
});

describe('an environment', () => {
  const PLAIN = 'PATH=/bin\0BASH_FUNC_f%%=() {  :\n}\0EMPTY=\0';
  test.for([
    ['', true],
    [PLAIN, false],
    ['job=3 idle\0', false],
    ['job=3 idle', true],
    ['idle job=3', true],
    ['3 idle\0A=b\0', true],
    [`title job=3${'\0'.repeat(20)}`, true],
    [`job=3${'\0'.repeat(20)}`, true],
    [`${PLAIN}  `, true],
    ['=b\0', true],
  ] as const)('R129 %j is bare: %s', ([text, bare]) => {
    const pid = sleeper(createToken());
    show(`/proc/${pid}/environ`, text);
    expect(readEnvironment(pid).isBare()).toBe(bare);
  });
});

describe('a table of processes without the counter of pids', () => {
  const NO_COUNTER = '0.00 0.00 0.00 0/0 0\n';
  test.for<[string, () => void]>([
    ['that cannot be read', () => instead.code.set('/proc/loadavg', 'EACCES')],
    ['that a sandbox shows as 0', () => show('/proc/loadavg', NO_COUNTER)],
    ['that stays the same', () => show('/proc/loadavg', readFileSync('/proc/loadavg', 'utf8'))],
    ['that is no number', () => show('/proc/loadavg', 'none')],
  ])('R129 %s holds a process born while it was read', ([, hide]) => {
    hide();
    let born: number | undefined;
    const table: ProcessTable = readProcesses(() => (born ??= sleeper(createToken())));
    expect(table.exact).toBe(true);
    expect(table.entries.has(born ?? 0)).toBe(true);
  });
});
