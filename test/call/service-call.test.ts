import { expect, test } from 'vitest';
import {
  callSubject,
  commandText,
  ownCall,
  runIdOf,
  statusesOf,
  type ServiceCall,
} from '../../src/call/service-call.ts';
import { HEALTHY_SERVICE_STATUS } from '../../src/model/service-status.ts';
import { ALL_MASK, DONE_MASK } from '../../src/model/state-mask.ts';
import { NO_WAIT } from '../../src/model/query.ts';
import { statusOf } from '../oracles/hand-made-trace.ts';

const one = { runs: ['3'], states: DONE_MASK };
const service = HEALTHY_SERVICE_STATUS;
const status = statusOf('3', 'COMPLETE');

test.for<readonly [call: ServiceCall, subject: string, runId: string]>([
  [{ method: 'run', args: [{ argv: ['true'] }] }, '', ''],
  [{ method: 'run', args: [{ argv: ['true'], jobId: 'j', tag: 't' }] }, 't', ''],
  [{ method: 'run', args: [{ argv: ['true'], jobId: 'j', tag: '' }] }, 'j', ''],
  [{ method: 'abort', args: ['3'] }, '3', '3'],
  [{ method: 'status', args: ['3'] }, '3', '3'],
  [{ method: 'query', args: [one, NO_WAIT] }, '3', '3'],
  [{ method: 'queryNow', args: [{ runs: ['3', '4'], states: ALL_MASK }] }, '3+1', ''],
  [{ method: 'queryNow', args: [{ runs: ['3'], allRuns: true, states: ALL_MASK }] }, 'all', ''],
  [{ method: 'statusAll', args: [] }, '', ''],
  [{ method: 'release', args: [] }, '', ''],
])('$0 is about "$1", run "$2"', ([call, subject, runId]) => {
  expect(callSubject(call)).toBe(subject);
  expect(runIdOf(call)).toBe(runId);
});

test("a detached call does not change with its caller's objects", () => {
  const command = { argv: ['make'] };
  const query = { runs: ['3'], states: ALL_MASK };
  const wait = { timeoutMs: 5, signal: new AbortController().signal };
  const [run, asked] = [
    ownCall({ method: 'run', args: [command] }),
    ownCall({ method: 'query', args: [query, wait] }),
  ];
  command.argv.push('clean');
  query.runs.push('4');
  wait.timeoutMs = 6;
  expect(run).toEqual({ method: 'run', args: [{ argv: ['make'] }] });
  expect(asked).toEqual({
    method: 'query',
    args: [
      { runs: ['3'], states: ALL_MASK },
      { timeoutMs: 5, signal: wait.signal },
    ],
  });
});

test.for<ServiceCall>([
  { method: 'run', args: [{ argv: 'make' } as never] },
  { method: 'query', args: [null as never, NO_WAIT] },
  { method: 'query', args: [one, undefined as never] },
  { method: 'queryNow', args: [7 as never] },
])('%j is refused before it is used', (call) => {
  expect(() => ownCall(call)).toThrow(expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }));
});

test('a reply shows statuses in any form', () => {
  expect(statusesOf({ method: 'run', args: [{ argv: ['true'] }] }, status)).toEqual([status]);
  expect(statusesOf({ method: 'abort', args: ['3'] }, status)).toEqual([status]);
  expect(statusesOf({ method: 'status', args: ['3'] }, { status, service })).toEqual([status]);
  expect(statusesOf({ method: 'statusAll', args: [] }, { statuses: [status], service })).toEqual([status]);
  expect(statusesOf({ method: 'queryNow', args: [one] }, { statuses: [], service })).toEqual([]);
  expect(statusesOf({ method: 'release', args: [] }, undefined)).toEqual([]);
});

test('a command is shown by the start of its words', () => {
  expect(commandText({ argv: ['make', 'all'] })).toBe('make all');
  expect(commandText({ argv: ['make', 'all of the things that there are'] })).toBe(
    'make all of the things t…',
  );
});
