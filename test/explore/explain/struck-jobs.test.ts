// Which runs are the work that a struck remote call was made for.
import { expect, test } from 'vitest';
import { struckJobs } from '../../../src/explore/explain/struck-jobs.ts';
import { Thing } from '../../../src/kernel/question.ts';
import type { Command } from '../../../src/model/command.ts';
import { snapshotOfDigest } from '../../../src/model/digest.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';

const ARGV = ['make', 'app'];

function actionOf(digit: string): Pick<Command, 'snapshotId' | 'executeRequest'> {
  const actionDigest = { hash: digit.repeat(64), sizeBytes: 7 };
  return { snapshotId: snapshotOfDigest(actionDigest), executeRequest: { actionDigest } };
}

function accepted(
  runner: string,
  runId: string,
  command: Command,
): Extract<TraceEvent, { type: 'accepted' }> {
  return { at: 0, type: 'accepted', runner, runId, command };
}

const NAMELESS = {
  at: 0,
  type: 'fault',
  runner: 'net',
  operation: 'Execute',
  kind: 'cut',
  runId: '',
} as const;
const STRUCK: TraceEvent = { ...NAMELESS, client: 'lane', clientRunId: '0' };

function observed(events: readonly TraceEvent[]): Parameters<typeof struckJobs>[0] {
  return { events: events.map((event) => ({ event, firingId: 0 })), firings: new Map() };
}

test.for<readonly [string, Command, Command, boolean]>([
  ['equal command lines', { argv: ARGV }, { argv: ARGV }, true],
  ['other command lines', { argv: ARGV }, { argv: ['make'] }, false],
  ['equal tags', { argv: ARGV, taskId: 'app' }, { argv: ['make'], taskId: 'app' }, true],
  ['other tags', { argv: ARGV, taskId: 'app' }, { argv: ARGV, taskId: 'lib' }, false],
  ['the command line of a worker, which has no tags', { argv: ARGV, taskId: 'app' }, { argv: ARGV }, true],
  ['the action that a worker made of it', { argv: ARGV }, { argv: ARGV, ...actionOf('a') }, true],
  ['equal actions', { argv: [], ...actionOf('a') }, { argv: ARGV, ...actionOf('a') }, true],
  ['other actions', { argv: ARGV, ...actionOf('a') }, { argv: ARGV, ...actionOf('b') }, false],
  ['empty command lines', { argv: [] }, { argv: [] }, false],
])('%s', ([, struck, other, isSame]) => {
  const event = accepted('worker', '7', other);
  const { runners, isOf } = struckJobs(observed([accepted('lane', '0', struck), event, STRUCK]));
  expect([...runners]).toEqual(['lane']);
  expect(isOf(event)).toBe(isSame);
});

test('is none without a fault that names a run', () => {
  const event = accepted('lane', '0', { argv: ARGV });
  for (const events of [
    [event],
    [event, NAMELESS],
    [event, { ...NAMELESS, client: 'lane', clientRunId: '1' }],
  ]) {
    expect(struckJobs(observed(events)).isOf(event)).toBe(false);
  }
});

test.for<readonly [string, Partial<Extract<TraceEvent, { type: 'fault' }>>, boolean]>([
  ['of a store is that of the run in whose step it struck', {}, true],
  ['of a call that the scenario makes is none', { operation: 'run' }, false],
  ['of a message is none', { message: 'the call add(7) from a to b' }, false],
  ['of a disk is none', { file: 'a.txt' }, false],
  ['of a runner is none', { runner: 'lane' }, false],
  ['of another run is none', { runId: '7' }, false],
])('a fault %s', ([, parts, isStruck]) => {
  const fault: TraceEvent = { ...NAMELESS, runner: 'cas', operation: 'read', ...parts };
  const topic = new Thing('run', '0', 'lane').topic('checkout');
  const event = accepted('lane', '0', { argv: ARGV });
  const { events } = observed([event, fault]);
  const firings = new Map([[0, { id: 0, cause: 0, topic, atMs: 0, late: false }]]);
  expect(struckJobs({ events, firings }).isOf(event)).toBe(isStruck);
});
