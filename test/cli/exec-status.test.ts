// Exit codes of `exec` that follow from what is hard to bring about: a machine that has run out of something, and odd folders in PATH.
import { afterEach, expect, test, vi } from 'vitest';
import { execStatus, remoteExecStatus, startHint } from '../../src/cli/exec-status.ts';
import { notStartedText } from '../../src/model/end-text.ts';
import { EXIT_CODES, ExitCodeError } from '../../src/model/exit-code.ts';
import { failedStatus, type RunStatus } from '../../src/model/run-status.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** The status of a run of `tool` that Node could not start for that reason. */
function notStarted(code: string): RunStatus {
  return failedStatus(
    '0',
    new ExitCodeError(EXIT_CODES.COULD_NOT_EXEC, notStartedText(`spawn tool ${code}`)),
  );
}

test.for([
  ['EAGAIN', 125],
  ['EMFILE', 125],
  ['ENFILE', 125],
  ['ENOMEM', 125],
  ['E2BIG', 126],
  ['EACCES', 126],
  ['ENOENT', 127],
] as const)(
  'a machine that has run out of what a start needs is no fault of the program: %s gives %i, here and on a cluster',
  ([code, expected]) => {
    const cause = Object.assign(new Error(code), { code });
    const startError = new Error('could not start', { cause });
    const here = execStatus(notStarted(code), { startError, end: undefined, passedMemoryCap: false });
    expect([here, remoteExecStatus(notStarted(code))]).toEqual([expected, expected]);
  },
);

test.for(['/etc/passwd', `/${'a'.repeat(300)}`])(
  'a folder of PATH in which nothing can be looked up is passed over: %s',
  (folder) => {
    vi.stubEnv('PATH', folder);
    const hint = startHint(notStarted('ENOENT'), { isRemote: false, directory: '/' });
    expect(hint).toMatch(/^ \(there is no such program; .*; exec exits with 127$/);
  },
);
