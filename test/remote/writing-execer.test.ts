// Scripts that write files: what of them is refused, and in which words.
import { expect, test } from 'vitest';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createMemoryTree } from '../../src/filers/memory-tree.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { createWritingExecer } from '../../src/remote/writing-execer.ts';

const OTHERS =
  'complete, pause, sleep, stdout, stderr, fail, signal, mem, ignore-term, hang, orphan, fork or a # comment';
const PATH = '"write PATH TEXT" with a PATH below the directory';

test.for<[readonly string[], string]>([
  [['write a A', 'make all'], `argv[1]: expected write, ${OTHERS}, got "make all"`],
  [['write a A', 'complete x'], 'argv[1]: expected "complete N" with a 32-bit integer N, got "complete x"'],
  [['write a A', 'write', 'explode'], `argv[1]: expected ${PATH}, got "write"`],
  [['write a A', 'write  b'], `argv[1]: expected ${PATH}, got "write  b"`],
  [['write a A', 'write ../b B'], `argv[1]: expected ${PATH}, got "write ../b B"`],
  [['writes'], `argv[0]: expected write, ${OTHERS}, got "writes"`],
])('R136 a bad step of %j is refused with its place', async ([argv, message]) => {
  const tree = createMemoryTree();
  const execer = createWritingExecer(createSimExecer({ clock: createVirtualClock() }), tree);
  const command = { argv, dir: '/d', jobId: '', taskId: '', tag: '' };
  await expect(execer.exec(command)).rejects.toMatchObject({
    code: 'RUNNER_EXEC_FAILED',
    message: `Bad sim script: ${message}`,
  });
  if (message.includes(PATH)) expect(tree.kindOf('/d/a')).toBeUndefined();
});

test('other errors of the execer below are its own', async () => {
  const error = new Error('no room');
  const broken = { cancelBoundMs: 0, exec: () => Promise.reject(error) };
  const execer = createWritingExecer(broken, createMemoryTree());
  await expect(execer.exec({ argv: [], dir: '/d', jobId: '', taskId: '', tag: '' })).rejects.toBe(error);
});
