import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { COOKIE_VARIABLE } from '../../../src/host/process/process-cookie.ts';
import { readProcess, readProcesses, type ProcessEntry } from '../../../src/host/process/process-table.ts';
import { sweepTree } from '../../../src/host/process/os-execer-process.ts';
import { createSystemClock } from '../../../src/host/system-clock.ts';
import { createGroupProcessTree } from '../../../src/host/process/os-execer.ts';
import { createLinuxProcessTree } from '../../../src/host/process/process-tree-linux.ts';
import { comesTrue, isAlive, livingWithMark, newMark } from '../hostile/leftovers.ts';

const children: ChildProcess[] = [];

/** A process in a session of its own, with a cookie. */
function leader(script: string, token = 'no-token'): ChildProcess & { pid: number } {
  const env = { ...process.env, [COOKIE_VARIABLE]: token };
  const child = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore', env });
  children.push(child);
  return child as ChildProcess & { pid: number };
}

function leadsItsGroup({ pid, group }: ProcessEntry): boolean {
  return pid === group;
}

function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe('which tree a process belongs to', () => {
  test('R129 R131 members are found by group, session, ancestry and cookie, and counted with their memory', async () => {
    const mark = newMark();
    const sleep = `sleep 50.${mark}`;
    const { pid } = leader(
      `${sleep} & setsid ${sleep} & (setsid ${sleep} &); env -i setsid ${sleep} & set -m; env -i ${sleep} & wait`,
      mark,
    );
    const tree = createLinuxProcessTree(pid, mark);
    expect(await comesTrue(async () => (await tree.census()).members.length === 6)).toBe(true);
    const { members, exact } = await tree.census();
    expect(exact).toBe(true);
    expect(new Set(members.map((member) => member.pid))).toEqual(new Set(livingWithMark(mark)));
    const usage = await tree.usage();
    expect(usage.map(({ bytes }) => bytes > 0)).toEqual(members.map(() => true));
    expect((await tree.kill()).members.length).toBe(6);
    expect(await comesTrue(() => livingWithMark(mark).length === 0)).toBe(true);
  });

  test('R129 a former member stays one when it leaves group, session and ancestry', async () => {
    const mark = newMark();
    const dir = mkdtempSync(join(tmpdir(), 'process-tree-'));
    const go = join(dir, 'go');
    const leaves = `while [ ! -e ${go} ]; do sleep 0.02; done; exec setsid sleep 50.${mark}`;
    const child = leader(`env -i sh -c '${leaves}' & wait`, mark);
    const tree = createLinuxProcessTree(child.pid, mark);
    expect(await comesTrue(async () => (await tree.census()).members.length >= 2)).toBe(true);
    process.kill(child.pid, 'SIGKILL');
    await once(child, 'exit');
    tree.leaderReaped();
    expect(tree.leaderLives()).toBe(false);
    // By now it has no parent of ours and an environment of its own, and soon a session and a group.
    expect((await tree.census()).members.length).toBeGreaterThan(0);
    writeFileSync(go, '');
    const hasLeft = (pid: number): boolean => readProcess(pid)?.session === pid;
    expect(await comesTrue(() => livingWithMark(mark).some(hasLeft))).toBe(true);
    await tree.kill();
    expect(await comesTrue(() => livingWithMark(mark).length === 0)).toBe(true);
    rmSync(dir, { recursive: true });
  });

  test('R129 a stranger with the pid of a reaped leader is neither counted nor signalled', async () => {
    const stranger = leader('sleep 50');
    const [looking, asking, killing] = [0, 1, 2].map(() => createLinuxProcessTree(stranger.pid, newMark()));
    for (const tree of [looking, asking, killing]) tree!.leaderReaped();
    expect((await looking!.census()).members).toEqual([]);
    await asking!.terminate();
    expect((await killing!.kill()).members).toEqual([]);
    await pause(50);
    expect(isAlive(stranger.pid)).toBe(true);
    expect(readProcess(stranger.pid)?.stopped).toBe(false);
  });

  test('R129 what is older than the end of its leader is found in its session, however late the look', async () => {
    const mark = newMark();
    const gone = leader(`set -m; sleep 50.${mark} & set +m; sleep 50.${mark} & sleep 0.05; exit 0`);
    const tree = createLinuxProcessTree(gone.pid, newMark());
    await once(gone, 'exit');
    const lateMs = performance.now() + 60_000;
    tree.leaderReaped();
    const now = vi.spyOn(performance, 'now').mockReturnValue(lateMs);
    const { members } = await tree.kill();
    now.mockRestore();
    expect(members.length).toBe(2);
    expect(await comesTrue(() => livingWithMark(mark).length === 0)).toBe(true);
  });

  test('R129 strangers with the id of a group found empty long ago are left alone', async () => {
    const mark = newMark();
    const dir = mkdtempSync(join(tmpdir(), 'process-tree-'));
    const go = join(dir, 'go');
    const forks = `while [ ! -e ${go} ]; do sleep 0.02; done; sleep 50.${mark} & exit 0`;
    const gone = leader(`sh -c '${forks}' & exit 0`);
    const tree = createLinuxProcessTree(gone.pid, newMark());
    await once(gone, 'exit');
    tree.leaderReaped();
    writeFileSync(go, '');
    const names = (): string[] => {
      const all = [...readProcesses().entries.values()];
      return all.filter(({ session }) => session === gone.pid).map(({ name }) => name);
    };
    // A zombie would still be a witness.
    expect(await comesTrue(() => names().join() === 'sleep' && livingWithMark(mark).length === 1)).toBe(true);
    // Nobody looked while the number was surely the leader’s, and the sleep is younger than the leader’s end.
    const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
    const { members } = await tree.kill();
    now.mockRestore();
    expect(members).toEqual([]);
    expect(names()).toEqual(['sleep']);
    process.kill(-gone.pid, 'SIGKILL');
    rmSync(dir, { recursive: true });
  });

  test('R129 a group id stays the tree’s, for newcomers too, as long as a known member has it', async () => {
    const mark = newMark();
    const dir = mkdtempSync(join(tmpdir(), 'process-tree-'));
    const go = join(dir, 'go');
    const forks = `while [ ! -e ${go} ]; do sleep 0.02; done; (sleep 50.${mark} &); exec sleep 50.${mark}`;
    const gone = leader(`env -i sh -c '${forks}' & wait`);
    const tree = createLinuxProcessTree(gone.pid, newMark());
    expect(await comesTrue(async () => (await tree.census()).members.length >= 2)).toBe(true);
    process.kill(gone.pid, 'SIGKILL');
    await once(gone, 'exit');
    tree.leaderReaped();
    await pause(300);
    writeFileSync(go, '');
    expect(await comesTrue(() => livingWithMark(mark).every((pid) => nameOf(pid) === 'sleep'))).toBe(true);
    expect((await tree.kill()).members.length).toBe(2);
    expect(await comesTrue(() => livingWithMark(mark).length === 0)).toBe(true);
    rmSync(dir, { recursive: true });
  });

  test('R125 each group that a member leads is signalled once, and everybody else individually', async () => {
    const mark = newMark();
    const sleep = `sleep 50.${mark}`;
    const { pid } = leader(`${sleep} & setsid ${sleep} & (setsid sh -c '${sleep} & exit' &); wait`, mark);
    const tree = createLinuxProcessTree(pid, mark);
    const sleeps = (): number[] => livingWithMark(mark).filter((member) => nameOf(member) === 'sleep');
    expect(await comesTrue(() => sleeps().length === 3)).toBe(true);
    const { members } = await tree.census();
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    await tree.terminate();
    const asked = kill.mock.calls;
    kill.mockRestore();
    const leads = members.filter(leadsItsGroup);
    const alone = members.filter(({ group }) => !leads.some((other) => other.pid === group));
    expect([leads.length, alone.length]).toEqual([2, 1]);
    const expected = [...leads.map((member) => -member.pid), ...alone.map((member) => member.pid)];
    expect(new Set(asked.map(([target]) => target))).toEqual(new Set(expected));
    expect(asked.map(([, signal]) => signal)).toEqual(['SIGTERM', 'SIGTERM', 'SIGTERM']);
    await tree.kill();
    expect(await comesTrue(() => livingWithMark(mark).length === 0)).toBe(true);
  });

  test('R129 everybody is halted before anybody is killed', async () => {
    const mark = newMark();
    const { pid } = leader(`sleep 50.${mark} & setsid sleep 50.${mark} & wait`, mark);
    const tree = createLinuxProcessTree(pid, mark);
    expect(
      await comesTrue(async () => (await tree.census()).members.filter(leadsItsGroup).length === 2),
    ).toBe(true);
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    const { members } = await tree.kill();
    const sent = kill.mock.calls.map(([target, signal]) => `${String(signal)} ${target}`);
    kill.mockRestore();
    const stops = sent.filter((text) => text.startsWith('SIGSTOP'));
    expect(sent.slice(0, stops.length)).toEqual(stops);
    const targets = members.map((member) => (leadsItsGroup(member) ? -member.pid : member.pid));
    expect(new Set(stops)).toEqual(new Set(targets.map((target) => `SIGSTOP ${target}`)));
    expect(new Set(sent.slice(stops.length))).toEqual(new Set(targets.map((target) => `SIGKILL ${target}`)));
    await tree.kill();
    expect(await comesTrue(() => livingWithMark(mark).length === 0)).toBe(true);
  });

  test('R129 a daemon that keeps becoming another program is seen, or the scan is not exact', async () => {
    const mark = newMark();
    const again = `n=$((n+1)); export n; [ $n -lt 3000 ] && exec sh -c "$AGAIN"; exec sleep 50.${mark}`;
    const gone = leader(`export AGAIN='${again}'; (setsid sh -c "$AGAIN" &); exit 0`, mark);
    await once(gone, 'exit');
    for (let looks = 0; looks < 150; looks++) {
      const tree = createLinuxProcessTree(gone.pid, mark);
      tree.leaderReaped();
      const { members, exact } = await tree.census();
      expect(members.length > 0 || !exact).toBe(true);
    }
    const tree = createLinuxProcessTree(gone.pid, mark);
    tree.leaderReaped();
    expect(await comesTrue(async () => (await tree.kill()).members.length > 0)).toBe(true);
    expect(await comesTrue(() => livingWithMark(mark).length === 0)).toBe(true);
  });

  test('R129 a zombie is not alive', async () => {
    const child = leader('exit 0');
    const tree = createLinuxProcessTree(child.pid, 'no-token');
    // The event loop does not turn, so nobody reaps it.
    for (let looks = 0; looks < 1e6 && isAlive(child.pid); looks++);
    expect(readProcess(child.pid)).toMatchObject({ alive: false });
    expect(tree.leaderLives()).toBe(false);
    expect(tree.killNow().members).toEqual([]);
    await once(child, 'exit');
  });
});

describe('the tree of machines without /proc', () => {
  test('R125 R129 its group gets SIGTERM, SIGKILL, and nothing once it was empty', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'process-tree-'));
    const ready = join(dir, 'ready');
    const child = leader(`trap 'exit 3' TERM; exec 2>${ready}; while :; do sleep 0.05; done`);
    const tree = createGroupProcessTree(child.pid);
    expect(tree.leaderLives()).toBe(true);
    expect(await tree.census()).toMatchObject({ exact: true, members: [{ pid: child.pid, alive: true }] });
    expect(await comesTrue(() => existsSync(ready))).toBe(true);
    tree.terminate();
    expect(await once(child, 'exit')).toEqual([3, null]);
    tree.leaderReaped();
    expect(tree.leaderLives()).toBe(false);
    expect(await comesTrue(async () => (await tree.census()).members.length === 0)).toBe(true);
    const killed = leader('exec sleep 50');
    const other = createGroupProcessTree(killed.pid);
    expect((await other.kill()).members.length).toBe(1);
    await once(killed, 'exit');
    other.leaderReaped();
    expect(await comesTrue(async () => (await other.kill()).members.length === 0)).toBe(true);
    expect(() => other.usage()).toThrow('the memory of processes is only measured on Linux');
    rmSync(dir, { recursive: true });
  });

  test('R125 the signal also ends a process of it that is stopped', async () => {
    const child = leader('kill -STOP $$; sleep 50');
    expect(await comesTrue(() => readProcess(child.pid)?.stopped === true)).toBe(true);
    createGroupProcessTree(child.pid).terminate();
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  });

  test('R129 descendants that were left in its group are counted', async () => {
    const child = leader('sleep 50 & exit 0');
    const tree = createGroupProcessTree(child.pid);
    child.on('exit', () => tree.leaderReaped());
    await once(child, 'exit');
    const swept = await sweepTree(createSystemClock(), tree, child.pid, 60_000);
    expect(swept).toMatchObject({ descendants: 1, survivors: 0 });
  });
});
