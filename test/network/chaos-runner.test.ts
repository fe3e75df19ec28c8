import { beforeEach, describe, expect, test } from 'vitest';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { RunnerError } from '../../src/kernel/errors.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { pendingStatus, zeroStatus } from '../../src/model/run-status.ts';
import { NEW_SERVICE_STATUS } from '../../src/model/service-status.ts';
import type { Service } from '../../src/model/service.ts';
import { ALL_MASK, DONE_MASK } from '../../src/model/state-mask.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { waitForever } from '../../src/model/query.ts';
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import type { ChaosRunner } from '../../src/network/chaos-runner.ts';
import type { ChaosOptions } from '../../src/network/chaos-settings.ts';
import { ScriptedChoices } from '../runners/scripted-choices.ts';
import { ScriptedService } from '../runners/scripted-service.ts';
import { inVirtualTime } from '../runners/virtual-time.ts';

let clock: VirtualClock;
let behind: ScriptedService;
let events: TraceEvent[];
const tracer = { record: (event: TraceEvent): void => void events.push(event) };

beforeEach(() => {
  clock = createVirtualClock();
  behind = new ScriptedService(clock);
  events = [];
});

/** Chaos around the scripted service; `delays` are thousandths of its delay by label, where one is drawn. */
function chaos(
  options: ChaosOptions = {},
  delays: Readonly<Record<string, readonly number[]>> = {},
): ChaosRunner {
  const choices = new ScriptedChoices(delays);
  return createChaosRunner({ clock, choices, tracer }, behind, { delaySteps: 1000, ...options });
}

const at = (ms: number, act: () => void): void => void clock.timer('test', ms, act);
const command = { argv: ['a'] };
const everything = { allRuns: true, states: ALL_MASK };
const done = { allRuns: true, states: DONE_MASK };

/** One call of each operation that chaos can strike, with what reaches the delegate. */
const operations = [
  ['run', (service: Service) => service.run(command), 'run a'],
  ['abort', (service: Service) => service.abort('0'), 'abort 0'],
  ['query', (service: Service) => service.query(everything, { timeoutMs: 0 }), 'query all ALL_MASK for 0'],
  ['queryNow', (service: Service) => service.queryNow(everything), 'queryNow all ALL_MASK'],
  ['status', (service: Service) => service.status('0'), 'status 0'],
  ['statusAll', (service: Service) => service.statusAll(), 'statusAll'],
] as const;
type Operation = (typeof operations)[number];

describe('without settings', () => {
  test.for(operations)(
    'R147 %s reaches the delegate in the same synchronous call',
    async ([, call, reached]: Operation) => {
      behind.newRun();
      const runner = chaos();
      const answer = call(runner);
      expect(behind.calls).toEqual([`0 ${reached}`]);
      expect(JSON.stringify(await answer)).toContain('"runId":"');
      expect([clock.pending, events.length]).toEqual([0, 0]);
    },
  );

  test('R147 errors of the delegate pass through unchanged', async () => {
    behind.failure = new Error('mine');
    for (const [, call] of operations) await expect(call(chaos())).rejects.toBe(behind.failure);
  });

  test('a wait is passed on unchanged', async () => {
    const stop = new AbortController();
    const seen: unknown[] = [];
    const delegate = Object.assign(Object.create(behind) as ScriptedService, {
      query: async (...args: unknown[]) => seen.push(args),
    });
    const runner = createChaosRunner({ clock, choices: new ScriptedChoices() }, delegate);
    await runner.query(done, { timeoutMs: 0.1, signal: stop.signal });
    await runner.query(done, waitForever());
    expect(seen).toEqual([
      [done, { timeoutMs: 0.1, signal: stop.signal }],
      [done, { timeoutMs: Infinity }],
    ]);
  });

  test.for([
    ['run', (service: Service) => service.run(undefined as never)],
    ['query', (service: Service) => service.query(undefined as never, { timeoutMs: 0 })],
    ['query', (service: Service) => service.query(everything, { timeoutMs: -1 })],
    ['queryNow', (service: Service) => service.queryNow(undefined as never)],
  ] as const)('R33 R66 D36 a malformed %s is refused at once', async ([, call]) => {
    await expect(call(chaos({ error: 'down' }))).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    expect(behind.calls).toEqual([]);
  });
});

describe('a caller that changes its arguments afterwards', () => {
  test('R147 D94 does not change a delayed call', async () => {
    const [first, second] = [behind.newRun(), behind.newRun()];
    const late = { 'chaos run delay': [500], 'chaos query 0 delay': [500], 'chaos queryNow 0 delay': [500] };
    const runner = chaos({ maxDelayMs: 100 }, late);
    const given = { argv: ['a'], envVars: { A: '1' } };
    const query = { runs: [first], states: ALL_MASK };
    const wait = { timeoutMs: 200 };
    const calls = [runner.run(given), runner.query(query, wait), runner.queryNow(query)];
    given.argv[0] = 'b';
    given.envVars.A = '2';
    query.runs[0] = second;
    wait.timeoutMs = 0;
    expect(behind.calls).toEqual([]);
    await inVirtualTime(clock, () => Promise.all(calls));
    expect(behind.calls.map((call) => call.replace(/^\S+ /, '').replace(/ for .*/, ''))).toEqual([
      'run a',
      'query 0 ALL_MASK',
      'queryNow 0 ALL_MASK',
    ]);
  });
});

describe('delays', () => {
  test.for(operations)('R147 R148 %s is delayed first', async ([operation, call, reached]: Operation) => {
    behind.newRun();
    const subjects = new Map([
      ['abort', ' 0'],
      ['status', ' 0'],
      ['query', ' all'],
      ['queryNow', ' all'],
    ]);
    const subject = subjects.get(operation) ?? '';
    const runner = chaos({ maxDelayMs: 1000 }, { [`chaos ${operation}${subject} delay`]: [250] });
    const wait = operation === 'query' ? runner.query(everything, waitForever()) : call(runner);
    expect(behind.calls).toEqual([]);
    expect(clock.pendingLabels()).toEqual([`chaos ${operation}${subject}`]);
    await inVirtualTime(clock, async () => wait);
    expect(behind.calls).toEqual([`250 ${reached}`.replace('for 0', 'for Infinity')]);
    expect(clock.pending).toBe(0);
  });

  test('R148 D75 delays come from the injected decisions: the same seed gives the same delays', async () => {
    const timesOf = async (seed: string): Promise<string[]> => {
      clock = createVirtualClock();
      behind = new ScriptedService(clock);
      const choices = createDecisions(randomDecisions(seed));
      const runner = createChaosRunner({ clock, choices }, behind, { maxDelayMs: 80, name: 'n' });
      await inVirtualTime(clock, () => Promise.all(Array.from({ length: 40 }, () => runner.statusAll())));
      expect(choices.entries().map(({ question, n }) => `${question.text} ${n}`)).toEqual(
        Array(40).fill('n statusAll delay 32'),
      );
      return behind.calls;
    };
    const first = await timesOf('a');
    expect(await timesOf('a')).toEqual(first);
    expect(await timesOf('b')).not.toEqual(first);
    const times = first.map((call) => Number(call.split(' ')[0]));
    expect(times).toEqual(times.toSorted((left, right) => left - right));
    expect(times.every((time) => time >= 0 && time < 80 && time % 2.5 === 0)).toBe(true);
    expect(new Set(times).size).toBeGreaterThan(10);
  });

  test('R150 D73 concurrent calls delay independently', async () => {
    behind.newRun();
    const runner = chaos({ maxDelayMs: 1000 }, { 'chaos status 0 delay': [500, 100, 900, 0] });
    const order: number[] = [];
    await inVirtualTime(clock, () =>
      Promise.all([0, 1, 2, 3].map(async (call) => order.push((await runner.status('0'), call)))),
    );
    expect(behind.calls).toEqual(['0 status 0', '100 status 0', '500 status 0', '900 status 0']);
    expect(order).toEqual([3, 1, 0, 2]);
  });

  test('R150 D73 D74 a setting takes effect at once, also for calls whose delay has not ended', async () => {
    behind.newRun();
    const runner = chaos({ maxDelayMs: 1000 }, { 'chaos status 0 delay': [500, 400] });
    const [late, early] = [runner.status('0'), runner.status('0')];
    const runStatus = pendingStatus('x');
    at(450, () => {
      runner.setDelay(0);
      runner.setError('down');
      runner.setRunStatus(runStatus);
    });
    const outcomes = await inVirtualTime(clock, () => Promise.allSettled([late, early, runner.abort('0')]));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    await expect(runner.run(command)).rejects.toMatchObject({ status: runStatus });
    expect(clock.now()).toBe(500);
    runner.setError(undefined);
    await runner.status('0');
    expect(clock.now()).toBe(500);
  });

  test('R150 D74 an error that is removed while a call is delayed does not strike it', async () => {
    behind.newRun();
    const runner = chaos({ maxDelayMs: 1000, error: 'down' }, { 'chaos status 0 delay': [500] });
    runner.setPlan({ schedule: [{ operation: 'status', call: 1, kind: 'before' }] });
    const late = runner.status('0');
    at(250, () => {
      runner.setError(undefined);
      runner.setPlan({});
    });
    await expect(inVirtualTime(clock, () => late)).resolves.toMatchObject({ status: { runId: '0' } });
    expect(clock.now()).toBe(500);
  });

  test('R150 R149 a status set while a run is delayed is the one in its error', async () => {
    const runner = chaos(
      { maxDelayMs: 1000, error: 'down', runStatus: pendingStatus('before') },
      { 'chaos run a delay': [500], 'chaos run delay': [500] },
    );
    const late = runner.run(command);
    at(250, () => runner.setRunStatus(pendingStatus('after')));
    await expect(inVirtualTime(clock, () => late)).rejects.toMatchObject({ status: { runId: 'after' } });
    expect(clock.now()).toBe(500);
  });

  test('R150 a plan set while a call is delayed strikes it', async () => {
    const runner = chaos({ maxDelayMs: 1000 }, { 'chaos run delay': [500] });
    const run = runner.run(command);
    runner.setPlan({ schedule: [{ operation: 'run', call: 1, kind: 'before' }] });
    await expect(inVirtualTime(clock, () => run)).rejects.toMatchObject({ code: 'RUNNER_INJECTED_FAULT' });
  });

  test('labels carry what a call is about', async () => {
    const choices = new ScriptedChoices();
    const runner = createChaosRunner({ clock, choices }, behind, {
      maxDelayMs: 1,
      delaySteps: 2,
      name: 'w3',
    });
    for (const ids of [
      {},
      { jobId: 'j', tag: '' },
      { jobId: 'j', tag: 't' },
      { jobId: 'j', tag: 't', taskId: 'k' },
    ]) {
      await runner.run({ ...command, ...ids });
    }
    await runner.abort('0');
    await runner.status('1');
    await runner.queryNow({ runs: ['2'], states: ALL_MASK });
    await runner.queryNow({ runs: ['2', '3', '0'], states: ALL_MASK });
    await runner.query({ states: ALL_MASK }, waitForever());
    expect(choices.asked).toEqual(
      ['run', 'run j', 'run t', 'run k', 'abort 0', 'status 1', 'queryNow 2', 'queryNow 2+2', 'query'].map(
        (call) => `w3 ${call} delay of 2`,
      ),
    );
  });
});

describe('a set error', () => {
  const service = NEW_SERVICE_STATUS;
  const carried = {
    run: { status: pendingStatus('x'), statuses: undefined, service: undefined },
    abort: { status: zeroStatus(), statuses: undefined, service: undefined },
    status: { status: zeroStatus(), statuses: undefined, service },
    query: { status: undefined, statuses: [], service },
    queryNow: { status: undefined, statuses: [], service },
    statusAll: { status: undefined, statuses: [], service },
  };

  test.for(operations)(
    'R147 R149 %s fails with it and the zero values, and the delegate is not called',
    async (row) => {
      const [operation, call] = row;
      const runner = chaos({ error: 'link down', runStatus: pendingStatus('x') });
      const error = await call(runner).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(RunnerError);
      expect(error).toMatchObject({
        code: 'RUNNER_INJECTED_FAULT',
        message: 'link down',
        fault: { operation, kind: 'error' },
      });
      const {
        status,
        statuses,
        service: answered,
      } = error as { [field in 'status' | 'statuses' | 'service']: unknown };
      expect({ status, statuses, service: answered }).toEqual(carried[operation]);
      expect(behind.calls).toEqual([]);
      const runId = operation === 'abort' || operation === 'status' ? '0' : '';
      expect(events).toEqual([{ at: 0, type: 'fault', runner: 'chaos', operation, kind: 'error', runId }]);
    },
  );

  test('R149 run carries the zero status unless one is configured', async () => {
    await expect(chaos({ error: 'x' }).run(command)).rejects.toMatchObject({ status: zeroStatus() });
  });

  test('R147 a RunnerError gives its code, and is the cause', async () => {
    const busy = new RunnerError('RUNNER_BUSY', 'No resources available.');
    await expect(chaos({ error: busy }).run(command)).rejects.toMatchObject({
      code: 'RUNNER_BUSY',
      message: 'No resources available.',
      cause: busy,
    });
    const other = new TypeError('socket closed');
    await expect(chaos({ error: other }).run(command)).rejects.toMatchObject({
      code: 'RUNNER_INJECTED_FAULT',
      message: 'socket closed',
      cause: other,
    });
  });

  test('R147 a factory makes the very error that is thrown', async () => {
    const made = new TypeError('socket closed');
    const runner = chaos();
    const seen: unknown[] = [];
    runner.setError((fault) => {
      seen.push(fault);
      return made;
    });
    await expect(runner.status('7')).rejects.toBe(made);
    expect(seen).toEqual([{ operation: 'status', kind: 'error', status: zeroStatus(), service }]);
  });

  test('R147 comes after the delay', async () => {
    const runner = chaos({ maxDelayMs: 1000, error: 'x' }, { 'chaos statusAll delay': [70] });
    await expect(inVirtualTime(clock, () => runner.statusAll())).rejects.toThrow('x');
    expect(clock.now()).toBe(70);
  });

  test('R152 release is neither delayed nor failed', async () => {
    // Whatever is asked gets the longest delay and a fault.
    const choices = { choose: (_question: unknown, n: number) => n - 1 };
    const runner = createChaosRunner({ clock, choices, tracer }, behind, { maxDelayMs: 1000, error: 'x' });
    runner.statusAll().catch(() => undefined);
    expect(behind.calls).toEqual([]);
    const released = runner.release();
    expect(behind.calls).toEqual(['0 release']);
    await released;
    await runner.release();
    expect(behind.calls).toEqual(['0 release', '0 release']);
    await expect(runner.statusAll()).rejects.toThrow('x');
  });
});

describe('without a delegate', () => {
  const alone = (options: ChaosOptions = {}): ChaosRunner =>
    createChaosRunner({ clock, choices: new ScriptedChoices(), tracer }, undefined, options);

  test.for(operations)('R152 D77 %s is a typed error', async ([operation, call]: Operation) => {
    await expect(call(alone())).rejects.toMatchObject({
      code: 'RUNNER_NO_DELEGATE',
      message: `${operation}: there is no runner behind the chaos`,
    });
    for (const kind of ['after', 'duplicated'] as const) {
      const plan = { schedule: [{ operation, call: 1, kind }] };
      await expect(call(alone({ plan }))).rejects.toMatchObject({ code: 'RUNNER_NO_DELEGATE' });
    }
  });

  test('R152 a set error comes first, and release works', async () => {
    const runner = alone({ error: 'down' });
    await expect(runner.run(command)).rejects.toMatchObject({ code: 'RUNNER_INJECTED_FAULT' });
    await expect(runner.release()).resolves.toBeUndefined();
  });
});

test('R209 R212 the same seed gives the same faults, and each can be removed by its one decision', async () => {
  const run = async (source: Parameters<typeof createDecisions>[0]) => {
    clock = createVirtualClock();
    behind = new ScriptedService(clock);
    events = [];
    const choices = createDecisions(source);
    const runner = createChaosRunner({ clock, choices, tracer }, behind, {
      plan: { rates: { run: { before: 0.2, after: 0.2 } } },
    });
    for (let task = 0; task < 50; task += 1) {
      await runner.run({ argv: ['a'], taskId: String(task) }).catch(() => {});
    }
    return {
      faults: events.map((event) => (event.type === 'fault' ? event.kind : '')),
      log: choices.entries(),
    };
  };
  const { faults, log } = await run(randomDecisions('s'));
  expect(await run(randomDecisions('s'))).toEqual({ faults, log });
  const struck = log.flatMap(({ answer }, index) => (answer >= 3 ? [index] : []));
  expect(struck.length).toBe(faults.length);
  expect(faults.length).toBeGreaterThan(10);
  for (const [position, index] of struck.entries()) {
    let asked = -1;
    const edited = { decide: () => ((asked += 1) === index ? 0 : (log[asked]?.answer ?? 0)) };
    expect((await run(edited)).faults).toEqual(faults.toSpliced(position, 1));
  }
});

test('R147 a whole run passes through idle chaos', async () => {
  const runner = chaos();
  const { runId } = await runner.run(command);
  at(5, () => behind.start(runId));
  at(9, () => behind.complete(runId, 4));
  const { status } = await inVirtualTime(clock, () => finalStatus(runner, runId));
  expect(status).toMatchObject({ runId, state: 'COMPLETE', exitCode: 4 });
  expect(clock.now()).toBe(9);
});

describe('wrong options', () => {
  test.for([
    [{ maxDelayMs: -1 }, 'maxDelayMs: expected a finite number ≥ 0, got -1'],
    [{ delaySteps: 0 }, 'delaySteps: expected an integer ≥ 1, got 0'],
    [{ reorderHoldMs: -1 }, 'reorderHoldMs: expected a finite number ≥ 0, got -1'],
    [{ reorderHoldMs: Infinity }, 'reorderHoldMs: expected a finite number ≥ 0, got Infinity'],
    [{ error: 7 as never }, 'error: expected an Error, a message or a function that makes an Error, got 7'],
    [
      { plan: { rates: { run: { before: 2 } } } },
      'plan.rates.run.before: expected a finite number from 0 to 1, got 2',
    ],
  ] as const)('R148 R153 %j is refused', ([options, message]) => {
    expect(() => chaos(options)).toThrow(message);
  });

  test.for([42, null, {}])('a delegate that is not a service is refused: %j', (delegate) => {
    expect(() =>
      createChaosRunner({ clock, choices: new ScriptedChoices() }, delegate as never),
    ).toThrowError(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: expect.stringContaining('delegate: expected an object with run(), got '),
      }),
    );
  });

  test('R147 an error that makes no error is refused at the call', async () => {
    const runner = chaos({ error: () => undefined as never });
    await expect(inVirtualTime(clock, () => runner.run(command))).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: 'the result of error: expected an Error, got undefined',
    });
  });

  test('R148 R153 a refused setting keeps the old one in force', async () => {
    const runner = chaos({ maxDelayMs: 1000, error: 'old' }, { 'chaos run delay': [5] });
    expect(() => runner.setDelay(-1)).toThrow('maxDelayMs');
    expect(() => runner.setError(null as never)).toThrow('error: expected');
    expect(() => runner.setRunStatus(undefined as never)).toThrow(
      'status: expected a run status, got undefined',
    );
    expect(() => runner.setPlan({ rates: { run: { before: 2 } } })).toThrow('plan.rates');
    await expect(inVirtualTime(clock, () => runner.run(command))).rejects.toThrow('old');
    expect(clock.now()).toBe(5);
  });
});
