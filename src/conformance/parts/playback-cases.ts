/**
 * The contract of the execer that plays back recordings, as a list of cases. Invariant: each case runs in the plain
 * order of events, so that everything that a process does is known with its time.
 */
import type { PlaybackExecer, PlaybackExecerOptions } from '../../execers/playback-execer.ts';
import type { Execer, Process, ProcessStatus } from '../../model/execer.ts';
import type { Chunk } from '../../model/output.ts';
import type { RunState } from '../../model/run-state.ts';
import type { RecordedChunk, RecordedRun, RecordedStatus } from '../../model/recording.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { checkEqual } from '../check.ts';
import { aborted, complete, plain, statusOf } from './execer-case.ts';
import {
  inWords,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  refusalOf,
} from './part-case.ts';
import { callsIn, MADE_BY_EXECER, noted } from './noted-part.ts';
import { playHolding } from './played.ts';

/** A playback execer under test: see {@link playbackCases}. */
export interface PlaybackSubject extends PartSubject {
  create(options: PlaybackExecerOptions): PlaybackExecer;
}
const at = (atMs: number, state: RunState, exitCode = 0, error = ''): RecordedStatus => ({
  ...{ atMs, state, exitCode },
  error,
});
const out = (atMs: number, text: string): RecordedChunk => ({ atMs, stream: 'stdout', text });
const err = (atMs: number, text: string): RecordedChunk => ({ atMs, stream: 'stderr', text });
const recording = (
  statuses: readonly RecordedStatus[],
  output: readonly RecordedChunk[] = [],
  more: Partial<RecordedRun> = {},
): RecordedRun => ({ runId: '0', command: { argv: ['make'] }, acceptedAtMs: 0, statuses, output, ...more });

interface Playing {
  readonly sim: Simulation;
  readonly execer: Execer;
  readonly process: Process;
  readonly written: readonly string[];
  readonly reports: readonly string[];
  readonly startMs: number;
}

type Play = (run: RecordedRun, options?: Partial<PlaybackExecerOptions>) => Playing;

const playing = (
  title: string,
  body: (play: Play, sim: Simulation) => Promise<void>,
): PartCaseSpec<PlaybackSubject> => ({
  title,
  async prove(subject, { signal }) {
    const scenario = (sim: Simulation): Promise<void> => {
      const note = callsIn(sim.world);
      return body((run, options) => {
        const written: string[] = [];
        const reports: string[] = [];
        const { clock } = sim.world;
        const startMs = sim.now();
        const sink = (stream: string) => ({
          write: (chunk: Chunk) => void written.push(`${sim.now() - startMs} ${stream} ${String(chunk)}`),
        });
        const made = subject.create({
          clock,
          recordingOf: ({ runId }) => (runId === run.runId ? run : undefined),
          ...options,
        });
        const execer = noted(note, 'the execer', made, MADE_BY_EXECER);
        const process = execer.exec({
          ...plain(['make']),
          runId: '0',
          onMemoryReport: ({ kind, status }) =>
            void reports.push(`${sim.now() - startMs} ${kind} ${status.exitCode}`),
          ...{ stdout: sink('stdout'), stderr: sink('stderr') },
        });
        return { sim, execer, process, written, reports, startMs };
      }, sim);
    };
    await playHolding(scenario, {}, { signal });
  },
});

const recordings: readonly PartCaseSpec<PlaybackSubject>[] = [
  playing(
    'it plays output at its times and the end at its time, with the recorded exit code',
    async (play) => {
      const { sim, process, written } = play(
        recording(
          [at(0, 'PENDING'), at(4, 'RUNNING'), at(24.5, 'COMPLETE', 3)],
          [out(0, 'now'), out(1.25, 'a'), err(1.25, 'b'), out(7, 'c')],
        ),
      );
      checkEqual('the output at once', written, ['0 stdout now']);
      checkEqual('its end', await process.wait(), complete(3));
      checkEqual('the time', sim.now(), 20.5);
      checkEqual('what was written', written, [
        '0 stdout now',
        '1.25 stdout a',
        '1.25 stderr b',
        '7 stdout c',
      ]);
    },
  ),
  playing('it ends as was recorded, and reports memory where that was reported', async (play, sim) => {
    const initial = 'Critical error detected. Initial memory…';
    const exceeded = 'Cmd exceeded MemoryCap, aborting process: …';
    const table: readonly (readonly [RecordedStatus, ProcessStatus, string[]])[] = [
      [at(5, 'COMPLETE', -1, 'Killed by SIGSEGV'), { ...complete(-1), error: 'Killed by SIGSEGV' }, []],
      [
        at(5, 'FAILED', 250, 'error execing: no tty'),
        { state: 'FAILED', exitCode: 250, error: 'no tty' },
        [],
      ],
      [at(5, 'FAILED', 7, 'odd'), { state: 'FAILED', exitCode: 7, error: 'odd' }, []],
      [at(5, 'UNKNOWN', 0, 'cannot say'), { state: 'UNKNOWN', exitCode: 0, error: 'cannot say' }, []],
      [at(5, 'FAILED', 241, initial), { state: 'FAILED', exitCode: 241, error: initial }, ['5 initial 241']],
      [at(5, 'COMPLETE', 1, exceeded), { ...complete(1), error: exceeded }, ['5 exceeded 1']],
      [at(5, 'COMPLETE', 1), complete(1), []],
      [
        at(5, 'COMPLETE', 2, 'Cmd exceeded MemoryCap'),
        { ...complete(2), error: 'Cmd exceeded MemoryCap' },
        [],
      ],
    ];
    for (const [last, status, expected] of table) {
      const { process, reports, startMs } = play(recording([at(0, 'RUNNING'), last]));
      checkEqual('its end', [await process.wait(), sim.now() - startMs], [status, 5]);
      checkEqual('its reports', reports, expected);
    }
  }),
  playing(
    'recorded times that go back are corrected: output keeps its order, and all of it comes before the end',
    async (play) => {
      const { process, written, sim } = play(
        recording(
          [at(10, 'RUNNING'), at(15, 'COMPLETE', 0)],
          [out(3, 'a'), err(2, 'b'), out(3, 'c'), out(8, 'd')],
        ),
      );
      checkEqual('its end', [await process.wait(), sim.now()], [complete(0), 8]);
      checkEqual('what was written', written, ['3 stdout a', '3 stderr b', '3 stdout c', '8 stdout d']);
      const early = play(recording([at(10, 'RUNNING'), at(9, 'COMPLETE', 2)]));
      checkEqual('an end before RUNNING', statusOf(early.process), complete(2));
      const never = play(recording([at(0, 'PENDING'), at(9, 'COMPLETE', 0)]));
      checkEqual(
        'without RUNNING',
        [await never.process.wait(), sim.now() - never.startMs],
        [complete(0), 9],
      );
      const bytes = play(
        recording([at(0, 'RUNNING'), at(0, 'COMPLETE')], [{ atMs: 0, stream: 'stdout', base64: 'QUI=' }]),
      );
      checkEqual('bytes', bytes.written, ['0 stdout AB']);
    },
  ),
  playing(
    'R120 D60 an abort ends at once a process that ended by itself; one that was stopped waits for the abort, and takes as long to die',
    async (play, sim) => {
      const natural = recording(
        [at(0, 'RUNNING'), at(50, 'COMPLETE', 4)],
        [out(10, 'early'), out(40, 'late')],
      );
      const cut = play(natural);
      await sim.sleep(20);
      checkEqual(
        'an abort',
        [await cut.process.abort(), sim.now() - cut.startMs, cut.written],
        [aborted('SIGTERM'), 20, ['10 stdout early']],
      );
      const whole = play(natural);
      await whole.process.wait();
      checkEqual('a late abort', await whole.process.abort(), complete(4));
      const stopped = recording(
        [at(5, 'RUNNING'), at(48, 'ABORTED')],
        [out(10, 'a'), out(37, 'dying'), out(43, 'x')],
        { abortedAtMs: 40 },
      );
      const timed = recording([at(5, 'RUNNING'), at(43, 'TIMEDOUT')], [out(10, 'a'), out(37, 'dying')], {
        command: { argv: ['make'], timeoutMs: 30 },
      });
      for (const [run, abortAtMs, endAtMs, texts] of [
        [stopped, 35, 43, ['10 stdout a', '37 stdout dying', '43 stdout x']],
        [stopped, 20, 28, ['10 stdout a']],
        [stopped, 100, 108, ['10 stdout a', '37 stdout dying', '43 stdout x']],
        [timed, 30, 38, ['10 stdout a', '37 stdout dying']],
        [recording([at(5, 'RUNNING'), at(40, 'ABORTED')], [], { abortedAtMs: 40 }), 70, 70, []],
        [recording([at(5, 'RUNNING'), at(40, 'ABORTED')]), 70, 70, []],
        [recording([at(5, 'RUNNING')]), 70, 70, []],
        [recording([at(5, 'RUNNING'), at(9, 'ABORTED')], [], { abortedAtMs: 1 }), 0, 4, []],
      ] as const) {
        const { process, written, startMs } = play(run);
        await sim.sleep(abortAtMs);
        checkEqual('it', statusOf(process), 'running');
        checkEqual('its end', [await process.abort(), sim.now() - startMs], [aborted('SIGTERM'), endAtMs]);
        checkEqual('what was written', written, texts);
      }
      const slow = play(recording([at(0, 'RUNNING'), at(90_000, 'ABORTED')], [], { abortedAtMs: 0 }), {
        graceMs: 20,
      });
      checkEqual(
        'one that is killed',
        [await slow.process.abort(), sim.now() - slow.startMs],
        [aborted('SIGKILL'), 20],
      );
    },
  ),
  inWords((said) =>
    playing(
      'R118 a run that was never started, or not recorded, cannot be started; a broken recording is refused',
      async (play) => {
        const running = at(0, 'RUNNING');
        const bound = 'expected a number from 0 to 3155760000000, got';
        const broken: readonly (readonly [RecordedRun, string])[] = [
          [
            recording([at(0, 'PENDING'), at(3, 'FAILED', 240, 'could not exec: no such program')]),
            'RUNNER_EXEC_FAILED no such program',
          ],
          [
            recording([at(0, 'PENDING'), at(3, 'FAILED', 240, 'checkout went wrong')]),
            'RUNNER_EXEC_FAILED checkout went wrong',
          ],
          [recording([running], [], { runId: '7' }), 'RUNNER_EXEC_FAILED No recording of run 0'],
          ...(
            [
              [recording([running], [out(0, 'a'), out(-1, 'b')]), `output[1].atMs: ${bound} -1`],
              [recording([at(-2, 'RUNNING'), at(5, 'COMPLETE')]), `RUNNING at: ${bound} -2`],
              [recording([running, at(Infinity, 'COMPLETE')]), `COMPLETE at: ${bound} Infinity`],
              [recording([running, at(5, 'ABORTED')], [], { abortedAtMs: -1 }), `abortedAtMs: ${bound} -1`],
              [
                recording([running], [{ ...out(0, 'a'), stream: 'log' as never }]),
                'output[0].stream: expected stdout or stderr, got "log"',
              ],
              [
                recording([running], [{ atMs: 0, stream: 'stdout' }]),
                'output[0]: expected either text or base64, got "neither"',
              ],
            ] as const
          ).map(([run, problem]) => [run, `RUNNER_TRACE_FORMAT Recording of run 0: ${problem}`] as const),
        ];
        for (const [run, text] of broken) said.equal('the refusal', await refusalOf(() => play(run)), text);
        const { execer } = play(recording([running, at(0, 'COMPLETE')]));
        said.equal('its bound', execer.cancelBoundMs, 16_000);
      },
    ),
  ),
];

/**
 * The contract of a playback execer, case by case: for `createPlaybackExecer` of `dryrunner/kit`, or yours.
 *
 * @example
 * ```ts
 * import { createPlaybackExecer } from 'dryrunner/kit';
 * import { playbackCases } from 'dryrunner/conformance';
 * for (const each of playbackCases) await each.prove({ name: 'mine', create: createPlaybackExecer });
 * ```
 */
export const playbackCases: readonly PartCase<PlaybackSubject>[] = partCases({ recordings });
