import { describe, expect, test } from 'vitest';
import type { Query, Wait } from '../../src/model/query.ts';
import { completeStatus, pendingStatus, type RunStatus } from '../../src/model/run-status.ts';
import { HEALTHY_SERVICE_STATUS } from '../../src/model/service-status.ts';
import {
  finalStatus,
  singleStatus,
  statusAll,
  statusNow,
  waitForState,
} from '../../src/model/status-lookup.ts';
import type { QueryResult, StatusQuerier } from '../../src/model/status-reader.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK } from '../../src/model/state-mask.ts';
import { rejectionOf } from './thrown.ts';

const service = HEALTHY_SERVICE_STATUS;

/** Answers everything with the same list and remembers what it was asked. */
function answering(...statuses: RunStatus[]): StatusQuerier & { asked: [Query, Wait?][] } {
  const asked: [Query, Wait?][] = [];
  const answer = async (...question: [Query, Wait?]): Promise<QueryResult> => {
    asked.push(question);
    return { statuses, service };
  };
  return { asked, queryNow: (query) => answer(query), query: answer };
}

const done = completeStatus('7', '', 0);

describe('statusNow', () => {
  test('R40 asks for one run in any state and gives its status with the service status', async () => {
    const querier = answering(done);
    expect(await statusNow(querier, '7')).toStrictEqual({ status: done, service });
    expect(querier.asked).toEqual([[{ runs: ['7'], states: ALL_MASK }]]);
  });

  test('R40 D2 an empty answer is an unknown run', async () => {
    expect(await rejectionOf(statusNow(answering(), 'nope'))).toBe('RUNNER_UNKNOWN_RUN: unknown run id nope');
  });
});

describe('singleStatus', () => {
  test('R42 gives the first status of a list', () => {
    expect(singleStatus({ statuses: [done, pendingStatus('8')], service })).toStrictEqual({
      status: done,
      service,
    });
  });

  test('R42 D3 of an empty list it is a typed error that passes the service status through', () => {
    expect(() => singleStatus({ statuses: [], service })).toThrow(
      expect.objectContaining({ code: 'RUNNER_NO_STATUS', service }),
    );
  });
});

describe('statusAll', () => {
  test('R43 asks for all runs in all states without waiting', async () => {
    const querier = answering(done, pendingStatus('8'));
    expect(await statusAll(querier)).toStrictEqual({ statuses: [done, pendingStatus('8')], service });
    expect(querier.asked).toEqual([[{ allRuns: true, states: ALL_MASK }]]);
  });
});

describe('finalStatus and waitForState', () => {
  test('R41 wait without limit for a terminal state, or for the state given', async () => {
    const querier = answering(done);
    const { signal } = new AbortController();
    expect(await finalStatus(querier, '7')).toStrictEqual({ status: done, service });
    expect(await waitForState(querier, '7', 'RUNNING')).toStrictEqual({ status: done, service });
    await finalStatus(querier, '7', signal);
    await waitForState(querier, '7', 'RUNNING', signal);
    expect(querier.asked).toStrictEqual([
      [{ runs: ['7'], states: DONE_MASK }, { timeoutMs: Infinity }],
      [{ runs: ['7'], states: RUNNING_MASK }, { timeoutMs: Infinity }],
      [
        { runs: ['7'], states: DONE_MASK },
        { timeoutMs: Infinity, signal },
      ],
      [
        { runs: ['7'], states: RUNNING_MASK },
        { timeoutMs: Infinity, signal },
      ],
    ]);
  });

  test('R42 an empty answer of a querier is a typed error here too', async () => {
    const text = 'RUNNER_NO_STATUS: expected one run status, got none';
    expect(await rejectionOf(finalStatus(answering(), '7'))).toBe(text);
    expect(await rejectionOf(waitForState(answering(), '7', 'FAILED'))).toBe(text);
  });

  test('an invalid state rejects', async () => {
    expect(await rejectionOf(waitForState(answering(done), '7', 'DONE' as 'FAILED'))).toMatch(
      /^RUNNER_INVALID_ARGUMENT: state: expected one of UNKNOWN, /,
    );
  });
});
