import { describe, expect, test } from 'vitest';
import { supportsAllBut } from '../../../src/conformance/capability.ts';
import { AT_ONCE } from '../../../src/conformance/workload/drawn-work.ts';
import { expectRun } from '../../../src/conformance/workload/expected-run.ts';
import type { PartsSetup, RunPlan } from '../../../src/conformance/workload/planned-parts.ts';
import { RunLedger } from '../../../src/conformance/workload/run-ledger.ts';
import { RunnerReach } from '../../../src/conformance/workload/runner-reach.ts';
import { type RunStatus, zeroStatus } from '../../../src/model/run-status.ts';
import { runnerWorkload } from '../../../src/conformance/workload/runner-workload.ts';
import type { ConformanceSubject, PlannedMachine, SubjectOptions } from '../../../src/conformance/subject.ts';
import { runCampaign } from '../../../src/explore/campaign.ts';
import { createCoverage } from '../../../src/explore/coverage.ts';
import { EVENTS_MIN, withinEvents } from '../../../src/explore/event-budget.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explore } from '../../../src/explore/explorer.ts';
import { portfolioStrategy } from '../../../src/explore/strategies/portfolio.ts';
import { messageOf } from '../../../src/kernel/errors.ts';
import { ExitCodeError } from '../../../src/model/exit-code.ts';
import type { Filer } from '../../../src/model/filer.ts';
import type { Command } from '../../../src/model/command.ts';
import { isPending, type MaybePromise } from '../../../src/model/maybe-promise.ts';
import { METRIC_NAMES } from '../../../src/model/metrics.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { having } from '../broken-services.ts';
import { recorded, simulated } from '../subjects.ts';

const { createOn = expectedOne } = recorded;

function expectedOne(): never {
  throw new Error('expected a subject that takes its machine from outside');
}

/** The message of the first execution that fails with such options. */
function firstFailure(change: (options: SubjectOptions) => SubjectOptions): Promise<string | undefined> {
  return failureOf({
    ...simulated,
    create: (world, options) => simulated.create(world, { ...options, ...change(options) }),
  });
}

/** The same of a subject that takes its machine from outside. */
function failureOnMachine(
  change: (machine: PlannedMachine) => Partial<PlannedMachine>,
): Promise<string | undefined> {
  return failureOf({
    ...recorded,
    createOn: (world, options, machine) => createOn(world, options, { ...machine, ...change(machine) }),
  });
}

async function failureOf(subject: typeof simulated, maxExecutions = 2_000): Promise<string | undefined> {
  const executor = createExecutor(runnerWorkload(subject));
  const { failures } = await runCampaign(executor, portfolioStrategy(1), { maxExecutions });
  return failures[0]?.message;
}

const filerUsed =
  (use: (filer: Filer) => Partial<Filer>) =>
  ({ filers }: SubjectOptions): SubjectOptions =>
    filers === undefined
      ? {}
      : {
          filers: new Map(
            [...filers].map(([type, entry]) => [
              type,
              { ...entry, filer: { ...entry.filer, ...use(entry.filer) } },
            ]),
          ),
        };

function without(name: string): (options: SubjectOptions) => SubjectOptions {
  return ({ metrics }) =>
    metrics === undefined
      ? {}
      : {
          metrics: {
            counter: (asked) => (asked === name ? { increment: () => undefined } : metrics.counter(asked)),
            gauge: (asked) =>
              asked === name
                ? { set: (value) => metrics.gauge(asked).set(value === 0 ? 1 : value) }
                : metrics.gauge(asked),
            histogram: (asked) => (asked === name ? { record: () => undefined } : metrics.histogram(asked)),
          },
        };
}

type Broken<T> = readonly [rule: string, what: string, message: RegExp, change: (given: T) => Partial<T>];

describe('the parts of a runner under the workload of any runner', () => {
  test.for([
    ['R176', 'runs that are not measured', /^R176 /, without(METRIC_NAMES.TASK_LATENCY_MS)],
    ['R176', 'a gauge that stays up', /^R(176|116 R208) /, without(METRIC_NAMES.RUNNING_TASK)],
    ['R177', 'checkouts that are not counted', /^R177 /, without(METRIC_NAMES.DOWNLOADS)],
    ['R179', 'timeouts that are not counted', /^R179 /, without(METRIC_NAMES.TIMEOUTS)],
    [
      'R205',
      'checkouts that are not released',
      /^R205 /,
      filerUsed((filer) => ({
        checkout: async (id, cancel) => ({ ...(await filer.checkout(id, cancel)), release: () => undefined }),
      })),
    ],
    [
      'R205',
      'checkouts that are released twice',
      /^R205 .* was released twice/,
      filerUsed((filer) => ({
        checkout: async (id, cancel) => {
          const checkout = await filer.checkout(id, cancel);
          const release = async (): Promise<void> => {
            await checkout.release();
            await checkout.release();
          };
          return { ...checkout, release };
        },
      })),
    ],
    [
      'R93',
      'a checkout that failed with another code',
      /^R3 R110 .*, got FAILED 17 |^R110 .* exit code 17, expected /,
      filerUsed((filer) => ({
        checkout: async (id, cancel) => {
          try {
            return await filer.checkout(id, cancel);
          } catch (error) {
            throw new ExitCodeError(17, messageOf(error));
          }
        },
      })),
    ],
    [
      'R88',
      'preprocessors in another order',
      /^R(88|199) /,
      ({ preprocessors = [] }) =>
        preprocessors.length === 0 ? {} : { preprocessors: preprocessors.toReversed() },
    ],
    [
      'R90',
      'a postprocessor that is left out',
      /^R(88|199) /,
      ({ postprocessors = [] }) =>
        postprocessors.length === 0 ? {} : { postprocessors: postprocessors.slice(1) },
    ],
    [
      'R113',
      'logs that are uploaded under other names',
      /^R113 /,
      ({ uploader }) =>
        uploader === undefined
          ? {}
          : {
              uploader: {
                ...uploader,
                upload: (path, log, cancel) => uploader.upload(`of ${path}`, log, cancel),
              },
            },
    ],
    [
      'R106',
      'a runner that waits for its uploader for too long',
      /^R(88|199) /,
      ({ uploader }) => (uploader === undefined ? {} : { uploader: { ...uploader, cancelBoundMs: 30 } }),
    ],
  ] as const satisfies readonly Broken<SubjectOptions>[])('%s finds %s', async ([, , message, change]) => {
    expect(await firstFailure(change)).toMatch(message);
  });

  test.for([
    [
      'R98',
      'processes that are started elsewhere',
      /^R98 /,
      ({ execer }) => ({ execer: { ...execer, exec: (command) => execer.exec({ ...command, dir: '/' }) } }),
    ],
    [
      'R98',
      'a process that cannot be started, in other words',
      /^R11 .*, expected "could not exec: exec failed"/,
      ({ execer }) => ({
        execer: {
          ...execer,
          exec(command) {
            const failed = (): never => {
              throw new Error('no');
            };
            const started = whenSettled(() => execer.exec(command), failed);
            return started;
          },
        },
      }),
    ],
    [
      'R95',
      'an output whose failure is swallowed',
      /^R(88|99|110|199) /,
      ({ outputs }) => ({
        outputs: (own) => ({
          create: (id) =>
            whenSettled(
              () => outputs(own).create(id),
              () => own.create(id),
            ),
        }),
      }),
    ],
    [
      'R106',
      'a runner that waits for its execer for too long',
      /^R(88|199) /,
      ({ execer }) => ({ execer: { ...execer, cancelBoundMs: 30 } }),
    ],
  ] as const satisfies readonly Broken<PlannedMachine>[])(
    '%s finds %s where a runner takes its execer and outputs from outside',
    async ([, , message, change]) => {
      expect(await failureOnMachine(change)).toMatch(message);
    },
  );
});

/** What a part gives, or what is made of its failure, in the call or later. */
function whenSettled<T>(ask: () => MaybePromise<T>, onFailure: () => MaybePromise<T>): MaybePromise<T> {
  try {
    const given = ask();
    return isPending(given) ? Promise.resolve(given).catch(onFailure) : given;
  } catch {
    return onFailure();
  }
}

const withoutCollaborators: ConformanceSubject = {
  ...simulated,
  supports: supportsAllBut({ collaborators: 'it has a filer alone' }),
};

describe('the filer of a runner without other collaborators', () => {
  test('R92 must have checked out the snapshot of each run', async () => {
    const subject: ConformanceSubject = {
      ...withoutCollaborators,
      create(world, options) {
        const made = createSimulatedRunner(world, options);
        return {
          service: having(made, {
            run: (command: Command | undefined) =>
              made.run(
                (command?.snapshotId === undefined ? command : { ...command, snapshotId: '' }) as Command,
              ),
          }),
          readOutput: (uri) => made.outputs.find(uri)?.text() ?? '',
        };
      },
    };
    expect(await failureOf(subject)).toMatch(
      /^R92 run .* ran: expected a checkout of its snapshot snap-.*, got none/,
    );
  });

  test.for([
    [
      'is asked for nothing else',
      /^R92 a checkout of "another" was made/,
      (filer: Filer, id: string) => [filer.checkout('another'), filer.checkout(id)] as const,
    ],
    [
      'is asked once',
      /^R92 R93 a second checkout of "snap-.*" was made/,
      (filer: Filer, id: string) => [filer.checkout(id), filer.checkout(id)] as const,
    ],
  ] as const)('R92 R93 %s', async ([, message, checkOut]) => {
    const twice = filerUsed((filer) => ({
      async checkout(id) {
        const [one, other] = checkOut(filer, id);
        await (await one).release();
        return other;
      },
    }));
    const subject: ConformanceSubject = {
      ...withoutCollaborators,
      create: (world, options) => simulated.create(world, { ...options, ...twice(options) }),
    };
    expect(await failureOf(subject)).toMatch(message);
  });
});

describe('planned parts of a runner that is not given its history', () => {
  test('R72 pass an abort of a run that it has forgotten', async () => {
    const supports = supportsAllBut({ history: 'it remembers one run' });
    expect(await failureOf({ ...simulated, supports }, 500)).toBeUndefined();
  });
});

function statusOf(runId: string, state: RunStatus['state']): RunStatus {
  return { ...zeroStatus(), runId, state };
}

// Both were complaints about correct runners, found in some 40,000 executions of each.
describe('what falls on one instant', () => {
  test('R104 a process that takes no time may have started when an abort stops it', () => {
    const plan: RunPlan = {
      name: '1',
      command: { argv: ['program'] },
      process: {
        ...{ exec: AT_ONCE, lastsMs: 0, killMs: 0, memoryMs: Infinity, stdout: '', stderr: '' },
        status: { state: 'COMPLETE', exitCode: 0, error: '' },
      },
      ...{ preprocess: [], checkout: AT_ONCE, outputs: ['works', 'works', 'works'], uploads: [] },
      ...{ release: AT_ONCE, postprocess: [], sizes: [] },
    };
    const setup: PartsSetup = {
      ...{ hasMachine: false, hasRefs: true, preprocessors: 0, postprocessors: 0, uploader: 'none' },
      ...{ hasFiler: true, updates: false, updateLimitMs: 0, hasMetrics: false, hasDirMonitor: false },
      ...{ init: undefined, second: undefined },
    };
    const ends = (own: PartsSetup): string[] =>
      expectRun(plan, own, { startMs: 0, abortMs: 0 }).map(
        ({ outcome, refs }) => `${outcome.state} ${refs[0]}`,
      );
    expect(ends(setup)).toContain('ABORTED local');
    expect(ends({ ...setup, hasMachine: true })).not.toContain('ABORTED local');
  });

  test('R47 a run whose end was seen only after another was offered may not be forgotten for it', () => {
    const check = (condition: boolean, message: string): void => expect(condition, message).toBe(true);
    const host = { now: () => 0, sometimes: () => undefined, check };
    const terms = { capacity: 2, history: 1, idPrefix: '', hasExactTimes: true, graceMs: 0 };
    const reach = new RunnerReach(host, []);
    const ledger = new RunLedger(host, { ...terms, parts: { options: {}, check: () => undefined } }, reach);
    const drawn = {
      ...({
        command: { argv: ['hang'] },
        kind: 'hang',
        end: undefined,
        lastsMs: Infinity,
        starts: true,
      } as const),
      ...{ isStubborn: false, stdout: '', stderr: '', secrets: [] },
    };
    ledger.accepted(ledger.offer(drawn), statusOf('0', 'PENDING'));
    const second = ledger.offer(drawn);
    ledger.abortAsked('0');
    ledger.saw('abort', statusOf('0', 'ABORTED'), 0);
    ledger.accepted(second, statusOf('1', 'PENDING'));
    expect([ledger.isUnknown('0'), ledger.mayBeUnknown('0')]).toEqual([false, true]);
  });

  test.each([
    ['TIMEDOUT', true, undefined],
    ['TIMEDOUT', false, 'R98 R105 R71'],
    ['ABORTED', true, 'R98 R105 R71'],
  ] as const)(
    'R102 a run that never started and is %s has logs only if a deadline passed while its process was being started (takes time: %s)',
    (state, takesTime, rules) => {
      const found: string[] = [];
      const check = (condition: boolean, message: string): void => {
        if (!condition) found.push(message);
      };
      const host = { now: () => 0, sometimes: () => undefined, check };
      const terms = { capacity: 2, history: 1, idPrefix: '', hasExactTimes: false, graceMs: 0, takesTime };
      const reach = new RunnerReach(host, []);
      const ledger = new RunLedger(host, { ...terms, parts: { options: {}, check: () => undefined } }, reach);
      const drawn = {
        ...({ command: { argv: ['absent'], timeoutMs: 5 }, kind: 'fail to start', end: undefined } as const),
        ...{ lastsMs: 0, starts: false, isStubborn: false, stdout: '', stderr: '', secrets: [] },
      };
      ledger.accepted(ledger.offer(drawn), statusOf('0', 'PENDING'));
      if (state === 'ABORTED') ledger.abortAsked('0');
      ledger.saw('statusAll', { ...statusOf('0', state), stdoutRef: 'file:///o', stderrRef: 'file:///e' }, 0);
      expect(found.find((message) => message.includes('never started'))?.split(' run ')[0]).toBe(rules);
    },
  );

  test('updates that go on after a release are a stall, however many there have been', async () => {
    const leaving: ConformanceSubject = {
      ...simulated,
      async create(world, options) {
        const { service, ...rest } = await simulated.create(world, options);
        return { ...rest, service: having(service, { release: async () => undefined }) };
      },
    };
    const kinds = new Set<string | undefined>();
    await explore(withinEvents(createExecutor(runnerWorkload(leaving)), EVENTS_MIN), portfolioStrategy(1), {
      maxExecutions: 100,
      coverage: createCoverage(),
      onFailure: ({ failure }) => {
        kinds.add(failure?.kind);
        return true;
      },
    });
    expect([...kinds]).toContain('stall');
    expect([...kinds]).not.toContain('budget');
  });

  test.for([
    [0, 'is PENDING until it has died', []],
    [10, 'is RUNNING until it has died', ['expected run 0 to be "RUNNING", got PENDING']],
  ] as const)('R68 a process that is stopped %i ms after its start %s', ([stopMs, , expected]) => {
    let now = 0;
    const found: string[] = [];
    const check = (condition: boolean, message: string): void => {
      if (!condition) found.push(message);
    };
    const host = { now: () => now, sometimes: () => undefined, check };
    const terms = { capacity: 2, history: 1, idPrefix: '', hasExactTimes: true, graceMs: 100 };
    const reach = new RunnerReach(host, []);
    const ledger = new RunLedger(host, { ...terms, parts: { options: {}, check: () => undefined } }, reach);
    const drawn = {
      ...({ command: { argv: ['hang'] }, kind: 'hang', end: undefined, lastsMs: Infinity } as const),
      ...{ starts: true, isStubborn: true, stdout: '', stderr: '', secrets: [] },
    };
    ledger.accepted(ledger.offer(drawn), statusOf('0', 'PENDING'));
    now = stopMs;
    ledger.abortAsked('0');
    now = 20;
    ledger.saw('statusAll', statusOf('0', 'PENDING'), now);
    expect(found.map((message) => /expected.*/.exec(message)?.[0])).toEqual(expected);
  });
});
