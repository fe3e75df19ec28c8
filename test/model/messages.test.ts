import { describe, expect, test } from 'vitest';
import * as messages from '../../src/model/messages.ts';
import { RunRejectedError } from '../../src/model/run-rejected-error.ts';
import { serviceStatus } from '../../src/model/service-status.ts';
import { ALL_MASK, maskForState } from '../../src/model/state-mask.ts';
import { cannotHappen, NoStatusError, unknownRun, waitCancelled } from '../../src/model/status-errors.ts';
import { zeroStatus } from '../../src/model/run-status.ts';

describe('fixed texts', () => {
  test('R23 are those of the model', () => {
    const { unknownRunMessage, ...texts } = messages;
    expect(texts).toEqual({
      QUEUE_INITING_MSG: 'Queue is still initializing. Please try later.',
      QUEUE_FULL_MSG: 'No resources available. Please try later.',
      WORKER_UNHEALTHY_MSG: 'Worker is unhealthy.',
      QUEUE_INVALID_MSG: 'Failed initialization, queue permanently broken.',
      LOGGING_ERR_MSG: 'Error initializing logging.',
      NO_RUNNERS_MSG: 'No runners available.',
      RUNNER_BUSY_MSG: 'Runner is busy',
    });
    expect(unknownRunMessage('X')).toBe('unknown run id X');
  });
});

describe('errors of reading statuses', () => {
  test('R26 the unknown run is named', () => {
    expect(unknownRun('X')).toMatchObject({
      code: 'RUNNER_UNKNOWN_RUN',
      message: 'unknown run id X',
      actual: 'X',
    });
  });

  test('R34 a cancelled wait has the reason as its cause', () => {
    const reason = new Error('enough');
    expect(waitCancelled(reason)).toMatchObject({
      code: 'RUNNER_WAIT_CANCELLED',
      message: 'the wait was cancelled',
      cause: reason,
    });
  });

  test('R36 an impossible wait is reported with its runs and states', () => {
    expect(cannotHappen({ runs: ['3'], states: maskForState('RUNNING') })).toMatchObject({
      code: 'RUNNER_CANNOT_HAPPEN',
      message: 'RUNNING_MASK cannot happen any more: run 3 is terminal in another state',
      expected: 'RUNNING_MASK',
    });
    expect(cannotHappen({ runs: ['3', '4'], states: maskForState('RUNNING', 'PENDING') }).message).toBe(
      'PENDING|RUNNING cannot happen any more: all 2 runs are terminal in another state',
    );
    expect(cannotHappen({ states: ALL_MASK }).message).toBe(
      'ALL_MASK cannot happen any more: all 0 runs are terminal in another state',
    );
  });

  test('R42 the error of an empty list carries the service status', () => {
    const service = serviceStatus(true, false, 'disk full');
    const error = new NoStatusError(service);
    expect(error).toMatchObject({ code: 'RUNNER_NO_STATUS', message: 'expected one run status, got none' });
    expect(error.service).toBe(service);
  });
});

describe('a refused run', () => {
  test('R22 carries a zero status, with an error text if there is one', () => {
    const busy = new RunRejectedError('RUNNER_BUSY', messages.QUEUE_FULL_MSG);
    expect(busy).toMatchObject({ code: 'RUNNER_BUSY', message: messages.QUEUE_FULL_MSG });
    expect(busy.status).toStrictEqual(zeroStatus());
    const unhealthy = new RunRejectedError('RUNNER_UNHEALTHY', messages.WORKER_UNHEALTHY_MSG, 'disk full');
    expect(unhealthy.status).toStrictEqual(zeroStatus('disk full'));
  });
});
