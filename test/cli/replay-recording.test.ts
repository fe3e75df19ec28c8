import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDoneExecer } from '../../src/execers/done-execer.ts';
import { createVirtualFiler } from '../../src/filers/fake-filer.ts';
import type { Recording } from '../../src/model/recording.ts';
import { createNullOutputs } from '../../src/outputs/null-output.ts';
import { createQueueRunner } from '../../src/runners/queue/create-queue-runner.ts';
import { createRecorder } from '../../src/runners/recording/recorder.ts';
import { virtualTempDirs } from '../../src/runners/virtual-temp-dirs.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { recordingLines } from '../../src/trace/recording/recording-file.ts';
import { run } from './command.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'replay-recording-'));
});
afterAll(() => rm(dir, { recursive: true }));

test('replay names the runner of each run where a recording has several', async () => {
  let recording: Recording = { entries: [] };
  const { failure } = await simulate({
    async scenario({ world }) {
      const recorder = createRecorder(world);
      for (const name of ['a', 'b']) {
        const runner = createQueueRunner(world, {
          ...{ name, recorder, execer: createDoneExecer(), outputs: createNullOutputs() },
          filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
          tempDirs: virtualTempDirs(),
        });
        await runner.run({ argv: [`command of ${name}`] });
        await runner.release();
      }
      recording = recorder.recording();
    },
  });
  expect(failure).toBeUndefined();
  const file = join(dir, 'two.jsonl');
  await writeFile(file, [...recordingLines(recording)].join(''));
  const { code, out } = await run('replay', file);
  expect(out).toMatch(/^ {2}run 0 of a {2}command of a .*\n {2}run 0 of b {2}command of b /m);
  expect(code).toBe(0);
});
