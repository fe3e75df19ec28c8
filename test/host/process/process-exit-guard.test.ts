import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { guardAtExit } from '../../../src/host/process/os-execer.ts';
import type { ProcessTree } from '../../../src/host/process/process-tree.ts';
import { livingWithMark, newMark } from '../hostile/leftovers.ts';

/** Of a process that runs it. */
const argumentsFor = (program: string): readonly string[] => {
  return ['--import', 'tsx', '--input-type=module', '--eval', program];
};

test('the exit listener exists only while there is something to guard', () => {
  const before = process.listenerCount('exit');
  const tree = (): ProcessTree => ({}) as ProcessTree;
  const releases = [guardAtExit(tree()), guardAtExit(tree())];
  expect(process.listenerCount('exit')).toBe(before + 1);
  releases[0]!();
  releases[0]!();
  expect(process.listenerCount('exit')).toBe(before + 1);
  releases[1]!();
  expect(process.listenerCount('exit')).toBe(before);
});

test('processes are killed before the folder that they write to is removed', async () => {
  const program = `
    import { existsSync } from 'node:fs';
    import { guardAtExit } from './src/host/process/os-execer.ts';
    import { makeTempFolder } from './src/host/temp-folder.ts';
    const { path } = makeTempFolder('exec');
    const isThere = () => (existsSync(path) ? 'there' : 'gone');
    guardAtExit({
      killNow: () => console.log('killed, its folder is ' + isThere()),
      dispose: () => true,
    });
    process.on('exit', () => console.log('ends, the folder is ' + isThere()));`;
  const { stdout } = await promisify(execFile)(process.execPath, argumentsFor(program));
  const lines = stdout.trimEnd().split('\n');
  expect(new Set(lines.slice(0, -1))).toEqual(new Set(['killed, its folder is there']));
  expect(lines.at(-1)).toBe('ends, the folder is gone');
});

test('R129 commands do not outlive a process that exits without waiting for them', async () => {
  const mark = newMark();
  const program = `
    import { createOsExecer } from './src/host/process/os-execer.ts';
    import { createSystemClock } from './src/host/system-clock.ts';
    const execer = createOsExecer({ clock: createSystemClock() });
    const script = 'trap "" TERM; (setsid sleep 50.${mark} &); sleep 50.${mark} & sleep 0.05; echo up; wait';
    const stdout = { write: () => process.exit(7) };
    await execer.exec({ argv: ['sh', '-c', script], dir: '', jobId: '', taskId: '', tag: '', stdout });`;
  const parent = spawn(process.execPath, argumentsFor(program), { stdio: ['ignore', 'inherit', 'inherit'] });
  expect(await once(parent, 'exit')).toEqual([7, null]);
  expect(livingWithMark(mark)).toEqual([]);
});
