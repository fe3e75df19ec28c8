import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RecordedRun, RecordedStatus } from '../../src/model/recorded-run.ts';
import { diffRecordings } from '../../src/trace/recording-differ.ts';
import { runArbitrary } from './run-arbitrary.ts';

const running: RecordedStatus = { atMs: 1, state: 'RUNNING', exitCode: 0, error: '' };
const complete: RecordedStatus = { atMs: 41.5, state: 'COMPLETE', exitCode: 2, error: '' };
const run: RecordedRun = {
  runId: '0',
  command: { argv: ['make'] },
  acceptedAtMs: 3,
  statuses: [running, complete],
  output: [],
  stdoutSha256: 'a'.repeat(64),
};

describe('diffRecordings', () => {
  test('finds nothing between a recording and itself under other run ids', () => {
    fc.assert(
      fc.property(fc.array(runArbitrary, { maxLength: 4 }), (runs) => {
        expect(
          diffRecordings(
            runs,
            runs.map((one) => ({ ...one, runId: `${one.runId}'` })),
          ),
        ).toBeUndefined();
      }),
    );
  });

  test.for<[string, Partial<RecordedRun>, object]>([
    [
      'states',
      { statuses: [running, { ...complete, state: 'TIMEDOUT', exitCode: 0 }] },
      {
        path: 'states',
        text: 'run 0 (2 of 2) differs in states: expected "RUNNING → COMPLETE", got "RUNNING → TIMEDOUT"',
      },
    ],
    [
      'a state too few',
      { statuses: [running] },
      { path: 'states', expected: 'RUNNING → COMPLETE', actual: 'RUNNING' },
    ],
    [
      'exit code',
      { statuses: [running, { ...complete, exitCode: 3 }] },
      {
        path: 'statuses[1].exitCode',
        text: 'run 0 (2 of 2) differs in statuses[1].exitCode: expected 2, got 3',
      },
    ],
    [
      'error text',
      { statuses: [running, { ...complete, error: 'killed' }] },
      {
        path: 'statuses[1].error',
        text: 'run 0 (2 of 2) differs in statuses[1].error: expected "", got "killed"',
      },
    ],
    [
      'a microsecond',
      { statuses: [running, { ...complete, atMs: 41.501 }] },
      {
        path: 'statuses[1].atMs',
        text: 'run 0 (2 of 2) differs in statuses[1].atMs: expected 41.5, got 41.501',
      },
    ],
    [
      'an abort',
      { abortedAtMs: 5 },
      { path: 'abortedAtMs', text: 'run 0 (2 of 2) differs in abortedAtMs: expected nothing, got 5' },
    ],
    [
      'stdout',
      { stdoutSha256: 'b'.repeat(64) },
      { path: 'stdoutSha256', expected: 'a'.repeat(64), actual: 'b'.repeat(64) },
    ],
  ])('names the first run that differs, and in what: %s', ([, change, expected]) => {
    expect(diffRecordings([run, run], [run, { ...run, ...change }])).toMatchObject({ index: 1, ...expected });
  });

  test('a digest is compared if it was recorded', () => {
    const { stdoutSha256: digest, ...bare } = run;
    const withError = { ...run, stderrSha256: digest ?? '' };
    expect(diffRecordings([run], [bare])).toMatchObject({ path: 'stdoutSha256', actual: undefined });
    expect(diffRecordings([withError], [run])).toMatchObject({ path: 'stderrSha256', actual: undefined });
    expect(diffRecordings([bare], [withError])).toBeUndefined();
  });

  test('times may differ by the tolerance and no more', () => {
    const later = (byMs: number): RecordedRun => ({
      ...run,
      statuses: [running, { ...complete, atMs: complete.atMs + byMs }],
    });
    expect(diffRecordings([run], [later(0.0004)])).toBeUndefined();
    expect(diffRecordings([run], [later(5)], { toleranceMs: 5 })).toBeUndefined();
    expect(diffRecordings([later(5)], [run], { toleranceMs: 5 })).toBeUndefined();
    expect(diffRecordings([run], [later(5.001)], { toleranceMs: 5 })).toMatchObject({
      path: 'statuses[1].atMs',
    });
    const abortedLate = { ...run, abortedAtMs: 12 };
    expect(diffRecordings([{ ...run, abortedAtMs: 10 }], [abortedLate], { toleranceMs: 2 })).toBeUndefined();
    expect(diffRecordings([{ ...run, abortedAtMs: 10 }], [abortedLate])).toMatchObject({
      path: 'abortedAtMs',
    });
    expect(diffRecordings([abortedLate], [run])).toMatchObject({ path: 'abortedAtMs', actual: undefined });
  });

  test('a missing run and one too many are differences', () => {
    expect(diffRecordings([run, run], [run])).toEqual({
      index: 1,
      path: '',
      expected: 2,
      actual: 1,
      text: 'expected 2 runs, got 1',
    });
    expect(diffRecordings([], [run])).toMatchObject({ index: 0, text: 'expected 0 runs, got 1' });
  });

  test.for([-1, Number.NaN, Infinity])('a tolerance of %d is refused', (toleranceMs) => {
    expect(() => diffRecordings([], [], { toleranceMs })).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: `toleranceMs: expected a finite number ≥ 0, got ${toleranceMs}`,
      }),
    );
  });
});
