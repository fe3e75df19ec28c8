// The Bazel path of an invocation over a store of actions that does what each test says.
import { describe, expect, test } from 'vitest';
import { RunnerError } from '../../../src/kernel/errors.ts';
import type { ActionOutcome, ExecuteRequest } from '../../../src/model/action.ts';
import { type Cancellable, Cancellation } from '../../../src/model/cancellation.ts';
import type { Command } from '../../../src/model/command.ts';
import { type ActionStore, MissingBlobsError } from '../../../src/model/content-store.ts';
import { snapshotOfDigest } from '../../../src/model/digest.ts';
import type { ExecCommand } from '../../../src/model/execer.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
import type { InvokerOptions } from '../../../src/runners/invocation/invoker-parts.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { inSimulation } from '../in-simulation.ts';
import {
  behave,
  invoke,
  labFiler,
  labProcessor,
  labUploader,
  type Lab,
  type LabRun,
  logTexts,
  makeLab,
  slowExecer,
} from '../lab.ts';
import { COMMAND, digest, outcomeOf, ROOT, stubActions, type StubOptions } from '../stub-actions.ts';

const ACTION = digest('a', 142);
const SNAPSHOT = snapshotOfDigest(ACTION);
const WANTED: Command = { argv: [], snapshotId: SNAPSHOT, executeRequest: { actionDigest: ACTION } };
const EPOCH_MS = Date.UTC(2000, 0, 1);

interface Course {
  readonly status: RunStatus;
  readonly statuses: readonly RunStatus[];
  readonly seenAtMs: readonly number[];
  readonly lab: Lab;
  readonly log: readonly string[];
  readonly trace: readonly TraceEvent[];
}

interface CourseOptions extends StubOptions {
  readonly wanted?: Command;
  readonly parts?: (lab: Omit<Lab, 'options'>) => Partial<InvokerOptions>;
  readonly stub?: (sim: Simulation, log: string[]) => Partial<ActionStore>;
  readonly during?: (sim: Simulation, run: LabRun, lab: Lab) => void;
}

/** One Bazel run in a lab. */
async function course(options: CourseOptions = {}): Promise<Course> {
  const { wanted = WANTED, parts, stub, during, ...more } = options;
  let found: Omit<Course, 'trace'> | undefined;
  const verdict = await inSimulation(async (sim) => {
    const lab = makeLab(sim, (bench) => ({
      filers: new Map([['bazel', { filer: labFiler(bench) }]]),
      actions: stubActions({ log: bench.log, ...more, replace: stub?.(sim, bench.log) ?? {} }),
      ...parts?.(bench),
    }));
    const run = invoke(lab, wanted);
    during?.(sim, run, lab);
    const status = await run.ended;
    const { statuses, seenAtMs } = run;
    found = { status, statuses, seenAtMs, lab, log: lab.log };
    await sim.sleep(100_000);
  });
  return { ...found!, trace: verdict.trace() };
}

function phasesOf(trace: readonly TraceEvent[]): string[] {
  return trace.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
}

function recordedOf(trace: readonly TraceEvent[]): (readonly [string, string])[] {
  return trace.flatMap((event) => (event.type === 'recorded' ? [[event.what, event.error] as const] : []));
}

const fails = (message = 'broken'): never => {
  throw new Error(message);
};

describe('the look-up', () => {
  test.for<[string, Partial<ActionStore>, string]>([
    [
      'action',
      { action: () => undefined as never },
      'action() of the actions: expected an object with commandDigest and inputRootDigest, got undefined',
    ],
    [
      'action with a timeout',
      { action: () => ({ commandDigest: COMMAND, inputRootDigest: ROOT, doNotCache: true, timeoutMs: NaN }) },
      'timeoutMs of action() of the actions: expected a finite number ≥ 0, got NaN',
    ],
    [
      'command',
      { command: () => ({}) as never },
      'command() of the actions: expected an object with a list of arguments, got an object',
    ],
  ])('R87 R188 a wrong %s is FAILED 200', async ([, replace, error]) => {
    const { status } = await course({ stub: () => replace });
    expect(status).toMatchObject({ state: 'FAILED', exitCode: 200, error });
  });

  test.for([null, 7, {}, { exitCode: '0' }])(
    'R87 R186 %o as the cached result is recorded, and the run is carried out',
    async (answer) => {
      const { status, trace } = await course({ stub: () => ({ cachedOutcome: () => answer as never }) });
      expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0, actionResult: { cached: false } });
      expect(recordedOf(trace)).toMatchObject([
        [
          'cache',
          expect.stringMatching(/^cachedOutcome\(\) of the actions: expected an object with exitCode, got /),
        ],
      ]);
    },
  );

  test('R185 a Bazel run without a filer for its type is FAILED 200, and nothing is asked for', async () => {
    const { status, log } = await course({ parts: () => ({ filers: new Map() }) });
    expect(status).toMatchObject({ state: 'FAILED', exitCode: 200, error: 'no filer for run type bazel' });
    expect(status.actionResult).toEqual({
      actionDigest: ACTION,
      cached: false,
      grpcStatus: { code: 13, message: 'no filer for run type bazel' },
    });
    expect(log).toEqual([]);
  });

  test('R186 D91 a hit ends the run COMPLETE with the exit code of the result, without RUNNING and without checkout', async () => {
    const cached = outcomeOf(3, { stdoutDigest: digest('e') });
    const { status, statuses, log, lab, trace } = await course({
      cached,
      parts: (bench) => ({ postprocessors: [labProcessor(bench, 'after')] }),
    });
    expect(statuses).toHaveLength(1);
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 3, stdoutRef: '', snapshotId: '' });
    expect(status.actionResult).toEqual({ actionDigest: ACTION, cached: true, result: cached });
    expect(log).toEqual(['cachedOutcome', 'after']);
    expect(phasesOf(trace)).toEqual(['lookup', 'postprocess', 'end']);
    expect(lab.metrics.value('bzCachedExecCounter')).toBe(1);
    expect(lab.metrics.value('workerDownloads')).toBe(0);
  });

  test('R186 skipCacheLookup runs the action although its result is there', async () => {
    const executeRequest: ExecuteRequest = { actionDigest: ACTION, skipCacheLookup: true };
    const { status, log } = await course({ cached: outcomeOf(3), wanted: { ...WANTED, executeRequest } });
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0, actionResult: { cached: false } });
    expect(log).not.toContain('cachedOutcome');
  });

  test('R186 an error of the cache costs the look-up only, and is recorded', async () => {
    const { status, trace, log } = await course({
      stub: () => ({ cachedOutcome: () => fails('cache down') }),
    });
    expect(status).toMatchObject({ state: 'COMPLETE', actionResult: { cached: false } });
    expect(recordedOf(trace)).toEqual([['cache', 'cache down']]);
    expect(log).toContain('action');
  });

  test('R187 D93 D94 the action says what runs, on a copy of the command', async () => {
    let executed: ExecCommand | undefined;
    const given = {
      ...WANTED,
      argv: ['never'],
      envVars: { A: 'given', B: 'given' },
      jobId: 'j',
      taskId: 't',
    };
    const wanted: Command = structuredClone(given);
    const { status, log } = await course({
      wanted,
      argv: ['complete 4'],
      command: { environmentVariables: { B: 'action', C: 'action' }, workingDirectory: 'w/d' },
      parts: (bench) => ({
        execer: {
          cancelBoundMs: bench.execer.cancelBoundMs,
          exec: (command) => {
            executed = command;
            return bench.execer.exec(command);
          },
        },
      }),
    });
    expect(executed).toMatchObject({
      argv: ['complete 4'],
      envVars: { A: 'given', B: 'action', C: 'action' },
      dir: `/snapshots/${snapshotOfDigest(ROOT)}/w/d`,
      jobId: 'j',
      taskId: 't',
    });
    expect(log).toContain(`checkout ${snapshotOfDigest(ROOT)}`);
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 4, jobId: 'j' });
    expect(wanted).toEqual(given);
  });

  test('R187 D93 a command without environment gets that of the action', async () => {
    let env: unknown;
    await course({
      command: { environmentVariables: { C: 'action' } },
      parts: ({ execer }) => ({
        execer: {
          cancelBoundMs: 0,
          exec: (command) => {
            env = command.envVars;
            return execer.exec(command);
          },
        },
      }),
    });
    expect(env).toEqual({ C: 'action' });
  });

  test('R187 the timeout of the action begins with its process, and is the one that the log names', async () => {
    const { status, seenAtMs, lab } = await course({
      argv: ['sleep 10000'],
      action: { timeoutMs: 1_000 },
      parts: (bench) => ({ filers: new Map([['bazel', { filer: labFiler(bench, { ms: 5_000 }) }]]) }),
    });
    expect(status).toMatchObject({ state: 'TIMEDOUT' });
    expect(seenAtMs[0]).toBe(5_000);
    expect(seenAtMs[1]).toBeGreaterThanOrEqual(6_000);
    expect(seenAtMs[1]).toBeLessThan(6_100);
    expect(logTexts(lab).stdout).toContain('Task exceeded timeout 1s');
    expect(status.actionResult).toBeUndefined();
  });

  test('R187 R100 an action without a timeout keeps that of the run, which counts from its start', async () => {
    const { status, seenAtMs } = await course({
      argv: ['sleep 10000'],
      wanted: { ...WANTED, timeoutMs: 2_000 },
      parts: (bench) => ({ filers: new Map([['bazel', { filer: labFiler(bench, { ms: 1_500 }) }]]) }),
    });
    expect(status.state).toBe('TIMEDOUT');
    expect(seenAtMs[0]).toBe(1_500);
    expect(seenAtMs[1]).toBeLessThan(2_100);
  });

  test('R187 a fetch that fails is repeated up to five times', async () => {
    let attempts = 0;
    const { status, trace, seenAtMs } = await course({
      stub: () => ({
        command: () => {
          attempts += 1;
          if (attempts <= 5) return fails(`broken ${attempts}`);
          return { ...COMMAND_DATA, arguments: ['complete 0'] };
        },
      }),
    });
    expect(status.state).toBe('COMPLETE');
    expect(attempts).toBe(6);
    expect(recordedOf(trace).map(([, error]) => error)).toEqual([1, 2, 3, 4, 5].map((n) => `broken ${n}`));
    expect(seenAtMs[0]).toBe(100 + 200 + 400 + 800 + 1_600);
  });

  test('R188 D101 one that goes on failing is FAILED 200 with INTERNAL', async () => {
    let attempts = 0;
    const { status } = await course({
      stub: () => ({
        action: () => {
          attempts += 1;
          return fails('store down');
        },
      }),
    });
    expect(attempts).toBe(6);
    expect(status).toMatchObject({ state: 'FAILED', exitCode: 200, error: 'store down' });
    expect(status.actionResult).toEqual({
      actionDigest: ACTION,
      cached: false,
      grpcStatus: { code: 13, message: 'store down' },
    });
  });

  test('R188 D101 a blob that is not there is FAILED_PRECONDITION with a violation for each, at once', async () => {
    let attempts = 0;
    const { status, seenAtMs } = await course({
      stub: () => ({
        command: () => {
          attempts += 1;
          throw new MissingBlobsError([COMMAND, digest('f', 9)]);
        },
      }),
    });
    expect(attempts).toBe(1);
    expect(seenAtMs).toEqual([0]);
    expect(status).toMatchObject({ state: 'FAILED', exitCode: 200 });
    expect(status.actionResult?.grpcStatus).toEqual({
      code: 9,
      message: status.error,
      violations: [
        { type: 'MISSING', subject: `blobs/${'c'.repeat(64)}/1` },
        { type: 'MISSING', subject: `blobs/${'f'.repeat(64)}/9` },
      ],
    });
  });

  test('R188 bytes that are no action are not asked for again, and INVALID_ARGUMENT', async () => {
    let attempts = 0;
    const { status } = await course({
      stub: () => ({
        action: () => {
          attempts += 1;
          throw new RunnerError('RUNNER_BAD_MESSAGE', 'action: expected a message');
        },
      }),
    });
    expect(attempts).toBe(1);
    expect(status).toMatchObject({ exitCode: 200, actionResult: { grpcStatus: { code: 3 } } });
  });
});

const COMMAND_DATA = {
  arguments: [],
  environmentVariables: {},
  outputFiles: [],
  outputDirectories: [],
  outputPaths: [],
  workingDirectory: '',
  platform: [],
};

describe('failures of a Bazel run', () => {
  test.for<[string, CourseOptions, number, number, string]>([
    [
      'checkout',
      {
        parts: (bench) => ({
          filers: new Map([['bazel', { filer: labFiler(bench, { error: new Error('no disk') }) }]]),
        }),
      },
      210,
      13,
      'no disk',
    ],
    [
      'output',
      { parts: () => ({ outputs: { create: () => fails('full') } }) },
      220,
      13,
      'could not create stdout: full',
    ],
    ['output parent', { stub: () => ({ prepareOutputs: () => fails('in the way') }) }, 230, 13, 'in the way'],
    ['exec', { argv: ['no such step'] }, 240, 13, 'could not exec: '],
    ['process', { argv: ['fail 7 broken'] }, 7, 13, 'error execing: broken'],
    ['store of outputs', { stub: () => ({ storeOutputs: () => fails('no room') }) }, 250, 13, 'no room'],
    ['store of logs', { stub: () => ({ storeLog: () => fails('no room') }) }, 250, 13, 'no room'],
  ])(
    'R189 R190 R191 D101 of the %s have the usual code and INTERNAL',
    async ([, options, exitCode, code, text]) => {
      const { status, lab } = await course(options);
      expect(status).toMatchObject({ state: 'FAILED', exitCode });
      expect(status.error).toContain(text);
      expect(status.actionResult).toEqual({
        actionDigest: ACTION,
        cached: false,
        grpcStatus: {
          code,
          message: expect.stringContaining(text.replace(/^(could not|error) \w+(ing)?: /, '')),
        },
      });
      expect(lab.execer.livingProcesses).toBe(0);
    },
  );

  test.for([
    ['the root', new RunnerError('RUNNER_UNKNOWN_SNAPSHOT', 'No snapshot'), ROOT],
    ['a blob below', new MissingBlobsError([digest('9', 4)]), digest('9', 4)],
  ] as const)('R189 D101 a checkout that lacks %s is FAILED_PRECONDITION', async ([, error, missing]) => {
    const { status } = await course({
      parts: (bench) => ({ filers: new Map([['bazel', { filer: labFiler(bench, { error }) }]]) }),
    });
    expect(status).toMatchObject({ state: 'FAILED', exitCode: 210 });
    expect(status.actionResult?.grpcStatus).toMatchObject({
      code: 9,
      violations: [{ type: 'MISSING', subject: `blobs/${missing.hash}/${missing.sizeBytes}` }],
    });
  });
});

describe('the result of a Bazel run', () => {
  const file = { path: 'out/a', digest: digest('3'), isExecutable: true };

  test('R191 R193 R194 has outputs, exit code, logs and the times of one clock, in order', async () => {
    const executeRequest = { actionDigest: ACTION, queuedAtMs: EPOCH_MS - 40 };
    const { status, lab, log, trace } = await course({
      wanted: { ...WANTED, executeRequest },
      argv: ['sleep 30', 'stdout hello', 'complete 5'],
      stub: (sim) => ({
        command: async () => {
          await sim.sleep(3);
          return { ...COMMAND_DATA, arguments: ['sleep 30', 'stdout hello', 'complete 5'] };
        },
        storeOutputs: async () => {
          await sim.sleep(4);
          return { outputFiles: [file], outputDirectories: [], outputSymlinks: [] };
        },
      }),
      parts: (bench) => ({
        filers: new Map([['bazel', { filer: labFiler(bench, { ms: 10 }) }]]),
      }),
    });
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 5, error: '' });
    expect(status.actionResult).toEqual({
      actionDigest: ACTION,
      cached: false,
      result: {
        exitCode: 5,
        outputFiles: [file],
        outputDirectories: [],
        outputSymlinks: [],
        stdoutDigest: digest('1'),
        stderrDigest: digest('2'),
        metadata: {
          worker: 'runner',
          queuedMs: EPOCH_MS - 40,
          workerStartMs: EPOCH_MS,
          inputFetchStartMs: EPOCH_MS + 3,
          inputFetchCompletedMs: EPOCH_MS + 13,
          executionStartMs: EPOCH_MS + 13,
          executionCompletedMs: EPOCH_MS + 43,
          outputUploadStartMs: EPOCH_MS + 43,
          outputUploadCompletedMs: EPOCH_MS + 47,
          workerCompletedMs: EPOCH_MS + 47,
        },
      },
    });
    expect(phasesOf(trace)).toEqual(
      'lookup checkout outputs prepare exec wait collect close release end'.split(' '),
    );
    expect(log.filter((line) => line.startsWith('store'))).toEqual(['storeLog', 'storeLog', 'storeOutputs']);
    // R197
    const values = (name: string): readonly number[] => lab.metrics.values(name);
    expect(values('bzExecQueuedTimeHistogram_ms')).toEqual([40]);
    expect(values('BzExecActionCacheCheckTimeHistogram_ms')).toEqual([0]);
    expect(values('BzExecActionFetchTimeHistogram_ms')).toEqual([0]);
    expect(values('BzExecCommandFetchTimeHistogram_ms')).toEqual([3]);
    expect(values('bzExecInputFetchTimeHistogram_ms')).toEqual([10]);
    expect(values('bzExecExecerTimeHistogram_ms')).toEqual([30]);
  });

  test('R197 each span is measured once per run, and the queue only where it is known', async () => {
    const { lab } = await course();
    const names = ['ActionCacheCheck', 'ActionFetch', 'CommandFetch'].map(
      (n) => `BzExec${n}TimeHistogram_ms`,
    );
    const counts = [...names, 'bzExecInputFetchTimeHistogram_ms', 'bzExecExecerTimeHistogram_ms'];
    expect(counts.map((name) => lab.metrics.value(name))).toEqual([1, 1, 1, 1, 1]);
    expect(lab.metrics.value('bzExecQueuedTimeHistogram_ms')).toBe(0);
  });

  test.for([
    ['is not known', undefined],
    ['is later than the start, so of another clock', EPOCH_MS + 1],
  ] as const)(
    'R193 D102 a queued time that %s is absent, and no time is negative',
    async ([, queuedAtMs]) => {
      const executeRequest: ExecuteRequest = {
        actionDigest: ACTION,
        ...(queuedAtMs === undefined ? {} : { queuedAtMs }),
      };
      const { status, lab } = await course({ wanted: { ...WANTED, executeRequest } });
      expect(status.actionResult?.result?.metadata).not.toHaveProperty('queuedMs');
      expect(lab.metrics.value('bzExecQueuedTimeHistogram_ms')).toBe(0);
    },
  );

  test('R190 what a Bazel run writes is stored without a header, and parents are made before the process starts', async () => {
    const order: string[] = [];
    let stored = '';
    const outputs = createMemoryOutputs();
    const { lab } = await course({
      argv: ['stdout hello', 'complete 0'],
      parts: ({ execer }) => ({
        outputs,
        execer: slowExecer(execer, (begin) => {
          order.push('exec');
          return begin();
        }),
      }),
      stub: () => ({
        prepareOutputs: (dir) => void order.push(`prepare ${dir.slice(0, 14)}`),
        storeLog: ({ uri }) => {
          if (uri.includes('stdout')) stored = outputs.find(uri)?.text() ?? '';
          return digest('1');
        },
      }),
    });
    expect(order).toEqual(['prepare /snapshots/bz-', 'exec']);
    expect(stored).toBe('hello');
    expect(lab.execer.livingProcesses).toBe(0);
  });

  test('R192 a result is kept if the command went well and the action allows it', async () => {
    const kept: ActionOutcome[] = [];
    const stub = (): Partial<ActionStore> => ({ keep: (_request, outcome) => void kept.push(outcome) });
    const { status } = await course({ stub });
    expect(kept).toEqual([status.actionResult?.result]);
  });

  test.for<[string, CourseOptions, string]>([
    ['exit code that is not 0', { argv: ['complete 1'] }, 'COMPLETE'],
    ['action that is not to be cached', { action: { doNotCache: true } }, 'COMPLETE'],
    [
      'abort',
      { argv: ['sleep 100'], during: (sim, run) => void sim.sleep(5).then(() => run.abort()) },
      'ABORTED',
    ],
    ['timeout', { argv: ['sleep 100'], action: { timeoutMs: 5 } }, 'TIMEDOUT'],
    ['failed process', { argv: ['fail 1 broken'] }, 'FAILED'],
    [
      'output that is known to be incomplete',
      {
        argv: ['stdout hello', 'complete 0'],
        parts: () => ({ outputs: createMemoryOutputs({ faults: () => [{ kind: 'error', afterBytes: 2 }] }) }),
      },
      'COMPLETE',
    ],
  ])('R192 R194 D91 D92 a result is never kept: %s', async ([, options, state]) => {
    const { status, log } = await course(options);
    expect(status.state).toBe(state);
    expect(log).not.toContain('keep');
    if (state === 'ABORTED' || state === 'TIMEDOUT') expect(status.actionResult).toBeUndefined();
  });

  test('R192 D92 a kill at the memory cap stores its logs, no outputs, and is not kept', async () => {
    const { status, log, lab } = await course({
      parts: ({ sim, execer }) => ({
        execer: {
          cancelBoundMs: 10,
          exec: (command) => {
            const process = execer.exec(command);
            sim.world.clock.timer('cap', 5, () => {
              void process.abort();
              const killed = { state: 'COMPLETE', exitCode: 1, error: 'Cmd exceeded MemoryCap' } as const;
              command.onMemoryReport?.({ kind: 'exceeded', status: killed });
            });
            return process;
          },
        },
      }),
      argv: ['sleep 100'],
    });
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 1, error: 'Cmd exceeded MemoryCap' });
    expect(status.actionResult).toMatchObject({ cached: false, result: { exitCode: 1, outputFiles: [] } });
    expect(log).not.toContain('storeOutputs');
    expect(log).not.toContain('keep');
    expect(lab.execer.livingProcesses).toBe(0);
  });

  test('R192 an error of the cache is recorded, and the result stands', async () => {
    const { status, trace } = await course({ stub: () => ({ keep: () => fails('cache full') }) });
    expect(status).toMatchObject({
      state: 'COMPLETE',
      actionResult: { cached: false, result: { exitCode: 0 } },
    });
    expect(recordedOf(trace)).toEqual([['cache', 'cache full']]);
  });
});

test.for<[string, CourseOptions]>([
  ['a result', {}],
  ['a cached result', { cached: outcomeOf(0) }],
  ['a failure of the store', { stub: () => ({ storeOutputs: () => fails() }) }],
  ['a timeout', { argv: ['sleep 100'], action: { timeoutMs: 5 } }],
  ['an abort', { argv: ['sleep 100'], during: (sim, run) => void sim.sleep(5).then(() => run.abort()) }],
])('D100 R204 after %s of a Bazel run no output, checkout or process is left', async ([, options]) => {
  const { lab, log } = await course(options);
  expect(lab.outputs.all().every(({ closed }) => closed)).toBe(true);
  expect(log.filter((line) => line.startsWith('checkout'))).toHaveLength(
    log.filter((line) => line.startsWith('release')).length,
  );
  expect(lab.execer.livingProcesses).toBe(0);
});

describe('a stop on the Bazel path', () => {
  type Method = 'cachedOutcome' | 'action' | 'command' | 'prepareOutputs' | 'storeLog' | 'storeOutputs';
  const hanging =
    (method: Method, cancelMs: number) =>
    (sim: Simulation, log: string[]): Partial<ActionStore> => ({
      [method]: async (...given: readonly unknown[]) => {
        const cancel = given.find((each) => each instanceof Cancellation) as Cancellable;
        cancel.signal.addEventListener('abort', () => log.push(`cancel ${method}`));
        await behave(sim, method, { ms: Infinity, cancelMs }, cancel);
      },
    });

  test.for<[Method, 'abort' | 'deadline']>([
    ['cachedOutcome', 'abort'],
    ['action', 'abort'],
    ['command', 'abort'],
    ['prepareOutputs', 'abort'],
    ['cachedOutcome', 'deadline'],
    ['action', 'deadline'],
    ['command', 'deadline'],
    ['prepareOutputs', 'deadline'],
  ])('R195 R105 D95 in %s by %s cancels it, and the process never starts', async ([method, cause]) => {
    const { status, log, statuses, seenAtMs } = await course({
      stub: hanging(method, 7),
      ...(cause === 'abort'
        ? { during: (sim, run) => void sim.sleep(20).then(() => run.abort()) }
        : { wanted: { ...WANTED, timeoutMs: 20 } }),
    });
    expect(status.state).toBe(cause === 'abort' ? 'ABORTED' : 'TIMEDOUT');
    expect(statuses).toHaveLength(1);
    expect(seenAtMs).toEqual([27]);
    expect(log.filter((line) => line.startsWith('cancel '))).toEqual([`cancel ${method}`]);
    expect(status.actionResult).toBeUndefined();
  });

  test('R195 D95 ends the wait between two attempts at once', async () => {
    const { status, seenAtMs } = await course({
      stub: () => ({ action: () => fails() }),
      during: (sim, run) => void sim.sleep(150).then(() => run.abort()),
    });
    expect(status.state).toBe('ABORTED');
    expect(seenAtMs).toEqual([150]);
  });

  test.for<[Method]>([['storeLog'], ['storeOutputs']])(
    'R195 D96 D97 an abort in %s cancels it once, waits for it, and the run is ABORTED',
    async ([method]) => {
      const { status, log, seenAtMs } = await course({
        stub: hanging(method, 7),
        during: (sim, run) => {
          void sim.sleep(20).then(() => {
            run.abort();
            run.abort();
          });
        },
      });
      expect(status.state).toBe('ABORTED');
      expect(seenAtMs.at(-1)).toBe(27);
      expect(log.filter((line) => line.startsWith('cancel '))).toEqual([`cancel ${method}`]);
      expect(log).not.toContain('keep');
    },
  );

  test('R195 R199 a store that does not honour the cancel is given up at its bound', async () => {
    const { status, seenAtMs, trace } = await course({
      stub: hanging('storeOutputs', Infinity),
      during: (sim, run) => void sim.sleep(20).then(() => run.abort()),
    });
    expect(status.state).toBe('ABORTED');
    expect(seenAtMs.at(-1)).toBe(70);
    expect(recordedOf(trace)).toContainEqual(['collect', 'did not stop within its bound']);
  });

  test('R192 R109 an abort while the result goes into the cache is too late', async () => {
    const { status, seenAtMs } = await course({
      stub: (sim) => ({ keep: () => sim.sleep(30) }),
      during: (sim, run) => void sim.sleep(10).then(() => run.abort()),
    });
    expect(status).toMatchObject({ state: 'COMPLETE', actionResult: { result: { exitCode: 0 } } });
    expect(seenAtMs.at(-1)).toBe(30);
  });

  test.for([
    [false, 'COMPLETE'],
    [true, 'ABORTED'],
  ] as const)(
    'R192 R109 an abort during the upload is too late only once the result is kept (doNotCache: %s)',
    async ([doNotCache, state]) => {
      const { status, log } = await course({
        action: { doNotCache },
        parts: (bench) => ({ uploader: labUploader(bench, { ms: 30 }) }),
        during: (sim, run) => void sim.sleep(10).then(() => run.abort()),
      });
      expect(status.state).toBe(state);
      expect(log.includes('keep')).toBe(!doNotCache);
      expect(log).toContain('upload stdlog');
    },
  );

  test('R192 R199 R109 an abort that is too late while the result goes into the cache still bounds the upload of the logs', async () => {
    const { status, seenAtMs, log, trace } = await course({
      stub: (sim) => ({ keep: () => sim.sleep(30) }),
      parts: (bench) => ({
        uploader: {
          cancelBoundMs: 7,
          upload: (name, output, cancel) => {
            cancel.signal.addEventListener('abort', () => bench.log.push('cancel upload'));
            return labUploader(bench, { ms: Infinity }).upload(name, output, cancel);
          },
        },
      }),
      during: (sim, run) => void sim.sleep(10).then(() => run.abort()),
    });
    expect(status).toMatchObject({ state: 'COMPLETE', actionResult: { result: { exitCode: 0 } } });
    expect(seenAtMs.at(-1)).toBe(37);
    expect(log.filter((line) => line.includes('upload'))).toEqual(['upload stdlog', 'cancel upload']);
    expect(trace).toContainEqual(
      expect.objectContaining({ type: 'abandoned', resource: 'upload', name: 'stdlog' }),
    );
  });

  test('R103 R191 a deadline while outputs are stored changes nothing', async () => {
    const { status } = await course({
      stub: (sim) => ({
        storeOutputs: async () => {
          await sim.sleep(30);
          return { outputFiles: [], outputDirectories: [], outputSymlinks: [] };
        },
      }),
      wanted: { ...WANTED, timeoutMs: 10 },
    });
    expect(status.state).toBe('COMPLETE');
  });

  test('R103 R191 R192 a deadline gives what stores a result longer than the bound of a cancel', async () => {
    const { status, trace, seenAtMs } = await course({
      stub: (sim) => ({
        storeOutputs: async () => {
          await sim.sleep(300);
          return { outputFiles: [], outputDirectories: [], outputSymlinks: [] };
        },
        keep: () => sim.sleep(200),
      }),
      wanted: { ...WANTED, timeoutMs: 10 },
    });
    expect(status).toMatchObject({ state: 'COMPLETE', actionResult: { result: { exitCode: 0 } } });
    expect(seenAtMs.at(-1)).toBe(500);
    expect(recordedOf(trace)).toEqual([]);
  });
});

describe('the snapshot of the logs', () => {
  const outputs = createMemoryOutputs({ toFile: ({ id }) => `/logs/${id}` });
  const ingesting = (
    sim: Simulation,
    log: string[],
    ms: number,
    ingest: () => string,
  ): Partial<InvokerOptions> => ({
    outputs,
    ingestLogs: true,
    filers: new Map([
      [
        'scoot',
        {
          filer: {
            ...labFiler({ sim, log }),
            ingestMap: async (paths, cancel) => {
              log.push([...paths].map((path) => path.join(' → ')).join(', '));
              await behave(sim, 'ingest', { ms }, cancel);
              return ingest();
            },
          },
        },
      ],
    ]),
  });

  async function logged(
    command: Command,
    ms: number,
    ingest: () => string,
    abortMs?: number,
  ): Promise<Course> {
    return course({
      wanted: command,
      parts: ({ sim, log }) => ({ ...ingesting(sim, log, ms, ingest), actions: undefined }),
      ...(abortMs === undefined
        ? {}
        : { during: (sim, run) => void sim.sleep(abortMs).then(() => run.abort()) }),
    });
  }

  test('R198 is the snapshot of a run that is COMPLETE, and where its refs lead if the command had one', async () => {
    const { status, log } = await logged({ argv: ['complete 2'], snapshotId: 's' }, 5, () => 'id7');
    expect(status).toMatchObject({
      state: 'COMPLETE',
      exitCode: 2,
      snapshotId: 'id7',
      stdoutRef: 'id7/STDOUT',
      stderrRef: 'id7/STDERR',
    });
    expect(log[1]).toBe('/logs/7-stdout → STDOUT, /logs/7-stderr → STDERR, /logs/7-stdlog → STDLOG');
  });

  test('R198 leaves the refs of a command without a snapshot alone', async () => {
    const { status } = await logged({ argv: ['complete 0'] }, 5, () => 'id7');
    expect(status.snapshotId).toBe('id7');
    expect(status.stdoutRef).toMatch(/^memory:/);
  });

  test('R198 D99 is not there after an ingestion that failed, and the local refs stay', async () => {
    const { status, trace } = await logged({ argv: ['complete 0'], snapshotId: 's' }, 5, () =>
      fails('no room'),
    );
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0, snapshotId: '' });
    expect(status.stdoutRef).toMatch(/^memory:/);
    expect(recordedOf(trace)).toEqual([['ingest', 'no room']]);
  });

  test('R198 is not made of a run that FAILED or was stopped', async () => {
    for (const argv of [['fail 1 broken'], ['no such step']]) {
      const { status, log } = await logged({ argv, snapshotId: 's' }, 5, () => 'id7');
      expect([status.state, status.snapshotId]).toEqual(['FAILED', '']);
      expect(log).toEqual(['checkout s', 'release s']);
    }
  });

  test('R198 R195 an abort meanwhile cancels the ingestion, and the run is ABORTED', async () => {
    const { status, seenAtMs } = await logged(
      { argv: ['complete 0'], snapshotId: 's' },
      Infinity,
      () => 'x',
      20,
    );
    expect(status).toMatchObject({ state: 'ABORTED', snapshotId: '' });
    expect(seenAtMs.at(-1)).toBe(20);
  });

  test('R198 R170 nothing is ingested where it is not asked for', async () => {
    const { status, log } = await course({
      wanted: { argv: ['complete 0'], snapshotId: 's' },
      parts: ({ sim, log: lines }) => ({ ...ingesting(sim, lines, 0, () => 'x'), ingestLogs: false }),
    });
    expect(status.snapshotId).toBe('');
    expect(log).toEqual(['checkout s', 'release s']);
  });

  test('R123 the status of a Bazel run whose output could not be written says so', async () => {
    const { status } = await course({
      argv: ['stdout hello', 'complete 3'],
      parts: () => ({ outputs: createMemoryOutputs({ faults: () => [{ kind: 'error', afterBytes: 2 }] }) }),
    });
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 3 });
    expect(status.error).toMatch(/^the logs are incomplete: output \S+ is full/);
    expect(status.actionResult?.result?.exitCode).toBe(3);
  });

  test('R191 R113 uploaded logs of a Bazel run are those that were stored', async () => {
    const { log } = await course({ parts: (bench) => ({ uploader: labUploader(bench) }) });
    expect(log.slice(-5)).toEqual([
      'keep',
      'upload stdlog',
      'upload stderr',
      'upload stdout',
      expect.any(String),
    ]);
  });
});
