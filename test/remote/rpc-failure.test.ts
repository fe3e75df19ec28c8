// Which status the caller of a remote method gets for an error of the machine.
import { expect, test } from 'vitest';
import { RunnerError } from '../../src/kernel/errors.ts';
import { rpcFailure } from '../../src/remote/rpc-failure.ts';
import { rpcCodeName } from '../../src/remote/rpc.ts';

test.for([
  ['EMFILE', 'RESOURCE_EXHAUSTED'],
  ['ENFILE', 'RESOURCE_EXHAUSTED'],
  ['ENOSPC', 'RESOURCE_EXHAUSTED'],
  ['EIO', 'INTERNAL'],
])('%s is %s, also as the cause of another error', ([code = '', expected]) => {
  const cause = Object.assign(new Error(`${code}: some text`), { code });
  for (const error of [cause, new RunnerError('RUNNER_FILER_FAILED', 'no checkout', { cause })]) {
    expect(rpcCodeName(rpcFailure(error).status.code)).toBe(expected);
  }
});
