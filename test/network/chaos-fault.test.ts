import { beforeEach, describe, expect, test } from 'vitest';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { RunnerError } from '../../src/kernel/errors.ts';
import { HEALTHY_SERVICE_STATUS } from '../../src/model/service-status.ts';
import { ALL_MASK, DONE_MASK } from '../../src/model/state-mask.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { RunRejectedError } from '../../src/model/run-rejected-error.ts';
import { waitForever } from '../../src/model/query.ts';
import { zeroStatus } from '../../src/model/run-status.ts';
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import type { ChaosRunner } from '../../src/network/chaos-runner.ts';
import type { ChaosOperation, ScheduledFault } from '../../src/network/fault-plan.ts';
import type { FaultKind } from '../../src/model/faults.ts';
import type { ChaosOptions } from '../../src/network/chaos-settings.ts';
import { ScriptedChoices } from '../runners/scripted-choices.ts';
import { ScriptedService } from '../runners/scripted-service.ts';
import { inVirtualTime, runToQuiet } from '../runners/virtual-time.ts';

let clock: VirtualClock;
let behind: ScriptedService;
let events: TraceEvent[];

beforeEach(() => {
  clock = createVirtualClock();
  behind = new ScriptedService(clock);
  events = [];
});

type Delays = Readonly<Record<string, readonly number[]>>;

function chaos(
  schedule: readonly ScheduledFault[],
  options: ChaosOptions = {},
  delays: Delays = {},
): ChaosRunner {
  const tracer = { record: (event: TraceEvent): void => void events.push(event) };
  const world = { clock, choices: new ScriptedChoices(delays), tracer };
  return createChaosRunner(world, behind, { plan: { schedule }, delaySteps: 1000, ...options });
}

const first = (operation: ChaosOperation, kind: FaultKind): ScheduledFault[] => [
  { operation, call: 1, kind },
];
const at = (ms: number, act: () => void): void => void clock.timer('test', ms, act);
const command = { argv: ['a'] };
const done = { allRuns: true, states: DONE_MASK };
const faultEvent = (operation: ChaosOperation, kind: FaultKind, ms = 0, runId = ''): TraceEvent => ({
  at: ms,
  type: 'fault',
  runner: 'chaos',
  operation,
  kind,
  runId,
});

/** The outcome of a promise, for comparing. */
const settle = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe('before', () => {
  test('R153 D78 the call fails and is not applied', async () => {
    const runner = chaos(first('run', 'before'));
    await expect(runner.run(command)).rejects.toMatchObject({
      code: 'RUNNER_INJECTED_FAULT',
      message: 'injected fault: run (before)',
      fault: { operation: 'run', kind: 'before' },
      status: zeroStatus(),
    });
    expect(behind.calls).toEqual([]);
    expect(events).toEqual([faultEvent('run', 'before')]);
    const again = await settle(chaos(first('run', 'before')).run(command));
    expect(Object.hasOwn(again as object, 'cause')).toBe(false);
    expect(await runner.run(command)).toMatchObject({ runId: '0' });
  });

  test('R153 a factory makes the errors of fault points, and of them alone', async () => {
    const runner = chaos(first('abort', 'before'), {
      faultError: ({ operation, kind }) => new TypeError(`${operation} ${kind}`),
    });
    await expect(runner.abort('7')).rejects.toEqual(new TypeError('abort before'));
    expect(events).toEqual([faultEvent('abort', 'before', 0, '7')]);
    runner.setError('down');
    await expect(runner.abort('7')).rejects.toMatchObject({ code: 'RUNNER_INJECTED_FAULT', message: 'down' });
  });

  test.for([undefined, 'gone', Promise.resolve(new Error('gone'))])(
    'R153 a factory of errors that makes %o is refused at the call',
    async (made) => {
      for (const kind of ['before', 'after'] as const) {
        const runner = chaos(first('statusAll', kind), { faultError: () => made as never });
        await expect(runner.statusAll()).rejects.toMatchObject({
          code: 'RUNNER_INVALID_ARGUMENT',
          message: expect.stringMatching(/^the result of faultError: expected an Error, got /) as string,
        });
      }
    },
  );
});

describe('after', () => {
  test('R153 D78 the call is applied and its reply is lost', async () => {
    const runner = chaos(first('run', 'after'));
    await expect(runner.run(command)).rejects.toMatchObject({
      code: 'RUNNER_INJECTED_FAULT',
      message: 'injected fault: run (after)',
    });
    expect(behind.calls).toEqual(['0 run a']);
    expect([...behind.store.runIds]).toEqual(['0']);
    expect(events).toEqual([faultEvent('run', 'after')]);
  });

  test('R153 a reply that is an error is lost too, and recorded', async () => {
    const runner = chaos(first('status', 'after'));
    await expect(runner.status('nope')).rejects.toMatchObject({ code: 'RUNNER_INJECTED_FAULT' });
    expect(events).toEqual([
      faultEvent('status', 'after', 0, 'nope'),
      {
        at: 0,
        type: 'recorded',
        runner: 'chaos',
        runId: 'nope',
        what: 'status: lost reply',
        error: 'unknown run id nope',
        exitCode: 0,
      },
    ]);
  });

  test('R34 a cancelled query is cancelled, not lost', async () => {
    const runner = chaos(first('query', 'after'));
    const stop = new AbortController();
    at(3, () => stop.abort());
    const query = runner.query(done, waitForever(stop.signal));
    await expect(inVirtualTime(clock, () => query)).rejects.toMatchObject({ code: 'RUNNER_WAIT_CANCELLED' });
    expect(clock.now()).toBe(3);
  });

  test('a broken invariant of the delegate is not lost', async () => {
    behind.failure = new RunnerError('RUNNER_INVARIANT', 'broken');
    await expect(chaos(first('run', 'after')).run(command)).rejects.toBe(behind.failure);
  });
});

describe('duplicated', () => {
  test('R153 the call is applied twice, and the caller gets the first reply', async () => {
    const runner = chaos(first('run', 'duplicated'));
    const accepted = runner.run(command);
    expect(behind.calls).toEqual(['0 run a', '0 run a']);
    expect(await accepted).toMatchObject({ runId: '0' });
    expect([...behind.store.runIds]).toEqual(['0', '1']);
    expect(events).toEqual([faultEvent('run', 'duplicated')]);
  });

  test('R153 a delayed duplicate comes in its turn, not after everything else', async () => {
    const runner = chaos(first('run', 'duplicated'), { maxDelayMs: 1000 }, { 'chaos run again delay': [40] });
    await runner.run(command);
    at(40, () => behind.calls.push('other'));
    await runToQuiet(clock);
    expect(behind.calls).toEqual(['0 run a', '40 run a', 'other']);
  });

  test('R153 the duplicate has a delay of its own', async () => {
    const delays = { 'chaos run k again delay': [40], 'chaos run k delay': [10] };
    const runner = chaos(first('run', 'duplicated'), { maxDelayMs: 1000 }, delays);
    const accepted = await inVirtualTime(clock, () => runner.run({ ...command, taskId: 'k' }));
    expect(accepted).toMatchObject({ runId: '0' });
    expect(clock.pendingLabels()).toEqual(['chaos run k again']);
    await runToQuiet(clock);
    expect(behind.calls).toEqual(['10 run a', '50 run a']);
    expect(clock.pending).toBe(0);
  });

  test('R153 a duplicated query asks again without waiting, so that it leaves no waiter', async () => {
    const runner = chaos(first('query', 'duplicated'));
    const runId = behind.newRun();
    at(5, () => behind.complete(runId));
    const result = await inVirtualTime(clock, () => runner.query(done, { timeoutMs: 9 }));
    expect(result.statuses).toMatchObject([{ runId }]);
    expect(behind.calls).toEqual(['0 query all DONE_MASK for 9', '0 queryNow all DONE_MASK']);
    expect([behind.store.waiterCount, clock.pending]).toEqual([0, 0]);
  });

  test('R153 the error of a duplicate is recorded', async () => {
    const runner = chaos(
      first('abort', 'duplicated'),
      { maxDelayMs: 1000 },
      { 'chaos abort 0 again delay': [7] },
    );
    behind.newRun();
    expect(await runner.abort('0')).toMatchObject({ state: 'ABORTED' });
    behind.failure = new Error('gone');
    await runToQuiet(clock);
    expect(events).toEqual([
      faultEvent('abort', 'duplicated', 0, '0'),
      {
        at: 7,
        type: 'recorded',
        runner: 'chaos',
        runId: '0',
        what: 'abort: reply to a duplicate',
        error: 'gone',
        exitCode: 0,
      },
    ]);
  });
});

describe('reordered', () => {
  test('R153 the call is held back until another one has overtaken it', async () => {
    const runner = chaos(first('run', 'reordered'));
    const [held, overtaking] = [runner.run({ argv: ['first'] }), runner.run({ argv: ['second'] })];
    const accepted = await Promise.all([held, overtaking]);
    expect(accepted).toMatchObject([{ runId: '1' }, { runId: '0' }]);
    expect(behind.calls).toEqual(['0 run second', '0 run first']);
    expect(events).toEqual([faultEvent('run', 'reordered')]);
    expect(clock.pending).toBe(0);
  });

  test('R153 calls that are held back go on in the order in which they came', async () => {
    const runner = chaos([1, 2].map((call) => ({ operation: 'run', call, kind: 'reordered' }) as const));
    const runs = ['a', 'b'].map((name) => runner.run({ argv: [name] }));
    await runner.statusAll();
    await Promise.all(runs);
    expect(behind.takeCalls()).toEqual(['statusAll', 'run a', 'run b']);
  });

  test('R153 a call that does not reach the delegate overtakes nothing', async () => {
    const runner = chaos([...first('run', 'reordered'), ...first('abort', 'before')]);
    const held = runner.run(command);
    await settle(runner.abort('0'));
    expect(behind.calls).toEqual([]);
    await runner.statusAll();
    await held;
    expect(behind.takeCalls()).toEqual(['statusAll', 'run a']);
  });

  test.for([
    [{}, 1000],
    [{ reorderHoldMs: 20 }, 20],
    [{ reorderHoldMs: 0 }, 0],
  ] as const)('R153 with %j it is held back for %d ms at most', async ([options, heldMs]) => {
    const runner = chaos(first('run', 'reordered'), options);
    await inVirtualTime(clock, () => runner.run(command));
    expect(behind.calls).toEqual([`${heldMs} run a`]);
    expect(clock.pending).toBe(0);
  });

  test('R151 R153 a query is held back until its deadline at most', async () => {
    const runner = chaos(first('query', 'reordered'));
    const runId = behind.newRun();
    at(30, () => clock.post('test', () => behind.complete(runId)));
    const result = await inVirtualTime(clock, () => runner.query(done, { timeoutMs: 30 }));
    expect(result.statuses).toMatchObject([{ runId }]);
    expect(behind.calls).toEqual(['30 query all DONE_MASK for 0']);
  });

  test('R151 a query whose delay has taken all of its time to the microsecond is not held back', async () => {
    const runner = chaos(
      first('query', 'reordered'),
      { maxDelayMs: 100 },
      { 'chaos query all delay': [100] },
    );
    at(12.499, () => undefined);
    await runToQuiet(clock);
    await inVirtualTime(clock, () => runner.query(done, { timeoutMs: 5 }));
    expect(behind.calls).toEqual(['17.499 query all DONE_MASK for 0']);
  });

  test('R151 a query without time is not held back, and a cancel lets it go on', async () => {
    const schedule = [1, 2].map((call) => ({ operation: 'query', call, kind: 'reordered' }) as const);
    const runner = chaos(schedule);
    expect(await runner.query(done, { timeoutMs: 0 })).toMatchObject({ statuses: [] });
    const stop = new AbortController();
    at(4, () => stop.abort());
    const query = runner.query(done, { timeoutMs: 500, signal: stop.signal });
    await expect(inVirtualTime(clock, () => query)).rejects.toMatchObject({ code: 'RUNNER_WAIT_CANCELLED' });
    expect([clock.now(), clock.pending]).toEqual([4, 0]);
  });
});

describe('stuck', () => {
  test('R153 R204 a stuck query ends with its cancel, not with its deadline', async () => {
    const runner = chaos(first('query', 'stuck'));
    const stop = new AbortController();
    at(700, () => stop.abort('enough'));
    const query = runner.query(done, { timeoutMs: 10, signal: stop.signal });
    await expect(inVirtualTime(clock, () => query)).rejects.toMatchObject({
      code: 'RUNNER_WAIT_CANCELLED',
      cause: 'enough',
    });
    expect(clock.now()).toBe(700);
    expect(behind.calls).toEqual([]);
    expect(events).toEqual([faultEvent('query', 'stuck')]);
  });

  test('R153 a stuck query whose signal was aborted before is cancelled', async () => {
    const runner = chaos(first('query', 'stuck'));
    await expect(runner.query(done, waitForever(AbortSignal.abort('x')))).rejects.toMatchObject({
      code: 'RUNNER_WAIT_CANCELLED',
      cause: 'x',
    });
  });

  test('R153 R204 R22 a stuck call ends with the release, unapplied', async () => {
    const schedule = [...first('run', 'stuck'), ...first('abort', 'stuck'), ...first('query', 'stuck')];
    const runner = chaos(schedule);
    const calls = [runner.run(command), runner.abort('0'), runner.query(done, { timeoutMs: 10 })];
    at(50, () => void runner.release());
    const outcomes = await inVirtualTime(clock, () => Promise.all(calls.map(settle)));
    const released = (operation: string): object => ({
      code: 'RUNNER_RELEASED',
      message: `the runner was released while ${operation} was stuck`,
    });
    expect(outcomes).toMatchObject([
      { ...released('run'), status: zeroStatus() },
      released('abort'),
      released('query'),
    ]);
    expect(outcomes.map((outcome) => outcome instanceof RunRejectedError)).toEqual([true, false, false]);
    expect(behind.calls).toEqual(['50 release']);
    expect(clock.pending).toBe(0);
  });

  test('R153 healing passes on a stuck call', async () => {
    const runner = chaos(first('run', 'stuck'));
    const run = runner.run(command);
    at(50, () => runner.heal());
    expect(await inVirtualTime(clock, () => run)).toMatchObject({ runId: '0' });
    expect(behind.calls).toEqual(['50 run a']);
  });
});

describe('healing', () => {
  test('R153 ends delays, holds, faults and the set error', async () => {
    const schedule = [1, 3].map((call) => ({ operation: 'run', call, kind: 'reordered' }) as const);
    const runner = chaos(schedule, { maxDelayMs: 1000 }, { 'chaos abort 0 delay': [900, 900] });
    const calls = [runner.run(command), runner.abort('0')];
    at(10, () => {
      runner.setError('down');
      runner.heal();
    });
    await inVirtualTime(clock, () => Promise.all(calls));
    expect(behind.calls).toEqual(['10 run a', '10 abort 0']);
    await Promise.all([runner.run(command), runner.run(command), runner.abort('0')]);
    expect([clock.now(), clock.pending]).toEqual([10, 0]);
  });
});

describe('after a release', () => {
  test('R86 R204 nothing is held back: delayed and reordered calls go on at once, in order', async () => {
    const runner = chaos(first('status', 'reordered'), { maxDelayMs: 1000 }, { 'chaos run delay': [900] });
    behind.newRun();
    const calls = [runner.run(command), runner.status('0')];
    at(20, () => void runner.release());
    const outcomes = await inVirtualTime(clock, () => Promise.all(calls.map(settle)));
    expect(behind.calls).toEqual(['20 release', '20 run a', '20 status 0']);
    expect(outcomes).toMatchObject([{ code: 'RUNNER_RELEASED' }, { status: { state: 'ABORTED' } }]);
    expect(clock.pending).toBe(0);
  });

  test('R84 R86 later calls get neither delays nor faults', async () => {
    const choices = new ScriptedChoices();
    const runner = createChaosRunner({ clock, choices }, behind, {
      maxDelayMs: 1000,
      plan: { rates: { statusAll: { before: 0.5 } }, schedule: first('queryNow', 'stuck') },
    });
    await runner.release();
    await runner.statusAll();
    expect(await runner.queryNow({ allRuns: true, states: ALL_MASK })).toEqual({
      statuses: [],
      service: HEALTHY_SERVICE_STATUS,
    });
    expect(choices.asked).toEqual([]);
    expect([clock.now(), clock.pending]).toEqual([0, 0]);
  });

  test('R86 a duplicate that is still delayed goes on at once', async () => {
    const runner = chaos(
      first('abort', 'duplicated'),
      { maxDelayMs: 1000 },
      { 'chaos abort 0 again delay': [500] },
    );
    behind.newRun();
    await runner.abort('0');
    await runner.release();
    await runner.statusAll();
    expect(behind.takeCalls()).toEqual(['abort 0', 'release', 'abort 0', 'statusAll']);
    expect(clock.pending).toBe(0);
  });
});

test('R212 random faults are asked for by name, and traced as they strike', async () => {
  const choices = new ScriptedChoices({ 'w3 abort 4 fault': [0, 1] });
  const tracer = { record: (event: TraceEvent): void => void events.push(event) };
  const runner = createChaosRunner({ clock, choices, tracer }, behind, {
    name: 'w3',
    plan: { rates: { abort: { before: 0.5 } } },
  });
  await settle(runner.abort('4'));
  expect(events).toEqual([]);
  await settle(runner.abort('4'));
  expect(events).toEqual([{ ...faultEvent('abort', 'before', 0, '4'), runner: 'w3' }]);
  expect(choices.asked).toEqual(['w3 abort 4 fault of 2', 'w3 abort 4 fault of 2']);
});

test('R212 a fault in a query names its run if there is only one', async () => {
  const schedule = [1, 2, 3, 4].map((call) => ({ operation: 'queryNow', call, kind: 'before' }) as const);
  const runner = chaos(schedule);
  for (const query of [{ runs: ['4'] }, { runs: ['4', '5'] }, { runs: ['4'], allRuns: true }, {}]) {
    await settle(runner.queryNow({ ...query, states: ALL_MASK }));
  }
  expect(events.map((event) => (event.type === 'fault' ? event.runId : 'none'))).toEqual(['4', '', '', '']);
});

test('R153 faults need no tracer', async () => {
  const plan = {
    schedule: [...first('run', 'before'), ...first('status', 'after'), ...first('abort', 'after')],
  };
  const runner = createChaosRunner({ clock, choices: new ScriptedChoices() }, behind, { plan });
  for (const call of [runner.run(command), runner.status('nope'), runner.abort('nope')]) {
    expect(await settle(call)).toMatchObject({ code: 'RUNNER_INJECTED_FAULT' });
  }
});
