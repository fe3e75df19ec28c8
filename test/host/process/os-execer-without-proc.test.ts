// Commands on Linux where /proc is missing, is empty as in a chroot, or shows another pid namespace.
import type * as fs from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import type { OsExecerOptions } from '../../../src/host/process/os-execer-options.ts';
import { showsProcesses } from '../../../src/host/process/process-table.ts';
import { start, testExecer } from '../command-run.ts';
import { comesTrue, livingWithMark, newMark } from '../hostile/leftovers.ts';

type Proc = 'real' | 'missing' | 'empty' | 'foreign';
const shown = vi.hoisted<{ proc: Proc }>(() => ({ proc: 'real' }));
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const hide = <Args extends readonly [path: unknown, ...unknown[]], R>(read: (...args: Args) => R) => {
    return (...args: Args): R => {
      const [path] = args;
      const isInProc = /^\/proc(\/|$)/.test(String(path));
      if (!isInProc || shown.proc === 'real') return read(...args);
      if (path === '/proc' && shown.proc === 'empty') return [] as R;
      if (path === '/proc/self' && shown.proc === 'foreign') return '1' as R;
      throw Object.assign(new Error(`ENOENT: ${String(path)}`), { code: 'ENOENT' });
    };
  };
  return {
    ...real,
    openSync: hide(real.openSync),
    readdirSync: hide(real.readdirSync as (path: unknown) => string[]),
    readFileSync: hide(real.readFileSync as (path: unknown) => string),
    readlinkSync: hide(real.readlinkSync as (path: unknown) => string),
  };
});

afterEach(() => {
  shown.proc = 'real';
});

test.for(['missing', 'empty'] as const)(
  'R125 R129 if /proc is %s, an abort asks the group to end, and what is left in it is killed',
  async (proc) => {
    shown.proc = proc;
    const execer = testExecer({ graceMs: 5_000, reapMs: 60_000 });
    const asked = await start(
      execer,
      "trap 'echo asked; exit 3' TERM; echo up; while :; do sleep 0.02; done",
    );
    await asked.says('up');
    expect(await asked.process.abort()).toEqual({
      state: 'FAILED',
      exitCode: -1,
      error: 'Aborted (SIGTERM)',
      signal: 'SIGTERM',
    });
    expect(asked.stdout()).toBe('up\nasked\n');
    const mark = newMark();
    const left = await start(execer, `sleep 50.${mark} & exit 3`);
    expect(await left.process.wait()).toEqual({
      state: 'COMPLETE',
      exitCode: 3,
      error: '',
      faults: ['descendants: 1 outlived the command and had to be killed'],
    });
    shown.proc = 'real';
    expect(await comesTrue(() => livingWithMark(mark).length === 0)).toBe(true);
  },
);

test('/proc counts only if it shows this process under its own pid', () => {
  const found = (['real', 'missing', 'empty', 'foreign'] as const).map((proc) => {
    shown.proc = proc;
    return showsProcesses();
  });
  expect(found).toEqual([process.platform === 'linux', false, false, false]);
});

const isLinux = process.platform === 'linux';
const capTitle = isLinux
  ? 'a memory cap that nothing can measure is said not to be enforced'
  : 'whether a memory cap is enforced is not tried because only Linux measures memory by /proc';
test.runIf(isLinux)(capTitle, async () => {
  const said = async (more: Partial<OsExecerOptions>): Promise<readonly string[] | undefined> =>
    (await (await start(testExecer({ memoryCapBytes: 1e12, ...more }), 'exit 0')).process.wait()).faults;
  expect(await said({})).toBeUndefined();
  shown.proc = 'missing';
  expect(await said({ memoryUsage: () => 1 })).toBeUndefined();
  expect(await said({ memoryCapBytes: 0 })).toBeUndefined();
  expect(await said({})).toEqual([
    'memory cap: not enforced: the memory of processes is only measured on Linux, where /proc shows them',
  ]);
});
