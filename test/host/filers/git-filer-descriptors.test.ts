// Git where the process has too many files open to start it.
import type * as fs from 'node:fs';
import { devNull } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { runGit } from '../../../src/host/filers/git-filer-command.ts';

const files = vi.hoisted(() => ({ left: Infinity }));
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const openSync: typeof real.openSync = (path, ...rest) => {
    if (path === devNull && files.left-- <= 0) {
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    }
    return real.openSync(path, ...rest);
  };
  return { ...real, openSync };
});
afterEach(() => {
  files.left = Infinity;
});

test('git is not started if that could take the last files of the process for good', async () => {
  const started = runGit('/no/git', { args: ['version'], exitCode: 217 });
  await expect(started).rejects.toMatchObject({ cause: { code: 'ENOENT' } });
  files.left = 5;
  await expect(runGit('/no/git', { args: ['version'], exitCode: 217 })).rejects.toMatchObject({
    code: 'RUNNER_FILER_FAILED',
    exitCode: 217,
    message: 'git could not be started: EMFILE: too many open files',
  });
});
