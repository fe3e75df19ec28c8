import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
import { decisionLogLines } from '../../src/trace/decision-log-file.ts';
import { recordingLines } from '../../src/trace/recording/recording-file.ts';
import { run, runOnFullDisk } from './command.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'replay-recording-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** A recording of a run on each of some runners. */
async function recordRuns(...names: readonly string[]): Promise<string> {
  let recording: Recording = { entries: [] };
  const { failure } = await simulate({
    async scenario({ world }) {
      const recorder = createRecorder(world);
      for (const name of names) {
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
  return [...recordingLines(recording)].join('');
}

test('replay names the runner of each run where a recording has several', async () => {
  const file = join(dir, 'two.jsonl');
  await writeFile(file, await recordRuns('a', 'b'));
  const { code, out } = await run('replay', file);
  expect(out).toMatch(/^ {2}run 0 of a {2}command of a .*\n {2}run 0 of b {2}command of b /m);
  expect(code).toBe(0);
});

test('replay prints each run on one line, whatever its command', async () => {
  const file = join(dir, 'lines.jsonl');
  await writeFile(file, (await recordRuns('a')).replaceAll('command of a', 'a script\\nof lines'));
  const { code, out } = await run('replay', file, '--edited');
  expect(out).toMatch(/^ {2}run 0 {2}a script\S*of lines {2}ABORTED/m);
  expect(code).toBe(0);
});

test('replay plays an edited recording only with --edited', async () => {
  const consistent = join(dir, 'consistent.jsonl');
  const wrong = join(dir, 'wrong.jsonl');
  const text = await recordRuns('a');
  await writeFile(consistent, text.replaceAll('command of a', 'another command'));
  // What follows from what went in, and is compared.
  await writeFile(wrong, text.replace(/("state":"ABORTED".*"error":")/, '$1edited'));
  const refused = await run('replay', consistent);
  expect(refused.err).toContain(
    'the file was changed after it was written; if that was on purpose, play it with',
  );
  expect(refused.code).toBe(2);
  const played = await run('replay', consistent, '--edited');
  expect(played.out).toMatch(
    /^1 recorded run reproduced.*\n.*another command.*\n {2}it was edited: the sums of its last line are of other lines$/m,
  );
  expect(played.code).toBe(0);
  const differs = await run('replay', wrong, '--edited', '--json');
  expect(JSON.parse(differs.out)).toMatchObject({ edited: true, reproduced: false });
  expect(differs.code).toBe(3);
  const { difference } = JSON.parse(differs.out) as { difference: string };
  const [, entry, line] =
    /^entry (\d+) \(line (\d+) of its file\) differs in status\.error: /.exec(difference) ?? [];
  const lines = (await readFile(wrong, 'utf8')).split('\n');
  expect(lines.findIndex((each) => each.includes('"error":"edited')) + 1).toBe(Number(line));
  expect(Number(line) - Number(entry)).toBe(1);
  if (existsSync('/dev/full')) expect(runOnFullDisk(dir, 'replay', wrong, '--edited').status).toBe(3);
});

test('replay says of a recording that nobody edited that --edited was not needed', async () => {
  const file = join(dir, 'as-it-was.jsonl');
  await writeFile(file, await recordRuns('a'));
  const { code, out } = await run('replay', file, '--edited');
  expect(out).toMatch(/\n {2}--edited was not needed: the sums of its last line fit\n$/);
  expect(code).toBe(0);
  expect(JSON.parse((await run('replay', file, '--edited', '--json')).out)).toMatchObject({ edited: false });
});

test.for([
  ['--trace', 'file.jsonl'],
  ['--timeline', 'file.json'],
  ['--hang', '5s'],
  ['--memory', '64'],
  ['--continue-randomly'],
])('replay refuses %s for a recording, on which it would have no effect', async ([option = '', ...value]) => {
  const file = join(dir, 'refused.jsonl');
  await writeFile(file, await recordRuns('a'));
  const { code, out, err } = await run(
    'replay',
    file,
    option,
    ...value.map((each) => each.replace('file', join(dir, 'file'))),
  );
  expect(err).toBe(`error: ${option}: expected a simulated execution, got a recording of real commands\n`);
  expect([code, out]).toEqual([2, '']);
});

test('a simulated execution is no edited recording', async () => {
  const file = join(dir, 'log.jsonl');
  await writeFile(file, [...decisionLogLines([], { scenario: 'double-start' })].join(''));
  const { code, err } = await run('replay', file, '--edited');
  expect(err).toContain('--edited: expected a recording of real commands, got a simulated execution');
  expect(code).toBe(2);
});
