import { expect, test } from 'vitest';
import { subjectsOf } from '../../../src/explore/explain/failure-subjects.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';

function accepted(runner: string, runId: string, taskId = ''): TraceEvent {
  return { at: 0, type: 'accepted', runner, runId, command: { argv: ['x'], taskId } };
}

const EVENTS: readonly TraceEvent[] = [
  accepted('a', '1'),
  accepted('a', '10'),
  accepted('b', '1', 'job-7'),
  accepted('b', 'inc2-4'),
];

test.for([
  ['run 1 came late', ['a 1', 'b 1']],
  ['run 10 came before run 1', ['a 1', 'a 10', 'b 1']],
  ['run 10 came late', ['a 10']],
  ['run 100 came late', ['a 1', 'a 10', 'b 1', 'b inc2-4']],
  ['run 1 of b came late', ['b 1']],
  ['run 10 on a waits for run 1 on b.', ['a 10', 'b 1']],
  ['process of run 1 on a, since 3 ms\nprocess of run inc2-4 on b, since 4 ms', ['a 1', 'b inc2-4']],
  ['run 10 waits for run 1 of b', ['a 10', 'b 1']],
  ['job-7 was started twice', ['b 1']],
  ['inc2-4 is gone', ['b inc2-4']],
  ['it was read by b.', ['b 1', 'b inc2-4']],
  ['a is idle', ['a 1', 'a 10']],
  ['1 and 10 are numbers', ['a 1', 'a 10', 'b 1', 'b inc2-4']],
] as const)('"%s" is about %o', ([message, about]) => {
  const run = {
    events: EVENTS.map((event) => ({ event, firingId: 0 })),
    decisions: [],
  } as unknown as Parameters<typeof subjectsOf>[0];
  const isAbout = subjectsOf(run, { kind: 'check', message, atMs: 0, details: [] });
  const named = EVENTS.filter(isAbout).map((event) =>
    event.type === 'accepted' ? `${event.runner} ${event.runId}` : '',
  );
  expect(named).toEqual(about);
});
