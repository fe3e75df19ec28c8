import { describe, expect, test } from 'vitest';
import type { RunState } from '../../../src/model/run-state.ts';
import { ALL_MASK, DONE_MASK, maskForState, type StateMask } from '../../../src/model/state-mask.ts';
import { checkLinearizable } from '../../../src/oracles/history/check-linearizable.ts';
import { queueModel } from '../../../src/oracles/history/queue-model.ts';
import type { SequentialModel } from '../../../src/oracles/history/sequential-model.ts';
import type { ServiceCall } from '../../../src/call/service-call.ts';
import type { ServiceReply } from '../../../src/oracles/history/service-reply.ts';
import { statusStoreModel } from '../../../src/oracles/history/status-store-model.ts';
import { operationsOf, type Row } from './hand-made-history.ts';

type ServiceRow = Row<ServiceCall, ServiceReply>;
type Step = readonly [call: ServiceCall, reply: ServiceReply | undefined];

const seen = (runId: string, state: RunState, exitCode = 0) => ({ runId, state, exitCode, error: '' });
const UNKNOWN_RUN = { refused: 'RUNNER_UNKNOWN_RUN' } as const;
const CANNOT_HAPPEN = { refused: 'RUNNER_CANNOT_HAPPEN' } as const;
const BUSY = { refused: 'RUNNER_BUSY' } as const;

const run = (runId: string): Step => [
  { method: 'run', args: [{ argv: [] }] },
  { runs: [seen(runId, 'PENDING')] },
];
const refusedRun: Step = [{ method: 'run', args: [{ argv: [] }] }, BUSY];
const lostRun: Step = [{ method: 'run', args: [{ argv: [] }] }, undefined];
const status = (runId: string, state: RunState, exitCode = 0): Step => [
  { method: 'status', args: [runId] },
  { runs: [seen(runId, state, exitCode)] },
];
const noStatus = (runId: string): Step => [{ method: 'status', args: [runId] }, UNKNOWN_RUN];
const abort = (runId: string, state: RunState = 'ABORTED'): Step => [
  { method: 'abort', args: [runId] },
  { runs: [seen(runId, state)] },
];
const lostAbort = (runId: string): Step => [{ method: 'abort', args: [runId] }, undefined];
const all = (states: StateMask, ...runs: ReturnType<typeof seen>[]): Step => [
  { method: 'queryNow', args: [{ allRuns: true, states }] },
  { runs },
];
const query = (runs: string[], states: StateMask, reply: ServiceReply): Step => [
  { method: 'queryNow', args: [{ runs, states }] },
  reply,
];

/** The steps one after the other, by one client; a lost reply stays open. */
function inSequence(steps: readonly Step[]): ServiceRow[] {
  return steps.map(([call, reply], index): ServiceRow =>
    reply === undefined ? ['a', call, BUSY, 2 * index] : ['a', call, reply, 2 * index, 2 * index + 1],
  );
}

function verdictOf<S>(steps: readonly Step[], model: SequentialModel<ServiceCall, ServiceReply, S>): string {
  const result = checkLinearizable(operationsOf(inSequence(steps)), model);
  return result.linearizable === false ? result.contradiction.sentence : String(result.linearizable);
}

const STORE: readonly (readonly [title: string, steps: readonly Step[], verdict: string])[] = [
  [
    'R4 a run goes forward',
    [
      run('3'),
      status('3', 'PENDING'),
      status('3', 'RUNNING'),
      status('3', 'RUNNING'),
      status('3', 'COMPLETE'),
    ],
    'true',
  ],
  ['R4 a run may end unseen and unstarted', [run('3'), status('3', 'FAILED'), status('3', 'FAILED')], 'true'],
  [
    'R4 a run does not go back',
    [run('3'), status('3', 'RUNNING'), status('3', 'PENDING')],
    'status(3) by a said PENDING after status(3) by a had said RUNNING and returned',
  ],
  [
    'R200 an end is not left',
    [run('3'), status('3', 'COMPLETE'), status('3', 'RUNNING')],
    'status(3) by a said RUNNING after status(3) by a had said COMPLETE and returned',
  ],
  [
    'R200 an end does not change',
    [run('3'), status('3', 'COMPLETE', 1), status('3', 'COMPLETE', 2)],
    'status(3) by a said COMPLETE 2 after status(3) by a had said COMPLETE 1 and returned',
  ],
  [
    'R73 R207 an abort and a status show the same end',
    [run('3'), abort('3', 'COMPLETE'), status('3', 'ABORTED')],
    'status(3) by a said ABORTED after abort(3) by a had said COMPLETE and returned',
  ],
  [
    'R70 an abort returns when the run is over',
    [run('3'), abort('3', 'RUNNING')],
    'abort(3) by a said RUNNING, which nothing that came before explains',
  ],
  [
    'R26 an accepted run is found',
    [run('3'), noStatus('3')],
    'status(3) by a said RUNNER_UNKNOWN_RUN after run by a had said 3 and returned',
  ],
  ['R26 a run that nobody has made is not', [noStatus('3'), run('3'), status('3', 'PENDING')], 'true'],
  [
    'R26 nor is it seen',
    [run('3'), status('4', 'PENDING')],
    'status(4) by a said PENDING, which nothing that came before explains',
  ],
  [
    'R44 R45 an id is given out once',
    [run('3'), run('3')],
    'run by a said 3 after run by a had said 3 and returned',
  ],
  [
    'a run whose reply was lost may be seen',
    [lostRun, status('0', 'RUNNING'), all(ALL_MASK, seen('0', 'RUNNING'))],
    'true',
  ],
  ['a run whose reply was lost may never have been', [lostRun, all(ALL_MASK)], 'true'],
  [
    'one lost reply explains one run',
    [lostRun, status('0', 'RUNNING'), status('1', 'RUNNING')],
    'status(1) by a said RUNNING after status(0) by a had said RUNNING and returned',
  ],
  [
    'a lost run that was not there yet may come later',
    [lostRun, noStatus('0'), status('0', 'PENDING')],
    'true',
  ],
  [
    'a lost run that is there stays',
    [lostRun, status('0', 'PENDING'), noStatus('0')],
    'status(0) by a said RUNNER_UNKNOWN_RUN after status(0) by a had said PENDING and returned',
  ],
  [
    'R24 a query shows what it was asked for',
    [run('3'), query(['3'], DONE_MASK, { runs: [seen('3', 'RUNNING')] })],
    'query(3: DONE_MASK) by a said 3 RUNNING, which nothing that came before explains',
  ],
  [
    'R207 a query for ends includes what has been seen at its end',
    [run('3'), status('3', 'FAILED'), query(['3'], DONE_MASK, { runs: [] })],
    'query(3: DONE_MASK) by a said none after status(3) by a had said FAILED and returned',
  ],
  [
    'R24 what a query does not show is in none of the states asked for',
    [run('3'), query(['3'], maskForState('PENDING'), { runs: [] }), status('3', 'PENDING')],
    'status(3) by a said PENDING after query(3: PENDING_MASK) by a had said none and returned',
  ],
  [
    'R36 an impossible wait implies ends',
    [
      run('3'),
      query(['3'], maskForState('COMPLETE'), { refused: 'RUNNER_CANNOT_HAPPEN' }),
      status('3', 'RUNNING'),
    ],
    'status(3) by a said RUNNING after query(3: COMPLETE_MASK) by a had said RUNNER_CANNOT_HAPPEN and returned',
  ],
  [
    'R36 a wait for any run is not one that can no longer be met',
    [run('3'), [{ method: 'queryNow', args: [{ allRuns: true, states: DONE_MASK }] }, CANNOT_HAPPEN]],
    'query(all: DONE_MASK) by a said RUNNER_CANNOT_HAPPEN, which nothing that came before explains',
  ],
  [
    'R38 a query for all runs shows them at one instant',
    [run('0'), run('1'), all(ALL_MASK, seen('0', 'PENDING'))],
    'query(all) by a said 0 PENDING after run by a had said 1 and returned',
  ],
  ['the store does not judge refusals for want of room', [refusedRun, run('0'), refusedRun], 'true'],
];

const QUEUE: readonly (readonly [title: string, steps: readonly Step[], verdict: string])[] = [
  ['R58 as many runs as fit are accepted, and then none', [run('0'), run('1'), refusedRun], 'true'],
  [
    'R64 none is refused while there is room',
    [run('0'), refusedRun],
    'run by a said RUNNER_BUSY, which nothing that came before explains',
  ],
  ['R58 one more shows that one is over', [run('0'), run('1'), run('2'), status('0', 'COMPLETE')], 'true'],
  [
    'R58 R67 and it is the first',
    [run('0'), run('1'), run('2'), status('0', 'RUNNING')],
    'status(0) by a said RUNNING after run by a had said 0 and returned, then run by a had said 1 and returned, then run by a had said 2 and returned',
  ],
  [
    'R64 R67 where none fits, only the first has started',
    [run('0'), run('1'), query(['1'], maskForState('PENDING'), { runs: [] }), refusedRun],
    'run by a said RUNNER_BUSY after run by a had said 0 and returned, then run by a had said 1 and returned, then query(1: PENDING_MASK) by a had said none and returned',
  ],
  [
    'R69 once an end is seen, its slot can be used',
    [run('0'), run('1'), status('0', 'COMPLETE'), refusedRun],
    'run by a said RUNNER_BUSY after status(0) by a had said COMPLETE and returned',
  ],
  [
    'R71 an abort makes room anywhere',
    [run('0'), run('1'), abort('1'), run('2'), status('0', 'RUNNING')],
    'true',
  ],
  [
    'R71 also one whose reply was lost',
    [run('0'), run('1'), lostAbort('1'), run('2'), status('0', 'RUNNING')],
    'true',
  ],
  ['a run whose reply was lost may take room', [lostRun, run('0'), refusedRun], 'true'],
  [
    'R67 runs start in order',
    [run('0'), run('1'), status('1', 'RUNNING'), status('0', 'PENDING')],
    'status(0) by a said PENDING after run by a had said 0 and returned, then run by a had said 1 and returned, then status(1) by a had said RUNNING and returned',
  ],
  [
    'R67 one at a time',
    [run('0'), run('1'), status('0', 'RUNNING'), status('1', 'COMPLETE'), status('0', 'RUNNING')],
    'status(0) by a said RUNNING after run by a had said 0 and returned, then run by a had said 1 and returned, then status(1) by a had said COMPLETE and returned',
  ],
  [
    'R71 a run that was aborted in the queue had not started',
    [run('0'), run('1'), abort('1'), status('0', 'PENDING')],
    'true',
  ],
  [
    'R200 an end is not left',
    [run('0'), status('0', 'COMPLETE'), status('0', 'RUNNING')],
    'status(0) by a said RUNNING after status(0) by a had said COMPLETE and returned',
  ],
];

describe('the model of a status store', () => {
  test.for(STORE)('%s', ([, steps, verdict]) => {
    expect(verdictOf(steps, statusStoreModel())).toBe(verdict);
  });

  test('R47 R49 allows finished runs to disappear for good, if permitted', () => {
    const forgotten = [run('0'), status('0', 'COMPLETE'), noStatus('0')];
    expect(verdictOf(forgotten, statusStoreModel({ mayEvict: true }))).toBe('true');
    expect(verdictOf(forgotten, statusStoreModel())).not.toBe('true');
    const back = [run('0'), all(ALL_MASK), status('0', 'COMPLETE')];
    expect(verdictOf(back, statusStoreModel({ mayEvict: true }))).toBe(
      'status(0) by a said COMPLETE after run by a had said 0 and returned, then query(all) by a had said none and returned',
    );
  });

  test('splits a history by runs, and joins those that share a call or lost replies', () => {
    const partsOf = (steps: readonly Step[]): number[][] | undefined => {
      const operations = operationsOf(inSequence(steps));
      const parts = statusStoreModel().partition?.(operations);
      return parts?.map((part) => part.map((operation) => operations.indexOf(operation)));
    };
    const apart = [run('0'), run('1'), refusedRun, status('0', 'RUNNING'), abort('1')];
    expect(partsOf(apart)).toEqual([[0, 3], [1, 4], [2]]);
    expect(partsOf([run('0'), run('1'), query(['0', '1'], DONE_MASK, { runs: [] })])).toEqual([[0, 1, 2]]);
    expect(partsOf([run('0'), lostRun, status('7', 'RUNNING'), noStatus('8')])).toEqual([[0], [1, 2, 3]]);
    expect(partsOf([run('0'), run('1'), all(DONE_MASK)])).toEqual([[0, 1, 2]]);
  });
});

test('of a reply with many runs the first are shown', () => {
  const shown = Array.from({ length: 14 }, (_, index) => seen(`${index}`, 'FAILED', 1));
  const list = Array.from({ length: 12 }, (_, index) => `${index} FAILED 1`).join(', ');
  expect(verdictOf([all(ALL_MASK, ...shown)], statusStoreModel())).toBe(
    `query(all) by a said ${list}, 2 more, which nothing that came before explains`,
  );
});

describe('many lost replies', () => {
  const lost = Array.from({ length: 12 }, () => lostRun);
  const shown = Array.from({ length: 12 }, (_, index) => seen(`${index}`, 'PENDING'));
  const rows = operationsOf(inSequence([...lost, all(ALL_MASK, ...shown)]));

  test('are interchangeable where order does not matter', () => {
    expect(checkLinearizable(rows, statusStoreModel())).toMatchObject({ linearizable: true, visited: 14 });
  });

  test('are not tried in all orders where it does: nothing is decided', () => {
    const result = checkLinearizable(rows, queueModel({ capacity: 12 }));
    expect(result).toMatchObject({
      linearizable: undefined,
      reason: expect.stringMatching(/one call has too many outcomes, because too many replies were lost$/),
    });
  });
});

describe('the model of a queue', () => {
  test.for(QUEUE)('%s', ([, steps, verdict]) => {
    expect(verdictOf(steps, queueModel({ capacity: 2 }))).toBe(verdict);
  });

  test('R59 treats a capacity of 0 as 1', () => {
    expect(verdictOf([run('0'), refusedRun], queueModel({ capacity: 0 }))).toBe('true');
    expect(verdictOf([refusedRun], queueModel({ capacity: 0 }))).not.toBe('true');
  });

  test.for([[-1], [1.5], [NaN], ['2']])('refuses a capacity of %s', ([capacity]) => {
    expect(() => queueModel({ capacity: capacity as number })).toThrow('capacity: expected an integer ≥ 0');
  });
});
