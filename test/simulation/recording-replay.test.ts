// Recordings made in virtual time, of runners around which anything can go wrong, and what a replay says when it cannot go on.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createVirtualFiler } from '../../src/filers/fake-filer.ts';
import { createSimFiler } from '../../src/filers/sim-filer.ts';
import type { RecordedEntry, Recording } from '../../src/model/recording.ts';
import type { Filer } from '../../src/model/filer.ts';
import { createMemoryMetrics } from '../../src/metrics/memory-metrics.ts';
import type { MaybePromise } from '../../src/model/maybe-promise.ts';
import type { Chunk, Output, OutputCreator } from '../../src/model/output.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import { createNullOutputs } from '../../src/outputs/null-output.ts';
import type { Command } from '../../src/model/command.ts';
import type { Service } from '../../src/model/service.ts';
import { DONE_MASK } from '../../src/model/state-mask.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { createQueueRunner, type QueueRunnerOptions } from '../../src/runners/queue/create-queue-runner.ts';
import { createRecorder } from '../../src/runners/recording/recorder.ts';
import { virtualTempDirs } from '../../src/runners/virtual-temp-dirs.ts';
import { chosenFilerMenu, chosenOutputFaults } from '../../src/simulation/chosen-faults.ts';
import { replayRecording } from '../../src/simulation/recording-replay.ts';
import { readRecording, recordingLines } from '../../src/trace/recording/recording-file.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import type { World } from '../../src/model/world.ts';

const SCRIPTS = [
  ['complete 0'],
  ['stdout a', 'sleep 5', 'stderr b', 'complete 3'],
  ['sleep 20', 'fail 9 broken'],
  ['ignore-term', 'sleep 40'],
  ['no such step'],
];

/** Runs commands on two recorded runners with chosen faults, aborts some, releases; the seed decides everything. */
async function record(seed: number, commands: readonly [number, number, boolean][]): Promise<Recording> {
  let recording: Recording = { entries: [] };
  await simulate({
    seed,
    oracles: [],
    leftovers: 'ignore',
    scenario: async (sim) => {
      const { world } = sim;
      const recorder = createRecorder(world);
      const runners = ['one', 'two'].map((name) => {
        const menu = chosenFilerMenu();
        const filer = createSimFiler({
          clock: world.clock,
          choices: world.choices,
          name,
          menu,
          updateIntervalMs: 15,
        });
        return createQueueRunner(world, {
          name,
          recorder,
          capacity: 4,
          execer: createSimExecer({ clock: world.clock, graceMs: 10 }),
          filers: new Map([['scoot', { filer }]]),
          outputs: createMemoryOutputs({ clock: world.clock, faults: chosenOutputFaults(sim) }),
          tempDirs: virtualTempDirs(),
          updateLimitMs: 50,
        });
      });
      const aborts: Promise<unknown>[] = [];
      for (const [index, [script, pauseMs, isAborted]] of commands.entries()) {
        const runner = runners[index % 2] as (typeof runners)[number];
        const command = {
          argv: SCRIPTS[script % SCRIPTS.length] ?? [],
          timeoutMs: 30,
          snapshotId: index % 3 ? 's' : '',
        };
        const run = await runner.run(command).catch(() => undefined);
        if (run !== undefined && isAborted) {
          aborts.push(sim.sleep(pauseMs / 2).then(() => runner.abort(run.runId)));
        }
        await sim.sleep(pauseMs);
      }
      await Promise.race([sim.sleep(500), Promise.all(aborts)]);
      await Promise.race([sim.sleep(20_000), Promise.all(runners.map((runner) => runner.release()))]);
      recording = recorder.recording();
    },
  });
  return recording;
}

describe('a recording of runners in virtual time', () => {
  test('is reproduced entry by entry, whatever goes wrong', async () => {
    let faults = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(fc.tuple(fc.nat(9), fc.nat(12), fc.boolean()), { minLength: 1, maxLength: 8 }),
        async (seed, commands) => {
          const recording = await record(seed, commands);
          expect(recording.entries.length).toBeGreaterThan(4);
          faults += recording.entries.filter((entry) => entry.type === 'recorded').length;
          const { problem, recording: replayed } = await replayRecording(recording);
          expect(problem).toBeUndefined();
          expect(replayed.entries.length).toBeGreaterThanOrEqual(recording.entries.length);
        },
      ),
      { numRuns: 60 },
    );
    expect(faults).toBeGreaterThan(0);
  });

  test('is reproduced as far as it goes, wherever it was cut off', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.array(fc.tuple(fc.nat(9), fc.nat(3), fc.boolean()), { minLength: 1, maxLength: 6 }),
        async (seed, commands) => {
          const { entries } = await record(seed, commands);
          for (let end = 0; end < entries.length; end += 1) {
            const { problem } = await replayRecording({ entries: entries.slice(0, end) });
            expect(problem && `the first ${end} of ${entries.length}: ${problem}`).toBeUndefined();
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  test('names each log where logs share one place, and is reproduced', async () => {
    const recording = await recordRunner(
      async (runner) => {
        await toItsEnd({ argv: ['stdout x', 'complete 0'] })(runner);
        await toItsEnd({ argv: ['complete 0'] })(runner);
      },
      () => ({ outputs: createNullOutputs() }),
    );
    expect(placesOf(recording)).toEqual([
      ['0', 'output:///0-stdout', 'output:///0-stderr'],
      ['1', 'output:///1-stdout', 'output:///1-stderr'],
    ]);
    await expectReproduced(recording);
  });

  test('names each upload where uploads share one place, and is reproduced', async () => {
    const recording = await recordRunner(toItsEnd({ argv: ['complete 0'] }), () => ({
      uploader: { cancelBoundMs: 0, upload: () => 'https://logs.example/all' },
    }));
    expect(placesOf(recording)).toEqual([['0', 'upload:///stdout-3', 'upload:///stderr-2']]);
    await expectReproduced(recording);
  });

  test('is reproduced if it is older, and has one name for logs that share a place', async () => {
    const { entries } = await recordRunner(toItsEnd({ argv: ['stdout x', 'complete 0'] }));
    const older = JSON.stringify(entries).replace(/output:\/\/\/0-std(?:err|log)/g, 'output:///0-stdout');
    expect(older).not.toBe(JSON.stringify(entries));
    await expectReproduced({ entries: JSON.parse(older) as RecordedEntry[] });
  });
});

/** The run and the places of its logs, of each run that has ended. */
function placesOf({ entries }: Recording): string[][] {
  return entries.flatMap((entry) =>
    entry.type === 'status' && entry.status.state === 'COMPLETE'
      ? [[entry.status.runId, entry.status.stdoutRef, entry.status.stderrRef]]
      : [],
  );
}

function partsOf({ clock }: World): QueueRunnerOptions {
  return {
    execer: createSimExecer({ clock }),
    filers: new Map([['scoot', { filer: createSimFiler({ clock }) }]]),
    outputs: createMemoryOutputs({ clock }),
    tempDirs: virtualTempDirs(),
  };
}

/** Records one runner in virtual time while `scenario` uses it, and releases it. */
async function recordRunner(
  scenario: (runner: Service, sim: Simulation) => Promise<unknown>,
  optionsFor: (sim: Simulation) => Partial<QueueRunnerOptions> = () => ({}),
): Promise<Recording> {
  let recording: Recording = { entries: [] };
  const { failure } = await simulate({
    scenario: async (sim) => {
      const { world } = sim;
      const recorder = createRecorder(world);
      const runner = createQueueRunner(world, { recorder, ...partsOf(world), ...optionsFor(sim) });
      await scenario(runner, sim);
      await runner.release();
      recording = recorder.recording();
    },
  });
  expect(failure?.message).toBeUndefined();
  return recording;
}

/** Runs one command until it has ended. */
function toItsEnd(command: Command): (runner: Service) => Promise<unknown> {
  return async (runner) => finalStatus(runner, (await runner.run(command)).runId);
}

async function expectReproduced(recording: Parameters<typeof replayRecording>[0]): Promise<void> {
  expect((await replayRecording(recording)).problem).toBeUndefined();
}

test.for<[what: string, options: (clock: World['clock']) => Partial<QueueRunnerOptions>]>([
  ['local work', () => ({ localBoundMs: Number.MAX_SAFE_INTEGER })],
  ['updates', () => ({ updateLimitMs: 1e15 })],
  ['time between updates', (clock) => filedBy(createSimFiler({ clock, updateIntervalMs: 1e15 }))],
  ['checkouts', (clock) => filedBy(createSimFiler({ clock, cancelBoundMs: 1e15 }))],
  ['temporary directories', () => ({ tempDirs: { ...virtualTempDirs(), boundMs: 1e15 } })],
])(
  'a recording of a runner whose bound of %s is above a hundred years is written, read and reproduced',
  async ([, options]) => {
    const recording = await recordRunner(toItsEnd({ argv: ['complete 0'] }), ({ world }) =>
      options(world.clock),
    );
    const { entries } = await readRecording(recordingLines(recording));
    await expectReproduced({ entries });
  },
);

function filedBy(filer: Filer): Partial<QueueRunnerOptions> {
  return { filers: new Map([['scoot', { filer }]]) };
}

describe('a recording of a runner on which callers wait is reproduced', () => {
  const SLOW: Command = { argv: ['sleep 50', 'complete 3'] };

  test('if a wait on one run or on all runs runs out', async () => {
    const recording = await recordRunner(async (runner) => {
      const { runId } = await runner.run(SLOW);
      const waits = [
        runner.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: 10 }),
        runner.query({ allRuns: true, states: DONE_MASK }, { timeoutMs: 10 }),
      ];
      expect((await Promise.all(waits)).map(({ statuses }) => statuses)).toEqual([[], []]);
      await finalStatus(runner, runId);
    });
    await expectReproduced(recording);
  });

  test('if the signal of a wait aborts', async () => {
    const recording = await recordRunner(async (runner, sim) => {
      const { runId } = await runner.run(SLOW);
      const abort = new AbortController();
      const wait = runner.query(
        { runs: [runId], states: DONE_MASK },
        { timeoutMs: Infinity, signal: abort.signal },
      );
      await sim.sleep(10);
      abort.abort();
      await expect(wait).rejects.toThrow();
      await finalStatus(runner, runId);
    });
    await expectReproduced(recording);
  });
});

test('a recording of a long chunk that is no text is written, read and reproduced', async () => {
  const chunk = new Uint8Array(6_000_001).fill(255);
  const recording = await recordRunner(toItsEnd({ argv: ['write'] }), () => ({
    execer: {
      cancelBoundMs: 0,
      exec: ({ stdout }) => {
        void stdout?.write(chunk);
        const ended = { state: 'COMPLETE', exitCode: 0, error: '' } as const;
        return { wait: () => ended, abort: () => ended };
      },
    },
  }));
  const { entries } = await readRecording(recordingLines(recording));
  await expectReproduced({ entries });
});

describe('a recording of an answer that no file could hold is written, read and reproduced', () => {
  const SOUND = { state: 'COMPLETE', exitCode: 3, error: '' } as const;
  const COMMAND: Command = { argv: ['complete 3'], snapshotId: 's', timeoutMs: 5 };

  const ending = (status: unknown): Partial<QueueRunnerOptions> => ({
    execer: {
      cancelBoundMs: 1,
      exec: () => ({ wait: () => status as never, abort: () => Promise.resolve(status as never) }),
    },
  });
  /** The process ends because it is aborted at the deadline, with `status` as the answer to that. */
  const aborted = (status: unknown): Partial<QueueRunnerOptions> => {
    let end = (_status: typeof SOUND): void => {};
    const ended = new Promise<typeof SOUND>((resolve) => {
      end = resolve;
    });
    return {
      execer: {
        cancelBoundMs: 1,
        exec: () => ({
          wait: () => ended,
          abort: () => {
            end(SOUND);
            return status as never;
          },
        }),
      },
    };
  };
  const reporting = (report: unknown): Partial<QueueRunnerOptions> => ({
    execer: {
      cancelBoundMs: 1,
      exec: ({ onMemoryReport }) => {
        try {
          onMemoryReport?.(report as never);
        } catch {
          // Refused: the process goes on.
        }
        return { wait: () => SOUND, abort: () => SOUND };
      },
    },
  });
  const measuring = (...sizes: unknown[]): Partial<QueueRunnerOptions> => {
    const left = sizes.values();
    return { dirMonitor: { sizesKb: () => left.next().value as never } };
  };

  test.for<[what: string, options: () => Partial<QueueRunnerOptions>, end: string]>([
    [
      'a status with a field of its own',
      () => ending({ ...SOUND, pid: 7, signal: 9, faults: ['a'] }),
      'COMPLETE 3',
    ],
    ['a later one', () => ending(Promise.resolve({ ...SOUND, pid: 7 })), 'COMPLETE 3'],
    [
      'half an exit code',
      () => ending({ ...SOUND, exitCode: 1.5 }),
      'FAILED 250 exitCode of wait() of the process: expected an integer, got 1.5',
    ],
    [
      'half an exit code later',
      () => ending(Promise.resolve({ ...SOUND, exitCode: 1.5 })),
      'FAILED 250 exitCode of wait() of the process: expected an integer, got 1.5',
    ],
    [
      'an exit code beyond what numbers hold',
      () => ending({ ...SOUND, exitCode: 2 ** 60 }),
      'FAILED 250 exitCode of wait() of the process: expected an integer from -9007199254740991 to 9007199254740991, got 1152921504606847000',
    ],
    [
      'no number',
      () => ending({ ...SOUND, exitCode: NaN }),
      'FAILED 250 exitCode of wait() of the process: expected an integer, got NaN',
    ],
    [
      'an unknown state',
      () => ending({ ...SOUND, state: 'ENDED' }),
      'FAILED 250 wait() of the process: expected an object with state, got an object',
    ],
    [
      'no status',
      () => ending(undefined),
      'FAILED 250 wait() of the process: expected an object with state, got undefined',
    ],
    [
      'an error with an exit code beyond what numbers hold',
      () => {
        const wait = async (): Promise<never> => {
          throw Object.assign(new Error('broken'), { exitCode: 2 ** 60 });
        };
        return { execer: { cancelBoundMs: 1, exec: () => ({ wait, abort: () => SOUND }) } };
      },
      'FAILED 250 broken',
    ],
    ['a status that nobody looks at', () => aborted({ ...SOUND, exitCode: NaN }), 'TIMEDOUT'],
    ['no status where nobody looks at it', () => aborted(undefined), 'TIMEDOUT'],
    [
      'a report of memory with more than reports have',
      () => reporting({ kind: 'odd', status: { ...SOUND, pid: 7, faults: 5 }, pid: 7 }),
      'COMPLETE 3',
    ],
    [
      'a report of another kind than its status',
      () => reporting({ kind: 'exceeded', status: { state: 'FAILED', exitCode: 241, error: 'memory' } }),
      'FAILED 241 memory',
    ],
    [
      'a report with the state of a process that runs',
      () => reporting({ kind: 'exceeded', status: { ...SOUND, state: 'UNKNOWN' } }),
      'COMPLETE 3',
    ],
    ['a report without a status', () => reporting({ kind: 'initial' }), 'COMPLETE 3'],
    ['no report', () => reporting(undefined), 'COMPLETE 3'],
    ['a size that is no number', () => measuring(new Map([['a', NaN]])), 'COMPLETE 3'],
    ['no sizes', () => measuring(undefined), 'COMPLETE 3'],
    ['no sizes at the end', () => measuring(new Map([['a', 1]]), Promise.resolve(null)), 'COMPLETE 3'],
    [
      'a checkout without a path',
      () => ({
        filers: new Map([
          [
            'scoot' as const,
            { filer: { ...createVirtualFiler(), checkout: () => ({ path: '', id: 's', release() {} }) } },
          ],
        ]),
      }),
      'FAILED 210 checkout() of the filer: expected an object with path and release(), got an object',
    ],
    [
      'no output',
      () => ({ outputs: { create: () => undefined as never } }),
      'FAILED 220 could not create stdout: create() of the outputs: expected an object with uri, write() and close(), got undefined',
    ],
    [
      'no URL',
      () => ({ uploader: { cancelBoundMs: 1, upload: () => Promise.resolve(5 as never) } }),
      'COMPLETE 3',
    ],
    ['an empty URL', () => ({ uploader: { cancelBoundMs: 1, upload: () => '' } }), 'COMPLETE 3'],
  ])('%s', async ([, optionsFor, end]) => {
    const ends: string[] = [];
    const scenario = async (runner: Service): Promise<void> => {
      const { status } = await finalStatus(runner, (await runner.run(COMMAND)).runId);
      ends.push(`${status.state} ${status.exitCode} ${status.error}`.trim());
    };
    const recording = await recordRunner(scenario, optionsFor);
    await simulate({
      scenario: async ({ world }) => {
        const runner = createQueueRunner(world, { ...partsOf(world), ...optionsFor() });
        await scenario(runner);
        await runner.release();
      },
    });
    expect(ends[0]).toContain(end);
    expect(ends[1]).toBe(ends[0]);
    await expectReproduced(await readRecording(recordingLines(recording)));
    await expectReproduced(recording);
  });
});

test.for<[what: string, runId: unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a number', 5],
  ['an object', {}],
])('a recording of an abort of %s, which is no id, is written, read and reproduced', async ([, runId]) => {
  const recording = await recordRunner(async (runner) => {
    await expect(runner.abort(runId as never)).rejects.toThrow('unknown run id');
    await toItsEnd({ argv: ['complete 0'] })(runner);
  });
  await expectReproduced(await readRecording(recordingLines(recording)));
  await expectReproduced(recording);
});

describe('a recording whose output was cut', () => {
  const command: Command = { argv: ['stdout whole', 'stderr more than is kept', 'complete 0'] };

  test.for([
    ['differs if the digest of a stream was changed that was kept whole', 'stdout', 'digest'],
    ['is reproduced whatever the digest of the stream that was cut', 'stderr', undefined],
  ] as const)('%s', async ([, stream, path]) => {
    let recording: Recording = { entries: [] };
    await simulate({
      scenario: async ({ world }) => {
        const recorder = createRecorder(world, { outputBytesMax: 6 });
        const runner = createQueueRunner(world, { recorder, ...partsOf(world) });
        await toItsEnd(command)(runner);
        await runner.release();
        recording = recorder.recording();
      },
    });
    const entries = recording.entries.map((entry) =>
      entry.type === 'wrote' && entry.output === stream ? { ...entry, digest: 'f'.repeat(64) } : entry,
    );
    expect(entries).not.toEqual(recording.entries);
    expect((await replayRecording({ entries })).difference?.path).toBe(path);
    await expectReproduced(recording);
    // A process may have written more than memory holds.
    const replayed = (await replayRecording(recording)).recording;
    const outputOf = ({ entries: all }: Recording): unknown => all.filter(({ type }) => type === 'output');
    expect(outputOf(replayed)).toEqual(outputOf(recording));
    expect(outputOf(recording)).toContainEqual(expect.objectContaining({ cutBytes: 17 }));
  });
});

test('a recording of a command that is an object of a class with more fields is written, read and reproduced', async () => {
  class Job implements Command {
    readonly argv = ['complete 0'];
    readonly startedBy = () => 'a scheduler';
  }
  const recording = await recordRunner(toItsEnd(new Job()));
  await expectReproduced(await readRecording(recordingLines(recording)));
  await expectReproduced(recording);
});

test('a recording with data that is nested too deeply to be recorded again is not reproduced', async () => {
  let nested: Record<string, unknown> = {};
  for (let depth = 0; depth < 20_000; depth += 1) nested = { nested };
  const { entries } = await recordRunner(toItsEnd({ argv: ['complete 0'] }));
  const hash = 'a'.repeat(64);
  const command = {
    argv: ['complete 0'],
    snapshotId: `bz-${hash}-3`,
    executeRequest: { actionDigest: { hash, sizeBytes: 3 }, nested },
  };
  const deep = entries.map((entry) =>
    entry.type === 'call' && entry.call === 'run' ? { ...entry, command } : entry,
  );
  const { difference } = await replayRecording({ entries: deep });
  expect(difference).toBeDefined();
});

describe('a recording of a runner that is called back is reproduced', () => {
  /** Outputs in memory; calls `found` before each write to the log of that name. */
  function outputsWith(sim: Simulation, log: string, found: () => void): OutputCreator {
    const outputs = createMemoryOutputs({ clock: sim.world.clock });
    return {
      create: (id) => {
        const output = outputs.create(id) as Output;
        const write = (chunk: Chunk): MaybePromise<void> => {
          if (id.endsWith(`-${log}`)) found();
          return output.write(chunk);
        };
        return { uri: output.uri, write, close: () => output.close(), asFile: () => output.asFile() };
      },
    };
  }

  test.for(['stdout', 'stderr', 'stdlog'])(
    'if %s alone fails to close, and all close at once',
    async (name) => {
      const recording = await recordRunner(
        async (runner) => {
          const { runId } = await runner.run({ argv: ['complete 0'] });
          const { status } = await finalStatus(runner, runId);
          expect(status.error).toBe('the logs are incomplete: no space');
        },
        () => ({
          outputs: {
            create: (id) => ({
              uri: `memory:${id}`,
              write: () => undefined,
              async close() {
                if (id.endsWith(name)) throw new Error('no space');
              },
              asFile: () => '/file',
            }),
          },
        }),
      );
      await expectReproduced(recording);
    },
  );

  test.for<[what: string, command: Command]>([
    ['several chunks', { argv: ['stdout a', 'stderr b', 'stdout c', 'hang'], timeoutMs: 5 }],
    ['more chunks than calls fit on the stack', { argv: Array.from({ length: 10_000 }, () => 'stdout a') }],
  ])('if a process writes %s while it is started', async ([, command]) => {
    await expectReproduced(await recordRunner(toItsEnd(command)));
  });

  test('if a log makes several calls while a process writes to it', async () => {
    const calls: Promise<unknown>[] = [];
    let call = (): void => {};
    const recording = await recordRunner(
      async (runner) => {
        const ended = await runner.run({ argv: ['complete 0'] });
        await finalStatus(runner, ended.runId);
        const { runId } = await runner.run({ argv: ['stdout a', 'hang'] });
        call = () => {
          call = () => {};
          calls.push(runner.abort(runId), runner.abort(ended.runId), runner.release());
        };
        await finalStatus(runner, runId);
        await Promise.all(calls);
      },
      (sim) => ({ capacity: 2, outputs: outputsWith(sim, 'stdout', () => call()) }),
    );
    expect(calls).toHaveLength(3);
    await expectReproduced(recording);
  });

  test.each([0, 5])('if a log lets a process write while it writes %i ms after its start', async (ms) => {
    let more = (): void => {};
    const recording = await recordRunner(toItsEnd({ argv: ['write'], timeoutMs: 10 }), (sim) => ({
      execer: {
        cancelBoundMs: 0,
        exec: ({ stdout }) => {
          const write = (): void => {
            more = () => {
              more = () => {};
              void stdout?.write('b');
            };
            void stdout?.write('a');
          };
          if (ms === 0) write();
          else sim.world.clock.timer('write', ms, write);
          const killed = { state: 'FAILED', exitCode: -1, error: 'killed' } as const;
          return { wait: () => new Promise(() => {}), abort: () => killed };
        },
      },
      outputs: outputsWith(sim, 'stdout', () => more()),
    }));
    await expectReproduced(recording);
  });

  test('if the check of a command makes a call', async () => {
    let call = (): void => {};
    const recording = await recordRunner(
      async (runner) => {
        call = () => {
          call = () => {};
          void runner.run({ argv: ['complete 1'] });
        };
        await runner.run({ argv: ['complete 0'] });
      },
      (sim) => ({
        capacity: 2,
        execer: Object.assign(createSimExecer({ clock: sim.world.clock }), { check: () => call() }),
      }),
    );
    expect(recording.entries.some((entry) => entry.type === 'call' && entry.nested)).toBe(true);
    await expectReproduced(recording);
  });

  test('if a metric makes a call', async () => {
    let call = (): void => {};
    const recording = await recordRunner(
      async (runner) => {
        call = () => {
          call = () => {};
          void runner.run({ argv: ['complete 0'] });
        };
        const { runId } = await runner.run({ argv: ['complete 0'] });
        await finalStatus(runner, runId);
      },
      () => {
        const histogram = { record: () => call() };
        const metrics = Object.assign(createMemoryMetrics(), { histogram: () => histogram });
        return { capacity: 2, metrics };
      },
    );
    expect(recording.entries.some((entry) => entry.type === 'call' && entry.nested)).toBe(true);
    await expectReproduced(recording);
  });
});

const made: RecordedEntry = {
  at: 0,
  runner: 'r',
  type: 'runner',
  settings: {
    capacity: 1,
    idPrefix: '',
    localBoundMs: 10,
    filers: [],
    preprocessors: [],
    postprocessors: [],
    measures: false,
  },
};
const healthy: RecordedEntry = {
  at: 0,
  type: 'service',
  runner: 'r',
  service: { initialized: true, isHealthy: true, error: '' },
};

describe('a replay that cannot continue says what it needed', () => {
  test.for<[string, RecordedEntry[], string]>([
    [
      'an event that nobody has set',
      [
        made,
        healthy,
        { at: 5, runner: 'r', type: 'fired', label: 'r start', nth: 1, delayMs: 0, afterMs: 0 },
      ],
      'entry 3 (line 4 of its file), 5 ms: "r start" of r came due: expected a pending event "r start" in the replay, got none',
    ],
    [
      'an event whose name controls the terminal',
      [
        made,
        healthy,
        { at: 5, runner: 'r', type: 'fired', label: 'r\u001b[2J', nth: 1, delayMs: 0, afterMs: 0 },
      ],
      'entry 3 (line 4 of its file), 5 ms: "r\\u001b[2J" of r came due: expected a pending event "r\\u001b[2J" in the replay, got none',
    ],
    [
      'an answer to what was not asked',
      [
        made,
        healthy,
        { at: 5, runner: 'r', type: 'answered', what: 'exec', name: '0', nth: 1, afterMs: 1, answer: {} },
      ],
      'entry 3 (line 4 of its file), 5 ms: r got exec 0: done: expected an open request exec 0 in the replay, got none',
    ],
    [
      'output of no process',
      [
        made,
        healthy,
        { at: 5, runner: 'r', type: 'output', runId: '0', stream: 'stdout', afterMs: 1, text: 'x' },
      ],
      'entry 3 (line 4 of its file), 5 ms: the process of run 0 of r wrote to stdout: expected a process of run 0 in the replay, got none',
    ],
    [
      'a call on no runner',
      [{ at: 1, runner: 'gone', type: 'call', call: 'release', nth: 1 }],
      'entry 1 (line 2 of its file), 1 ms: gone was called: release: expected a runner gone in the replay, got none',
    ],
    [
      'the same runner twice',
      [made, healthy, made],
      'entry 3 (line 4 of its file), 0 ms: runner r was made: expected no other runner r in the replay, got none',
    ],
    [
      'less than follows',
      [made],
      'entry 2 (line 3 of its file) differs: expected nothing, got "0 ms: r is healthy"',
    ],
  ])('%s', async ([name, entries, text]) => {
    const { problem } = await replayRecording({ entries });
    // The last entry of a recording may be in the middle of a turn, so that more may follow.
    expect(problem).toBe(name === 'less than follows' ? undefined : text);
  });

  test.for<[unknown, string]>([
    [null, 'recording.entries[1]: expected an entry of a recording, got null'],
    [{ at: 0, type: 'runer', runner: 'x' }, 'recording.entries[1].type: expected one of "runner", "call", '],
    [
      { at: 0, type: 'runner', runner: 'x' },
      'recording.entries[1].settings: expected the settings of a runner',
    ],
    [
      { at: 0, type: 'runner', runner: 'x', settings: { ...made.settings, filers: [{}] } },
      'recording.entries[1].settings.filers[0].type: expected one of "scoot", "bazel"',
    ],
    [{ at: 0, type: 'call', runner: 'x' }, 'recording.entries[1].call: expected one of '],
    [{ at: NaN, type: 'released', runner: 'x' }, 'recording.entries[1].at: expected a finite number'],
  ])('%j is refused, as no entry of a recording', async ([entry, message]) => {
    await expect(replayRecording({ entries: [made, entry as never] })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringContaining(message) as string,
    });
  });

  test('S4 a recording that ends in a deadlock is reproduced: the replay waits only for recorded times', async () => {
    let recording = (): Recording => ({ entries: [] });
    const { failure } = await simulate({
      leftovers: 'ignore',
      scenario: async ({ world }) => {
        const recorder = createRecorder(world);
        recording = () => recorder.recording();
        const runner = createQueueRunner(world, { recorder, ...partsOf(world) });
        await toItsEnd({ argv: ['stdout a', 'hang'] })(runner);
      },
    });
    expect(failure?.kind).toBe('deadlock');
    const { problem, verdict } = await replayRecording(recording());
    expect(problem).toBeUndefined();
    expect(verdict.failure).toBeUndefined();
  });

  test('S4 a failure of the replay itself is reported before any difference', async () => {
    // The runner refuses to be made, and everything after it differs as well.
    const settings = { ...made.settings, capacity: -1 };
    const { problem, difference, verdict } = await replayRecording({
      entries: [{ ...made, settings }, healthy],
    });
    expect(verdict.failure?.kind).toBe('error');
    expect(difference).toBeDefined();
    expect(problem).toMatch(
      /^the replay ended in a failure \(error\): .*capacity: expected an integer ≥ 0, got -1/,
    );
  });
});
