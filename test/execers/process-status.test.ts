import { describe, expect, test } from 'vitest';
import {
  abortedProcess,
  completeProcess,
  failedProcess,
  isExitCode,
  isProcessDone,
  memoryReport,
  signalledProcess,
  withFaults,
} from '../../src/execers/process-status.ts';

describe('process statuses', () => {
  test.for([
    ['UNKNOWN', true],
    ['RUNNING', false],
    ['COMPLETE', true],
    ['FAILED', true],
  ] as const)('R119 %s: done is %s', ([state, done]) => {
    expect(isProcessDone(state)).toBe(done);
  });

  test('R124 D64 a death by signal differs from an exit code, and the signal has a name', () => {
    expect(completeProcess(7)).toEqual({ state: 'COMPLETE', exitCode: 7, error: '' });
    expect(completeProcess(1, 'said why')).toEqual({ state: 'COMPLETE', exitCode: 1, error: 'said why' });
    expect(completeProcess(-1)).toEqual({ state: 'COMPLETE', exitCode: -1, error: '' });
    expect(failedProcess(250, 'lost')).toEqual({ state: 'FAILED', exitCode: 250, error: 'lost' });
    expect(signalledProcess('SIGILL')).toEqual({
      state: 'COMPLETE',
      exitCode: -1,
      error: 'Killed by SIGILL',
      signal: 'SIGILL',
    });
  });

  test('R126 R141 an abort is FAILED −1 and its text starts with Aborted and ends with the signal', () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const error = `Aborted (${signal})`;
      expect(abortedProcess(signal)).toEqual({ state: 'FAILED', exitCode: -1, error, signal });
    }
  });

  test('R132 a memory report is FAILED 241 at the first check and COMPLETE 1 later', () => {
    const error = 'Critical error detected. Initial memory utilization is over the cap: 12 of 10 bytes';
    expect(memoryReport('initial', 12, 10)).toEqual({
      kind: 'initial',
      status: { state: 'FAILED', exitCode: 241, error },
    });
    expect(memoryReport('exceeded', 10, 10)).toEqual({
      kind: 'exceeded',
      status: {
        state: 'COMPLETE',
        exitCode: 1,
        error: 'Cmd exceeded MemoryCap, aborting process: 10 of 10 bytes',
      },
    });
    expect(() => memoryReport('initial', 9, 10)).toThrow('usageBytes: expected at least 10, got 9');
    expect(() => memoryReport('initial', NaN, 10)).toThrow('usageBytes: expected at least 10, got NaN');
  });

  test('plain exits share one status per code, because there is no time to make one for each run', () => {
    for (const exitCode of [0, 1, 255]) expect(completeProcess(exitCode)).toBe(completeProcess(exitCode));
    for (const exitCode of [-1, 256]) expect(completeProcess(exitCode)).not.toBe(completeProcess(exitCode));
  });

  test('faults are added to a copy; without faults the status is the same object', () => {
    const status = completeProcess(0);
    expect(withFaults(status, [])).toBe(status);
    const faulty = withFaults(status, ['stdout sink: full']);
    expect(faulty).toEqual({ state: 'COMPLETE', exitCode: 0, error: '', faults: ['stdout sink: full'] });
    expect([faulty, faulty.faults, status, memoryReport('initial', 1, 1)].every(Object.isFrozen)).toBe(true);
  });

  test.for([
    [0, true],
    [-(2 ** 31), true],
    [2 ** 31 - 1, true],
    [2 ** 31, false],
    [0.5, false],
    [NaN, false],
    ['1', false],
    [undefined, false],
  ] as const)('%s is an exit code: %s', ([value, expected]) => {
    expect(isExitCode(value)).toBe(expected);
  });
});
