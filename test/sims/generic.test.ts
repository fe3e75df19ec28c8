// The generic scenarios hold for the parts that are shipped, and find what a broken part does wrong. Each breaks one promise of the contract.
import { describe, expect, test } from 'vitest';
import { RunnerError } from '../../src/kernel/errors.ts';
import { interceptService } from '../../src/call/intercept-service.ts';
import { type ChaosRunner, createChaosRunner } from '../../src/network/chaos-runner.ts';
import type { ChaosOptions } from '../../src/network/chaos-settings.ts';
import { createPollingQuerier } from '../../src/runners/polling/polling-querier.ts';
import { createPollingService } from '../../src/runners/polling/polling-service.ts';
import { createNode } from '../../src/simulation/service-node.ts';
import { InjectedFaultError } from '../../src/network/chaos-error.ts';
import {
  createFakeRunner,
  type FakeRunner,
  type FakeRunnerOptions,
} from '../../src/runners/fake/fake-runner.ts';
import { createStatusStore, type StatusStore } from '../../src/store/status-store.ts';
import { genericScenarios } from '../../sims/generic/index.ts';
import { chaosWorkload } from '../../sims/generic/chaos.ts';
import { nodeWorkload } from '../../sims/generic/node.ts';
import { type Pollers, pollingWorkload } from '../../sims/generic/polling.ts';
import { fakeWorkload } from '../../sims/generic/fake.ts';
import { storeWorkload } from '../../sims/generic/store.ts';
import { failureOf } from './first-failure.ts';

const HEALTHY = 200;
const FOUND_WITHIN = 2_000;

test.for(Object.entries(genericScenarios))('%s holds', async ([, load]) => {
  expect(await failureOf(await load(), HEALTHY)).toBeUndefined();
});

type Make = typeof createStatusStore;

/** A store with some of its methods replaced. */
function storeWith(change: (store: StatusStore) => Partial<StatusStore>): Make {
  return (options) => {
    const store = createStatusStore(options);
    return Object.assign(store, change(store));
  };
}

describe('generic-store finds a store that', () => {
  const broken: readonly (readonly [string, Make, RegExp])[] = [
    [
      'drops the tags of a new run (R46)',
      storeWith((store) => {
        const newRun = store.newRun.bind(store);
        return { newRun: (_tags, runType) => newRun(undefined, runType) };
      }),
      /R46/,
    ],
    [
      'says that it has taken what it has dropped (R51)',
      storeWith((store) => {
        const update = store.update.bind(store);
        return {
          update: (status) => {
            update(status);
            return 'accepted';
          },
        };
      }),
      /update of/,
    ],
    [
      'lets waits expire before what is due at their deadline (R35)',
      (options) => {
        const { clock } = options as Partial<typeof options>;
        if (clock === undefined) return createStatusStore(options);
        const early = {
          epochMs: clock.epochMs,
          now: () => clock.now(),
          timer: clock.timer.bind(clock),
          post: clock.post.bind(clock),
          endOfInstant: clock.timer.bind(clock),
        };
        return createStatusStore({ ...options, clock: early });
      },
      /R35/,
    ],
    [
      'keeps one run too many (R47)',
      (options) =>
        createStatusStore({
          ...options,
          capacity: (options.capacity ?? 0) === 0 ? 0 : (options.capacity ?? 0) + 1,
        }),
      /the store holds/,
    ],
    [
      'ends waits on all runs out of turn (R54)',
      storeWith((store) => {
        const query = store.query.bind(store);
        return {
          query: (asked, wait) =>
            (asked as typeof asked | undefined)?.allRuns === true
              ? query(asked, wait).then((result) => result)
              : query(asked, wait),
        };
      }),
      /R54/,
    ],
    [
      'answers empty where a wait is cancelled (R34)',
      storeWith((store) => {
        const query = store.query.bind(store);
        return {
          query: (asked, wait) =>
            query(asked, wait).catch((error: unknown) => {
              if (wait.signal?.aborted !== true) throw error;
              return { statuses: [], service: store.serviceStatus };
            }),
        };
      }),
      /R31/,
    ],
    ['keeps silent in the trace', (options) => createStatusStore({ ...options, tracer: undefined }), /trace/],
    [
      'shows all runs in the wrong order (R37)',
      storeWith((store) => {
        const statusAll = store.statusAll.bind(store);
        return {
          statusAll: async () => {
            const { statuses, service } = await statusAll();
            return { statuses: statuses.toReversed(), service };
          },
        };
      }),
      /statusAll/,
    ],
    [
      'shows a service status of another instant (R38)',
      storeWith((store) => {
        const first = store.serviceStatus;
        const queryNow = store.queryNow.bind(store);
        return { queryNow: async (asked) => ({ ...(await queryNow(asked)), service: first }) };
      }),
      /service/,
    ],
  ];
  test.for(broken)('%s', async ([, make, message]) => {
    expect(await failureOf(storeWorkload(make), FOUND_WITHIN, message)).toMatch(message);
  });
});

/** A fake runner with some of its methods replaced. */
function fakeWith(change: (runner: FakeRunner) => Partial<FakeRunner>): typeof createFakeRunner {
  return (world, options) => {
    const runner = createFakeRunner(world, options);
    return Object.assign(runner, change(runner));
  };
}

/** A fake runner with other options than were asked for. */
function fakeBut(options: (given: FakeRunnerOptions) => FakeRunnerOptions): typeof createFakeRunner {
  // Wrong options come one at a time, and stay wrong.
  return (world, given = {}) =>
    createFakeRunner(world, 'capacity' in given && 'history' in given ? options(given) : given);
}

describe('generic-fake finds a fake runner that', () => {
  const broken: readonly (readonly [string, typeof createFakeRunner, RegExp])[] = [
    [
      'holds one run too many (R58)',
      fakeBut((given) => ({ ...given, capacity: (given.capacity ?? 1) + 1 })),
      /run came to/,
    ],
    ['remembers one run too few (R47)', fakeBut((given) => ({ ...given, history: 1 })), /trace says|came to/],
    ['forgets the prefix of its ids (R45)', fakeBut(({ idPrefix: _, ...given }) => given), /R46/],
    [
      'starts runs a little late (R68)',
      fakeBut(({ script, ...given }) =>
        script === undefined
          ? given
          : {
              ...given,
              script: (command) => {
                const own = script(command);
                return own && { ...own, startAfterMs: (own.startAfterMs ?? 0) + 1 };
              },
            },
      ),
      /R68/,
    ],
    [
      'loses the exit code that it is given by hand',
      fakeWith((runner) => {
        const finish = runner.finish.bind(runner);
        return { finish: (runId) => finish(runId) };
      }),
      /ended as COMPLETE 0/,
    ],
    [
      'takes any end for a run whose turn it is not',
      fakeWith((runner) => {
        const finish = runner.finish.bind(runner);
        return { finish: (runId, code) => runId === runner.current && finish(runId, code) };
      }),
      /finish|odd code of/,
    ],
    [
      'ignores the time limit of a command (R100)',
      fakeWith((runner) => {
        const run = runner.run.bind(runner);
        return {
          run: (command) =>
            run(
              Array.isArray((command as Partial<typeof command> | undefined)?.argv) &&
                !Number.isNaN(command.timeoutMs)
                ? { ...command, timeoutMs: 0 }
                : command,
            ),
        };
      }),
      /trace of a command/,
    ],
    [
      'takes runs after its release (R84)',
      fakeWith((runner) => {
        const release = runner.release.bind(runner);
        return { release: async () => (runner.current === undefined ? undefined : release()) };
      }),
      /R8\d|R46/,
    ],
    [
      'returns from an abort before the run is over (R70)',
      fakeWith((runner) => ({ abort: async (runId) => (await runner.status(runId)).status })),
      /R7\d|R84/,
    ],
  ];
  test.for(broken)('%s', async ([, make, message]) => {
    expect(await failureOf(fakeWorkload(make), FOUND_WITHIN, message)).toMatch(message);
  });
});

/** A chaos runner with some of its methods replaced. */
function chaosWith(
  change: (chaos: ChaosRunner, options: ChaosOptions) => Partial<ChaosRunner>,
): typeof createChaosRunner {
  return (world, behind, options = {}) => {
    const chaos = createChaosRunner(world, behind, options);
    return Object.assign(chaos, change(chaos, options));
  };
}

describe('generic-chaos finds a chaos runner that', () => {
  const broken: readonly (readonly [string, typeof createChaosRunner, RegExp])[] = [
    [
      'injects nothing',
      (world, behind, options = {}) =>
        createChaosRunner(
          world,
          behind,
          Object.keys(options).length > 1 ? { ...options, plan: {} } : options,
        ),
      /R153/,
    ],
    [
      'forgets the plan that it gets later',
      chaosWith((chaos) => {
        const setPlan = chaos.setPlan.bind(chaos);
        return {
          setPlan: (plan) =>
            setPlan({ ...plan, rates: {}, schedule: plan.schedule?.filter((_, at) => at > 0) ?? [] }),
        };
      }),
      /R153|refused/,
    ],
    [
      'lets a duplicate through once',
      (world, behind, options) => {
        const seen = new Set<unknown>();
        const once =
          behind &&
          interceptService(behind, (call, proceed) => {
            const id =
              call.method === 'run' ? call.args[0].taskId : call.method === 'abort' ? call.args[0] : {};
            if (seen.has(id)) return Promise.resolve(undefined as never);
            seen.add(id);
            return proceed(call);
          });
        return createChaosRunner(world, once, options);
      },
      /R153 duplicated .* 1 times/,
    ],
    [
      'applies what is lost before',
      (world, behind, options = {}) => {
        const faultError = options.faultError;
        return createChaosRunner(world, behind, {
          ...options,
          faultError: (fault) => {
            if (fault.kind === 'before' && fault.operation === 'status') {
              void behind?.status('lost').catch(() => undefined);
            }
            return faultError?.(fault) ?? new InjectedFaultError(fault);
          },
        });
      },
      /status lost has reached/,
    ],
    [
      'delays twice as long (R148)',
      (world, behind, options = {}) =>
        createChaosRunner(world, behind, { ...options, maxDelayMs: (options.maxDelayMs ?? 0) * 2 }),
      /R148|is refused/,
    ],
    ['keeps its release for itself (R152)', chaosWith(() => ({ release: () => Promise.resolve() })), /R152/],
    ['takes no error (R147)', chaosWith(() => ({ setError: () => undefined })), /R147|R152|R153|refused/],
    ['does not heal', chaosWith(() => ({ heal: () => undefined })), /R1\d\d/],
    [
      'ignores how long a call may be held back',
      (world, behind, { reorderHoldMs: _, ...options } = {}) => createChaosRunner(world, behind, options),
      /reordered|refused/,
    ],
    [
      'fails with an error that says nothing (R149)',
      chaosWith((chaos) => {
        const status = chaos.status.bind(chaos);
        return {
          status: (runId) =>
            status(runId).catch((error: unknown) => {
              throw error instanceof InjectedFaultError ? new RunnerError(error.code, error.message) : error;
            }),
        };
      }),
      /R149/,
    ],
  ];
  test.for(broken)('%s', async ([, make, message]) => {
    expect(await failureOf(chaosWorkload(make), FOUND_WITHIN, message)).toMatch(message);
  });
});

describe('generic-polling finds a poller that', () => {
  const service = createPollingService;
  const broken: readonly (readonly [string, Pollers, RegExp])[] = [
    [
      'polls twice as often (R154)',
      {
        service,
        querier: (world, nower, options) =>
          createPollingQuerier(
            world,
            nower,
            options.periodMs > 0 ? { ...options, periodMs: options.periodMs / 2 } : options,
          ),
      },
      /R15\d/,
    ],
    [
      'sleeps past its deadline (R156)',
      {
        service,
        querier: (world, nower, options) => {
          const querier = createPollingQuerier(world, nower, options);
          const query = querier.query.bind(querier);
          return Object.assign(querier, {
            query: (asked: never, wait: { timeoutMs: number }) =>
              query(asked, { ...wait, timeoutMs: wait.timeoutMs + 5 }),
          });
        },
      },
      /R15\d/,
    ],
    [
      'does not hear of a release (R84)',
      {
        service,
        querier: (world, nower, options) =>
          Object.assign(createPollingQuerier(world, nower, options), { release: () => undefined }),
      },
      /R15\d|R8\d|Deadlock|left/,
    ],
  ];
  test.for(broken)('%s', async ([, make, message]) => {
    expect(await failureOf(pollingWorkload(make), FOUND_WITHIN, message)).toMatch(message);
  });
});

describe('generic-node finds a node that', () => {
  const broken: readonly (readonly [string, typeof createNode, RegExp])[] = [
    [
      'gives every life the same ids (R45)',
      (sim, options) => createNode(sim, { ...options, reusesIds: true }),
      /R45|refused/,
    ],
    [
      'lets its callers hang too long',
      (sim, { hangMs: _, ...options }) => createNode(sim, options),
      /hangs|refused/,
    ],
    [
      'does not pause',
      (sim, options) => Object.assign(createNode(sim, options), { pause: () => undefined }),
      /pause of a node/,
    ],
    [
      'is slower than it was asked to be',
      (sim, options) => {
        const node = createNode(sim, options);
        const slow = node.slow.bind(node);
        return Object.assign(node, { slow: (factor: number) => slow(factor * 2) });
      },
      /a timer|refused/,
    ],
  ];
  test.for(broken)('%s', async ([, make, message]) => {
    expect(await failureOf(nodeWorkload(make), FOUND_WITHIN, message)).toMatch(message);
  });
});
