import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createRecordedExecer, recordingsByRunId } from '../../src/execers/recorded-execer.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { RunnerError } from '../../src/kernel/errors.ts';
import type { Command } from '../../src/model/command.ts';
import type { Execer } from '../../src/model/execer.ts';
import type { RecordedRun } from '../../src/model/recorded-run.ts';
import type { Service } from '../../src/model/service.ts';
import { ALL_MASK } from '../../src/model/state-mask.ts';
import type { RunStatus } from '../../src/model/run-status.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import type { World } from '../../src/model/world.ts';
import { zeroStatus } from '../../src/model/zero-status.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import { createVirtualFiler } from '../../src/filers/fake-filer.ts';
import { createQueueRunner } from '../../src/runners/create-queue-runner.ts';
import { createFakeRunner } from '../../src/runners/fake-runner.ts';
import { recordService, type RecordedService } from '../../src/runners/recorded-service.ts';
import { RunRecord } from '../../src/runners/run-record.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { virtualTempDirs } from '../../src/runners/virtual-temp-dirs.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { diffRecordings } from '../../src/trace/recording-differ.ts';
import { recordExecer, type ProcessRecording } from '../../src/trace/recording-execer.ts';
import { readRecording, recordingLines } from '../../src/trace/recording-file.ts';

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

async function rehearse(scenario: (sim: Simulation) => Promise<void>): Promise<void> {
  const verdict = await simulate({ scenario });
  expect(verdict.failure).toBeUndefined();
}

/** A recorded queue runner whose processes are recorded as well. */
function recordedRunner(sim: Simulation, inner: Execer): RecordedService {
  const { world } = sim;
  const processes = new Map<string, ProcessRecording>();
  const execer = recordExecer(inner, world.clock, (process) => processes.set(process.runId, process));
  const runner = createQueueRunner(world, {
    capacity: 10,
    execer,
    filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
    outputs: createMemoryOutputs(),
    tempDirs: virtualTempDirs(),
  });
  return recordService(world, runner, { processOf: (runId) => processes.get(runId) });
}

const commands: readonly Command[] = [
  { argv: ['stdout a', 'sleep 10', 'stderr b', 'sleep 2.5', 'complete 3'], envVars: { A: 'b' }, jobId: 'j' },
  { argv: ['stdout c', 'sleep 60'], timeoutMs: 30 },
  { argv: ['sleep 5', 'fail 9 broken'] },
  { argv: ['stdout d', 'sleep 100', 'complete 0'] },
  { argv: ['complete 0'] },
  { argv: ['sleep 10', 'complete 0'] },
];
const ABORTED = 3;
const QUEUED = 5;

test('D94 a recording holds the command that was given, whatever the caller makes of it', async () => {
  await rehearse(async (sim) => {
    const recorded = recordService(sim.world, createFakeRunner(sim.world, { script: () => ({}) }));
    const given = { argv: ['a'] };
    const accepted = recorded.run(given);
    given.argv[0] = 'b';
    await accepted;
    await recorded.settled();
    expect(recorded.recording().map(({ command }) => command.argv)).toEqual([['a']]);
    await recorded.release();
  });
});

/** Runs all commands, aborts one that runs and one that is queued, and gives the recording. */
async function recordAll(sim: Simulation, runner: RecordedService): Promise<RecordedRun[]> {
  const ids: string[] = [];
  for (const command of commands) ids.push((await runner.run(command)).runId);
  await runner.abort(ids[QUEUED] ?? '');
  await sim.sleep(70);
  await runner.abort(ids[ABORTED] ?? '');
  await runner.settled();
  await runner.release();
  return runner.recording();
}

describe('recordService', () => {
  test('records states with relative times, exit codes, errors, aborts, output and digests', async () => {
    await rehearse(async (sim) => {
      await sim.sleep(1000);
      const runner = recordedRunner(sim, createSimExecer({ clock: sim.world.clock }));
      const runs = await recordAll(sim, runner);
      expect(runner.problems).toEqual([]);
      expect(runs.map(({ runId }) => runId)).toEqual(['0', '1', '2', '3', '4', '5']);
      expect(runs.map(({ acceptedAtMs }) => acceptedAtMs)).toEqual([0, 0, 0, 0, 0, 0]);
      expect(runs[0]).toEqual({
        runId: '0',
        command: commands[0],
        acceptedAtMs: 0,
        statuses: [
          { atMs: 0, state: 'PENDING', exitCode: 0, error: '' },
          { atMs: 0, state: 'RUNNING', exitCode: 0, error: '' },
          { atMs: 12.5, state: 'COMPLETE', exitCode: 3, error: '' },
        ],
        output: [
          { atMs: 0, stream: 'stdout', text: 'a' },
          { atMs: 10, stream: 'stderr', text: 'b' },
        ],
        stdoutSha256: 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
        stderrSha256: '3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d',
      });
      const ends = runs.map(({ statuses }) =>
        statuses.map(({ atMs, state }) => `${atMs} ${state}`).join(', '),
      );
      expect(ends.slice(1)).toEqual([
        '0 PENDING, 12.5 RUNNING, 42.5 TIMEDOUT',
        '0 PENDING, 42.5 RUNNING, 47.5 FAILED',
        '0 PENDING, 47.5 RUNNING, 70 ABORTED',
        '0 PENDING, 70 RUNNING, 70 COMPLETE',
        '0 PENDING, 0 ABORTED',
      ]);
      expect(runs.map(({ abortedAtMs }) => abortedAtMs)).toEqual([
        ...[undefined, undefined, undefined, 70, undefined, 0],
      ]);
      expect(runs[2]?.statuses.at(-1)).toMatchObject({ exitCode: 9, error: 'error execing: broken' });
    });
  });

  test('a recording played on a recorded execer, through a file, is recorded the same again', async () => {
    let recorded: RecordedRun[] = [];
    await rehearse(async (sim) => {
      recorded = await recordAll(sim, recordedRunner(sim, createSimExecer({ clock: sim.world.clock })));
    });
    const { runs } = await readRecording(recordingLines(recorded));
    expect(runs).toEqual(recorded);
    await rehearse(async (sim) => {
      const { clock } = sim.world;
      const played = createRecordedExecer({ clock, recordingOf: recordingsByRunId(runs) });
      const again = await recordAll(sim, recordedRunner(sim, played));
      expect(diffRecordings(runs, again)).toBeUndefined();
      expect(again).toEqual(recorded);
    });
  });

  test('passes every call on, unchanged and at once, with its answer', async () => {
    const calls: unknown[][] = [];
    const answers = new Map<string, unknown>();
    const service = new Proxy({} as Service, {
      get:
        (_target, name: string) =>
        (...given: unknown[]) => {
          calls.push([name, ...given]);
          const answer =
            name === 'run' ? { runId: 'x', state: 'COMPLETE', exitCode: 0, error: '' } : { name };
          answers.set(name, answer);
          return Promise.resolve(answer);
        },
    });
    await rehearse(async ({ world }) => {
      const recorded = recordService(world, service);
      const command = { argv: ['a'] };
      const query = { runs: ['x'], states: ALL_MASK };
      const wait = { timeoutMs: 5 };
      const promises = [
        recorded.run(command),
        recorded.abort('x'),
        recorded.query(query, wait),
        recorded.queryNow(query),
        recorded.status('x'),
        recorded.statusAll(),
        recorded.release(),
      ];
      expect(calls).toEqual([
        ['run', command],
        ['abort', 'x'],
        ['query', query, wait],
        ['queryNow', query],
        ['status', 'x'],
        ['statusAll'],
        ['release'],
      ]);
      const names = ['run', 'abort', 'query', 'queryNow', 'status', 'statusAll', 'release'];
      expect(await Promise.all(promises)).toEqual(names.map((name) => answers.get(name)));
    });
  });

  test('a refused run is not in the recording, and order is that of the calls', async () => {
    await rehearse(async ({ world }) => {
      let answerFirst: (status: unknown) => void = () => undefined;
      const ended = { state: 'COMPLETE', exitCode: 0, error: '' };
      const answers = [
        new Promise((resolve) => {
          answerFirst = resolve;
        }),
        Promise.reject(new RunnerError('RUNNER_BUSY', 'full')),
        Promise.resolve({ ...ended, runId: 'late', exitCode: 2 }),
      ];
      // Every run has ended when it is answered, so that the recorder never has to wait.
      const query = (): Promise<never> => Promise.reject(new Error('expected no wait'));
      const service = { run: () => answers.shift(), query } as unknown as Service;
      const recorded = recordService(world, service);
      const first = recorded.run({ argv: ['1'] });
      await expect(recorded.run({ argv: ['2'] })).rejects.toMatchObject({ code: 'RUNNER_BUSY' });
      await recorded.run({ argv: ['3'] });
      expect(recorded.recording().map(({ command }) => command.argv[0])).toEqual(['3']);
      answerFirst({ ...ended, runId: 'early', exitCode: 1 });
      await first;
      await recorded.settled();
      const runs = recorded
        .recording()
        .map(({ runId, command, statuses }) => [
          runId,
          command.argv[0],
          statuses.map(({ state, exitCode }) => `${state} ${exitCode}`).join(),
        ]);
      expect(runs).toEqual([
        ['0', '1', 'COMPLETE 1'],
        ['1', '3', 'COMPLETE 2'],
      ]);
    });
  });

  test('a release counts as an abort of what has not ended, an abort after the end as none', async () => {
    await rehearse(async (sim) => {
      const recorded = recordedRunner(sim, createSimExecer({ clock: sim.world.clock }));
      const { runId } = await recorded.run({ argv: ['sleep 5', 'complete 0'] });
      await recorded.run({ argv: ['sleep 100', 'complete 0'] });
      await sim.sleep(25);
      await recorded.abort(runId);
      await recorded.release();
      await recorded.settled();
      const [one, other] = recorded.recording();
      expect(one).not.toHaveProperty('abortedAtMs');
      expect(one?.statuses.at(-1)).toMatchObject({ state: 'COMPLETE', atMs: 5 });
      expect(other).toMatchObject({ abortedAtMs: 25 });
      expect(other?.statuses.at(-1)).toMatchObject({ state: 'ABORTED', atMs: 25 });
      expect(recorded.problems).toEqual([]);
    });
  });

  test('a request that came before another end is kept, one that came with it is not', () => {
    const status = { ...zeroStatus(), runId: 'x' };
    const recordedAt = (abortMs: number): RecordedRun => {
      const record = new RunRecord({ argv: [] }, status, 10);
      record.see({ ...status, state: 'RUNNING' }, 11);
      record.see({ ...status, state: 'RUNNING' }, 12);
      record.abort(abortMs);
      record.abort(abortMs + 1);
      record.see({ ...status, state: 'TIMEDOUT' }, 20);
      record.see({ ...status, state: 'COMPLETE' }, 21);
      record.abort(22);
      return record.toRecordedRun(4, 3, undefined);
    };
    expect(recordedAt(19.9994)).toEqual({
      runId: '4',
      command: { argv: [] },
      acceptedAtMs: 7,
      statuses: [
        { atMs: 1, state: 'RUNNING', exitCode: 0, error: '' },
        { atMs: 10, state: 'TIMEDOUT', exitCode: 0, error: '' },
      ],
      output: [],
      abortedAtMs: 9.999,
    });
    expect(recordedAt(20)).not.toHaveProperty('abortedAtMs');
  });

  test('cut output goes without digests', () => {
    const record = new RunRecord({ argv: [] }, zeroStatus(), 0);
    const process = {
      runId: '0',
      startedAtMs: 0,
      durationMs: 0,
      status: { state: 'COMPLETE', exitCode: 0, error: '' },
      output: [{ atMs: 0, stream: 'stdout', text: 'a' }],
      stdoutSha256: 'a',
      stderrSha256: 'b',
    } as const;
    expect(record.toRecordedRun(0, 0, { ...process, isCut: true })).not.toHaveProperty('stdoutSha256');
    const whole = record.toRecordedRun(0, 0, { ...process, isCut: false });
    expect(whole).toMatchObject({ output: process.output, stdoutSha256: 'a', stderrSha256: 'b' });
  });

  test('digests are read from the outputs where processes are not recorded, headers and trailers left out', async () => {
    await rehearse(async (sim) => {
      const runner = createSimulatedRunner(sim.world, { capacity: 5 });
      const recorded = recordService(sim.world, runner, {
        readOutput: (ref) => [runner.outputs.find(ref)?.text() ?? 'gone'],
      });
      await recorded.run({ argv: ['stdout a', 'stderr b', 'complete 1'] });
      await recorded.run({ argv: ['stdout a', 'sleep 60'], timeoutMs: 10 });
      await recorded.settled();
      const [one, other] = recorded.recording();
      expect(one).toMatchObject({ output: [], stdoutSha256: sha('a'), stderrSha256: sha('b') });
      expect(other).toMatchObject({ stdoutSha256: sha('a'), stderrSha256: sha('') });
      const queued = recorded.run({ argv: ['pause'] });
      await recorded.abort((await queued).runId);
      await recorded.release();
      expect(recorded.recording()[2]).not.toHaveProperty('stdoutSha256');
    });
  });

  test('a recorded process is believed before any output', async () => {
    await rehearse(async (sim) => {
      const runner = createSimulatedRunner(sim.world);
      const process = { output: [], isCut: false, stdoutSha256: 'a', stderrSha256: 'b' };
      const read: string[] = [];
      const recorded = recordService(sim.world, runner, {
        processOf: () => process as unknown as ProcessRecording,
        readOutput: (ref) => {
          read.push(ref);
          return ['x'];
        },
      });
      await recorded.run({ argv: ['complete 0'] });
      await recorded.settled();
      expect(recorded.recording()[0]).toMatchObject({ stdoutSha256: 'a', stderrSha256: 'b' });
      expect(read).toEqual([]);
      await recorded.release();
    });
  });

  test('settled waits for runs that come while it waits', async () => {
    await rehearse(async (sim) => {
      const recorded = recordedRunner(sim, createSimExecer({ clock: sim.world.clock }));
      await recorded.run({ argv: ['sleep 5', 'complete 0'] });
      const settled = recorded.settled();
      await sim.sleep(4);
      await recorded.run({ argv: ['sleep 50', 'complete 0'] });
      await settled;
      expect(sim.now()).toBe(55);
      await recorded.release();
    });
  });

  test('what cannot be seen is a problem and an event, and the rest is recorded', async () => {
    const events: TraceEvent[] = [];
    await rehearse(async (sim) => {
      const world: World = { ...sim.world, tracer: { record: (event) => events.push(event) } };
      const runner = createSimulatedRunner(sim.world, { capacity: 5 });
      const recorded = recordService(world, runner, {
        readOutput: () => {
          throw new Error('no such file');
        },
      });
      await recorded.run({ argv: ['complete 4'] });
      await recorded.settled();
      expect(recorded.problems).toEqual(['run 0: no such file']);
      expect(recorded.recording()[0]?.statuses.at(-1)).toMatchObject({ state: 'COMPLETE', exitCode: 4 });
      await runner.release();
    });
    expect(events).toEqual([
      {
        ...{ type: 'recorded', at: 0, runner: 'recorder', runId: '0', what: 'recording' },
        ...{ error: 'no such file', exitCode: 0 },
      },
    ]);
  });

  test('a wait that is refused is made up for by one look, if the run has ended', async () => {
    let looks = 0;
    const refusing = (now: RunStatus): Service =>
      ({
        run: () => Promise.resolve({ ...now, state: 'PENDING' }),
        query: () => Promise.reject(new RunnerError('RUNNER_RELEASED', 'released')),
        queryNow: () => {
          looks += 1;
          return Promise.resolve({ statuses: [now], service: {} });
        },
      }) as unknown as Service;
    await rehearse(async ({ world }) => {
      const status = { ...zeroStatus(), runId: 'x' };
      const ended = recordService(world, refusing({ ...status, state: 'ABORTED' }));
      await ended.run({ argv: [] });
      await ended.settled();
      expect(ended.recording()[0]?.statuses.map(({ state }) => state)).toEqual(['PENDING', 'ABORTED']);
      expect(ended.problems).toEqual([]);
      const open = recordService(world, refusing({ ...status, state: 'RUNNING' }));
      await open.run({ argv: [] });
      await open.settled();
      expect(open.recording()[0]?.statuses.map(({ state }) => state)).toEqual(['PENDING']);
      expect(open.problems).toEqual(['run x: released']);
      expect(looks).toBe(2);
      const stopped = recordService(world, refusing({ ...status, state: 'ABORTED' }));
      stopped.stop();
      await stopped.run({ argv: [] });
      await stopped.settled();
      expect(stopped.recording()[0]?.statuses.map(({ state }) => state)).toEqual(['PENDING']);
      expect(looks).toBe(2);
    });
  });

  test('R55 after stop no wait of the recorder is left, and what has not ended stays without an end', async () => {
    await rehearse(async (sim) => {
      const runner = createFakeRunner(sim.world);
      const recorded = recordService(sim.world, runner);
      const { runId } = await recorded.run({ argv: ['a'] });
      recorded.stop();
      await recorded.settled();
      expect(recorded.problems).toEqual([]);
      expect(recorded.recording()[0]?.statuses.map(({ state }) => state)).not.toContain('ABORTED');
      await recorded.abort(runId);
      await runner.release();
    });
  });
});
