// Recordings of what really happened, made here and played again. What happened is whatever the machine made of it; the
// replay must be exact whatever the timing was.
import { describe, expect, test } from 'vitest';
import { createExecRunner, type ExecRunnerOptions } from '../../src/host/exec-runner.ts';
import { realWorld } from '../../src/host/real-world.ts';
import type { Recording } from '../../src/model/recording.ts';
import { createRecorder } from '../../src/runners/recording/recorder.ts';
import { replayRecording } from '../../src/simulation/recording-replay.ts';
import { recordedRuns } from '../../src/trace/recording/recorded-runs.ts';
import { readRecording, recordingLines } from '../../src/trace/recording/recording-file.ts';
import { stubActions } from '../runners/stub-actions.ts';
import { Stage } from './recording-stage.ts';
import { SITUATIONS } from './recording-situations.ts';

async function expectReproduced(recording: Recording): Promise<void> {
  const { entries } = await readRecording(recordingLines(recording));
  expect(entries).toEqual(recording.entries);
  const replay = await replayRecording({ entries });
  expect(replay.problem).toBeUndefined();
  // What people look at, compared without the differ.
  expect(recordedRuns(replay.recording)).toEqual(recordedRuns(recording));
}

describe('a recording is reproduced to the microsecond', () => {
  test.for(Object.entries(SITUATIONS))('%s', async ([, [expected, situation]]) => {
    const stage = new Stage();
    try {
      const found = await situation(stage);
      const recording = stage.recording();
      await stage.strike();
      await expectReproduced(recording);
      await expectReproduced(stage.recording());
      expect(found).toEqual(expected);
    } finally {
      await stage.strike();
    }
  });

  test('of a command that wrote more than is kept: all but the digest of the lost part', async () => {
    const stage = new Stage({ outputBytesMax: 4 });
    const runner = stage.runner();
    await runner.run({ argv: ['sh', '-c', 'echo abcdefgh; sleep 0.01; echo i; exit 5'] });
    await stage.phase('end');
    await stage.strike();
    const recording = stage.recording();
    expect(recording.entries.some((entry) => entry.type === 'output' && entry.cutBytes !== undefined)).toBe(
      true,
    );
    const { problem } = await replayRecording(recording);
    expect(problem).toBeUndefined();
  });
});

test.each<[string, ExecRunnerOptions]>([
  ['actions', { actions: stubActions() }],
  ['ingestLogs', { ingestLogs: true }],
  ['logBytesMax', { logBytesMax: 10 }],
])(
  'a recorded runner refuses %s, whose calls are not recorded, and leaves its name free',
  async (name, options) => {
    const world = realWorld();
    const recorder = createRecorder(world);
    expect(() => createExecRunner({ world, recorder, ...options })).toThrow(`${name}: expected`);
    expect(recorder.recording().entries).toEqual([]);
    const runner = createExecRunner({ world, recorder });
    await runner.release();
    await runner.outputs.dispose();
  },
);
