// exploreService: silent about services that keep what they claim, and what each broken promise looks like.
import { describe, expect, test } from 'vitest';
import { simCommands } from '../../../src/conformance/command-vocabulary.ts';
import { exploreService } from '../../../src/conformance/workload/explore-service.ts';
import type { ServiceSubject } from '../../../src/conformance/workload/service-workload.ts';
import { sleep } from '../../../src/kernel/clock.ts';
import { RunnerError } from '../../../src/kernel/errors.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import type { Service } from '../../../src/model/service.ts';
import type { World } from '../../../src/model/world.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { argvScript } from '../../../src/runners/fake/fake-script.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { createPool } from '../../../sims/generic/pool.ts';
import { having } from '../broken-services.ts';

const pool: ServiceSubject = {
  name: 'pool',
  commands: simCommands,
  supports: ['timeouts', 'unstartable'],
  atOnce: 8,
  create: (world) => ({ service: createPool(world) }),
};

/** The pool, broken. */
function broken(
  breakIt: (good: Service, world: World) => Service,
  claims: Partial<ServiceSubject> = {},
): ServiceSubject {
  return { ...pool, ...claims, create: (world) => ({ service: breakIt(createPool(world), world) }) };
}

interface Delays {
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** A runner behind calls that take their time; `makeDelays` is called for each world. */
function delayed(
  makeDelays: () => (method: string) => Delays,
  claims: Partial<ServiceSubject> = {},
): ServiceSubject {
  const create = (world: World): { service: Service } => {
    const delaysOf = makeDelays();
    const pause = (label: string, ms: number): Promise<void> =>
      new Promise((resolve) => {
        world.clock.timer(label, ms, () => resolve());
      });
    const slow = new Proxy(createFakeRunner(world, { capacity: 4, script: argvScript }), {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (first: unknown, ...others: unknown[]): Promise<unknown> => {
          // The caller may change what it has given.
          const args = [structuredClone(first), ...others];
          const { beforeMs, afterMs } = delaysOf(String(name));
          if (beforeMs > 0) await pause('on its way', beforeMs);
          try {
            return await Reflect.apply(method, target, args);
          } finally {
            if (afterMs > 0) await pause('on its way back', afterMs);
          }
        };
      },
    });
    return { service: slow };
  };
  return { name: 'delayed', commands: simCommands, capacity: 4, ...claims, create };
}

const BOTH: Delays = { beforeMs: 7, afterMs: 7 };
const BEFORE: Delays = { beforeMs: 7, afterMs: 0 };
const NONE: Delays = { beforeMs: 0, afterMs: 0 };
const always = () => (): Delays => BOTH;
const only =
  (slow: string, delays: Delays) =>
  () =>
  (method: string): Delays =>
    method === slow ? delays : NONE;
const mixed = (): (() => Delays) => {
  let calls = 0;
  return () => {
    calls += 1;
    return { beforeMs: [9, 1, 14, 3, 0][calls % 5] ?? 0, afterMs: [2, 11, 0, 6][calls % 4] ?? 0 };
  };
};

describe('exploreService', () => {
  test.for<readonly [string, ServiceSubject]>([
    ['take their time', delayed(always)],
    ['take their time, and can be lost', delayed(always, { losesCalls: true })],
    ['take their time, and has several runs at work', delayed(always, { atOnce: 2 })],
    ['are slow to run', delayed(only('run', BEFORE))],
    ['are slow to release', delayed(only('release', BOTH))],
    ['overtake each other', delayed(mixed)],
    ['overtake each other, of unknown capacity', delayed(mixed, { capacity: undefined as never })],
  ])('holds for a service whose calls %s', async ([, subject]) => {
    const { failure, executions } = await exploreService(subject, { executions: 300, seed: 1 });
    expect(failure?.message).toBeUndefined();
    expect(executions).toBe(300);
  });

  test('holds for a service that has many runs at work at once', async () => {
    const { failure, executions } = await exploreService(pool, { executions: 100 });
    expect(failure?.message).toBeUndefined();
    expect(executions).toBe(100);
  });

  test('reaches a wait that is met later, and a world without a trace', async () => {
    const { missed } = await exploreService(pool, { executions: 200 });
    expect(missed).not.toContain('wait met later');
    expect(missed).not.toContain('world without a trace');
  });

  test('holds for a client whose calls and replies are lost, if that is claimed', async () => {
    const lossy: ServiceSubject = {
      ...pool,
      atOnce: 1,
      losesCalls: true,
      create: (world) => ({
        service: createChaosRunner(world, createSimulatedRunner(world, { capacity: 4, history: 0 }), {
          maxDelayMs: 20,
          plan: {
            rates: { run: { after: 0.2, before: 0.1 }, abort: { after: 0.2 }, query: { before: 0.1 } },
          },
        }),
      }),
    };
    const { failure } = await exploreService(lossy, { executions: 100 });
    expect(failure?.message).toBeUndefined();
    const unclaimed = await exploreService(
      { ...lossy, losesCalls: false },
      { executions: 500, shrinkExecutions: 300 },
    );
    expect(unclaimed.failure?.message).toMatch(/RUNNER_INJECTED_FAULT/);
  });

  test.for<readonly [string, ServiceSubject, RegExp]>([
    [
      'shows another end than it has shown',
      broken((good) =>
        having(good, { abort: async (runId) => ({ ...(await good.abort(runId)), exitCode: 3 }) }),
      ),
      /^R\d+/,
    ],
    [
      'returns from a wait with nothing before its deadline',
      broken((good) =>
        having(good, {
          query: (query, wait) =>
            good.query(
              query,
              (wait as Partial<typeof wait> | undefined)?.timeoutMs === Infinity
                ? { ...wait, timeoutMs: 5 }
                : wait,
            ),
        }),
      ),
      /R31|R32|R24|R84/,
    ],
    [
      'never waits where the wait has a deadline',
      broken((good) =>
        having(good, {
          query: (query, wait) => {
            const { timeoutMs = 0 } = (wait as Partial<typeof wait> | undefined) ?? {};
            return good.query(
              query,
              timeoutMs > 0 && timeoutMs < Infinity ? { ...wait, timeoutMs: 0 } : wait,
            );
          },
        }),
      ),
      /^R31 query: expected no empty answer before its deadline at \d+ ms, got one at \d+ ms/,
    ],
    [
      'forgets a run',
      broken((good) =>
        having(good, {
          statusAll: async () => {
            const all = await good.statusAll();
            return { ...all, statuses: all.statuses.slice(1) };
          },
        }),
      ),
      /R24|R29|R207|R200/,
    ],
    [
      'runs a command twice',
      broken((good) =>
        having(good, {
          run: async (command) => {
            await good.run(command);
            return good.run(command);
          },
        }),
      ),
      /^R\d+/,
    ],
    ['has many runs at work although it claims one', broken((good) => good, { atOnce: 1 }), /R67|two active/],
    [
      'ends each wait after its release, even one that is met at the call',
      broken((good) => {
        let isReleased = false;
        return having(good, {
          release: async () => {
            await good.release();
            isReleased = true;
          },
          query: async (query, wait) => {
            const wasReleased = isReleased;
            const result = await good.query(query, wait);
            if (!wasReleased || wait.timeoutMs === 0 || result.statuses.length === 0) return result;
            throw new RunnerError('RUNNER_RELEASED', 'it was released');
          },
        });
      }),
      /^R24 R29 query: expected run \S+ to be in the answer/,
    ],
    [
      'does not see a later end in a wait for all runs',
      broken((good, { clock }) =>
        having(good, {
          query: async (query, wait) => {
            const { timeoutMs = 0, signal } = (wait as Partial<typeof wait> | undefined) ?? {};
            const askedAtMs = clock.now();
            const result = await good.query(query, wait);
            const leftMs = askedAtMs + timeoutMs - clock.now();
            const isLater = query.allRuns === true && clock.now() > askedAtMs && leftMs < Infinity;
            if (!isLater || signal !== undefined || result.statuses.length === 0) return result;
            await sleep(clock, leftMs);
            return { ...result, statuses: [] };
          },
        }),
      ),
      /^R31 R54 query: expected the status of run \S+, which was seen as \w+ at/,
    ],
    [
      'has more runs at work than the two that it claims',
      broken((good) => good, { atOnce: 2 }),
      /^\w+: expected at most 2 runs to be RUNNING at once, got [3-9]/,
    ],
    [
      'holds more runs than it claims, several of them at work',
      broken((good) => good, { capacity: 2 }),
      /^R58 R64 \w+: expected at most 2 runs that are not over, since no more fit, got [3-9]/,
    ],
    [
      'lets a run time out long before its timeout',
      broken((good) =>
        having(good, {
          run: (command) =>
            good.run(
              ((command as Partial<typeof command> | undefined)?.timeoutMs ?? 0) > 0
                ? { ...command, timeoutMs: 0.001 }
                : command,
            ),
        }),
      ),
      /^R100 run \d+, offered at \d+ ms: expected no TIMEDOUT before \d+ ms, got it at [\d.]+ ms/,
    ],
    [
      'takes runs after its release',
      broken((good) => having(good, { release: () => Promise.resolve() })),
      /R8\d|R200|Deadlock/,
    ],
    [
      'shows its runs from the last to the first',
      {
        ...pool,
        atOnce: 1,
        create: (world) => {
          const good = createSimulatedRunner(world, { capacity: 4, history: 0 });
          const statusAll: Service['statusAll'] = async () => {
            const { statuses, service } = await good.statusAll();
            return { statuses: [...statuses].reverse(), service };
          };
          return { service: having(good, { statusAll }) };
        },
      },
      /R37|R67/,
    ],
    [
      'serves an abort after its release',
      broken((good) => {
        const ends = new Map<string, RunStatus>();
        const abort: Service['abort'] = async (runId) => {
          const end = ends.get(runId) ?? (await good.abort(runId));
          ends.set(runId, end);
          return end;
        };
        return having(good, { abort });
      }),
      /R84/,
    ],
    [
      'holds more than it claims',
      {
        ...pool,
        atOnce: 1,
        capacity: 2,
        create: (world) => ({ service: createSimulatedRunner(world, { capacity: 4, history: 0 }) }),
      },
      /R58|R64|R207/,
    ],
  ])('finds a service that %s, and makes it small', async ([, subject, message]) => {
    const { held, failure } = await exploreService(subject, { executions: 1_500, shrinkExecutions: 300 });
    expect(held).toBe(false);
    expect(failure?.message).toMatch(message);
    expect(failure?.explanation).toBeDefined();
  });

  test('refuses a subject that is none', async () => {
    await expect(exploreService({ ...pool, atOnce: 0 })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
    });
    await expect(exploreService(pool, { executions: -1 })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
    });
  });
});
