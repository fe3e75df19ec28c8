import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type * as fs from 'node:fs';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startInCgroup, findCgroupHome } from '../../../src/host/process/process-cgroup.ts';
import { COOKIE_VARIABLE, createProcessCookie } from '../../../src/host/process/process-cookie.ts';
import { comesTrue } from '../hostile/leftovers.ts';

const listing = vi.hoisted(() => ({ fails: false }));
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const readdirSync = ((path: string, ...args: []) => {
    if (listing.fails) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    return real.readdirSync(path, ...args);
  }) as typeof fs.readdirSync;
  return { ...real, readdirSync };
});

const home = findCgroupHome();
const inCgroup = home === undefined ? describe.skip : describe;
const WHY = home === undefined ? ' (skipped because no control group can be made here)' : '';

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    const isOver = child.exitCode !== null || child.signalCode !== null;
    child.kill('SIGKILL');
    if (!isOver) await once(child, 'exit');
  }
});

function sleeper(options: { detached?: boolean; env?: Record<string, string> } = {}): number {
  const env = { ...process.env, ...options.env };
  const child = spawn('sleep', ['50'], { stdio: 'ignore', ...options, env });
  children.push(child);
  return child.pid ?? 0;
}

function groupOf(pid: number | 'self'): string {
  return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
}

inCgroup(`the control group of a command${WHY}`, () => {
  test('R129 holds what was started and nothing else, and this process returns to its own group', () => {
    const before = groupOf('self');
    const { token } = createProcessCookie(undefined);
    const { started, cgroup } = startInCgroup(token, () => ({
      // As threads of this process might do at the same moment.
      stranger: sleeper(),
      leader: sleeper({ detached: true, env: { [COOKIE_VARIABLE]: token } }),
      detached: sleeper({ detached: true }),
    }));
    expect(cgroup?.members()).toEqual(new Set([started.leader]));
    expect(groupOf('self')).toBe(before);
    expect([groupOf(started.stranger), groupOf(started.detached)]).toEqual([before, before]);
    expect(groupOf(started.leader)).toMatch(/\/dryrunner-\d+-\d+$/);
  });

  test('R129 is killed with the groups below it, and removed when it is empty', async () => {
    const { token } = createProcessCookie(undefined);
    const { started, cgroup } = startInCgroup(token, () =>
      sleeper({ detached: true, env: { TOKEN: token } }),
    );
    const path = `${home}/${groupOf(started).split('/').at(-1)}`;
    mkdirSync(`${path}/inner`);
    writeFileSync(`${path}/inner/cgroup.procs`, String(started));
    expect(cgroup?.members()).toEqual(new Set([started]));
    expect(cgroup?.remove()).toBe(false);
    cgroup?.kill();
    expect(await comesTrue(() => cgroup?.remove() === true)).toBe(true);
    expect(existsSync(path)).toBe(false);
    expect([cgroup?.members(), cgroup?.remove()]).toEqual([new Set(), true]);
  });

  test('R118 a program that cannot be started leaves no group and throws its own error', () => {
    let path = '';
    const start = (): never => {
      path = groupOf('self');
      throw new Error('not today');
    };
    expect(() => startInCgroup('token', start)).toThrow('not today');
    expect(path).toMatch(/\/dryrunner-\d+-\d+$/);
    expect(groupOf('self')).not.toBe(path);
    expect(existsSync(`${home}/${path.split('/').at(-1)}`)).toBe(false);
  });

  test('R129 that could not be examined is removed before the next one is made', async () => {
    listing.fails = true;
    const { started, cgroup } = startInCgroup('token', () => sleeper({ detached: true }));
    listing.fails = false;
    expect(cgroup).toBe(undefined);
    const path = `${home}/${groupOf(started).split('/').at(-1)}`;
    expect(path).toMatch(/\/dryrunner-\d+-\d+$/);
    const [child] = children;
    child?.kill('SIGKILL');
    await once(child!, 'exit');
    const isRemoved = (): boolean => {
      startInCgroup('token', () => undefined).cgroup?.remove();
      return !existsSync(path);
    };
    expect(await comesTrue(isRemoved)).toBe(true);
  });

  test('of a dead process is removed with the groups below it', async () => {
    const { pid } = spawnSync('true');
    const stale = `${home}/dryrunner-${pid}-9`;
    mkdirSync(`${stale}/inner/most`, { recursive: true });
    vi.resetModules();
    const fresh = await import('../../../src/host/process/process-cgroup.ts');
    expect(fresh.findCgroupHome()).toBe(home);
    expect(existsSync(stale)).toBe(false);
  });

  test('a worker thread makes no group', async () => {
    vi.resetModules();
    vi.doMock('node:worker_threads', () => ({ isMainThread: false }));
    const inWorker = await import('../../../src/host/process/process-cgroup.ts');
    vi.doUnmock('node:worker_threads');
    expect(inWorker.startInCgroup('token', () => 1)).toEqual({ started: 1 });
  });
});
