import { expect, test } from 'vitest';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { EVENT_SHAPES } from '../../src/trace/file-shapes.ts';
import { formatEvent } from '../../src/trace/event-text.ts';
import { sampleStatus } from './sample-files.ts';

const base = { at: 5, runner: 'worker' } as const;
const ofRun = { ...base, runId: '0' } as const;
const held = { ...ofRun, resource: 'process', name: 'p' } as const;

const called = { ...base, to: 'locks', kind: 'call', name: 'acquire', id: 3 } as const;
const texts: readonly (readonly [TraceEvent, string])[] = [
  [
    { type: 'accepted', ...ofRun, command: { argv: ['sleep 5', 'a"b'] } },
    'worker accepted run 0: ["sleep 5","a\\"b"]',
  ],
  [
    { type: 'accepted', ...ofRun, command: { argv: ['a'], taskId: 'job-3', jobId: '', tag: 'nightly' } },
    'worker accepted run 0 for job-3/nightly: ["a"]',
  ],
  [
    { type: 'accepted', ...ofRun, command: { argv: ['a'], timeoutMs: 250 } },
    'worker accepted run 0: ["a"], timeout 250 ms',
  ],
  [{ type: 'accepted', ...ofRun, command: { argv: ['a'], timeoutMs: 0 } }, 'worker accepted run 0: ["a"]'],
  [{ type: 'rejected', ...base, code: 'RUNNER_BUSY' }, 'worker refused a run (RUNNER_BUSY)'],
  [{ type: 'status', ...base, status: sampleStatus }, 'run 0 of worker became COMPLETE with exit code 3'],
  [
    { type: 'status', ...base, status: { ...sampleStatus, state: 'FAILED', error: 'no disk' } },
    'run 0 of worker became FAILED with exit code 3 (no disk)',
  ],
  [
    { type: 'dropped', ...base, status: { ...sampleStatus, state: 'ABORTED', exitCode: 0 } },
    'run 0 of worker had ended and did not become ABORTED',
  ],
  [{ type: 'evicted', ...ofRun }, 'worker forgot run 0'],
  [
    { type: 'service', ...base, service: { initialized: true, isHealthy: true, error: '' } },
    'worker is healthy',
  ],
  [
    { type: 'service', ...base, service: { initialized: false, isHealthy: false, error: 'e' } },
    'worker is not initialized and unhealthy (e)',
  ],
  [{ type: 'abort', ...ofRun }, 'worker was asked to abort run 0'],
  [{ type: 'released', ...base, runner: '' }, 'the runner was released'],
  [{ type: 'phase', ...ofRun, phase: 'checkout' }, 'run 0 of worker began phase checkout'],
  [{ type: 'acquired', ...held }, 'process p of run 0 of worker started'],
  [{ type: 'freed', ...held }, 'process p of run 0 of worker ended'],
  [{ type: 'freed', ...held, runId: '' }, 'process p of worker ended'],
  [{ type: 'abandoned', ...held }, 'process p of run 0 of worker did not end in time'],
  [
    { type: 'recorded', ...ofRun, what: 'release', error: 'busy', exitCode: 213 },
    'run 0 of worker recorded a failure of release: busy (213)',
  ],
  [
    { type: 'recorded', ...ofRun, what: 'cancel', error: 'gone', exitCode: 0 },
    'run 0 of worker recorded a failure of cancel: gone',
  ],
  [
    { type: 'recorded', ...ofRun, what: 'action', error: 'the worker died', exitCode: 0, isRepeated: true },
    'run 0 of worker needs its action executed again: the worker died',
  ],
  [
    { type: 'wrote', ...ofRun, output: 'stdout', bytes: 12, digest: 'ab' },
    'run 0 of worker wrote 12 bytes to stdout (ab)',
  ],
  [{ type: 'metric', ...base, name: 'runs', value: 2 }, 'worker measured runs = 2'],
  [
    { type: 'fault', ...ofRun, operation: 'abort', kind: 'lost reply' },
    'fault "lost reply" strikes abort of run 0 on worker',
  ],
  [
    { type: 'fault', ...ofRun, runId: '', operation: 'run', kind: 'after' },
    'the reply to run is lost on worker',
  ],
  [{ type: 'note', ...base, text: 'begin' }, 'worker notes: begin'],
  [{ type: 'note', ...base, text: '' }, 'worker notes: ""'],
  [
    {
      type: 'fault',
      ...ofRun,
      runId: '',
      operation: 'message',
      kind: 'lose',
      message: 'the grant of lock 7',
    },
    'the grant of lock 7 is lost',
  ],
  [{ type: 'message', ...called, step: 'sent', detail: '7' }, 'worker calls acquire(7) of locks'],
  [{ type: 'message', ...called, step: 'delivered' }, "locks gets worker's call acquire()"],
  [{ type: 'message', ...called, step: 'lost' }, 'the call acquire() from worker to locks is lost'],
  [
    { type: 'message', ...called, kind: 'reply', step: 'sent', detail: 'true' },
    "worker answers locks' call of acquire with true",
  ],
  [
    { type: 'message', ...called, kind: 'error', step: 'delivered', detail: 'busy' },
    'locks gets the error "busy" of its call of acquire to worker',
  ],
  [{ type: 'message', ...called, kind: 'message', step: 'sent' }, 'worker sends acquire to locks'],
  [{ type: 'node', ...base, step: 'restarted', incarnation: 1 }, 'worker restarts'],
  [{ type: 'node', ...base, step: 'left', incarnation: 1 }, 'worker has left'],
  [
    { type: 'node', ...base, step: 'failed', incarnation: 1, error: 'no config' },
    'worker ends with an error: no config',
  ],
  [{ type: 'disk', ...base, step: 'synced', file: 'log' }, 'worker syncs log'],
  [
    { type: 'disk', ...base, step: 'lost', file: 'log', bytes: 1 },
    'worker loses the last write to log (1 byte)',
  ],
  [
    { type: 'disk', ...base, step: 'lost', file: 'log', bytes: 0, writes: 2 },
    'worker loses the last 2 writes to log (0 bytes)',
  ],
  [
    { type: 'disk', ...base, step: 'lost', file: 'log', bytes: 8, wasUnderWay: true },
    'the write to log under way on worker (8 bytes) is not finished',
  ],
  [
    {
      ...{ type: 'disk', ...base, step: 'lost', file: 'log', from: 'tmp', change: 'rename' },
      wasUnderWay: true,
    },
    'the rename of tmp to log under way on worker is not done',
  ],
  [
    { type: 'disk', ...base, step: 'lost', file: 'log', from: 'tmp', change: 'rename' },
    'worker loses the rename of tmp to log',
  ],
  [
    { type: 'disk', ...base, step: 'lost', file: 'log', change: 'removal' },
    'worker loses the removal of log',
  ],
  [
    { type: 'disk', ...base, step: 'torn', file: 'log', bytes: 8, writtenBytes: 12 },
    'the lost write to log on worker is torn: 8 of its 12 bytes are kept',
  ],
  [
    { type: 'disk', ...base, step: 'torn', file: 'log', bytes: 0, writtenBytes: 1, writes: 3 },
    'the first lost write to log on worker is torn: none of its 1 byte is kept',
  ],
  [
    { type: 'disk', ...base, step: 'torn', file: 'log', bytes: 0, writtenBytes: 6, wasUnderWay: true },
    'none of 6 bytes of the unfinished write to log on worker is kept',
  ],
  [
    { type: 'disk', ...base, step: 'kept', file: 'log', bytes: 9, unsyncedBytes: 2 },
    'log on worker has 9 bytes left, of which 2 were not synced',
  ],
  [
    { type: 'disk', ...base, step: 'kept', file: 'log', bytes: 9, unsyncedBytes: 0 },
    'log on worker has 9 bytes left, all synced',
  ],
  [
    { type: 'disk', ...base, step: 'kept', file: 'log', bytes: 0, unsyncedBytes: 0 },
    'log on worker is empty now',
  ],
  [{ type: 'disk', ...base, step: 'read', file: 'log', bytes: 9 }, 'worker reads log (9 bytes)'],
  [{ type: 'disk', ...base, step: 'zeroed', file: 'log', bytes: 8 }, '8 bytes of log on worker become zeros'],
  [{ type: 'disk', ...base, step: 'synced', file: '' }, 'worker syncs its names'],
  [{ type: 'disk', ...base, step: 'renamed', file: 'log', from: 'tmp' }, 'worker renames tmp to log'],
  [
    { type: 'fault', ...base, runId: '', operation: 'sync', kind: 'fail', file: 'log' },
    'the sync of log on worker fails',
  ],
];

test.for(texts)('%o has words', ([event, text]) => {
  expect(formatEvent(event)).toBe(`5 ms: ${text}`);
});

test('every type of event has words', () => {
  expect(new Set(texts.map(([{ type }]) => type))).toEqual(new Set(Object.keys(EVENT_SHAPES)));
});
