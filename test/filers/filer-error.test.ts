import { describe, expect, test } from 'vitest';
import { FilerError, unknownSnapshot } from '../../src/filers/filer-error.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { exitCodeOf, isExitCodeError } from '../../src/model/exit-code.ts';

describe('the errors of filers', () => {
  test('a failure of the machinery has the code that callers look at and the exit code that runners count', () => {
    const cause = new Error('EIO');
    const plain = new FilerError('broken');
    expect(plain).toMatchObject({ code: 'RUNNER_FILER_FAILED', message: 'broken', exitCode: 212 });
    expect('cause' in plain).toBe(false);
    expect(isRunnerError(plain, 'RUNNER_FILER_FAILED') && isExitCodeError(plain)).toBe(true);
    const caused = new FilerError('broken', { cause, exitCode: 213 });
    expect([caused.cause, exitCodeOf(caused)]).toEqual([cause, 213]);
  });

  test('R174 an unknown snapshot is named and has no exit code', () => {
    const error = unknownSnapshot('x');
    expect(error).toMatchObject({
      code: 'RUNNER_UNKNOWN_SNAPSHOT',
      message: 'No snapshot with id: x',
      actual: 'x',
    });
    expect(isExitCodeError(error)).toBe(false);
  });
});
