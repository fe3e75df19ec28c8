/**
 * Plays recorded runs on a simulated runner in virtual time: the same offers and aborts at the same times, processes that write and end
 * as recorded. Invariant: the plain policy decides, so a recording has one replay.
 */
import { checkIterable } from '../kernel/argument-check.ts';
import { sleep } from '../kernel/clock.ts';
import { fifoDecisions } from '../kernel/fifo-decisions.ts';
import { createRecordedExecer, recordingsByRunId } from '../execers/recorded-execer.ts';
import { createVirtualFiler } from '../filers/fake-filer.ts';
import type { ExecCommand, Execer, Process, ProcessStatus } from '../model/execer.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { RecordedRun } from '../model/recorded-run.ts';
import { isTerminal } from '../model/run-state.ts';
import type { World } from '../model/world.ts';
import { createNullOutputs } from '../outputs/null-output.ts';
import { createQueueRunner } from '../runners/create-queue-runner.ts';
import { recordService } from '../runners/recorded-service.ts';
import { virtualTempDirs } from '../runners/virtual-temp-dirs.ts';
import { recordExecer, type ProcessRecording } from '../trace/recording-execer.ts';
import { diffRecordings, type RecordingDifference } from '../trace/recording-differ.ts';
import { simulate } from './simulate.ts';
import type { Simulation } from './simulation.ts';
import type { Verdict } from './verdict.ts';

/** What came of a replay. */
export interface RecordingReplay {
  readonly verdict: Verdict;
  /** What the simulated runner did. */
  readonly runs: readonly RecordedRun[];
  /** The first difference from the recording; undefined if it was reproduced. */
  readonly difference: RecordingDifference | undefined;
}

/**
 * Replays a recording and compares states, times, exit codes and output digests.
 *
 * Rejects with `RUNNER_TRACE_FORMAT` if a recorded run is broken.
 *
 * @example
 * ```ts
 * import { replayRecordedRuns } from 'dryrunner';
 * const { difference, verdict } = await replayRecordedRuns([
 *   {
 *     runId: '0',
 *     command: { argv: ['make'] },
 *     acceptedAtMs: 0,
 *     statuses: [
 *       { atMs: 0, state: 'PENDING', exitCode: 0, error: '' },
 *       { atMs: 4, state: 'RUNNING', exitCode: 0, error: '' },
 *       { atMs: 90_000, state: 'COMPLETE', exitCode: 2, error: '' },
 *     ],
 *     output: [],
 *   },
 * ]);
 * if (difference !== undefined || verdict.virtualMs !== 90_000) throw new Error(difference?.text);
 * ```
 */
export async function replayRecordedRuns(runs: readonly RecordedRun[]): Promise<RecordingReplay> {
  checkIterable('runs', runs);
  let replayed: readonly RecordedRun[] = [];
  const verdict = await simulate({
    name: 'replay',
    source: fifoDecisions(),
    scenario: async (sim) => {
      replayed = await play(sim, runs);
    },
  });
  if (verdict.failure?.kind === 'error') throw verdict.failure.cause;
  return { verdict, runs: replayed, difference: diffRecordings(runs, replayed) };
}

async function play(sim: Simulation, runs: readonly RecordedRun[]): Promise<readonly RecordedRun[]> {
  const { world } = sim;
  const processes = new Map<string, ProcessRecording>();
  const execer = recordExecer(new TimedExecer(world, runs), world.clock, (process) =>
    processes.set(process.runId, process),
  );
  const runner = createQueueRunner(world, {
    name: 'replay',
    capacity: Math.max(1, runs.length),
    history: 0,
    execer,
    filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
    outputs: createNullOutputs(),
    tempDirs: virtualTempDirs(),
  });
  const recorded = recordService(world, runner, { processOf: (runId) => processes.get(runId) });
  const aborts: Promise<unknown>[] = [];
  for (const { runId, command, acceptedAtMs, abortedAtMs } of runs) {
    await sim.sleep(Math.max(0, acceptedAtMs - sim.now()));
    // What was checked out is not part of a recording, and shows in nothing that is compared.
    await recorded.run({ ...command, snapshotId: '' });
    if (abortedAtMs !== undefined) aborts.push(abortLater(sim, recorded, runId, abortedAtMs));
  }
  await Promise.all(aborts);
  await recorded.settled();
  await recorded.release();
  return recorded.recording().map((run, index) => ({ ...run, command: runs[index]?.command ?? run.command }));
}

async function abortLater(
  sim: Simulation,
  recorded: { abort(runId: string): Promise<unknown> },
  runId: string,
  abortedAtMs: number,
): Promise<void> {
  await sim.sleep(abortedAtMs);
  await recorded.abort(runId);
}

/** Holds recorded processes to the recorded times of their runs: RUNNING is seen, and the end comes, when it did. */
class TimedExecer implements Execer {
  readonly cancelBoundMs: number;
  readonly #world: World;
  readonly #execer: Execer;
  readonly #byId: ReadonlyMap<string, RecordedRun>;

  constructor(world: World, runs: readonly RecordedRun[]) {
    this.#world = world;
    this.#execer = createRecordedExecer({ clock: world.clock, recordingOf: recordingsByRunId(runs) });
    this.#byId = new Map(runs.map((run) => [run.runId, run]));
    // A recorded stop takes as long as it took, so no bound may cut it.
    this.cancelBoundMs = Infinity;
  }

  async exec(command: ExecCommand): Promise<Process> {
    const run = this.#byId.get(command.runId ?? '');
    const terminal = run?.statuses.find(({ state }) => isTerminal(state));
    const started = run?.statuses.find(({ state }) => state === 'RUNNING') ?? terminal;
    if (run !== undefined && started !== undefined) await this.#until(run.acceptedAtMs + started.atMs);
    const process = await this.#execer.exec(command);
    if (run === undefined || terminal === undefined) return process;
    const endMs = run.acceptedAtMs + terminal.atMs;
    return new TimedProcess(process, () => this.#until(endMs));
  }

  async #until(atMs: number): Promise<void> {
    const { clock } = this.#world;
    const leftMs = Math.round((atMs - clock.now()) * 1_000) / 1_000;
    if (leftMs > 0) await sleep(clock, leftMs, 'recorded time');
  }
}

class TimedProcess implements Process {
  readonly #process: Process;
  readonly #untilEnd: () => Promise<void>;
  #ended: Promise<ProcessStatus> | undefined;

  constructor(process: Process, untilEnd: () => Promise<void>) {
    this.#process = process;
    this.#untilEnd = untilEnd;
  }

  wait(): MaybePromise<ProcessStatus> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  abort(): MaybePromise<ProcessStatus> {
    void this.#process.abort();
    return this.wait();
  }

  async #end(): Promise<ProcessStatus> {
    const status = await this.#process.wait();
    await this.#untilEnd();
    return status;
  }
}
