/**
 * Plays a recording: the real queue and invoker, in virtual time, with collaborators that answer as they did. What went in goes in again,
 * at its microsecond and in its order; what comes out is recorded again and compared. Invariant: the replay decides nothing.
 */
import { checkArray, checkRecord } from '../kernel/argument-check.ts';
import { fifoDecisions } from '../kernel/fifo-decisions.ts';
import { millisecondsBetween } from '../kernel/microseconds.ts';
import type { Command } from '../model/command.ts';
import {
  wentIn,
  type RecordedEntry,
  type RecordedInput,
  type RecordedStep,
  type Recording,
} from '../model/recording.ts';
import type { Service } from '../model/service.ts';
import { createQueueRunner } from '../runners/queue/create-queue-runner.ts';
import { RunRecorder } from '../runners/recording/recorder.ts';
import { formatEntry } from '../trace/recording/entry-text.ts';
import { findContradiction } from '../trace/recording/recording-check.ts';
import { diffRecordings, type RecordingDifference } from '../trace/recording/recording-differ.ts';
import { RecordingPlayer } from './recording-player.ts';
import { simulate } from './simulate.ts';
import type { Simulation } from './simulation.ts';
import type { Verdict } from './verdict.ts';

/** What came of a replay. */
export interface RecordingReplay {
  readonly verdict: Verdict;
  /** What the runners did. */
  readonly recording: Recording;
  /** The first difference from what was recorded; undefined if it was reproduced. */
  readonly difference: RecordingDifference | undefined;
  /** In one line, why it was not reproduced: the failure of the verdict, if there is one, before any difference. */
  readonly problem: string | undefined;
}

/**
 * Replays a recording and compares everything that follows from what went in: statuses and all other events of the runners' traces,
 * requests to collaborators and answers to calls, each with its time to the microsecond.
 *
 * Rejects with `RUNNER_INVALID_ARGUMENT` if `recording` is not a recording.
 *
 * @example
 * ```ts
 * import { replayRecording } from 'dryrunner';
 * const unasked = { at: 2, runner: 'exec', type: 'fired', label: 'exec start', nth: 1, delayMs: 0, afterMs: 0 } as const;
 * const { difference } = await replayRecording({ entries: [unasked] });
 * if (difference?.expected !== 'a runner exec') throw new Error('expected the runner to be missing');
 * ```
 */
export async function replayRecording(recording: Recording): Promise<RecordingReplay> {
  checkRecord('recording', 'a recording', recording);
  checkArray('recording.entries', 'a list of entries', recording.entries);
  const { entries } = recording;
  let replayed: Recording = { entries: [] };
  let stuck: RecordingDifference | undefined;
  const verdict = await simulate({
    name: 'replay',
    source: fifoDecisions(),
    // A recording ends where somebody stopped recording, and a busy machine does not keep every bound.
    leftovers: 'ignore',
    oracles: [],
    scenario: async (sim) => {
      const replay = new Replay(sim, entries);
      try {
        stuck = await replay.play();
      } finally {
        replayed = replay.recorder.recording();
      }
    },
  });
  const differs = diffRecordings(recording, replayed);
  const isStuckFirst = stuck !== undefined && stuck.index <= (differs?.index ?? Infinity);
  const difference = (isStuckFirst ? stuck : differs) ?? contradiction(entries);
  const { failure } = verdict;
  const problem =
    failure === undefined
      ? difference?.text
      : `the replay ended in a failure (${failure.kind}): ${failure.message}`;
  return { verdict, recording: replayed, difference, problem };
}

function contradiction(entries: readonly RecordedEntry[]): RecordingDifference | undefined {
  const found = findContradiction(entries);
  return found === undefined ? undefined : { ...found, expected: undefined, actual: undefined };
}

/** A runner at work in a replay. */
interface Part {
  readonly runner: Service;
  readonly player: RecordingPlayer;
}

class Replay {
  readonly recorder: RunRecorder;
  readonly #sim: Simulation;
  readonly #entries: readonly RecordedEntry[];
  readonly #parts = new Map<string, Part>();
  /** Next of the entries that may go in. */
  #next = 0;
  /** How much has come out, by runner: of what was recorded before `#next`, and of what was replayed. */
  readonly #recordedOut = new Map<string, number>();
  readonly #replayedOut = new Map<string, number>();
  #stuck: RecordingDifference | undefined;

  constructor(sim: Simulation, entries: readonly RecordedEntry[]) {
    this.#sim = sim;
    this.#entries = entries;
    this.recorder = new RunRecorder(sim.world, Infinity);
    this.recorder.onEntry = (entry) => this.#onEntry(entry);
  }

  /** Lets everything in; gives what could not go in. */
  async play(): Promise<RecordingDifference | undefined> {
    for (;;) {
      const index = this.#seekInput();
      const entry = this.#entries[index];
      if (entry === undefined || this.#stuck !== undefined) break;
      // Also when no time passes: all reactions come before what goes in next.
      await this.#sim.sleep(Math.max(0, millisecondsBetween(this.#sim.now(), entry.at)), 'recorded time');
      // Something that is going on may have taken it in.
      if (this.#next === index) this.#take(entry as RecordedInput);
    }
    await this.#sim.sleep(0, 'end of the recording');
    return this.#stuck;
  }

  /** Moves on to what goes in next. */
  #seekInput(): number {
    for (;;) {
      const entry = this.#entries[this.#next];
      if (entry === undefined || wentIn(entry)) return this.#next;
      add(this.#recordedOut, entry.runner);
      this.#next += 1;
    }
  }

  /** Something came out: what was recorded to come in at this very place does so. */
  #onEntry(entry: RecordedEntry): void {
    if (!wentIn(entry)) add(this.#replayedOut, entry.runner);
    // What came while a collaborator was asked comes from that collaborator.
    if (entry.type !== 'asked') this.#takeNested();
  }

  #takeNested(): void {
    for (;;) {
      const nested = this.#entries[this.#seekInput()];
      if (nested === undefined || !wentIn(nested) || nested.nested !== true || this.#stuck !== undefined) {
        return;
      }
      const { runner } = nested;
      if ((this.#replayedOut.get(runner) ?? 0) < (this.#recordedOut.get(runner) ?? 0)) return;
      this.#take(nested);
    }
  }

  #take(input: RecordedInput): void {
    const index = this.#next;
    this.#next += 1;
    const expected = input.type === 'runner' ? this.#make(input) : this.#goIn(input);
    if (expected === undefined) return;
    const text = `entry ${index + 1}, ${formatEntry(input)}: expected ${expected} in the replay, got none`;
    this.#stuck ??= { index, path: '', expected, actual: undefined, text };
  }

  /** Gives what it needs in the replay and does not find there. */
  #make({ runner: name, settings }: Extract<RecordedStep, { type: 'runner' }>): string | undefined {
    if (this.#parts.has(name)) return `no other runner ${name}`;
    const player = new RecordingPlayer(this.#sim.world.clock, name, this.#entries, () => this.#takeNested());
    this.recorder.clocks.add(player);
    const options = { ...player.options(name, settings), recorder: this.recorder };
    const runner = createQueueRunner({ ...this.#sim.world, clock: player }, options);
    this.#parts.set(name, { runner, player });
    return undefined;
  }

  #goIn(input: Exclude<RecordedInput, { type: 'runner' }>): string | undefined {
    const part = this.#parts.get(input.runner);
    if (part === undefined) return `a runner ${input.runner}`;
    const { runner, player } = part;
    switch (input.type) {
      case 'call':
        void callOn(runner, input).catch(() => undefined);
        return undefined;
      case 'fired':
        return player.fire(input.label, input.nth) ? undefined : `a pending event "${input.label}"`;
      case 'answered': {
        const { what, name, nth, answer } = input;
        return player.answer(what, name, nth, answer) ? undefined : `an open request ${what} ${name}`;
      }
      case 'output':
      case 'memory':
        return player.processDoes(input) ? undefined : `a process of run ${input.runId}`;
    }
  }
}

function callOn(
  runner: Service,
  { call, command, runId = '' }: Extract<RecordedStep, { type: 'call' }>,
): Promise<unknown> {
  switch (call) {
    case 'run':
      // An invalid command was refused, and is refused again.
      return runner.run(command as Command);
    case 'abort':
      return runner.abort(runId);
    case 'release':
      return runner.release();
  }
}

function add(counts: Map<string, number>, runner: string): void {
  counts.set(runner, (counts.get(runner) ?? 0) + 1);
}
