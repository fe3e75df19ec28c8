// A recording of two runners that both have run 0: whatever is looked up in it is looked up by runner and run.
import { expect, test } from 'vitest';
import { createPlaybackExecer, recordingsByRunId } from '../../src/execers/playback-execer.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createVirtualFiler } from '../../src/filers/fake-filer.ts';
import type { Execer } from '../../src/model/execer.ts';
import type { RecordedRun, Recording } from '../../src/model/recording.ts';
import type { RunTypeMap } from '../../src/model/run-type.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import type { World } from '../../src/model/world.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import { createQueueRunner } from '../../src/runners/queue/create-queue-runner.ts';
import type { QueueRunner } from '../../src/runners/queue/queue-runner.ts';
import { createRecorder, type Recorder } from '../../src/runners/recording/recorder.ts';
import { virtualTempDirs } from '../../src/runners/virtual-temp-dirs.ts';
import { replayRecording } from '../../src/simulation/recording-replay.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { recordedRuns } from '../../src/trace/recording/recorded-runs.ts';

const outputs = createMemoryOutputs();

function runnerOf(world: World, name: string, execer: Execer, recorder?: Recorder): QueueRunner {
  const filers: RunTypeMap = new Map([['scoot', { filer: createVirtualFiler() }]]);
  return createQueueRunner(world, { name, execer, filers, outputs, tempDirs: virtualTempDirs(), recorder });
}

const COMMANDS = {
  a: ['stdout from a', 'sleep 5', 'complete 1'],
  b: ['stdout from b', 'sleep 9', 'complete 2'],
};

/** Both runners at work, one command each; what came of both. */
async function atWork(a: QueueRunner, b: QueueRunner): Promise<string[]> {
  const ids = await Promise.all([a.run({ argv: COMMANDS.a }), b.run({ argv: COMMANDS.b })]);
  expect(ids.map(({ runId }) => runId)).toEqual(['0', '0']);
  const ends = await Promise.all([finalStatus(a, '0'), finalStatus(b, '0')]);
  await Promise.all([a.release(), b.release()]);
  return ends.map(({ status }) => `${status.exitCode} ${outputs.find(status.stdoutRef)?.text() ?? ''}`);
}

async function record(): Promise<{ recording: Recording; ends: string[] }> {
  let recording: Recording = { entries: [] };
  let ends: string[] = [];
  const { failure } = await simulate({
    async scenario({ world }) {
      const recorder = createRecorder(world);
      const [a, b] = ['a', 'b'].map((name) =>
        runnerOf(world, name, createSimExecer({ clock: world.clock }), recorder),
      ) as [QueueRunner, QueueRunner];
      ends = await atWork(a, b);
      recording = recorder.recording();
    },
  });
  expect(failure).toBeUndefined();
  return { recording, ends };
}

test('are reproduced, each run on its own runner', async () => {
  const { recording } = await record();
  const { problem, recording: replayed } = await replayRecording(recording);
  expect(problem).toBeUndefined();
  const runs = recordedRuns(replayed).map(({ runner, runId, command }) => [runner, runId, command.argv]);
  expect(runs).toEqual([
    ['a', '0', COMMANDS.a],
    ['b', '0', COMMANDS.b],
  ]);
});

test('are played by one playback execer that both share', async () => {
  const { recording, ends } = await record();
  let played: string[] = [];
  const { failure } = await simulate({
    async scenario({ world }) {
      const recordingOf = recordingsByRunId(recordedRuns(recording));
      const execer = createPlaybackExecer({ clock: world.clock, recordingOf });
      played = await atWork(runnerOf(world, 'a', execer), runnerOf(world, 'b', execer));
    },
  });
  expect(failure).toBeUndefined();
  expect(played.map((text) => text.slice(0, 1))).toEqual(['1', '2']);
  expect(played.map((text) => /from (.)/.exec(text)?.[1])).toEqual(['a', 'b']);
  expect(played.length).toBe(ends.length);
});

const made = (runId: string, runner?: string): RecordedRun => ({
  ...{
    runId,
    command: { argv: [`${runner ?? 'some'}-${runId}`] },
    acceptedAtMs: 0,
    statuses: [],
    output: [],
  },
  ...(runner === undefined ? {} : { runner }),
});
const asked = (runId: string, runner?: string) => ({
  ...{ argv: [], dir: '/', jobId: '', taskId: '', tag: '', runId },
  ...(runner === undefined ? {} : { runner }),
});

test('a unique run id is found under any runner name, a repeated one only under its own', () => {
  const find = recordingsByRunId([made('0', 'a'), made('0', 'b'), made('1', 'a')]);
  expect(find(asked('0', 'b'))?.command.argv).toEqual(['b-0']);
  expect(find(asked('1', 'other'))?.command.argv).toEqual(['a-1']);
  expect([find(asked('0', 'other')), find(asked('0')), find(asked('2', 'a'))]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('two recordings of one run are refused, and so are two recorded runners of one name', async () => {
  expect(() => recordingsByRunId([made('0', 'a'), made('0', 'a')])).toThrow(
    'runs: expected one recording of run 0 of a, got "two"',
  );
  expect(() => recordingsByRunId([made('0'), made('0')])).toThrow(
    'runs: expected one recording of run 0, got "two"',
  );
  const { failure } = await simulate({
    async scenario({ world }) {
      const recorder = createRecorder(world);
      for (let i = 0; i < 2; i += 1) runnerOf(world, 'a', createSimExecer({ clock: world.clock }), recorder);
    },
  });
  expect(failure?.message).toBe('name: expected a name that no other runner of the recorder has, got "a"');
});

test.for<[string, object, string]>([
  [
    'a filer that is missing',
    { filers: new Map([['scoot', {}]]) },
    'filers.get(scoot).filer: expected a filer, got undefined',
  ],
  [
    'no entry for a type',
    { filers: new Map([['scoot', undefined]]) },
    'filers.get(scoot): expected an object with filer, got undefined',
  ],
  [
    'an execer whose bound cannot be read',
    {
      execer: {
        exec: () => undefined,
        get cancelBoundMs(): number {
          throw new Error('no bound');
        },
      },
    },
    'options: expected a value whose fields can be read',
  ],
  [
    'an execer whose bound can be read once',
    {
      execer: {
        reads: 0,
        exec: () => undefined,
        get cancelBoundMs(): number {
          this.reads += 1;
          if (this.reads === 1) return 0;
          throw new Error('no bound');
        },
      },
    },
    'no bound',
  ],
])('a recorded runner with %s is refused, and its name stays free', async ([, wrong, message]) => {
  const { failure } = await simulate({
    async scenario(sim) {
      const { world } = sim;
      const recorder = createRecorder(world);
      const execer = createSimExecer({ clock: world.clock });
      const filers: RunTypeMap = new Map();
      const parts = { name: 'a', execer, filers, outputs, tempDirs: virtualTempDirs(), recorder };
      expect(() => createQueueRunner(world, { ...parts, ...wrong })).toThrow(message);
      sim.check(recorder.recording().entries.length === 0, 'the recording knows nothing of it');
      await runnerOf(world, 'a', execer, recorder).release();
    },
  });
  expect(failure?.message).toBeUndefined();
});
