import { describe, expect, test } from 'vitest';
import type { InvokerOptions } from '../../../src/runners/invocation/invoker-parts.ts';
import type { Process, ProcessStatus } from '../../../src/model/execer.ts';
import type { RunStatus } from '../../../src/model/run-status.ts';
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
): Promise<Course> {
  let status: RunStatus | undefined;
  let endedAtMs = 0;
  const verdict = await inSimulation(
    async (sim) => {
      const lab = makeLab(sim, replace);
      const run = invoke(lab, { argv, snapshotId: 's' });
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
