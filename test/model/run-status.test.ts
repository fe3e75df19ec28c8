import { describe, expect, test } from 'vitest';
import { NO_TAGS } from '../../src/model/command.ts';
import { EXIT_CODES, ExitCodeError } from '../../src/model/exit-code.ts';
import {
  checkRunStatus,
  abortStatus,
  completeStatus,
  failedStatus,
  makeRunStatus,
  pendingStatus,
  runningStatus,
  timeoutStatus,
  withError,
  withRefs,
  type RunStatus,
  zeroStatus,
} from '../../src/model/run-status.ts';
import { refused, thrownBy } from './thrown.ts';

const tags = { jobId: 'j', taskId: 't', tag: 'g' };
const bare = {
  runId: '7',
  ...tags,
  stdoutRef: '',
  stderrRef: '',
  snapshotId: '',
  exitCode: 0,
  error: '',
};
const coded = new ExitCodeError(EXIT_CODES.CHECKOUT, 'no disk');

const constructed: readonly (readonly [() => RunStatus, Partial<RunStatus>])[] = [
  [() => pendingStatus('7', tags), { state: 'PENDING' }],
  [() => runningStatus('7', 'out', 'err', tags), { state: 'RUNNING', stdoutRef: 'out', stderrRef: 'err' }],
  [() => completeStatus('7', 'snap', 3, tags), { state: 'COMPLETE', snapshotId: 'snap', exitCode: 3 }],
  [() => failedStatus('7', coded, tags), { state: 'FAILED', exitCode: 212, error: 'no disk' }],
  [() => abortStatus('7', tags), { state: 'ABORTED' }],
  [() => timeoutStatus('7', tags), { state: 'TIMEDOUT' }],
];

describe('status constructors', () => {
  test.for(constructed)(
    'R12 R10 %s sets id, state, tags and %o, and all else is zero',
    ([construct, fields]) => {
      const status = construct();
      expect(status).toStrictEqual({ ...bare, ...fields });
      expect(Object.isFrozen(status)).toBe(true);
      expect(Object.keys(status)).toEqual(Object.keys(pendingStatus('0')));
    },
  );

  test('R3 each end of a run has its own constructor and state', () => {
    expect(completeStatus('0', '', 0).state).toBe('COMPLETE');
    expect(completeStatus('0', '', 1).state).toBe('COMPLETE');
    expect(failedStatus('0', coded).state).toBe('FAILED');
    expect(abortStatus('0').state).toBe('ABORTED');
    expect(timeoutStatus('0').state).toBe('TIMEDOUT');
    expect(zeroStatus().state).toBe('UNKNOWN');
  });

  test('tags are empty when not given', () => {
    const statuses = [
      pendingStatus('7'),
      runningStatus('7', '', ''),
      completeStatus('7', '', 0),
      failedStatus('7', coded),
      abortStatus('7'),
      timeoutStatus('7'),
    ];
    for (const { jobId, taskId, tag } of statuses) expect({ jobId, taskId, tag }).toEqual(NO_TAGS);
  });

  test.for([undefined, null, new Error('no code'), 'text', { exitCode: 1 }])(
    'R13 D5 failed with %o instead of a coded error is a usage error',
    (error) => {
      expect(thrownBy(() => failedStatus('7', error as ExitCodeError))).toMatch(
        /^RUNNER_INVALID_ARGUMENT: error: expected an error with an exit code, got /,
      );
    },
  );

  test.for([NaN, 1.5, Infinity, '0', undefined])('an exit code of %o is refused', (exitCode) => {
    expect(thrownBy(() => completeStatus('7', '', exitCode as number))).toMatch(
      /^RUNNER_INVALID_ARGUMENT: exitCode: expected an integer, got /,
    );
  });

  test.for(Object.entries(EXIT_CODES))(
    "R20 %s in a COMPLETE run is the command's own code %i",
    ([, code]) => {
      const own = completeStatus('7', '', code);
      expect(own).toMatchObject({ state: 'COMPLETE', exitCode: code, error: '' });
      const machinery = failedStatus('7', new ExitCodeError(code, 'broken'));
      expect(machinery).toMatchObject({ state: 'FAILED', exitCode: code, error: 'broken' });
    },
  );

  test('refs and an error can be added to a copy', () => {
    const done = completeStatus('7', 'snap', 3, tags);
    expect(withRefs(done, 'out', 'err')).toStrictEqual({ ...done, stdoutRef: 'out', stderrRef: 'err' });
    expect(withError(done, 'capped')).toStrictEqual({ ...done, error: 'capped' });
    expect(withError(withRefs(done, 'out', 'err'), 'capped')).toMatchObject({
      stdoutRef: 'out',
      stderrRef: 'err',
    });
    expect(withError(abortStatus('7'), 'why').error).toBe('why');
    expect(withError(failedStatus('7', coded), 'other').error).toBe('other');
    expect(done.error).toBe('');
    expect(Object.isFrozen(withRefs(done, 'out', 'err')) && Object.isFrozen(withError(done, 'x'))).toBe(true);
  });

  test('R10 a copy with refs or an error keeps the result of the action', () => {
    const actionResult = { actionDigest: { hash: '0'.repeat(64), sizeBytes: 1 }, cached: false };
    const done: RunStatus = Object.freeze({ ...completeStatus('7', '', 3, tags), actionResult });
    const copies = [withRefs(done, 'out', 'err'), withError(done, 'capped')];
    expect(copies).toStrictEqual([
      { ...done, stdoutRef: 'out', stderrRef: 'err' },
      { ...done, error: 'capped' },
    ]);
    expect(copies.every(Object.isFrozen)).toBe(true);
  });

  test.for([pendingStatus('7'), runningStatus('7', '', ''), timeoutStatus('7'), zeroStatus()])(
    'R11 %o takes no error',
    (status) => {
      const got = JSON.stringify(status.state);
      expect(thrownBy(() => withError(status, 'x'))).toBe(
        refused('status', 'state COMPLETE, FAILED or ABORTED', got),
      );
    },
  );
});

describe('the zero status', () => {
  test('R22 has an empty id, UNKNOWN and perhaps an error text', () => {
    const zero = { ...bare, runId: '', jobId: '', taskId: '', tag: '', state: 'UNKNOWN' };
    expect(zeroStatus()).toStrictEqual(zero);
    expect(zeroStatus('why')).toStrictEqual({ ...zero, error: 'why' });
    expect(Object.isFrozen(zeroStatus('why'))).toBe(true);
  });
});

describe('the check of statuses', () => {
  const refs = { stdoutRef: 'out', stderrRef: 'err' };
  const outcome = { snapshotId: 's', exitCode: 3, error: 'e' };
  const filled = (state: RunStatus['state'], valid: Partial<RunStatus>): RunStatus =>
    makeRunStatus('7', state, tags, refs, { snapshotId: '', exitCode: 0, error: '', ...valid });

  test.for([
    ['PENDING', ['snapshotId', 'exitCode', 'error']],
    ['RUNNING', ['snapshotId', 'exitCode', 'error']],
    ['COMPLETE', []],
    ['FAILED', ['snapshotId']],
    ['ABORTED', ['snapshotId', 'exitCode']],
    ['TIMEDOUT', ['snapshotId', 'exitCode', 'error']],
    ['UNKNOWN', ['snapshotId', 'exitCode', 'error']],
  ] as const)('R11 in %s the fields %j must be zero', ([state, invalid]) => {
    for (const field of ['snapshotId', 'exitCode', 'error'] as const) {
      const status = filled(state, { [field]: outcome[field] });
      if (!(invalid as readonly string[]).includes(field)) {
        expect(() => checkRunStatus(status)).not.toThrow();
        continue;
      }
      const expected = `${field === 'exitCode' ? '0' : "''"} in state ${state}`;
      const got = JSON.stringify(outcome[field]);
      expect(thrownBy(() => checkRunStatus(status))).toBe(refused(`status.${field}`, expected, got));
    }
  });

  test.for(['runId', 'jobId', 'taskId', 'tag', 'stdoutRef', 'stderrRef', 'snapshotId', 'error'] as const)(
    'R10 %s must be text',
    (field) => {
      const status = { ...filled('COMPLETE', outcome), [field]: 7 };
      expect(thrownBy(() => checkRunStatus(status))).toBe(refused(`status.${field}`, 'a string', '7'));
    },
  );

  test('a status is an object with a state, an integer exit code and perhaps an opaque result', () => {
    const status = completeStatus('7', '', 0);
    expect(thrownBy(() => checkRunStatus(undefined))).toBe(refused('status', 'a run status', 'undefined'));
    expect(thrownBy(() => checkRunStatus(null))).toBe(refused('status', 'a run status', 'null'));
    expect(thrownBy(() => checkRunStatus('x'))).toBe(refused('status', 'a run status', '"x"'));
    const names = 'one of UNKNOWN, PENDING, RUNNING, COMPLETE, FAILED, ABORTED, TIMEDOUT';
    expect(thrownBy(() => checkRunStatus({ ...status, state: 3 }))).toBe(refused('status.state', names, '3'));
    expect(thrownBy(() => checkRunStatus({ ...status, exitCode: '0' }))).toBe(
      refused('status.exitCode', 'an integer', '"0"'),
    );
    expect(thrownBy(() => checkRunStatus({ ...status, actionResult: 'x' }))).toBe(
      refused('status.actionResult', 'an object', '"x"'),
    );
    expect(thrownBy(() => checkRunStatus({ ...status, actionResult: null }))).toBe(
      refused('status.actionResult', 'an object', 'null'),
    );
    expect(() => checkRunStatus({ ...status, actionResult: {} })).not.toThrow();
  });
});
