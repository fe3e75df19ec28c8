import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { having, cachedBy, showing } from '../conformance/broken-services.ts';
import { interceptService } from '../../src/call/intercept-service.ts';
import { sleep } from '../../src/kernel/clock.ts';
import { inSimulation } from '../runners/in-simulation.ts';
import { createSmallQueue } from '../conformance/small-queue.ts';
import { asInstance } from './status-instance.ts';
import { commandArbitrary } from '../../src/check/sim-script-arbitrary.ts';
import { faultPlanArbitrary } from '../../src/check/fault-plan-arbitrary.ts';
import { NeverReachedError } from '../../src/check/required-reach.ts';
import { naturalEnd, RunnerModel } from '../../src/check/runner-model.ts';
import { runnerCommandArbitraries } from '../../src/check/runner-commands.ts';
import { assertRunnerProperty, runnerProperty } from '../../src/check/runner-property.ts';
import { simulationProperty, type SimulationPropertyOptions } from '../../src/check/simulation-property.ts';
import {
  abortStatus,
  completeStatus,
  pendingStatus,
  type RunID,
  runningStatus,
  type RunStatus,
} from '../../src/model/run-status.ts';
import { createSimExecer, type SimExecer } from '../../src/execers/sim-execer.ts';
import type { Execer, ProcessStatus } from '../../src/model/execer.ts';
import type { QueryResult } from '../../src/model/status-reader.ts';
import { REACH_KINDS, type ServiceReach } from '../../src/oracles/reach-kinds.ts';
import { RunnerError } from '../../src/kernel/errors.ts';
import type { Query, Wait } from '../../src/model/query.ts';
import { isTerminal, type RunState } from '../../src/model/run-state.ts';
import type { Service } from '../../src/model/service.ts';
import { ALL_MASK, DONE_MASK, RUNNING_MASK } from '../../src/model/state-mask.ts';
import { cannotHappen } from '../../src/model/status-errors.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import type { World } from '../../src/model/world.ts';
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { argvScript, type FakeScripts } from '../../src/runners/fake/fake-script.ts';
import { createPollingService } from '../../src/runners/polling/polling-service.ts';
import { createSimulatedRunner, type SimulatedRunner } from '../../src/runners/simulated-runner.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import type { SimulationFailedError } from '../../src/simulation/simulation-failed-error.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';

/** Behind a network on which each reply takes a time of its own, so that later ones may arrive first. */
function withSlowReplies(world: World): Service {
  let replies = 0;
  return interceptService(
    createSimulatedRunner(world, { capacity: 3, history: 0 }),
    async (call, proceed) => {
      replies += 3;
      const latencyMs = replies % 5;
      try {
        return await proceed(call);
      } finally {
        await sleep(world.clock, latencyMs);
      }
    },
  );
}

const RUNNERS: readonly (readonly [string, (world: World) => Service])[] = [
  ['simulated', (world) => createSimulatedRunner(world, { capacity: 3, history: 0 })],
  ['fake', (world) => createFakeRunner(world, { capacity: 3, history: 0, script: argvScript })],
  ['one whose replies overtake each other', (world) => withSlowReplies(world)],
  [
    'one whose statuses are instances of a class',
    (world) => showing(createSimulatedRunner(world, { capacity: 3, history: 0 }), asInstance),
  ],
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

  test('R153 R200 property: the same holds when replies get lost, before or after the work', async () => {
    const [, create] = RUNNERS[0] ?? [];
    if (create === undefined) throw new Error('expected a runner');
    for (const faults of [['before'], ['after'], ['before', 'after']] as const) {
      const property = runnerProperty({ capacity: 3, create, faults });
      await fc.assert(property, { numRuns: 150 });
      expect(property.reach.times('injected fault')).toBeGreaterThan(0);
    }
  });
});

/** A runner that wrongly gives up the waits of `isAffected`, if the runs of the wait are all as `isWrongIn` says. */
function givingUp(
  world: World,
  isAffected: (query: Query, wait: Wait) => boolean,
  isWrongIn: (state: RunState) => boolean,
): Service {
  const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
  return having(runner, {
    query(query, wait) {
      const answer = runner.query(query, wait);
      if (!isAffected(query, wait)) return answer;
      const givenUp = runner.queryNow({ ...query, states: ALL_MASK }).then(({ statuses }) => {
        if (statuses.every(({ state }) => isWrongIn(state))) throw cannotHappen(query);
        return answer;
      });
      return Promise.race([answer, givenUp]);
    },
  });
}

test('R4 R206 for the model an answer may be as old as its call, but no older', () => {
  const command = { argv: ['complete 3'] };
  const model = new RunnerModel(1);
  const early = model.mark();
  model.accepted(command, pendingStatus('7'));
  const running = runningStatus('7', 'out', 'err');
  model.saw(running);
  const late = model.mark();
  model.saw({ ...completeStatus('7', '', 3), stdoutRef: 'out', stderrRef: 'err' });
  model.saw(running, late);
  model.sawTogether('statusAll', [pendingStatus('7')], early);
  expect(model.runAt(0)?.seen.state).toBe('COMPLETE');
  expect(() => model.saw(pendingStatus('7'), late)).toThrow('run 7 went from RUNNING to PENDING');
  expect(() => model.saw(runningStatus('7', '', ''), late)).toThrow('run 7 lost its stdoutRef');
  expect(() => model.saw(running)).toThrow('run 7 had ended with state "COMPLETE", and now has "RUNNING"');
  expect(() => model.saw(abortStatus('7'), early)).toThrow('run 7 had ended with state "COMPLETE"');
});

test('R69 for the model an offer may be refused as full because of what was active when it was called', () => {
  const command = { argv: [] };
  const model = new RunnerModel(1);
  model.accepted(command, pendingStatus('7'));
  const since = model.mark();
  model.saw(completeStatus('7', '', 0));
  expect(() => model.rejected('RUNNER_BUSY', since)).not.toThrow();
  expect(() => model.rejected('RUNNER_BUSY')).toThrow('it refused as full with 0 of 1 slots taken');
});

describe('a runner with a planted bug', () => {
  const BUGS: readonly (readonly [string, RegExp, (world: World) => Service])[] = [
    [
      'an abort that lies',
      /R200|R203|R207|R110/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        return {
          ...having(runner, {}),
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
      'a queue with one slot too many',
      /R58\) at \d+ ms: \w+: expected at most 3 runs not over at once, got 4: run \d+ \w+, run \d+ PENDING, /,
      (world) => createSimulatedRunner(world, { capacity: 4, history: 0 }),
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
        return { ...having(runner, {}), queryNow };
      },
    ],
    [
      'a status that is never asked for again',
      /R4|R200|R206|R207/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        return having(runner, { status: cachedBy((runId) => runner.status(runId)) });
      },
    ],
    [
      'a queue that does not wait for the active run',
      /R67/,
      (world) => createSmallQueue(world, { capacity: 3, history: 0, isGuarded: false }),
    ],
    [
      'an execer that adds 1 to each exit code',
      /R110/,
      (world) =>
        createSimulatedRunner(world, { capacity: 3, history: 0, execer: offByOne(world) as SimExecer }),
    ],
    [
      'a signal that is lost',
      /R124/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        const nameless = ({ statuses, service }: QueryResult): QueryResult => ({
          service,
          statuses: statuses.map((status) => (status.exitCode === -1 ? { ...status, error: '' } : status)),
        });
        return having(runner, {
          query: async (query, wait) => nameless(await runner.query(query, wait)),
          queryNow: async (query) => nameless(await runner.queryNow(query)),
          statusAll: async () => nameless(await runner.statusAll()),
        });
      },
    ],
    [
      'a wait that gives up early',
      /R31/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        return {
          ...having(runner, {}),
          query: (query, { timeoutMs }) => runner.query(query, { timeoutMs: Math.floor(timeoutMs / 2) }),
        };
      },
    ],
    [
      'a wait for a run that ends with any run',
      /R24\) at \d+ ms: query shows run \d+, which it was not asked for/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        return having(runner, {
          query: ({ states }, wait) => runner.query({ allRuns: true, states }, wait),
        });
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
          ...having(runner, {}),
          queryNow: async (query) => {
            const { statuses, service } = await runner.queryNow(query);
            return { service, statuses: statuses.map(lie) };
          },
        };
      },
    ],
    [
      'a wait for a new run that is given up when all others are over',
      /\(R36\) at \d+ ms: a wait for any run was given up/,
      (world) =>
        givingUp(world, ({ allRuns = false }, { timeoutMs }) => allRuns && timeoutMs > 0, isTerminal),
    ],
    [
      'a wait for the start of a queued run that is given up',
      /\(R36\) at \d+ ms: a wait for run \d+ was given up, which is PENDING/,
      (world) =>
        givingUp(
          world,
          ({ states }, { signal }) => states === RUNNING_MASK && signal === undefined,
          (state) => state === 'PENDING',
        ),
    ],
    [
      'a wait for a start that ends as if the runner were released',
      / is refused: RUNNER_RELEASED \("planted"\)/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        return having(runner, {
          query: (query, wait) =>
            query.states === RUNNING_MASK && wait.signal === undefined
              ? Promise.reject(new RunnerError('RUNNER_RELEASED', 'planted'))
              : runner.query(query, wait),
        });
      },
    ],
    [
      'a wait for an end that is given up although it comes',
      /\(R36\) at \d+ ms: a wait for run \d+ was given up, which is [A-Z]{6,}/,
      (world) => {
        const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
        return having(runner, {
          async query(query, wait) {
            const answer = await runner.query(query, wait);
            if (query.states === DONE_MASK && wait.signal !== undefined) throw cannotHappen(query);
            return answer;
          },
        });
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

  test('R58 R59 capacity 0 means one slot: the contract holds with that, and with another it is broken', async () => {
    const of = (capacity: number) =>
      fc.check(
        runnerProperty({
          capacity: 0,
          create: (world) => createSimulatedRunner(world, { capacity, history: 0 }),
        }),
        { numRuns: 200, seed: 42 },
      );
    expect((await of(0)).errorInstance).toBeNull();
    expect((await of(1)).errorInstance).toBeNull();
    expect(String((await of(2)).errorInstance)).toMatch(
      /R58\) at \d+ ms: \w+: expected at most 1 run not over at once, got 2: /,
    );
  });

  test.for<[string, RegExp, (runner: Service) => Partial<Service>]>([
    [
      'statuses that are null',
      /R10\) at \d+ ms: statusAll\(\)\.statuses: expected a list, got null/,
      () => ({ statusAll: () => Promise.resolve({ statuses: null, service: null } as never) }),
    ],
    [
      'nothing for a run',
      /R10\) at \d+ ms: run\(\): expected the status of a run, got undefined/,
      () => ({ run: () => Promise.resolve(undefined as never) }),
    ],
    [
      'a status whose field throws',
      /R10\) at \d+ ms: run\(\): expected a value whose fields can be read, got .* that throws the Error "of the runner"/,
      (runner) => ({
        run: async (command) =>
          Object.defineProperty({ ...(await runner.run(command)) }, 'state', {
            enumerable: true,
            get: (): never => {
              throw new Error('of the runner');
            },
          }),
      }),
    ],
    [
      'no service with the last answer',
      /R10\) at \d+ ms: queryNow\(\)\.service: expected the status of the service, got undefined/,
      (runner) => ({
        queryNow: async (query) => ({ statuses: (await runner.queryNow(query)).statuses }) as never,
      }),
    ],
  ])('R10 R15 an answer of another form is named: %s', async ([, message, broken]) => {
    const create = (world: World): Service => {
      const runner = createSimulatedRunner(world, { history: 0 });
      return having(runner, broken(runner));
    };
    const { errorInstance } = await fc.check(runnerProperty({ create }), { numRuns: 200, seed: 42 });
    expect(String(errorInstance)).toMatch(message);
  });

  test('R200 an end that changes is reported once, by the field that changed', async () => {
    const create = (world: World): Service => {
      const runner = createSimulatedRunner(world, { history: 0 });
      return having(runner, { abort: async (runId) => ({ ...(await runner.abort(runId)), exitCode: 7 }) });
    };
    const { errorInstance } = await fc.check(runnerProperty({ create }), { numRuns: 100, seed: 42 });
    const error = errorInstance as SimulationFailedError;
    expect(error.message).toMatch(
      /^rule \(R200\) at \d+ ms: \w+: expected exitCode of run \d+ to be 7, as at its end, got 0\n/,
    );
    expect(error.cause).toBeUndefined();
    expect(Object.keys(JSON.parse(JSON.stringify(error)) as object)).toEqual(['name', 'message', 'stack']);
    expect(error.verdict.failure?.cause).toMatchObject({ rule: 'R200' });
  });

  describe('says what is broken first', () => {
    /** Of a run that is over by itself it makes one that was aborted, and forgets where its logs are. */
    const abortsWhatIsOver = (world: World): Service => {
      const runner = createSimulatedRunner(world, { capacity: 3, history: 0 });
      const aborted = new Set<RunID>();
      const shown = (status: RunStatus): RunStatus =>
        aborted.has(status.runId) ? abortStatus(status.runId, status) : status;
      const allShown = ({ statuses, service }: QueryResult): QueryResult => ({
        service,
        statuses: statuses.map(shown),
      });
      return having(runner, {
        async abort(runId) {
          const { status } = await runner.status(runId);
          if (status.state === 'COMPLETE') aborted.add(runId);
          return shown(await runner.abort(runId));
        },
        async status(runId) {
          const { status, service } = await runner.status(runId);
          return { service, status: shown(status) };
        },
        query: async (query, wait) => allShown(await runner.query(query, wait)),
        queryNow: async (query) => allShown(await runner.queryNow(query)),
        statusAll: async () => allShown(await runner.statusAll()),
      });
    };

    test.for([1, 2, 3, 42])(
      'R200 R72 an end that an abort changes, with its rule and the calls that led to it: seed %i',
      async (seed) => {
        const property = runnerProperty({ capacity: 3, create: abortsWhatIsOver });
        const { errorInstance } = await fc.check(property, { numRuns: 100, seed });
        const { message, stack, verdict } = errorInstance as SimulationFailedError;
        expect(verdict.failure).toMatchObject({ kind: 'rule', rule: 'R200' });
        const lines = message.split('\n');
        expect(lines.slice(0, 4)).toEqual([
          'rule (R200) at 0 ms: abort: expected state of run 0 to be "COMPLETE", as at its end, got "ABORTED"',
          '  What the contract says',
          '    R200 Each accepted run reaches exactly one terminal status, and the terminal status never changes afterwards.',
          '  What happened',
        ]);
        const history = lines.slice(4, -1);
        expect(history[0]).toBe('    0 ms   run([]) gives run 0 PENDING');
        expect(history.slice(-2)).toEqual([
          expect.stringContaining('COMPLETE 0'),
          '    0 ms   abort(run 0) gives ABORTED',
        ]);
        const frames = stack?.split('\n').slice(lines.length) ?? [];
        expect(frames[0]).toMatch(/^ {4}at .*runner-property\.test\.ts:\d+:\d+/);
        expect(frames.join()).not.toContain('/src/');
      },
    );

    test('R48 of a runner that leaves out a run which has not ended it says so, and how it was read', async () => {
      const create = (world: World): Service => {
        const runner = createSimulatedRunner(world, { capacity: 2, history: 0 });
        let kept: { readonly atMs: number; readonly answer: QueryResult } | undefined;
        return having(runner, {
          async statusAll() {
            const atMs = world.clock.now();
            if (kept === undefined || atMs - kept.atMs > 50) {
              kept = { atMs, answer: await runner.statusAll() };
            }
            return kept.answer;
          },
        });
      };
      const { errorInstance, counterexample } = await fc.check(runnerProperty({ create, capacity: 2 }), {
        numRuns: 100,
        seed: 5,
      });
      expect((errorInstance as Error).message.split('\n')[0]).toMatch(
        /: statusAll: expected all runs that were accepted, run 0, got none: run 0 was PENDING when it was last seen; no runner may forget a run before its end \(R48\), and/,
      );
      expect(JSON.stringify(fc.stringify(counterexample))).toMatch(/look\((?:\w+, )*statusAll(?:, \w+)*\)/);
    });

    test('R47 of a runner that forgets runs it says that all have to be remembered', async () => {
      const create = (world: World): Service => createSimulatedRunner(world);
      const said: string[] = [];
      for (const seed of [1, 2, 3, 4]) {
        const { errorInstance } = await fc.check(runnerProperty({ create }), { numRuns: 100, seed });
        said.push((errorInstance as Error).message.split('\n')[0] ?? '');
      }
      for (const text of said) {
        expect(text).toContain(': a runner under this property has to remember all runs, as with history 0');
      }
      expect(said.join('\n')).toMatch(
        /^rule \(R47\) at \d+ ms: \w+: expected run 0 to be known, as it was accepted, got "unknown run id 0": /m,
      );
    });
  });

  test('R209 seed and path repeat a failure byte for byte', async () => {
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

describe('parameters of fast-check', () => {
  const create = (world: World): Service => createSimulatedRunner(world, { capacity: 2, history: 0 });

  test('examples are run first, numRuns counts them, and verbose shows their commands', async () => {
    const property = runnerProperty({ capacity: 3, create });
    const [runs] = runnerCommandArbitraries({ maxTimeoutMs: 0 });
    const hang = fc.sample(runs!, { seed: 1, numRuns: 200 }).find((run) => String(run) === 'run(["hang"])')!;
    const fits = [hang, hang];
    const overfull = [hang, hang, hang];
    const { failed, numRuns, executionSummary, counterexample } = await fc.check(property, {
      ...{ seed: 1, numRuns: 2, endOnFailure: true, verbose: fc.VerbosityLevel.VeryVerbose },
      examples: [
        [[fits], 1],
        [[overfull], 2],
      ] as never,
    });
    expect([failed, numRuns]).toEqual([true, 2]);
    expect(executionSummary).toHaveLength(2);
    expect(fc.stringify(counterexample?.[0])).toContain('run(["hang"])');
    expect(executionSummary.map(({ status }) => status)).toEqual([
      fc.ExecutionStatus.Success,
      fc.ExecutionStatus.Failure,
    ]);
  });

  test('fc.assert reports the commands of a failing sequence', async () => {
    const asserted = fc.assert(runnerProperty({ capacity: 3, create }), {
      seed: 7,
      numRuns: 300,
      verbose: 1,
    });
    await expect(asserted).rejects.toThrow(
      /Counterexample: \[\[\[run( beside)?\(\[.*Encountered failures were:/s,
    );
  });
});

/** S5: what it runs does not end as it should. */
function offByOne(world: World): Execer {
  const execer = createSimExecer({ clock: world.clock });
  return {
    cancelBoundMs: execer.cancelBoundMs,
    exec(command) {
      const process = execer.exec(command);
      const wait = async (): Promise<ProcessStatus> => {
        const status = await process.wait();
        return status.state === 'COMPLETE' ? { ...status, exitCode: status.exitCode + 1 } : status;
      };
      return { wait, abort: () => process.abort() };
    },
  };
}

describe('what a property of a runner has reached', () => {
  const create = (world: World): SimulatedRunner => createSimulatedRunner(world, { capacity: 3, history: 0 });
  const readOutput = (runner: SimulatedRunner, ref: string): string =>
    runner.outputs.find(ref)?.text() ?? 'no such output';

  test('R110 R97 is counted: natural ends with exit codes and outputs are common', async () => {
    const property = runnerProperty({ capacity: 3, create, readOutput });
    await fc.assert(property, { seed: 5 });
    const { counts } = property.reach;
    expect(counts['end COMPLETE with another exit code']).toBeGreaterThan(50);
    expect(counts['end COMPLETE 0']).toBeGreaterThan(20);
    expect(property.reach.missed(REACH_KINDS)).toEqual(['injected fault']);
    expect(await assertRunnerProperty({ capacity: 3, create, faults: ['before'] }, { seed: 5 })).toSatisfy(
      (reach: ServiceReach) => reach.times('injected fault') > 0,
    );
  });

  test('a full runner and an abort at work are common also where commands take no time', async () => {
    const swift = { capacity: 3, create, maxCommands: 12, maxSleepMs: 0 };
    const { counts } = await assertRunnerProperty(swift, { seed: 5 });
    expect(counts['run refused as full']).toBeGreaterThan(10);
    expect(counts['abort of an active run']).toBeGreaterThan(10);
  });

  test('R97 outputs that differ from what the script writes are a failure', async () => {
    const swapped = (runner: SimulatedRunner, ref: string): string =>
      readOutput(runner, ref.replace('-stdout-', '-stderr-'));
    const details = await fc.check(runnerProperty({ capacity: 3, create, readOutput: swapped }), { seed: 5 });
    expect(String(details.errorInstance)).toMatch(
      /R97\) at \d+ ms: stdout of run \d+ is ".*", its script writes "/s,
    );
  });

  test('R97 with faults, outputs are not read', async () => {
    let reads = 0;
    const counted = (runner: SimulatedRunner, ref: string): string => {
      reads += 1;
      return readOutput(runner, ref);
    };
    const options = { capacity: 3, create, readOutput: counted };
    await fc.assert(runnerProperty(options), { seed: 5, numRuns: 20 });
    expect(reads).toBeGreaterThan(0);
    reads = 0;
    await fc.assert(runnerProperty({ ...options, faults: ['before'] }), { seed: 5, numRuns: 20 });
    expect(reads).toBe(0);
  });

  test('whatever was never reached fails the hundredth sequence, by name', async () => {
    const short = { capacity: 3, create, maxCommands: 1 };
    expect((await fc.check(runnerProperty(short), { seed: 5, numRuns: 99 })).failed).toBe(false);
    const { errorInstance } = await fc.check(runnerProperty(short), { seed: 5 });
    expect(errorInstance).toBeInstanceOf(NeverReachedError);
    const { missed, message } = errorInstance as NeverReachedError;
    expect(missed).toContain('abort of a queued run');
    expect(message).toContain('never reached in 100 sequences: ');
    expect(message).toMatch(/^ +0 {2}abort of a queued run$/m);
    const mayMiss = Object.fromEntries(missed.map((kind) => [kind, 'one command is too few']));
    expect((await fc.check(runnerProperty({ ...short, mayMiss }), { seed: 5 })).failed).toBe(false);
  });

  test('a failure that is being shrunk is never mistaken for one of those', async () => {
    const full = (world: World): Service => createSimulatedRunner(world, { capacity: 1, history: 0 });
    for (const reachWithin of [2, 5, 10, 20, 40]) {
      const property = runnerProperty({ capacity: 2, create: full, reachWithin });
      const { errorInstance } = await fc.check(property, { seed: 5, numRuns: 200 });
      if (errorInstance instanceof NeverReachedError) expect(reachWithin).toBeLessThan(5);
      else expect(String(errorInstance)).toMatch(/R69/);
    }
  });

  test('an assertion runs until it is decided, and no further', async () => {
    let sequences = 0;
    const onVerdict = (): void => {
      sequences += 1;
    };
    const reach = await assertRunnerProperty({ capacity: 3, create, onVerdict }, { seed: 5, numRuns: 3 });
    expect(reach.missed(REACH_KINDS)).toEqual(['injected fault']);
    expect(sequences).toBe(100);
    sequences = 0;
    await assertRunnerProperty({ capacity: 3, create, onVerdict }, { seed: 5, numRuns: 130 });
    expect(sequences).toBe(130);
    const short = { capacity: 3, create, maxCommands: 1, onVerdict };
    sequences = 0;
    await expect(assertRunnerProperty(short, { seed: 5, numRuns: 3 })).rejects.toThrow('never reached');
    expect(sequences).toBe(100);
    await expect(assertRunnerProperty(short, { seed: 5, path: '0' })).resolves.toBeDefined();
  });

  test.for<[unknown]>([[null], [5], ['seed']])(
    'parameters that are none are refused before anything runs: %j',
    async ([wrong]) => {
      let made = 0;
      const counted = (world: World): Service => {
        made += 1;
        return create(world);
      };
      await expect(
        assertRunnerProperty({ capacity: 3, create: counted }, wrong as never),
      ).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
      expect(made).toBe(0);
    },
  );

  test('what options exclude is not required', async () => {
    const options = { create: (world: World) => createSimulatedRunner(world, { history: 0 }) };
    const reach = await assertRunnerProperty(
      { ...options, maxTimeoutMs: 0, mayRelease: false, mayHang: false },
      { seed: 5 },
    );
    expect(reach.times('end TIMEDOUT')).toBe(0);
    expect(reach.times('run offered while another is active')).toBe(0);
    expect(() => runnerProperty({ ...options, reachWithin: 0 })).toThrow(/reachWithin/);
  });
});

test('the sequences that are run in addition are new ones also with the seed of fc.configureGlobal', async () => {
  fc.configureGlobal({ seed: 7 });
  onTestFinished(() => fc.resetConfigureGlobal());
  const seeds: (string | number)[] = [];
  const asserting = assertRunnerProperty(
    {
      maxCommands: 1,
      reachWithin: 20,
      create: (world) => createSimulatedRunner(world, { history: 0 }),
      onVerdict: ({ seed }) => void seeds.push(seed),
    },
    { numRuns: 10 },
  );
  await expect(asserting).rejects.toThrow(NeverReachedError);
  expect(new Set(seeds).size).toBe(20);
});

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

  test.for([
    ['stall', {}, 'repeats: heartbeat, every 9 ms'],
    ['budget', { maxEvents: 900 }, 'repeats every event: heartbeat'],
    ['interrupted', { signal: AbortSignal.abort() }, ''],
  ] as const)('P2: one that was cut off fails the property: %s', async ([kind, options, detail]) => {
    const property = simulationProperty(
      [fc.constant(0)],
      async (sim) => {
        const beat = async (): Promise<void> => {
          for (;;) await sim.sleep(9, 'heartbeat');
        };
        void beat();
        await new Promise(() => {});
      },
      { ...options, leftovers: 'ignore' },
    );
    const { failed, errorInstance } = await fc.check(property, { numRuns: 1 });
    expect([failed, errorInstance]).toMatchObject([true, { verdict: { held: false, failure: { kind } } }]);
    expect((errorInstance as Error).message).toContain(detail);
  });

  test('P2: a runner that never answers, but polls for ever, is a stall', async () => {
    const property = runnerProperty({
      create: (world) => {
        const poll = (): void => void world.clock.timer('poll', 7, poll);
        const query = (): Promise<QueryResult> => {
          poll();
          return new Promise(() => {});
        };
        return having(createSimulatedRunner(world), { query });
      },
    });
    const { errorInstance } = await fc.check(property, { numRuns: 20, seed: 1 });
    expect(errorInstance).toMatchObject({ verdict: { failure: { kind: 'stall' } } });
    expect((errorInstance as Error).message).toContain('repeats: poll, every 7 ms');
  });

  test('an input that fc.pre refuses is drawn anew, and has no verdict', async () => {
    const verdicts: Verdict[] = [];
    const property = simulationProperty(
      [fc.nat(20)],
      async (sim, n) => {
        await sim.sleep(1);
        fc.pre(n > 5);
      },
      { onVerdict: (verdict) => void verdicts.push(verdict) },
    );
    const { failed, numRuns, numSkips } = await fc.check(property, { seed: 1, numRuns: 30 });
    expect([failed, numRuns, verdicts.length]).toEqual([false, 30, 30]);
    expect(numSkips).toBeGreaterThan(0);
    expect(verdicts.filter(({ held }) => !held)).toEqual([]);
  });

  test.for([
    ['at once', (_sim: Simulation, n: number) => n < 5],
    [
      'later',
      async (sim: Simulation, n: number) => {
        await sim.sleep(1);
        return n < 5;
      },
    ],
  ] as const)(
    'false, returned %s, fails the property and shrinks, as in fast-check',
    async ([, scenario]) => {
      const { counterexample, errorInstance } = await fc.check(simulationProperty([fc.nat(20)], scenario), {
        seed: 1,
      });
      expect(counterexample?.[0]).toEqual([5]);
      expect(errorInstance).toMatchObject({
        verdict: { failure: { kind: 'error', message: 'the scenario returned false' } },
      });
    },
  );

  test('the error names kind, rule and details of the failed verdict, and carries it', async () => {
    const property = simulationProperty([fc.constant(0)], async (sim) => {
      sim.world.clock.timer('forgotten', 5, () => undefined);
      await sim.sleep(1);
    });
    const { errorInstance } = await fc.check(property, { numRuns: 1 });
    expect(errorInstance).toMatchObject({
      message: expect.stringContaining(
        'leftovers (R204) at 1 ms: The scenario has ended and left 1 timer\n  timer forgotten, due at 5 ms\n',
      ) as string,
      verdict: { held: false },
    });
  });
});

test.for(RUNNERS)(
  'R110 a lost process without a code of its own has the one of the rule: %s',
  async ([, create]) => {
    await inSimulation(async (sim) => {
      const runner = create(sim.world);
      const model = new RunnerModel(3);
      for (const exitCode of [0, 7]) {
        const command = { argv: [`fail ${exitCode} lost`] };
        const accepted = await runner.run(command);
        model.accepted(command, accepted);
        const { status } = await finalStatus(runner, accepted.runId);
        model.saw(status);
        expect([status.state, status.exitCode]).toEqual(['FAILED', exitCode || 250]);
      }
      await runner.release();
    });
  },
);

describe('an option that would have no effect is refused', () => {
  const create = (world: World): Service => createSimulatedRunner(world, { history: 0 });
  const wallWorld = (): World => {
    throw new Error('nothing runs');
  };
  const simulated: Required<SimulationPropertyOptions> = {
    oracles: [],
    maxEvents: 5,
    leftovers: 'ignore',
    drain: 'fast',
    keepTrace: true,
    signal: new AbortController().signal,
    onVerdict: () => undefined,
  };

  test.for(Object.entries(simulated))('on the machine’s time: %s', ([name, given]) => {
    const option = { [name]: given };
    expect(() => runnerProperty({ create, ...option })).not.toThrow();
    const refused = expect.objectContaining({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringMatching(
        `^${name}: expected to be absent: with .wallWorld. nothing is simulated, got `,
      ),
    });
    expect(() => runnerProperty({ create, wallWorld, ...option })).toThrow(refused);
  });

  test.for([{ dispose: () => undefined }, { cutOffMs: 5 }])('in a simulation: %o', (option) => {
    expect(() => runnerProperty({ create, wallWorld, ...option })).not.toThrow();
    const refused = expect.objectContaining({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringMatching(
        `^${Object.keys(option).join()}: expected to be absent: it acts only with .wallWorld., got `,
      ),
    });
    expect(() => runnerProperty({ create, ...option })).toThrow(refused);
  });

  test('but not a translation of scripts in a simulation, which has one', async () => {
    const scripts: string[] = [];
    const script: FakeScripts = ({ argv: [first, ...argv], ...rest }) => {
      scripts.push(String(first));
      return argvScript({ ...rest, argv });
    };
    await assertRunnerProperty(
      {
        capacity: 3,
        create: (world) => createFakeRunner(world, { capacity: 3, history: 0, script }),
        translate: (command) => ({
          command: { ...command, argv: ['translated', ...command.argv] },
          end: naturalEnd(command),
        }),
      },
      { numRuns: 20, seed: 1 },
    );
    expect(new Set(scripts)).toEqual(new Set(['translated']));
  });
});

describe('a run whose acceptance was lost', () => {
  const command = { argv: ['complete 3'], tag: 'a' };
  const found = (status: RunStatus): void =>
    new RunnerModel(1).found(command, { ...status, tag: 'a' }, naturalEnd(command));

  test('may be over when it is found', () => {
    expect(() => found(completeStatus('7', '', 3))).not.toThrow();
  });

  test.for([
    ['R110', 'has an exit code that is not its script’s', () => found(completeStatus('7', '', 4))],
    ['R203', 'is ABORTED although nobody asked', () => found(abortStatus('7', completeStatus('7', '', 3)))],
    [
      'R46',
      'has another tag',
      () => new RunnerModel(1).found(command, completeStatus('7', '', 3), naturalEnd(command)),
    ],
  ] as const)('breaks %s if it %s', ([rule, , find]) => {
    expect(find).toThrow(expect.objectContaining({ rule }));
  });
});
