import { describe, expect, test } from 'vitest';
import { RunnerError, type RunnerErrorCode } from '../../../src/kernel/errors.ts';
import type { RunID, RunStatus } from '../../../src/model/run-status.ts';
import { RunRejectedError } from '../../../src/model/run-rejected-error.ts';
import type { Service } from '../../../src/model/service.ts';
import { HEALTHY_SERVICE_STATUS } from '../../../src/model/service-status.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { DONE_MASK } from '../../../src/model/state-mask.ts';
import { unknownRun } from '../../../src/model/status-errors.ts';
import { waitForever } from '../../../src/model/query.ts';
import { checkLinearizable } from '../../../src/oracles/history/check-linearizable.ts';
import { formatContradiction } from '../../../src/oracles/history/contradiction.ts';
import { createHistory, type History } from '../../../src/oracles/history/history.ts';
import { queueModel } from '../../../src/oracles/history/queue-model.ts';
import type { ServiceCall } from '../../../src/call/service-call.ts';
import type { ServiceReply } from '../../../src/oracles/history/service-reply.ts';
import { statusStoreModel } from '../../../src/oracles/history/status-store-model.ts';
import { watchHistory } from '../../../src/oracles/history/watch-history.ts';
import type { FaultPlan } from '../../../src/network/fault-plan.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { simulate } from '../../../src/simulation/simulate.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { statusOf } from '../hand-made-trace.ts';

type ServiceHistory = History<ServiceCall, ServiceReply>;

const service = HEALTHY_SERVICE_STATUS;
const done = statusOf('0', 'COMPLETE');
const query = { runs: ['0'], states: DONE_MASK };
const newHistory = (): ServiceHistory => createHistory<ServiceCall, ServiceReply>({ now: () => 0 });

/** A service that answers everything with one finished run, but for these answers. */
function answering(answers: Partial<Service>): Service {
  return {
    run: async () => statusOf('0', 'PENDING'),
    abort: async () => done,
    release: async () => undefined,
    query: async () => ({ statuses: [done], service }),
    queryNow: async () => ({ statuses: [done], service }),
    status: async () => ({ status: done, service }),
    statusAll: async () => ({ statuses: [done], service }),
    ...answers,
  };
}

const shownDone = { runs: [{ runId: '0', state: 'COMPLETE', exitCode: 0, error: '' }] };
const CALLS: readonly (readonly [keyof Service, (watched: Service) => Promise<unknown>, unknown, unknown])[] =
  [
    [
      'run',
      (watched) => watched.run({ argv: ['make', 'all of the things that there are'] }),
      { method: 'run', args: [{ argv: ['make', 'all of the things that there are'] }] },
      { runs: [{ runId: '0', state: 'PENDING', exitCode: 0, error: '' }] },
    ],
    ['abort', (watched) => watched.abort('0'), { method: 'abort', args: ['0'] }, shownDone],
    ['status', (watched) => watched.status('0'), { method: 'status', args: ['0'] }, shownDone],
    ['statusAll', (watched) => watched.statusAll(), { method: 'statusAll', args: [] }, shownDone],
    ['queryNow', (watched) => watched.queryNow(query), { method: 'queryNow', args: [query] }, shownDone],
    [
      'query',
      (watched) => watched.query(query, waitForever()),
      { method: 'query', args: [query, { timeoutMs: Infinity }] },
      shownDone,
    ],
  ];

describe('a watched client', () => {
  test.for(CALLS)(
    '%s is passed on unchanged and in the history',
    async ([method, call, operation, reply]) => {
      const history = newHistory();
      const plain = answering({});
      const watched = watchHistory(plain, history, 'a');
      expect(await call(watched)).toEqual(await call(plain));
      expect(history.operations()).toMatchObject([{ client: 'a', operation, outcome: 'returned', reply }]);
      const error = new Error('connection lost');
      const failing = watchHistory(answering({ [method]: () => Promise.reject(error) }), history, 'b');
      await expect(call(failing)).rejects.toBe(error);
      const outcome = method === 'run' || method === 'abort' ? 'open' : 'failed';
      expect(history.operations()[1]).toMatchObject({ client: 'b', operation, outcome, reply: undefined });
    },
  );

  test('release is passed on and not in the history', async () => {
    const history = newHistory();
    let isReleased = false;
    const release = async (): Promise<void> => void (isReleased = true);
    await watchHistory(answering({ release }), history, 'a').release();
    expect(isReleased).toBe(true);
    expect(history.operations()).toEqual([]);
  });

  test.for([
    ['run', new RunRejectedError('RUNNER_BUSY', 'full'), 'RUNNER_BUSY'],
    ['run', new RunRejectedError('RUNNER_RELEASED', 'released'), 'RUNNER_RELEASED'],
    ['abort', unknownRun('0'), 'RUNNER_UNKNOWN_RUN'],
    ['status', unknownRun('0'), 'RUNNER_UNKNOWN_RUN'],
    ['query', new RunnerError('RUNNER_CANNOT_HAPPEN', 'over'), 'RUNNER_CANNOT_HAPPEN'],
  ] as const satisfies readonly (readonly [string, Error, RunnerErrorCode])[])(
    'R22 R26 R36 a refusal of %s is a reply: %s',
    async ([method, error, refused]) => {
      const history = newHistory();
      const watched = watchHistory(answering({ [method]: () => Promise.reject(error) }), history, 'a');
      const call = CALLS.find(([name]) => name === method)![1];
      await expect(call(watched)).rejects.toBe(error);
      expect(history.operations()).toMatchObject([{ outcome: 'returned', reply: { refused } }]);
    },
  );

  test('a call is in the history, and under way, as soon as it is made', () => {
    const history = newHistory();
    const watched = watchHistory(answering({ status: () => new Promise(() => {}) }), history, 'a');
    void watched.status('0');
    expect(history.operations()).toMatchObject([{ outcome: 'open' }]);
  });

  test('needs a service, a history and a name', () => {
    expect(() => watchHistory({} as never, newHistory(), 'a')).toThrow(
      'service: expected an object with run()',
    );
    expect(() => watchHistory(answering({}), [] as never, 'a')).toThrow('history: expected');
    expect(() => watchHistory(answering({}), newHistory(), 1 as never)).toThrow('client: expected a name');
  });
});

const PLAN: FaultPlan = {
  rates: {
    run: { before: 0.1, after: 0.2, reordered: 0.1 },
    abort: { before: 0.1, after: 0.2, duplicated: 0.2 },
    status: { before: 0.1, reordered: 0.2 },
    statusAll: { duplicated: 0.2 },
    query: { reordered: 0.2 },
  },
};

/** A client that makes calls as the seed says, and never minds an error. */
async function wander(sim: Simulation, client: string, runner: Service, ids: RunID[]): Promise<void> {
  for (let call = 0; call < 8; call += 1) {
    await sim.sleep(sim.choose(`${client} pause ${call}`, 4) * 20);
    const runId = ids[sim.choose(`${client} run ${call}`, Math.max(1, ids.length))] ?? '0';
    const calls: (() => Promise<unknown>)[] = [
      async () => ids.push((await runner.run({ argv: [`sleep ${20 * (1 + ids.length)}`] })).runId),
      () => runner.status(runId),
      () => runner.abort(runId),
      () => runner.statusAll(),
      () => runner.queryNow({ runs: [runId], states: DONE_MASK }),
      () => runner.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: 50 }),
    ];
    await calls[sim.choose(`${client} call ${call}`, calls.length)]?.().catch(() => undefined);
  }
}

interface Wandering {
  readonly seed: number;
  readonly plan?: FaultPlan;
  /** Stands between the clients and the chaos. */
  readonly between?: (runner: Service) => Service;
}

/** The history of three clients of one simulated runner in chaos. */
async function historyOf({
  seed,
  plan = PLAN,
  between = (runner) => runner,
}: Wandering): Promise<ServiceHistory> {
  let made: ServiceHistory | undefined;
  const verdict = await simulate({
    seed,
    async scenario(sim) {
      const history = createHistory<ServiceCall, ServiceReply>(sim.world.clock);
      made = history;
      const runner = createSimulatedRunner(sim.world, { capacity: 3, history: 0 });
      const network = createChaosRunner(sim.world, runner, { plan, maxDelayMs: 30 });
      const ids: RunID[] = [];
      const clients = ['a', 'b', 'c'].map((client) => {
        const watched = watchHistory(between(network), history, client);
        return wander(sim, client, watched, ids);
      });
      await Promise.all(clients);
      await network.release();
    },
  });
  expect(verdict.failure).toBeUndefined();
  return made!;
}

describe('what clients of a simulated runner behind chaos see', () => {
  const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

  test.for(seeds)('R58 R67 R70 R200 R207 is linearizable, seed %d', async (seed) => {
    const history = await historyOf({ seed });
    expect(history.operations().length).toBe(24);
    for (const model of [statusStoreModel(), queueModel({ capacity: 3 })]) {
      const result = checkLinearizable(history, model);
      expect(result.linearizable === false ? formatContradiction(result.contradiction) : '').toBe('');
      expect(result.linearizable).toBe(true);
    }
  });

  /** Sentences about what the models find over all seeds. */
  async function complaints(
    model: ReturnType<typeof statusStoreModel>,
    wandering: Omit<Wandering, 'seed'>,
  ): Promise<string[]> {
    const found: string[] = [];
    for (const seed of seeds) {
      const result = checkLinearizable(await historyOf({ ...wandering, seed }), model);
      expect(result.linearizable).toBeDefined();
      if (result.linearizable === false) {
        expect(result.contradiction.isMinimal).toBe(true);
        found.push(result.contradiction.sentence);
      }
    }
    return found;
  }

  test('R207 is not, if one of them reads a stale value', async () => {
    /** Answers every second question about a run with the answer before. */
    const stale = (runner: Service): Service => {
      const answers = new Map<RunID, RunStatus>();
      return {
        run: (command) => runner.run(command),
        abort: (runId) => runner.abort(runId),
        query: (asked, wait) => runner.query(asked, wait),
        queryNow: (asked) => runner.queryNow(asked),
        statusAll: () => runner.statusAll(),
        release: () => runner.release(),
        async status(runId) {
          const old = answers.get(runId);
          const fresh = await runner.status(runId);
          if (old === undefined) answers.set(runId, fresh.status);
          else answers.delete(runId);
          return old === undefined ? fresh : { status: old, service };
        },
      };
    };
    const found = await complaints(statusStoreModel(), { between: stale });
    expect(found.length).toBeGreaterThan(0);
    for (const sentence of found) {
      expect(sentence).toMatch(/^status\(\d\) by . said (PENDING|RUNNING) after /);
    }
  });

  test('R153 is not, if the network passes on a run twice', async () => {
    const found = await complaints(statusStoreModel(), { plan: { rates: { run: { duplicated: 0.5 } } } });
    expect(found.length).toBeGreaterThan(0);
  });

  test('R58 is not, if there is less room than stated', async () => {
    expect((await complaints(queueModel({ capacity: 4 }), {})).length).toBeGreaterThan(0);
    expect((await complaints(queueModel({ capacity: 2 }), {})).length).toBeGreaterThan(0);
  });
});

test('R47 a runner with one slot forgets, and is linearizable under a model that knows so', async () => {
  await simulate({
    async scenario(sim) {
      const history = createHistory<ServiceCall, ServiceReply>(sim.world.clock);
      const runner = watchHistory(createSimulatedRunner(sim.world), history, 'a');
      for (const argv of [['sleep 5'], ['sleep 6']]) {
        const { runId } = await runner.run({ argv });
        await finalStatus(runner, runId);
      }
      await expect(runner.status('0')).rejects.toMatchObject({ code: 'RUNNER_UNKNOWN_RUN' });
      for (const mayEvict of [true, false]) {
        expect(checkLinearizable(history, statusStoreModel({ mayEvict })).linearizable).toBe(mayEvict);
        expect(checkLinearizable(history, queueModel({ capacity: 1, mayEvict })).linearizable).toBe(mayEvict);
      }
      await runner.release();
    },
  });
});

test('a query without a wait does not count as one that came back too early', async () => {
  const history = newHistory();
  const watched = watchHistory(answering({}), history, 'a');
  await watched.run({ argv: ['x'] });
  await (watched.query as (of: unknown) => Promise<unknown>)(query);
  expect(history.operations().at(-1)?.operation).toEqual({
    method: 'query',
    args: [query, { timeoutMs: 0 }],
  });
});
