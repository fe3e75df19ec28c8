import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandArbitrary } from '../../src/check/sim-script-arbitrary.ts';
import { faultPlanArbitrary } from '../../src/check/fault-plan-arbitrary.ts';
import { runnerProperty } from '../../src/check/runner-property.ts';
import { simulationProperty } from '../../src/check/simulation-property.ts';
import { abortStatus, completeStatus, type RunStatus } from '../../src/model/run-status.ts';
import type { Service } from '../../src/model/service.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import type { World } from '../../src/model/world.ts';
import { createChaosRunner } from '../../src/runners/chaos-runner.ts';
import { createFakeRunner } from '../../src/runners/fake-runner.ts';
import { argvScript } from '../../src/runners/fake-script.ts';
import { createPollingService } from '../../src/runners/polling-service.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';

const RUNNERS: readonly (readonly [string, (world: World) => Service])[] = [
  ['simulated', (world) => createSimulatedRunner(world, { capacity: 3, history: 0 })],
  ['fake', (world) => createFakeRunner(world, { capacity: 3, history: 0, script: argvScript })],
  [
    'chaos without faults',
    (world) => createChaosRunner(world, createSimulatedRunner(world, { capacity: 3, history: 0 })),
  ],
  [
    'polling',
    (world) => {
      const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
      return createPollingService(world, runner, runner, { periodMs: 5 });
    },
  ],
];

describe('a runner that keeps the contract', () => {
  test.for(RUNNERS)(
    'R200 R201 R203 property: any sequence of commands under any schedule leaves the %s runner within its contract',
    async ([, create]) => {
      await fc.assert(runnerProperty({ capacity: 3, create }), { numRuns: 150 });
    },
  );

  test('R153 R200 property: so it does when replies get lost, before or after the work', async () => {
    const [, create] = RUNNERS[0] ?? [];
    if (create === undefined) throw new Error('expected a runner');
    await fc.assert(runnerProperty({ capacity: 3, create, faults: ['before'] }), { numRuns: 150 });
  });
});

describe('a runner with a planted bug', () => {
  const BUGS: readonly (readonly [string, RegExp, (world: World) => Service])[] = [
    [
      'an abort that lies',
      /R203|R207|R110/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        return {
          ...forwarding(runner),
          abort: async (runId) => completeStatus((await runner.abort(runId)).runId, '', 77),
        };
      },
    ],
    [
      'a queue with one slot too few',
      /R69/,
      (world) => createSimulatedRunner(world, { capacity: 2, history: 0 }),
    ],
    [
      'runs that are listed backwards',
      /R37/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        const queryNow: Service['queryNow'] = async (query) => {
          const { statuses, service } = await runner.queryNow(query);
          return { service, statuses: [...statuses].reverse() };
        };
        return { ...forwarding(runner), queryNow };
      },
    ],
    [
      'a wait that gives up early',
      /R31/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        return {
          ...forwarding(runner),
          query: (query, { timeoutMs }) => runner.query(query, { timeoutMs: Math.floor(timeoutMs / 2) }),
        };
      },
    ],
    [
      'a run that is aborted behind everybody’s back',
      /R4|R203|R110/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        const lie = (status: RunStatus): RunStatus =>
          status.state === 'COMPLETE' ? abortStatus(status.runId, status) : status;
        return {
          ...forwarding(runner),
          queryNow: async (query) => {
            const { statuses, service } = await runner.queryNow(query);
            return { service, statuses: statuses.map(lie) };
          },
        };
      },
    ],
  ];

  test.for(BUGS)('is found and shrunk: %s', async ([, rule, create]) => {
    const details = await fc.check(runnerProperty({ capacity: 3, create }), { numRuns: 500, seed: 42 });
    expect(details.failed).toBe(true);
    expect(String(details.errorInstance)).toMatch(rule);
    const [[commands]] = details.counterexample ?? [[[]], 0];
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.length).toBeLessThanOrEqual(5);
  });

  test('R209 seed and path repeat a failure to the byte', async () => {
    const run = async (
      parameters: fc.Parameters<[[unknown[]], number]>,
    ): Promise<{ path: string | null; hash: string | undefined; seed: number }> => {
      let hash: string | undefined;
      const property = runnerProperty({
        capacity: 3,
        create: (world) => createSimulatedRunner(world, { capacity: 2, history: 0 }),
        onVerdict: (verdict) => {
          // The last failure is the one that shrinking ended with.
          if (!verdict.held) hash = verdict.traceHash;
        },
      });
      const details = await fc.check(property, parameters as never);
      return { path: details.counterexamplePath, hash, seed: details.seed };
    };
    const first = await run({ seed: 7, numRuns: 300 });
    expect(first.path).not.toBeNull();
    const again = await run({ seed: first.seed, path: first.path ?? '', endOnFailure: true });
    expect(again.hash).toBeDefined();
    expect(again.hash).toBe(
      (await run({ seed: first.seed, path: first.path ?? '', endOnFailure: true })).hash,
    );
  });
});

function forwarding(runner: Service): Service {
  return {
    run: (command) => runner.run(command),
    abort: (runId) => runner.abort(runId),
    release: () => runner.release(),
    query: (query, wait) => runner.query(query, wait),
    queryNow: (query) => runner.queryNow(query),
    status: (runId) => runner.status(runId),
    statusAll: () => runner.statusAll(),
  };
}

describe('a property over simulations', () => {
  test('R212 shrinks to the one injected fault that matters', async () => {
    const property = simulationProperty(
      [faultPlanArbitrary(), commandArbitrary({ mayHang: false })],
      async (sim, plan, command) => {
        const runner = createChaosRunner(sim.world, createSimulatedRunner(sim.world), { plan });
        try {
          const { runId } = await runner.run(command);
          await finalStatus(runner, runId);
        } finally {
          await runner.release();
        }
      },
    );
    const details = await fc.check(property, { seed: 1, numRuns: 500 });
    const [[plan, command]] = details.counterexample ?? [[undefined, undefined], 0];
    expect(plan?.schedule).toHaveLength(1);
    expect(command).toEqual({ argv: [], tag: '' });
  });

  test('the error names kind, rule and details of the failed verdict, and carries it', async () => {
    const property = simulationProperty([fc.constant(0)], async (sim) => {
      sim.world.clock.timer('forgotten', 5, () => undefined);
      await sim.sleep(1);
    });
    const { errorInstance } = await fc.check(property, { numRuns: 1 });
    expect(errorInstance).toMatchObject({
      message: expect.stringContaining(
        'leftovers (R204) at 1 ms: The scenario has ended and left 1 timer and 0 resources\n  timer forgotten, due at 5 ms\n',
      ) as string,
      verdict: { held: false },
    });
  });
});
