import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PlaybackExecerOptions } from '../../src/execers/playback-execer.ts';
import { createPlaybackExecer, recordingsByRunId } from '../../src/execers/playback-execer.ts';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import type { VirtualClock } from '../../src/kernel/virtual-clock.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { ExecCommand, Process } from '../../src/model/execer.ts';
import type { RecordedChunk, RecordedRun, RecordedStatus } from '../../src/model/recording.ts';
import type { RunState } from '../../src/model/run-state.ts';
import { aborted, complete, fireAll, fireFor, loggedCommand, statusOf, traceLine } from './sim-world.ts';

const at = (atMs: number, state: RunState, exitCode = 0, error = ''): RecordedStatus => {
  return { atMs, state, exitCode, error };
};
const out = (atMs: number, text: string): RecordedChunk => ({ atMs, stream: 'stdout', text });
const err = (atMs: number, text: string): RecordedChunk => ({ atMs, stream: 'stderr', text });

function recording(
  statuses: readonly RecordedStatus[],
  output: readonly RecordedChunk[] = [],
  more: Partial<RecordedRun> = {},
): RecordedRun {
  return { runId: '0', command: { argv: ['make'] }, acceptedAtMs: 0, statuses, output, ...more };
}

interface Stage {
  readonly clock: VirtualClock;
  readonly written: string[];
  readonly trace: string[];
  readonly process: Process;
  readonly living: () => number;
  readonly reports: string[];
}

function play(
  run: RecordedRun,
  options: Partial<PlaybackExecerOptions> = {},
  extra: Partial<ExecCommand> = {},
): Stage {
  const clock = createVirtualClock();
  const written: string[] = [];
  const trace: string[] = [];
  const reports: string[] = [];
  const execer = createPlaybackExecer({
    clock,
    recordingOf: recordingsByRunId([run]),
    tracer: { record: (event) => void trace.push(traceLine(event)) },
    ...options,
  });
  const process = execer.exec({
    ...loggedCommand(clock, written, ['make']),
    runId: run.runId,
    onMemoryReport: ({ kind, status }) => void reports.push(`${clock.now()} ${kind} ${status.exitCode}`),
    ...extra,
  });
  return { clock, written, trace, process, reports, living: () => execer.livingProcesses };
}

describe('the playback execer', () => {
  test('plays output at its times and the end at its time, with the recorded exit code', () => {
    const stage = play(
      recording(
        [at(0, 'PENDING'), at(4, 'RUNNING'), at(24.5, 'COMPLETE', 3)],
        [out(0, 'now'), out(1.25, 'a'), err(1.25, 'b'), out(7, 'c')],
      ),
    );
    expect([stage.written, stage.living()]).toEqual([['0 stdout now'], 1]);
    fireAll(stage.clock);
    expect(stage.written).toEqual(['0 stdout now', '1.25 stdout a', '1.25 stderr b', '7 stdout c']);
    expect(statusOf(stage.process)).toEqual(complete(3));
    expect(stage.trace).toEqual(['0 acquired process/0', '20.5 freed process/0']);
    expect([stage.living(), stage.clock.now()]).toEqual([0, 20.5]);
  });

  test.for<[string, RecordedStatus, object]>([
    ['a text', at(5, 'COMPLETE', -1, 'Killed by SIGSEGV'), { ...complete(-1), error: 'Killed by SIGSEGV' }],
    [
      'a failure',
      at(5, 'FAILED', 250, 'error execing: no tty'),
      { state: 'FAILED', exitCode: 250, error: 'no tty' },
    ],
    ['a bare failure', at(5, 'FAILED', 7, 'odd'), { state: 'FAILED', exitCode: 7, error: 'odd' }],
    [
      'an unknown end',
      at(5, 'UNKNOWN', 0, 'cannot say'),
      { state: 'UNKNOWN', exitCode: 0, error: 'cannot say' },
    ],
  ])('ends a run with %s as it was recorded', ([, last, status]) => {
    const stage = play(recording([at(0, 'RUNNING'), last]));
    fireAll(stage.clock);
    expect([statusOf(stage.process), stage.clock.now(), stage.reports]).toEqual([status, 5, []]);
  });

  test.for<[RecordedStatus, string]>([
    [at(5, 'FAILED', 241, 'Critical error detected. Initial memory…'), '5 initial 241'],
    [at(5, 'COMPLETE', 1, 'Cmd exceeded MemoryCap, aborting process: …'), '5 exceeded 1'],
  ])('hands over a memory report where one was: %j', ([last, report]) => {
    const stage = play(recording([at(0, 'RUNNING'), last]));
    fireAll(stage.clock);
    const { state, exitCode, error } = last;
    expect([statusOf(stage.process), stage.reports]).toEqual([{ state, exitCode, error }, [report]]);
  });

  test('an exit code of 1 or a text about memory alone is not a memory report', () => {
    for (const last of [at(5, 'COMPLETE', 1), at(5, 'COMPLETE', 2, 'Cmd exceeded MemoryCap')]) {
      const stage = play(recording([at(0, 'RUNNING'), last]));
      fireAll(stage.clock);
      expect(stage.reports).toEqual([]);
    }
  });

  test('a run without RUNNING counts from its acceptance', () => {
    const stage = play(recording([at(0, 'PENDING'), at(9, 'COMPLETE', 0)]));
    fireAll(stage.clock);
    expect([statusOf(stage.process), stage.clock.now()]).toEqual([complete(0), 9]);
  });

  test.for([
    ['could not exec: no such program', 'no such program'],
    ['checkout went wrong', 'checkout went wrong'],
  ])('R118 a run that failed before it was RUNNING cannot be started: %s', ([error, message]) => {
    const run = recording([at(0, 'PENDING'), at(3, 'FAILED', 240, error)]);
    expect(() => play(run)).toThrow(expect.objectContaining({ code: 'RUNNER_EXEC_FAILED', message }));
  });

  test('chunks are played in their recorded order, even if times go back, and all before the end', () => {
    const stage = play(
      recording(
        [at(10, 'RUNNING'), at(15, 'COMPLETE', 0)],
        [out(3, 'a'), err(2, 'b'), out(3, 'c'), out(8, 'd')],
      ),
    );
    fireAll(stage.clock);
    expect(stage.written).toEqual(['3 stdout a', '3 stderr b', '3 stdout c', '8 stdout d']);
    expect([statusOf(stage.process), stage.clock.now()]).toEqual([complete(0), 8]);
  });

  test('an end seen before RUNNING does not go back in time', () => {
    const stage = play(recording([at(10, 'RUNNING'), at(9, 'COMPLETE', 2)]));
    expect(statusOf(stage.process)).toEqual(complete(2));
  });

  test('bytes come as bytes', () => {
    const chunks: unknown[] = [];
    const output: RecordedChunk[] = [{ atMs: 0, stream: 'stdout', base64: '/wBB' }];
    const stdout = { write: (chunk: unknown) => void chunks.push(chunk) };
    play(recording([at(0, 'RUNNING'), at(1, 'COMPLETE')], output), {}, { stdout });
    expect(chunks.map((chunk) => [...(chunk as Uint8Array)])).toEqual([[255, 0, 65]]);
  });

  test('R120 D60 abort ends a process that ended by itself in the recording at once; after its end it keeps its result', () => {
    const run = recording([at(0, 'RUNNING'), at(50, 'COMPLETE', 4)], [out(10, 'early'), out(40, 'late')]);
    const cut = play(run);
    fireFor(cut.clock, 20);
    expect([cut.process.abort(), cut.clock.pending]).toEqual([aborted('SIGTERM'), 0]);
    expect(cut.written).toEqual(['10 stdout early']);
    const natural = play(run);
    fireAll(natural.clock);
    expect([natural.process.abort(), natural.process.wait()]).toEqual([complete(4), complete(4)]);
  });

  const abortedRun = recording(
    [at(5, 'RUNNING'), at(48, 'ABORTED')],
    [out(10, 'a'), out(37, 'dying'), out(43, 'x')],
    {
      abortedAtMs: 40,
    },
  );
  const timedOutRun = recording([at(5, 'RUNNING'), at(43, 'TIMEDOUT')], [out(10, 'a'), out(37, 'dying')], {
    command: { argv: ['make'], timeoutMs: 30 },
  });

  const lateRun = recording([at(5, 'RUNNING'), at(43, 'ABORTED')], [], {
    command: { argv: ['make'], timeoutMs: 30 },
    abortedAtMs: 40,
  });

  test.for<[string, RecordedRun, number, number, string[]]>([
    ['as recorded', abortedRun, 35, 43, ['10 stdout a', '37 stdout dying', '43 stdout x']],
    ['earlier', abortedRun, 20, 28, ['10 stdout a']],
    ['later', abortedRun, 100, 108, ['10 stdout a', '37 stdout dying', '43 stdout x']],
    ['as recorded, by its deadline', timedOutRun, 30, 38, ['10 stdout a', '37 stdout dying']],
    ['as recorded, by its deadline, and aborted as it died', lateRun, 30, 38, []],
  ])('a process that was stopped waits for it again, and takes as long to die as recorded: %s', (row) => {
    const [, run, abortAtMs, endAtMs, written] = row;
    const stage = play(run);
    fireFor(stage.clock, abortAtMs);
    expect(statusOf(stage.process)).toBe('running');
    expect(stage.process.abort()).toBeInstanceOf(Promise);
    fireAll(stage.clock);
    expect([statusOf(stage.process), stage.clock.now()]).toEqual([aborted('SIGTERM'), endAtMs]);
    expect(stage.written).toEqual(written);
  });

  test.for<[string, RecordedRun]>([
    [
      'that was aborted as it died',
      recording([at(5, 'RUNNING'), at(40, 'ABORTED')], [], { abortedAtMs: 40 }),
    ],
    ['that was aborted by a release', recording([at(5, 'RUNNING'), at(40, 'ABORTED')])],
    ['whose recording has no end', recording([at(5, 'RUNNING')])],
    [
      'whose time came before it ran',
      recording([at(5, 'RUNNING'), at(6, 'TIMEDOUT')], [], { command: timedOutRun.command }),
    ],
  ])('a process %s runs until it is stopped, and then dies at once', ([, run]) => {
    const { clock, process } = play(run);
    fireFor(clock, 1e6);
    expect(statusOf(process)).toBe('running');
    expect([process.abort(), clock.pending]).toEqual([aborted('SIGTERM'), 0]);
  });

  test('an abort requested before RUNNING counts from RUNNING', () => {
    const stage = play(recording([at(5, 'RUNNING'), at(9, 'ABORTED')], [], { abortedAtMs: 1 }));
    void stage.process.abort();
    fireAll(stage.clock);
    expect(stage.clock.now()).toBe(4);
  });

  test('a process that took longer to die than the grace is killed at the grace', () => {
    const run = recording([at(0, 'RUNNING'), at(90_000, 'ABORTED')], [], { abortedAtMs: 0 });
    const stage = play(run);
    void stage.process.abort();
    fireAll(stage.clock);
    expect([statusOf(stage.process), stage.clock.now()]).toEqual([aborted('SIGKILL'), 15_000]);
    const hasty = play(run, { graceMs: 20 });
    void hasty.process.abort();
    fireAll(hasty.clock);
    expect([statusOf(hasty.process), hasty.clock.now()]).toEqual([aborted('SIGKILL'), 20]);
  });

  test('an abort from within a sink stops the playback', () => {
    const holder: { process?: Process } = {};
    const texts: string[] = [];
    const stdout = {
      write: (chunk: unknown) => {
        texts.push(String(chunk));
        void holder.process?.abort();
      },
    };
    const run = recording([at(0, 'RUNNING'), at(9, 'COMPLETE')], [out(1, 'a'), out(1, 'b')]);
    const stage = play(run, {}, { stdout });
    holder.process = stage.process;
    fireAll(stage.clock);
    expect([texts, statusOf(stage.process)]).toEqual([['a'], aborted('SIGTERM')]);
  });

  test('ties within a process keep their recorded order under every seed', () => {
    const chunk = fc.tuple(
      fc.constantFrom(0, 1, 2, 3),
      fc.constantFrom('stdout', 'stderr'),
      fc.constantFrom('a', 'b'),
    );
    fc.assert(
      fc.property(fc.array(chunk), fc.integer({ min: 0, max: 3 }), fc.nat(), (chunks, endMs, seed) => {
        const output = chunks.map(([atMs, stream, text]) => ({ atMs, stream, text }));
        const clock = createVirtualClock({ choices: createDecisions(randomDecisions(seed)) });
        const written: string[] = [];
        const run = recording([at(0, 'RUNNING'), at(endMs, 'COMPLETE', 5)], output);
        const execer = createPlaybackExecer({ clock, recordingOf: () => run });
        const process = execer.exec(loggedCommand(clock, written, ['make']));
        fireAll(clock);
        let latest = 0;
        const expected = chunks.map(([atMs, stream, text]) => {
          latest = Math.max(latest, atMs);
          return `${latest} ${stream} ${text}`;
        });
        expect(written).toEqual(expected);
        expect([statusOf(process), clock.now()]).toEqual([complete(5), Math.max(latest, endMs)]);
      }),
    );
  });

  test('R118 a command without a recording cannot be started', () => {
    const run = recording([at(0, 'RUNNING')]);
    const missing = (runId: string) => ({
      code: 'RUNNER_EXEC_FAILED',
      message: `No recording of run ${runId}`,
    });
    expect(() => play(run, {}, { runId: '7' })).toThrow(expect.objectContaining(missing('7')));
    const clock = createVirtualClock();
    const execer = createPlaybackExecer({ clock, recordingOf: recordingsByRunId([run]) });
    expect(() => execer.exec(loggedCommand(clock, [], []))).toThrow(
      expect.objectContaining(missing('(none)')),
    );
  });

  const running = at(0, 'RUNNING');
  test.for<[string, RecordedRun]>([
    [
      'output[1].atMs: expected a number from 0 to 3155760000000, got -1',
      recording([running], [out(0, 'a'), out(-1, 'b')]),
    ],
    [
      'output[0].atMs: expected a number from 0 to 3155760000000, got NaN',
      recording([running], [out(NaN, 'a')]),
    ],
    [
      'output[0].atMs: expected a number from 0 to 3155760000000, got 9007199254740992',
      recording([running], [out(2 ** 53, 'a')]),
    ],
    [
      'RUNNING at: expected a number from 0 to 3155760000000, got -2',
      recording([at(-2, 'RUNNING'), at(5, 'COMPLETE')]),
    ],
    [
      'COMPLETE at: expected a number from 0 to 3155760000000, got Infinity',
      recording([running, at(Infinity, 'COMPLETE')]),
    ],
    [
      'abortedAtMs: expected a number from 0 to 3155760000000, got -1',
      recording([running, at(5, 'ABORTED')], [], { abortedAtMs: -1 }),
    ],
    [
      'output[0].stream: expected stdout or stderr, got "log"',
      recording([running], [{ ...out(0, 'a'), stream: 'log' as never }]),
    ],
    [
      'output[0]: expected either text or base64, got "neither"',
      recording([running], [{ atMs: 0, stream: 'stdout' }]),
    ],
    [
      'output[0]: expected either text or base64, got "both"',
      recording([running], [{ ...out(0, 'a'), base64: 'YQ==' }]),
    ],
  ])('a broken recording is refused: %s', ([problem, run]) => {
    const message = `Recording of run 0: ${problem}`;
    expect(() => play(run)).toThrow(expect.objectContaining({ code: 'RUNNER_TRACE_FORMAT', message }));
  });

  test('the error for a bad recording carries what was expected and what came', () => {
    const details = { expected: 'a number from 0 to 3155760000000', actual: -1 };
    expect(() => play(recording([running], [out(-1, 'a')]))).toThrow(expect.objectContaining(details));
    const missing = { expected: 'a recorded run', actual: '7' };
    expect(() => play(recording([running]), {}, { runId: '7' })).toThrow(expect.objectContaining(missing));
    const timeless = recording([running, at(5, 'TIMEDOUT')], [], { command: { argv: [], timeoutMs: NaN } });
    expect(() => play(timeless)).toThrow(
      'Recording of run 0: command.timeoutMs: expected a number from 0 to 3155760000000, got NaN',
    );
  });

  test('times count from the start of the process, not of the clock', () => {
    const clock = createVirtualClock();
    fireFor(clock, 1000);
    const written: string[] = [];
    const run = recording([at(0, 'RUNNING'), at(9, 'ABORTED')], [out(2, 'a')], { abortedAtMs: 5 });
    const execer = createPlaybackExecer({ clock, recordingOf: recordingsByRunId([run]) });
    const process = execer.exec({ ...loggedCommand(clock, written, ['make']), runId: '0' });
    expect(clock.pendingLabels()).toEqual(['process/0 recorded']);
    fireFor(clock, 10);
    void process.abort();
    fireAll(clock);
    expect([written, clock.now()]).toEqual([['1002 stdout a'], 1014]);
  });

  test('the stated bound holds for aborts, and options are checked', () => {
    const clock = createVirtualClock();
    const recordingOf = () => undefined;
    expect(createPlaybackExecer({ clock, recordingOf }).cancelBoundMs).toBe(16_000);
    expect(createPlaybackExecer({ clock, recordingOf, graceMs: 1, drainGraceMs: 2 }).cancelBoundMs).toBe(3);
    const message = 'recordingOf: expected a function, got undefined';
    expect(() => createPlaybackExecer({ clock } as never)).toThrow(message);
    expect(() => createPlaybackExecer({ clock, recordingOf, graceMs: -1 })).toThrow('graceMs: expected');
  });
});
