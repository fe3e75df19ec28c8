// A process that is killed with SIGKILL leaves no process of a command, whenever that was.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { comesTrue, livingWithMark, newMark } from '../hostile/leftovers.ts';

const hasProc = existsSync('/proc/self/environ');
const onLinux = hasProc ? describe : describe.skip;
const WHY = hasProc ? '' : ' (skipped because there is no /proc)';
const marks: string[] = [];

afterEach(() => {
  for (const mark of marks.splice(0)) for (const pid of livingWithMark(mark)) process.kill(pid, 'SIGKILL');
});

function newCommandMark(): string {
  const mark = newMark();
  marks.push(mark);
  return mark;
}

/**
 * Runs a program that starts a command and kills itself: when the command has written, or before, at the moment of that number. Moments are just
 * before and just after a process is started or written to. Gives those that came.
 */
async function dieAt(moment: number, argv: readonly string[]): Promise<string[]> {
  const program = `
    import { ChildProcess } from 'node:child_process';
    import { writeSync } from 'node:fs';
    import { Socket } from 'node:net';
    import { createOsExecer } from './src/host/process/os-execer.ts';
    import { createSystemClock } from './src/host/system-clock.ts';
    const die = () => process.kill(process.pid, 'SIGKILL');
    let moments = 0;
    const pass = (name) => {
      writeSync(1, name + '\\n');
      if (moments++ === ${moment}) die();
    };
    for (const [{ prototype }, name, show] of [
      [ChildProcess, 'spawn', ({ args }) => args[0]],
      [Socket, 'write', (line) => line.slice(0, 1)],
    ]) {
      const real = prototype[name];
      prototype[name] = function (...args) {
        const shown = name + ' ' + show(args[0]);
        pass('before ' + shown);
        const result = real.apply(this, args);
        pass('after ' + shown);
        return result;
      };
    }
    const execer = createOsExecer({ clock: createSystemClock(), watchdog: true });
    const argv = ${JSON.stringify(argv)};
    await execer.exec({ argv, dir: '', jobId: '', taskId: '', tag: '', stdout: { write: die } });`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said, [, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect(signal).toBe('SIGKILL');
  return said.trim().split('\n');
}

const isGone = (mark: string): Promise<boolean> => comesTrue(() => livingWithMark(mark).length === 0);

onLinux(`a process that is killed with SIGKILL${WHY}`, () => {
  test('takes its first command with it at every moment around the start', async () => {
    const command = (mark: string): string[] => ['/bin/sh', '-c', `echo up; exec sleep 50.${mark}`];
    const mark = newCommandMark();
    const moments = await dieAt(Infinity, command(mark));
    expect(moments.indexOf('after spawn sh')).toBeLessThan(moments.indexOf('before spawn /bin/sh'));
    expect(moments).toContain('after spawn /bin/sh');
    expect(await isGone(mark)).toBe(true);
    const left: string[] = [];
    const dieOnce = async (moment: number): Promise<void> => {
      const own = newCommandMark();
      const passed = await dieAt(moment, command(own));
      if (!(await isGone(own))) left.push(passed.at(-1) ?? '');
    };
    await Promise.all(moments.map((_name, moment) => dieOnce(moment)));
    expect(left).toEqual([]);
  });

  test('takes those with it that have left the group of their command', async () => {
    const mark = newCommandMark();
    const script = `setsid sh -c 'echo up; exec sleep 50.${mark}' & wait`;
    expect(await dieAt(Infinity, ['/bin/sh', '-c', script])).toContain('after write +');
    expect(await isGone(mark)).toBe(true);
  });

  test('takes those with it that have cleared their environment', async () => {
    const mark = newCommandMark();
    const script = `exec env -i sh -c 'echo up; exec sleep 50.${mark}'`;
    expect(await dieAt(Infinity, ['/bin/sh', '-c', script])).toContain('after write +');
    expect(await isGone(mark)).toBe(true);
  });
});
