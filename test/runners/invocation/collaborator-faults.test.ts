import { describe, expect, test } from 'vitest';
import type { InvokerOptions } from '../../../src/runners/invocation/invoker-parts.ts';
import type { Command } from '../../../src/model/command.ts';
import type { MemoryReport, Process, ProcessStatus } from '../../../src/model/execer.ts';
import type { Checkout } from '../../../src/model/filer.ts';
import type { Output } from '../../../src/model/output.ts';
import { checkRunStatus, type RunStatus } from '../../../src/model/run-status.ts';
import { createVirtualFiler } from '../../../src/filers/fake-filer.ts';
import { thrownBy } from '../../model/thrown.ts';
import { createMemoryOutputs } from '../../../src/outputs/memory-output.ts';
import { inSimulation } from '../in-simulation.ts';
import {
  filersOf,
  invoke,
  labFiler,
  labProcessor,
  labUploader,
  makeLab,
  pass,
  slowExecer,
  type Lab,
} from '../lab.ts';

const BROKEN = new Error('broken');
const reject = (): Promise<never> => Promise.reject(BROKEN);
const raise = (): never => {
  throw BROKEN;
};

type Replace = (lab: Omit<Lab, 'options'>) => Partial<InvokerOptions>;

interface Course {
  readonly status: RunStatus;
  readonly endedAtMs: number;
  /** What the trace says was recorded: what, error, code. */
  readonly recorded: readonly (readonly [string, string, number])[];
  /** `RESOURCE NAME` of what was given up. */
  readonly abandoned: readonly string[];
}

/** One run of `argv` in a lab with a collaborator replaced, aborted at `abortMs`. */
async function course(
  replace: Replace,
  argv: readonly string[] = ['complete 0'],
  abortMs?: number,
  command: Command = { argv, snapshotId: 's' },
): Promise<Course> {
  let status: RunStatus | undefined;
  let endedAtMs = 0;
  const verdict = await inSimulation(
    async (sim) => {
      const lab = makeLab(sim, replace);
      const run = invoke(lab, command);
      if (abortMs !== undefined) {
        await sim.sleep(abortMs);
        run.abort();
      }
      status = await run.ended;
      endedAtMs = sim.now();
      await sim.sleep(10_000);
    },
    { leftovers: 'ignore' },
  );
  return {
    status: status!,
    endedAtMs,
    recorded: verdict
      .trace()
      .flatMap((event) =>
        event.type === 'recorded' ? [[event.what, event.error, event.exitCode] as const] : [],
      ),
    abandoned: verdict
      .trace()
      .flatMap((event) => (event.type === 'abandoned' ? [`${event.resource} ${event.name}`] : [])),
  };
}

/** A process around the lab's own. */
function withProcess(change: (process: Process) => Partial<Process>): Replace {
  return ({ execer }) => ({
    execer: slowExecer(execer, async (begin) => {
      const process = await begin();
      return { ...bound(process), ...change(process) };
    }),
  });
}

function bound(process: Process): Process {
  return { wait: () => process.wait(), abort: () => process.abort() };
}

/** Outputs whose `close` is another. */
function withClose(close: () => void | Promise<void>): Replace {
  const outputs = createMemoryOutputs();
  return () => ({
    outputs: {
      create: (id) => {
        const output = outputs.create(id);
        return {
          uri: output.uri,
          asFile: () => output.asFile(),
          write: (chunk) => output.write(chunk),
          close,
        };
      },
    },
  });
}

describe('a misbehaving collaborator is recorded, and changes no outcome', () => {
  // Logs that may not be whole are named by the status as well (R123).
  const incomplete = 'the logs are incomplete: broken';
  test.for<
    [string, Replace, readonly string[], readonly (readonly [string, string, number])[], error?: string]
  >([
    [
      'an output that cannot be closed',
      withClose(reject),
      ['complete 0'],
      Array.from({ length: 3 }, () => ['output', 'broken', 0] as const),
      incomplete,
    ],
    [
      'an output whose close throws',
      withClose(raise),
      ['complete 0'],
      Array.from({ length: 3 }, () => ['output', 'broken', 0] as const),
      incomplete,
    ],
    [
      'a monitor that throws',
      () => ({ dirMonitor: { sizesKb: raise } }),
      ['complete 0'],
      [['dirMonitor', 'broken', 0]],
    ],
    [
      'a monitor that rejects',
      () => ({ dirMonitor: { sizesKb: reject } }),
      ['complete 0'],
      [['dirMonitor', 'broken', 0]],
    ],
    [
      'a monitor that gives no Map',
      () => ({ dirMonitor: { sizesKb: () => [['a', 1]] as never } }),
      ['complete 0'],
      [['dirMonitor', 'sizesKb() of the directory monitor: expected a Map, got an array of 1', 0]],
    ],
    [
      'a monitor that gives a size that is no number, at the end',
      () => {
        const sizes = [1, NaN].values();
        return { dirMonitor: { sizesKb: () => new Map([['a', sizes.next().value as number]]) } };
      },
      ['complete 0'],
      [['dirMonitor', 'a of sizesKb() of the directory monitor: expected a finite number, got NaN', 0]],
    ],
    [
      'a monitor that breaks while the process runs',
      () => {
        let calls = 0;
        return { dirMonitor: { sizesKb: () => ((calls += 1) === 1 ? new Map([['a', 1]]) : raise()) } };
      },
      ['complete 0'],
      [['dirMonitor', 'broken', 0]],
    ],
    [
      'an uploader that throws',
      () => ({ uploader: { cancelBoundMs: 10, upload: raise } }),
      ['complete 0'],
      Array.from({ length: 3 }, () => ['upload', 'broken', 0] as const),
    ],
    [
      'an uploader that is late each time',
      (lab) => ({ uploader: labUploader(lab, { ms: Infinity, uploadBoundMs: 50 }) }),
      ['complete 0'],
      ['stdlog', 'stderr', 'stdout'].map(
        (name) => ['upload', `upload of ${name} took longer than 50 ms`, 0] as const,
      ),
    ],
    [
      'an uploader that is slow and has no limit',
      (lab) => ({ uploader: labUploader(lab, { ms: 5, uploadBoundMs: Infinity }) }),
      ['complete 0'],
      [],
    ],
    [
      'a process with faults of its own',
      withProcess((process) => ({
        wait: async () => ({ ...(await process.wait()), faults: ['a sink broke'] }),
      })),
      ['complete 0'],
      [['process', 'a sink broke', 0]],
    ],
  ])('%s', async ([, replace, argv, recorded, error = '']) => {
    const { status, ...rest } = await course(replace, argv);
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0, error });
    expect(rest.recorded).toEqual(recorded);
  });
});

describe('R102 R106 R199 a collaborator that does not return after an abort is given up at its bound, and recorded', () => {
  const HANG = Promise.race<never>([]);
  test.for<[string, Replace, number, number, readonly (readonly [string, string, number])[]]>([
    [
      'preprocessors: the longest of their bounds',
      (lab) => ({
        preprocessors: [
          { ...labProcessor(lab, 'deaf', { ms: Infinity, cancelMs: Infinity }), cancelBoundMs: 70 },
          { ...labProcessor(lab, 'short'), cancelBoundMs: 20 },
        ],
      }),
      5,
      5 + 70,
      [['preprocess', 'did not stop within its bound', 0]],
    ],
    [
      'postprocessors: all of their bounds',
      (lab) => ({
        postprocessors: [
          { ...labProcessor(lab, 'deaf', { ms: Infinity, cancelMs: Infinity }), cancelBoundMs: 70 },
          { ...labProcessor(lab, 'never'), cancelBoundMs: 20 },
        ],
      }),
      5,
      5 + 90,
      [['postprocess', 'did not end within its bound', 0]],
    ],
    [
      'a monitor: the bound of local work',
      () => {
        let calls = 0;
        return { localBoundMs: 40, dirMonitor: { sizesKb: () => ((calls += 1) === 1 ? new Map() : HANG) } };
      },
      5,
      5 + 40,
      [['dirMonitor', 'did not measure within its bound', 0]],
    ],
    [
      'a process whose abort throws: the bound of the execer',
      withProcess(() => ({ wait: () => HANG, abort: raise })),
      5,
      5 + 11_000,
      [['abort', 'broken', 0]],
    ],
    [
      'a process whose abort rejects: the same',
      withProcess(() => ({ wait: () => HANG, abort: reject })),
      5,
      5 + 11_000,
      [['abort', 'broken', 0]],
    ],
  ])('%s', async ([, replace, abortMs, endMs, recorded]) => {
    const { status, endedAtMs, ...rest } = await course(replace, ['hang'], abortMs);
    expect([status.state, endedAtMs, rest.recorded]).toEqual(['ABORTED', endMs, recorded]);
  });
});

describe('the exit code of a failure that has none', () => {
  test.for<[string, Replace, number, string]>([
    [
      'a checkout',
      ({ sim, log }) => ({ filers: filersOf(labFiler({ sim, log }, { error: BROKEN })) }),
      210,
      'broken',
    ],
    ['waiting for a process', withProcess((process) => ({ ...process, wait: reject })), 250, 'broken'],
    ['waiting for a process that throws', withProcess(() => ({ wait: raise, abort: raise })), 250, 'broken'],
  ])('R93 R98 of %s', async ([, replace, exitCode, error]) => {
    const { status } = await course(replace);
    expect(status).toMatchObject({ state: 'FAILED', exitCode, error });
  });
});

describe('R87 R200 a wrong answer of a collaborator', () => {
  const CHECKOUT = 'checkout() of the filer: expected an object with path and release(), got ';
  const TEMP_DIR = 'create() of the temporary directories: expected an object with path and release(), got ';
  const OUTPUT =
    'could not create stdout: create() of the outputs: expected an object with uri, write() and close(), got ';
  const PROCESS = 'exec() of the execer: expected an object with wait() and abort(), got ';
  const noop = (): void => undefined;
  const ended = { state: 'COMPLETE', exitCode: 0, error: '' };

  const filerOf =
    (answer: unknown): Replace =>
    (lab) => ({
      filers: filersOf({ ...labFiler(lab), checkout: () => answer as Checkout }),
    });
  const tempDirsOf =
    (answer: unknown): Replace =>
    () => ({
      filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
      tempDirs: { boundMs: 0, create: () => answer as Checkout },
    });
  const outputsOf =
    (answer: unknown): Replace =>
    () => ({ outputs: { create: () => answer as Output } });
  const execerOf =
    (answer: unknown): Replace =>
    () => ({
      execer: { cancelBoundMs: 0, exec: () => answer as Process },
    });
  const waitOf =
    (answer: unknown): Replace =>
    () => ({
      execer: {
        cancelBoundMs: 0,
        exec: () => ({ wait: () => answer as ProcessStatus, abort: () => answer as ProcessStatus }),
      },
    });

  test.for<[string, (answer: unknown) => Replace, unknown, number, string]>([
    ['no checkout', filerOf, undefined, 210, `${CHECKOUT}undefined`],
    ['an empty object as a checkout', filerOf, {}, 210, `${CHECKOUT}an object`],
    ['a path as a checkout', filerOf, '/dir', 210, `${CHECKOUT}"/dir"`],
    ['a checkout without a path', filerOf, { path: '', release: noop }, 210, `${CHECKOUT}an object`],
    ['a checkout that cannot be released', filerOf, { path: '/dir' }, 210, `${CHECKOUT}an object`],
    ['no temporary directory', tempDirsOf, undefined, 210, `${TEMP_DIR}undefined`],
    ['no output', outputsOf, undefined, 220, `${OUTPUT}undefined`],
    ['an output without a uri', outputsOf, { write: noop, close: noop }, 220, `${OUTPUT}an object`],
    ['an output that takes nothing', outputsOf, { uri: 'u', close: noop }, 220, `${OUTPUT}an object`],
    ['an output that cannot be closed', outputsOf, { uri: 'u', write: noop }, 220, `${OUTPUT}an object`],
    ['no process', execerOf, undefined, 250, `${PROCESS}undefined`],
    ['a process that cannot be waited for', execerOf, { abort: noop }, 250, `${PROCESS}an object`],
    ['a process that cannot be stopped', execerOf, { wait: noop }, 250, `${PROCESS}an object`],
    [
      'no status',
      waitOf,
      undefined,
      250,
      'wait() of the process: expected an object with state, got undefined',
    ],
    [
      'a status of no state',
      waitOf,
      { ...ended, state: 'DONE' },
      250,
      'wait() of the process: expected an object with state, got an object',
    ],
    [
      'a status without an exit code',
      waitOf,
      { ...ended, exitCode: null },
      250,
      'exitCode of wait() of the process: expected an integer, got null',
    ],
    [
      'a status without a text',
      waitOf,
      { ...ended, error: undefined },
      250,
      'error of wait() of the process: expected a string, got undefined',
    ],
    [
      'a status with a fault that is no list',
      waitOf,
      { ...ended, faults: 'x' },
      250,
      'faults of wait() of the process: expected a list of strings, got "x"',
    ],
    [
      'a status with a fault that is no text',
      waitOf,
      { ...ended, faults: [7] },
      250,
      'faults of wait() of the process: expected a list of strings, got an array of 1',
    ],
  ])('that is %s is the failure of its phase', async ([, replaceWith, answer, exitCode, error]) => {
    const command = replaceWith === tempDirsOf ? { argv: ['complete 0'] } : undefined;
    for (const given of [answer, Promise.resolve(answer)]) {
      const { status } = await course(replaceWith(given), ['complete 0'], undefined, command);
      expect(status).toMatchObject({ state: 'FAILED', exitCode, error });
      checkRunStatus(status);
    }
  });

  test.for([undefined, null, 7, ''])(
    'that is %o instead of a URL is a failed upload, which keeps the local refs',
    async (answer) => {
      const verdict = await inSimulation(async (sim) => {
        const lab = makeLab(sim, () => ({
          uploader: { cancelBoundMs: 0, upload: async () => answer as string },
        }));
        const status = await invoke(lab, { argv: ['complete 0'] }).ended;
        expect(status).toMatchObject({ state: 'COMPLETE', stdoutRef: lab.outputs.all()[0]!.uri });
        expect(lab.metrics.value('workerLogUploadFailures')).toBe(3);
        expect(lab.metrics.value('workerUploads')).toBe(0);
      });
      const errors = verdict.trace().flatMap((event) => (event.type === 'recorded' ? [event.error] : []));
      expect(errors).toHaveLength(3);
      expect(errors[0]).toMatch(/^upload\(\) of the uploader: expected a URL, got /);
    },
  );

  test.for([undefined, 7, ''])(
    'that is %o instead of a snapshot id leaves the logs where they are',
    async (answer) => {
      const { status, recorded } = await course((lab) => ({
        ingestLogs: true,
        outputs: createMemoryOutputs({ toFile: ({ uri }) => uri }),
        filers: filersOf({ ...labFiler(lab), ingestMap: () => answer as string }),
      }));
      expect(status).toMatchObject({ state: 'COMPLETE', snapshotId: '' });
      expect(status.stdoutRef).toMatch(/^memory:/);
      expect(recorded).toMatchObject([
        ['ingest', expect.stringContaining('ingestMap() of the filer: expected a snapshot id'), 0],
      ]);
    },
  );

  test('that is no memory report is refused, and the run goes on', async () => {
    const errors: string[] = [];
    const reports = [undefined, {}, { status: { state: 'COMPLETE', exitCode: 1 } }];
    const { status } = await course(({ execer }) => ({
      execer: {
        cancelBoundMs: execer.cancelBoundMs,
        exec: (command) => {
          for (const report of reports) {
            errors.push(thrownBy(() => command.onMemoryReport?.(report as MemoryReport)));
          }
          return execer.exec(command);
        },
      },
    }));
    expect(status).toMatchObject({ state: 'COMPLETE', exitCode: 0 });
    expect(errors).toHaveLength(3);
    for (const error of errors) {
      expect(error).toMatch(
        /^RUNNER_INVALID_ARGUMENT: report: expected an object with the status of the process, got /,
      );
    }
  });
});

test('R204 a process that cannot be waited for is given up, and asked to end', async () => {
  const aborts: string[] = [];
  const { abandoned, recorded } = await course(
    withProcess((process) => ({
      wait: reject,
      abort: () => {
        aborts.push('abort');
        return process.abort();
      },
    })),
    ['hang'],
  );
  expect([aborts, abandoned, recorded]).toEqual([['abort'], ['process process'], [['wait', 'broken', 0]]]);
});

test('R111 R112 a report at the very instant of the end comes first: over the cap at the start is FAILED 241 with its logs', async () => {
  const status: ProcessStatus = { state: 'FAILED', exitCode: 241, error: 'too much memory before the start' };
  const { status: ended, recorded } = await course(({ execer }) => ({
    execer: {
      cancelBoundMs: execer.cancelBoundMs,
      exec: (command) => ({
        wait: () => {
          command.onMemoryReport?.({ kind: 'initial', status });
          return status;
        },
        abort: () => status,
      }),
    },
  }));
  expect(ended).toMatchObject({ state: 'FAILED', exitCode: 241, error: 'too much memory before the start' });
  expect(recorded).toEqual([]);
});

test('R177 R178 latencies are spans, whenever a run starts', async () => {
  await inSimulation(async (sim) => {
    const lab = makeLab(sim, (parts) => ({
      filers: filersOf(labFiler(parts, { ms: 20 })),
      uploader: labUploader(parts, { ms: 10 }),
    }));
    await pass(lab, 1_000);
    await invoke(lab, { argv: ['sleep 100', 'complete 0'], snapshotId: 's' }).ended;
    const { metrics } = lab;
    expect(metrics.values('workerDownloadLatency_ms')).toEqual([20]);
    expect(metrics.values('workerLogUploadLatency_ms')).toEqual([10, 10, 10]);
    expect(metrics.values('workerUploadLatency_ms')).toEqual([30]);
    expect(metrics.values('workerTaskLatency_ms')).toEqual([20 + 100 + 30]);
  });
});
