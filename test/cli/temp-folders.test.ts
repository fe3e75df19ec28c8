// What `exec` leaves among the machine's temporary files, however it ends: nothing, or after SIGKILL nothing that the next one does not remove.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { type Started, startWith } from './command.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'temp-folders-'));
});
afterEach(() => rm(root, { recursive: true }));

/** A command that does not mind SIGTERM, and writes files as fast as it can, but not until the disk is full. */
function startStubborn(...options: readonly string[]): Started {
  const script =
    "i=0; trap 'echo stopping' TERM; echo at work > file; echo at work; " +
    'while [ $i -lt 1000000 ]; do : > $$.$i; i=$((i+1)); done; while :; do sleep 1; done';
  const started = startWith({ TMPDIR: root }, 'exec', ...options, '--', 'sh', '-c', script);
  onTestFinished(() => void started.child.kill('SIGKILL'));
  return started;
}

test('a command in a folder that is there needs no temporary files', async () => {
  const started = startStubborn('--cwd', root);
  await started.prints('at work');
  expect((await readdir(root)).filter((name) => name.startsWith('dryrunner-'))).toEqual([]);
  started.child.kill('SIGINT');
  await started.prints('stopping');
  started.child.kill('SIGINT');
  await started.finished;
  expect((await readdir(root)).filter((name) => name.startsWith('dryrunner-'))).toEqual([]);
});

test('a second Ctrl-C removes the directory of --fresh-dir', async () => {
  const started = startStubborn('--fresh-dir');
  await started.prints('at work');
  expect(await readdir(root)).toHaveLength(1);
  started.child.kill('SIGINT');
  await started.prints('stopping');
  started.child.kill('SIGINT');
  expect((await started.finished).code).toBe(130);
  expect(await readdir(root)).toEqual([]);
});

test('the next command removes the directory of one that was killed, and not of one that lives', async () => {
  const [killed, living] = [startStubborn('--fresh-dir'), startStubborn('--fresh-dir')];
  await Promise.all([killed.prints('at work'), living.prints('at work')]);
  killed.child.kill('SIGKILL');
  await killed.finished;
  expect(await readdir(root)).toHaveLength(2);
  // A command that ends at once removes no more than some thousand files of others.
  await vi.waitFor(
    async () => {
      await startWith({ TMPDIR: root }, 'exec', '--fresh-dir', '--', 'true').finished;
      expect(await readdir(root)).toEqual([expect.stringMatching(`^dryrunner-exec-${living.child.pid}-`)]);
    },
    { timeout: 60_000 },
  );
  living.child.kill('SIGINT');
  await living.prints('stopping');
  living.child.kill('SIGINT');
  await living.finished;
});

// The superuser may write anywhere; test/host/temp-folder.test.ts is somebody else for that.
test.for([
  [
    'paths longer than the system takes',
    'n=$(printf %0100d 0); for i in $(seq 50); do mkdir $n; cd -P $n; done',
  ],
  ['a folder that its user may not write', 'mkdir d; touch d/f; chmod 555 d'],
] as const)('the directory of --fresh-dir is removed with %s', async ([, script]) => {
  const { code, err } = await startWith({ TMPDIR: root }, 'exec', '--fresh-dir', '--', 'sh', '-c', script)
    .finished;
  expect([code, await readdir(root)]).toEqual([0, []]);
  expect(err).not.toMatch(/release|could not/);
});

test.for([
  ['exec', [], 0],
  ['exec', ['--fresh-dir'], 125],
  ['serve', ['--reapi', '--port', '0'], 2],
] as const)(
  'where no temporary files can be made, %s %j exits with %i',
  async ([command, options, expected]) => {
    const argv = command === 'exec' ? ['--', 'true'] : [];
    const there = { TMPDIR: join(root, 'none') };
    const { code, err } = await startWith(there, command, ...options, ...argv).finished;
    if (expected !== 0) {
      expect(err).toMatch(
        /^error: no folder can be made among the temporary files, in .*none: ENOENT[^\n]*\n$/,
      );
    }
    expect(code).toBe(expected);
  },
);
