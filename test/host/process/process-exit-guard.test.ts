import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { guardAtExit } from '../../../src/host/process/os-execer.ts';
import type { ProcessTree } from '../../../src/host/process/process-tree.ts';
import { livingWithMark, newMark } from '../hostile/leftovers.ts';

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

test('processes are killed before anybody removes the folders that they write to', () => {
  const removeFolders = (): void => undefined;
  process.on('exit', removeFolders);
  const release = guardAtExit({} as ProcessTree);
  const names = process.listeners('exit').map(({ name }) => name);
  release();
  process.off('exit', removeFolders);
  expect(names.filter((name) => ['killGuarded', 'removeFolders'].includes(name))).toEqual([
    'killGuarded',
    'removeFolders',
  ]);
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
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  expect(await once(parent, 'exit')).toEqual([7, null]);
  expect(livingWithMark(mark)).toEqual([]);
});
