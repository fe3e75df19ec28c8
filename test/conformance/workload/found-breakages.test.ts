// Services with one defect each, which the workload of a runner has to find: those of the suite, and more that only an exact model sees.
import { describe, expect, test } from 'vitest';
import { exploreRunner } from '../../../src/conformance/workload/explore-runner.ts';
import { ExpectedHealth } from '../../../src/conformance/workload/expected-health.ts';
import { runnerWorkload } from '../../../src/conformance/workload/runner-workload.ts';
import { createCoverage } from '../../../src/explore/coverage.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explore } from '../../../src/explore/explorer.ts';
import { portfolioStrategy } from '../../../src/explore/strategies/portfolio.ts';
import { supportsAllBut } from '../../../src/conformance/capability.ts';
import type { ConformanceSubject } from '../../../src/conformance/subject.ts';
import { sleep } from '../../../src/kernel/clock.ts';
import { isRunnerError, RunnerError } from '../../../src/kernel/errors.ts';
import type { Command } from '../../../src/model/command.ts';
import type { Query, Wait } from '../../../src/model/query.ts';
import { isTerminal } from '../../../src/model/run-state.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import { DONE_MASK } from '../../../src/model/state-mask.ts';
import type { Service } from '../../../src/model/service.ts';
import { HEALTHY_SERVICE_STATUS, type ServiceStatus } from '../../../src/model/service-status.ts';
import type { Tracer } from '../../../src/model/trace-event.ts';
import type { World } from '../../../src/model/world.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { breakages, having, showing, type Breakage } from '../broken-services.ts';
import { createSmallQueue } from '../small-queue.ts';
import { simulated } from '../subjects.ts';

interface TimedBreakage {
  readonly title: string;
  readonly breakIt: (good: Service, world: World) => Service;
}

const over = (status: RunStatus, change: Partial<RunStatus>): RunStatus =>
  isTerminal(status.state) ? { ...status, ...change } : status;

/** Of a command that may be none. */
const timeoutOf = (command: Command | undefined): number => command?.timeoutMs ?? 0;

const exact: readonly TimedBreakage[] = [
  {
    title: 'R52 R107 the ref of stderr changes at the end',
    breakIt: (good) =>
      showing(good, (status) =>
        status.stderrRef === '' ? status : over(status, { stderrRef: `${status.stderrRef}-elsewhere` }),
      ),
  },
  {
    title: 'R31 R34 a wait returns a millisecond after its deadline',
    breakIt: (good, { clock }) =>
      having(good, {
        query: async (query, wait) => {
          const result = await good.query(query, wait);
          if (result.statuses.length === 0 && wait.timeoutMs > 0 && wait.timeoutMs < Infinity) {
            await sleep(clock, 1);
          }
          return result;
        },
      }),
  },
  {
    title: 'R29 a signal that was aborted before the call beats what matches at the call',
    breakIt: (good) =>
      having(good, {
        query: async (query, wait) => {
          if (wait.signal?.aborted !== true) return good.query(query, wait);
          const { statuses } = await good.query(query, { timeoutMs: 0 });
          if (statuses.length === 0) return good.query(query, wait);
          throw new RunnerError('RUNNER_WAIT_CANCELLED', 'The wait was cancelled.');
        },
      }),
  },
  {
    title: 'R36 a wait for RUNNING gives up a run that is RUNNING for no time',
    breakIt: (good) =>
      having(good, {
        query: async (query, wait) => {
          const result = await good.query(query, wait);
          const [status] = result.statuses;
          if (query.allRuns === true || query.runs?.length !== 1 || status?.state !== 'RUNNING') {
            return result;
          }
          await Promise.resolve();
          const now = (await good.queryNow({ ...query, states: DONE_MASK })).statuses;
          if (wait.timeoutMs === 0 || now.length === 0) return result;
          throw new RunnerError('RUNNER_CANNOT_HAPPEN', 'no run can meet it any more');
        },
      }),
  },
  {
    title: 'R11 a run that is no Bazel run has an actionResult',
    breakIt: (good) =>
      showing(good, (status) =>
        status.state === 'COMPLETE'
          ? ({ ...status, actionResult: { cached: true } } as unknown as RunStatus)
          : status,
      ),
  },
  {
    title: 'R4 R39 R24 R200 R207 abort returns the object from which later answers are copied',
    breakIt: (good) => {
      const kept = new Map<string, RunStatus>();
      const shown = showing(good, (status) => ({ ...(kept.get(status.runId) ?? status) }));
      return having(shown, {
        abort: async (runId) => {
          const status = await good.abort(runId);
          if (!kept.has(runId)) kept.set(runId, { ...status });
          return kept.get(runId) ?? status;
        },
      });
    },
  },
  {
    title: 'R15 R39 R60 R81 R82 answers share one object for the status of the service',
    breakIt: (good) => {
      let own = HEALTHY_SERVICE_STATUS;
      let known = '';
      const sharing = <A extends { readonly service: ServiceStatus }>(answer: A): A => {
        const text = JSON.stringify(answer.service);
        if (text !== known) own = { ...answer.service };
        known = text;
        return { ...answer, service: own };
      };
      return having(good, {
        status: async (runId) => sharing(await good.status(runId)),
        statusAll: async () => sharing(await good.statusAll()),
        queryNow: async (query) => sharing(await good.queryNow(query)),
      });
    },
  },
  {
    title: 'R55 listeners of waits that have ended stay until the release',
    breakIt: (good) => {
      const left: (() => void)[] = [];
      return having(good, {
        query: async (query, wait) => {
          const { signal } = wait as Partial<Wait>;
          if (signal instanceof AbortSignal) {
            const listener = (): void => undefined;
            signal.addEventListener('abort', listener);
            left.push(() => signal.removeEventListener('abort', listener));
          }
          return good.query(query, wait);
        },
        release: async () => {
          await good.release();
          for (const remove of left.splice(0)) remove();
        },
      });
    },
  },
  {
    title: 'R23 a read of an unknown run names another one',
    breakIt: (good) =>
      having(good, {
        status: async (runId) => {
          try {
            return await good.status(runId);
          } catch (error) {
            if (isRunnerError(error, 'RUNNER_UNKNOWN_RUN')) {
              Object.assign(error, { message: `${error.message}7` });
            }
            throw error;
          }
        },
      }),
  },
  {
    title: 'R23 an abort of an unknown run names another one',
    breakIt: (good) =>
      having(good, {
        abort: async (runId) => {
          try {
            return await good.abort(runId);
          } catch (error) {
            if (isRunnerError(error, 'RUNNER_UNKNOWN_RUN')) {
              Object.assign(error, { message: `${error.message}7` });
            }
            throw error;
          }
        },
      }),
  },
  {
    title: 'R54 a wait is woken a millisecond after the write',
    breakIt: (good, { clock }) =>
      having(good, {
        query: async (query, wait) => {
          const askedAt = clock.now();
          const result = await good.query(query, wait);
          if (result.statuses.length > 0 && clock.now() > askedAt) await sleep(clock, 1);
          return result;
        },
      }),
  },
  {
    title: 'R199 R70 an abort returns a millisecond after the end',
    breakIt: (good, { clock }) =>
      having(good, {
        abort: async (runId) => {
          const status = await good.abort(runId);
          await sleep(clock, 1);
          return status;
        },
      }),
  },
  {
    title: 'R65 run returns after a millisecond',
    breakIt: (good, { clock }) =>
      having(good, {
        run: async (command) => {
          await sleep(clock, 1);
          return good.run(command);
        },
      }),
  },
  {
    title: 'R85 a release returns a millisecond after all is over',
    breakIt: (good, { clock }) =>
      having(good, {
        release: async () => {
          await good.release();
          await sleep(clock, 1);
        },
      }),
  },
  {
    title: 'R85 a release returns while a run is at work, in the instant of its end',
    breakIt: (good) =>
      having(good, {
        release: async () => {
          void good.release();
          await Promise.resolve();
        },
      }),
  },
  {
    title: 'R100 R101 a timeout is a millisecond longer than it should be',
    breakIt: (good) =>
      having(good, {
        run: (command) =>
          good.run(timeoutOf(command) > 0 ? { ...command, timeoutMs: timeoutOf(command) + 1 } : command),
      }),
  },
  {
    title: 'R16 R100 a timeout below 0 is one of its absolute value',
    breakIt: (good) =>
      having(good, {
        run: (command) =>
          good.run(timeoutOf(command) < 0 ? { ...command, timeoutMs: -timeoutOf(command) } : command),
      }),
  },
  {
    title: 'R53 the tag is lost at the end',
    breakIt: (good) => showing(good, (status) => over(status, { tag: '' })),
  },
  {
    title: 'R110 the error of a run that failed is another one',
    breakIt: (good) =>
      showing(good, (status) => (status.state === 'FAILED' ? { ...status, error: 'failed' } : status)),
  },
  {
    title: 'R11 an aborted run has an exit code',
    breakIt: (good) =>
      showing(good, (status) => (status.state === 'ABORTED' ? { ...status, exitCode: -1 } : status)),
  },
  {
    title: 'R160 R161 stdout and stderr have one ref',
    breakIt: (good) => showing(good, (status) => ({ ...status, stderrRef: status.stdoutRef })),
  },
  {
    title: 'R22 R64 a full runner refuses without a status',
    breakIt: (good) =>
      having(good, {
        run: async (command) => {
          try {
            return await good.run(command);
          } catch (error) {
            if (isRunnerError(error, 'RUNNER_BUSY')) throw new RunnerError('RUNNER_BUSY', error.message);
            throw error;
          }
        },
      }),
  },
  {
    title: 'R23 a full runner says something else',
    breakIt: (good) =>
      having(good, {
        run: async (command) => {
          try {
            return await good.run(command);
          } catch (error) {
            if (isRunnerError(error, 'RUNNER_BUSY')) Object.assign(error, { message: 'full' });
            throw error;
          }
        },
      }),
  },
  {
    title: 'R38 R81 the service is always healthy',
    breakIt: (good) =>
      having(good, {
        statusAll: async () => ({
          statuses: (await good.statusAll()).statuses,
          service: { initialized: true, isHealthy: true, error: '' },
        }),
      }),
  },
  {
    title: 'R207 a list of ids is read again when the wait ends',
    breakIt: (good) =>
      having(good, {
        query: async (query, wait) => {
          const result = await good.query(query, wait);
          const runs = (query as Query | undefined)?.runs ?? [];
          return (query as Query | undefined)?.allRuns === true
            ? result
            : { ...result, statuses: result.statuses.filter(({ runId }) => runs.includes(runId)) };
        },
      }),
  },
  {
    title: 'R55 a wait listens to its signal for ever',
    breakIt: (good) =>
      having(good, {
        query: (query, wait) => {
          const { signal } = (wait as Partial<Wait> | undefined) ?? {};
          if (signal instanceof AbortSignal) signal.addEventListener('abort', () => undefined);
          return good.query(query, wait);
        },
      }),
  },
  {
    title: 'R84 a runner takes a run after its release',
    breakIt: (good) => {
      let last: RunStatus | undefined;
      return having(good, {
        run: async (command) => {
          try {
            return (last = await good.run(command));
          } catch (error) {
            if (last !== undefined && isRunnerError(error, 'RUNNER_RELEASED')) {
              return { ...last, runId: 'late' };
            }
            throw error;
          }
        },
      });
    },
  },
];

const of = (breakIt: TimedBreakage['breakIt']): ConformanceSubject => ({
  ...simulated,
  create(world, options) {
    const runner = createSimulatedRunner(world, options);
    return { service: breakIt(runner, world), readOutput: (uri) => runner.outputs.find(uri)?.text() ?? '' };
  },
});

/** Calls that are not well formed go to the good service, and a command is the runner's own: only the defect itself is there to be found. */
function onlyIn(good: Service, broken: Service): Service {
  return having(broken, {
    run: (command) => {
      const isWhole = Array.isArray((command as Partial<Command> | undefined)?.argv);
      return isWhole ? broken.run({ ...command, argv: [...command.argv] }) : good.run(command);
    },
    query: (query, wait) => {
      const isWhole = typeof (wait as Partial<Wait> | undefined)?.timeoutMs === 'number';
      return isWhole ? broken.query(query, { ...wait }) : good.query(query, wait);
    },
  });
}

/** Defects of the suite that the workload knows as a breach of another rule than their titles name. */
const SEEN_AS: Readonly<Record<string, RegExp>> = {
  'R207 queryNow answers from a cache for ever':
    /^R4 queryNow: expected run .* to be \w+( or further)?, as an answer before it has shown/,
  'R207 R43 statusAll lags behind by one call': /^R24 R29 statusAll: expected run .* to be in the answer/,
  'R26 D2 an unknown id gives an empty list': /^R207 R67 query\(.*made-up.*\) .* said none/,
  'R40 R72 an unknown id gives a zero status': /^R207 abort of run made-up shows run /,
  'R36 D4 a wait that cannot be met never ends': /^Deadlock: /,
  'R28 D20 no ids and a wait wait for ever': /^Deadlock: /,
  'R34 D16 a cancelled wait invents an ABORTED status': /^R24 query shows run , which is ABORTED/,
  'R72 aborting a run that is over makes it ABORTED': /^R200 abort: expected state of run .*, got "ABORTED"/,
  'R74 D24 run waits while an abort does':
    /^R65 run: expected an answer at \d+ ms, in the instant of the call/,
  'R29 a cancelled signal hides what matches now':
    /^R2[46] .*query.*: expected .*, got RUNNER_INVALID_ARGUMENT/,
  'R31 a wait gives more than the first write that matches': /^R37 query: expected each run once/,
  'R69 D25 a slot stays taken for a moment after the end':
    /^R63 R64 run: expected an accepted run .*, got RUNNER_/,
};

/** The rules that a title or a message begins with. */
function rulesOf(text: string): string[] {
  return (/^(?:[RD]\d+ )+/.exec(text)?.[0] ?? '').split(' ').filter((rule) => rule.startsWith('R'));
}

/** Whether a failure names one of the title's rules, or what stands for it. */
function isOf(title: string, message: string): boolean {
  const seenAs = SEEN_AS[title];
  if (seenAs !== undefined) return seenAs.test(message);
  const rules = rulesOf(message);
  return rulesOf(title).some((rule) => rules.includes(rule));
}

/** Explores as `exploreRunner` does until a failure is as wanted; which of several consequences is met first is up to the strategy. */
async function expectFound(
  subject: ConformanceSubject,
  isWanted: (message: string) => boolean,
): Promise<void> {
  const others = new Set<string>();
  let isFound = false;
  await explore(createExecutor(runnerWorkload(subject)), portfolioStrategy(1), {
    maxExecutions: 2_000,
    coverage: createCoverage(),
    onFailure: ({ failure }) => {
      const message = failure?.message ?? '';
      isFound = isWanted(message);
      if (!isFound) others.add(message);
      return !isFound;
    },
  });
  expect(isFound, `found only: ${[...others].slice(0, 3).join('\n')}`).toBe(true);
}

/** The service with its reads answered otherwise. */
function answering(
  good: Service,
  change: <A extends { readonly service: ServiceStatus }>(answer: A) => A,
): Service {
  return having(good, {
    status: async (runId) => change(await good.status(runId)),
    statusAll: async () => change(await good.statusAll()),
    queryNow: async (query) => change(await good.queryNow(query)),
    query: async (query, wait) => change(await good.query(query, wait)),
  });
}

/** A runner that looks healthy in the instant in which it loses its health, and for `lagMs` after it. */
function laggingBy(lagMs: number): ConformanceSubject {
  return {
    ...simulated,
    create(world, options) {
      const { tracer } = world;
      if (tracer === undefined) return simulated.create(world, options);
      let markedAtMs = Infinity;
      const marking: World = {
        ...world,
        tracer: {
          ...(tracer.keepsEvents === undefined ? {} : { keepsEvents: tracer.keepsEvents }),
          record(event) {
            if (event.type === 'service' && event.service.initialized && !event.service.isHealthy) {
              markedAtMs = Math.min(markedAtMs, event.at);
            }
            tracer.record(event);
          },
        },
      };
      const runner = createSimulatedRunner(marking, options);
      const late = <A extends { readonly service: ServiceStatus }>(answer: A): A =>
        world.clock.now() >= markedAtMs && world.clock.now() <= markedAtMs + lagMs
          ? { ...answer, service: HEALTHY_SERVICE_STATUS }
          : answer;
      return {
        service: answering(runner, late),
        readOutput: (uri) => runner.outputs.find(uri)?.text() ?? '',
      };
    },
  };
}

describe('the workload of a runner finds', () => {
  test.for<TimedBreakage>(exact)('$title', ({ title, breakIt }) =>
    expectFound(of(breakIt), (message) => isOf(title, message)),
  );

  test.for<Breakage>(breakages)('$title', ({ title, breakIt }) =>
    expectFound(
      of((good) => onlyIn(good, breakIt(good))),
      (message) => isOf(title, message),
    ),
  );

  test('R65 a run that was started in the instant in which it was accepted, and that `run` returns as RUNNING', async () => {
    const supports = supportsAllBut({ filers: 'not looked at', collaborators: 'not looked at' });
    const early = of((good, { clock }) =>
      having(good, {
        run: async (command) => {
          const pending = await good.run(command);
          await sleep(clock, 0);
          const { status } = await good.status(pending.runId);
          return status.state === 'RUNNING' ? status : pending;
        },
      }),
    );
    const wanted = /^R65 run: expected run \S+ to be accepted as PENDING, got RUNNING$/;
    await expectFound({ ...early, supports }, (message) => wanted.test(message));
  });

  test('R198 a snapshot although nothing was ingested', async () => {
    const supports = supportsAllBut({ collaborators: 'not looked at', actions: 'not looked at' });
    const inventing = of((good) =>
      showing(good, (status) =>
        status.state === 'COMPLETE' ? { ...status, snapshotId: 'invented' } : status,
      ),
    );
    const wanted =
      /^R198 run \S+ is COMPLETE: expected no snapshot but one that its filer has made, got "invented"/;
    await expectFound({ ...inventing, supports }, (message) => wanted.test(message));
    const ingesting: ConformanceSubject = {
      ...simulated,
      supports,
      create: async (world, options) => {
        const { service } = await simulated.create(world, options);
        const filer = options.filers?.get('scoot')?.filer;
        const ingest = async (): Promise<string> => (await filer?.ingest('/logs')) ?? '';
        const snapshotId = await ingest().catch(() => '');
        const change = (status: RunStatus): RunStatus =>
          status.state === 'COMPLETE' ? { ...status, snapshotId } : status;
        return { service: showing(service, change) };
      },
    };
    const { failure } = await exploreRunner(
      { ...ingesting, supports: { ...supports, outputs: 'not looked at' } },
      { executions: 100, shrinkExecutions: 0 },
    );
    expect(failure?.message).toBeUndefined();
  });

  test('R82 a runner that is marked as unhealthy after the end that cost its health, in that instant', async () => {
    await expectFound(laggingBy(0), (message) => /^R81 R82 |^R82 /.test(message));
  });

  describe('where the times of runs are not known', () => {
    const supports = { ...simulated.supports, virtualTime: 'its answers take time' };

    test('R82 a runner that is marked as unhealthy after the end that cost its health', async () => {
      const wanted =
        /^R81 R82 \S+: expected a service that is initialized and not healthy, .* got one that is initialized and healthy/;
      await expectFound({ ...laggingBy(50), supports }, (message) => wanted.test(message));
    });

    test('R83 a runner that takes a run after that end was seen', async () => {
      const trusting: ConformanceSubject = {
        ...simulated,
        supports: {
          ...{ ...supports, filers: 'it has none', collaborators: 'it has none', actions: 'it has none' },
          ...{ outputs: 'not looked at', idPrefix: 'it takes none' },
        },
        create(world, options) {
          const health = new ExpectedHealth();
          const tracer: Tracer = {
            record(event) {
              if (event.type === 'status') health.note(event.status);
            },
          };
          const queue = { ...options, isGuarded: true, isTraced: true };
          const good = createSmallQueue({ ...world, tracer }, queue);
          const ill = { initialized: true, isHealthy: false, error: 'ill' };
          const marked = <A extends { readonly service: ServiceStatus }>(answer: A): A =>
            health.isLost ? { ...answer, service: ill } : answer;
          return { service: answering(good, marked) };
        },
      };
      await expectFound(trusting, (message) =>
        /^R64 R83 run: expected RUNNER_UNHEALTHY after the end of run \S+ was seen, got run \S+ accepted/.test(
          message,
        ),
      );
    });

    test('R81 R82 R83 a runner that keeps its word is not blamed', async () => {
      const executor = createExecutor(runnerWorkload({ ...simulated, supports }));
      const blamed: unknown[] = [];
      const { executions } = await explore(executor, portfolioStrategy(1), {
        maxExecutions: 1_000,
        coverage: createCoverage(),
        onFailure: ({ failure }) => {
          blamed.push(failure?.message);
          return true;
        },
      });
      expect([executions, blamed]).toEqual([1_000, []]);
    });
  });

  test('R96 R97 a log without its header, and one without what was written', async () => {
    for (const spoil of [
      (text: string) => text.slice(text.indexOf('SCOOT_CMD_LOG')),
      (text: string) => text.replace(/out of/, 'oat of'),
      (text: string) => text.replace(/Task aborted/, 'Task stopped'),
      (text: string) => text.replace(/exceeded timeout .*/, 'exceeded timeout 1s'),
      (text: string) => text.replace(/^Date: 2000/m, 'Date: 2026'),
      (text: string) => text.replace(/^Date: 2000/m, 'Date: 1999'),
    ]) {
      const subject: ConformanceSubject = {
        ...simulated,
        create(world, options) {
          const runner = createSimulatedRunner(world, options);
          return { service: runner, readOutput: (uri) => spoil(runner.outputs.find(uri)?.text() ?? '') };
        },
      };
      await expectFound(subject, (message) => /^R(96|97) /.test(message));
    }
  });
});
