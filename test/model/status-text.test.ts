import { describe, expect, test } from 'vitest';
import { ExitCodeError } from '../../src/model/exit-code.ts';
import {
  formatRunStatus,
  abortStatus,
  completeStatus,
  failedStatus,
  pendingStatus,
  runningStatus,
  timeoutStatus,
  withRefs,
  type RunStatus,
  zeroStatus,
} from '../../src/model/run-status.ts';
import {
  checkServiceStatus,
  formatServiceStatus,
  HEALTHY_SERVICE_STATUS,
  NEW_SERVICE_STATUS,
  serviceStatus,
} from '../../src/model/service-status.ts';
import { refused, thrownBy } from './thrown.ts';

const tags = { jobId: '46', taskId: '2', tag: 'tag' };
const head = (state: string): string =>
  `RunStatus -- RunID: 12 # State: ${state} # JobID: 46 # TaskID: 2 # Tag: tag`;

describe('the text of a run status', () => {
  test.for<[RunStatus, string]>([
    [pendingStatus('12', tags), head('PENDING')],
    [runningStatus('12', 'out', 'err', tags), `${head('RUNNING')} # Stdout: out # Stderr: err`],
    [runningStatus('12', 'out', '', tags), `${head('RUNNING')} # Stdout: out`],
    [runningStatus('12', '', 'err', tags), `${head('RUNNING')} # Stderr: err`],
    [
      withRefs(completeStatus('12', '21', 9, tags), 'stdout', 'stderr'),
      `${head('COMPLETE')} # Stdout: stdout # Stderr: stderr # SnapshotID: 21 # ExitCode: 9 # Error: `,
    ],
    [
      failedStatus('12', new ExitCodeError(240, 'could not exec: x'), tags),
      `${head('FAILED')} # ExitCode: 240 # Error: could not exec: x`,
    ],
    [abortStatus('12', tags), `${head('ABORTED')} # Error: `],
    [timeoutStatus('12', tags), head('TIMEDOUT')],
    [zeroStatus(), 'RunStatus -- RunID:  # State: UNKNOWN # JobID:  # TaskID:  # Tag: '],
  ])('R14 %o prints as %s', ([status, text]) => {
    expect(formatRunStatus(status)).toBe(text);
  });

  test('R14 an action result is shown if present', () => {
    const actionDigest = { hash: 'a'.repeat(64), sizeBytes: 7 };
    const status = { ...timeoutStatus('12', tags), actionResult: { actionDigest, cached: true } };
    const text = JSON.stringify({ actionDigest, cached: true });
    expect(formatRunStatus(status)).toBe(`${head('TIMEDOUT')} # ActionResult: ${text}`);
  });
});

describe('the service status', () => {
  test('R15 of a new store is not initialized, not healthy, and has no error', () => {
    expect(NEW_SERVICE_STATUS).toStrictEqual({ initialized: false, isHealthy: false, error: '' });
    expect(HEALTHY_SERVICE_STATUS).toStrictEqual({ initialized: true, isHealthy: true, error: '' });
    expect([NEW_SERVICE_STATUS, serviceStatus(true, false, 'x')].every(Object.isFrozen)).toBe(true);
  });

  test('R15 D6 prints its error when there is one', () => {
    expect(formatServiceStatus(serviceStatus(true, false))).toBe(
      '--- Service Status ---\n\tInitialized : true\n\tIsHealthy : false\n',
    );
    expect(formatServiceStatus(serviceStatus(false, true, 'disk full'))).toBe(
      '--- Service Status ---\n\tInitialized : false\n\tIsHealthy : true\n\tError : disk full\n',
    );
  });

  test('an invalid one is refused, naming the field', () => {
    expect(() => checkServiceStatus(HEALTHY_SERVICE_STATUS)).not.toThrow();
    expect(thrownBy(() => checkServiceStatus(null))).toBe(refused('service', 'a service status', 'null'));
    expect(thrownBy(() => checkServiceStatus(1))).toBe(refused('service', 'a service status', '1'));
    expect(thrownBy(() => checkServiceStatus({ ...NEW_SERVICE_STATUS, initialized: 1 }))).toBe(
      refused('service.initialized', 'true or false', '1'),
    );
    expect(thrownBy(() => checkServiceStatus({ ...NEW_SERVICE_STATUS, isHealthy: 'yes' }))).toBe(
      refused('service.isHealthy', 'true or false', '"yes"'),
    );
    expect(thrownBy(() => checkServiceStatus({ ...NEW_SERVICE_STATUS, error: undefined }))).toBe(
      refused('service.error', 'a string', 'undefined'),
    );
  });
});
