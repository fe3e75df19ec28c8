/**
 * Replays a recording: the real queue and invoker, in virtual time, with collaborators that give the recorded answers.
 * Recorded inputs go in again, at their microsecond and in their order; outputs are recorded again and compared.
 * Invariant: the replay makes no decisions.
 */
import type { Clock, Timer } from '../kernel/clock.ts';
import { RunnerError, type RunnerErrorCode } from '../kernel/errors.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { topicOf, type Label } from '../kernel/question.ts';
import type { DirMonitor, LogUploader, Processor, TempDirs } from '../model/collaborators.ts';
import type { ExecCommand, Execer, Process, ProcessStatus } from '../model/execer.ts';
import { ExitCodeError } from '../model/exit-code.ts';
import type { Checkout, Filer } from '../model/filer.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { Chunk, Output, OutputCreator } from '../model/output.ts';
import {
  RecordedNames,
  uploadName,
  NO_URI,
  type AskKind,
  type RecordedAnswer,
  type RecordedEntry,
  type RecordedFiler,
  type RecordedCollaborator,
  type RecordedInput,
  type RecordedSettings,
  isInput,
  type RecordedStep,
  type Recording,
} from '../model/recording.ts';
import type { FilerAndInit, RunTypeMap } from '../model/run-type.ts';
import { type QueueRunnerOptions, createQueueRunner } from '../runners/queue/create-queue-runner.ts';
import { fifoDecisions } from '../kernel/fifo-decisions.ts';
import { millisecondsBetween } from '../kernel/microseconds.ts';
import type { Command } from '../model/command.ts';
import type { Service } from '../model/service.ts';
import { RunRecorder, type EntryListener } from '../runners/recording/recorder.ts';
import { entryPlace, formatEntry } from '../trace/recording/entry-text.ts';
import { findContradiction } from '../trace/recording/recording-check.ts';
import { firstDifference, type RecordingDifference } from '../trace/recording/recording-differ.ts';
import { checkRecording } from '../trace/recording/recording-shape.ts';
import { simulate } from './simulate.ts';
import type { Simulation } from './simulation.ts';
import type { Verdict } from './verdict.ts';

type RecordedOutput = Extract<RecordedInput, { readonly type: 'output' }>;

interface PendingEvent {
  readonly fire: () => void;
}

interface PendingAsk {
  readonly resolve: (answer: RecordedAnswer) => void;
}

/** What a {@link RecordingPlayer} is made from. */
interface PlayerParts {
  readonly clock: Clock;
  readonly runner: string;
  readonly entries: readonly RecordedEntry[];
  /** Takes each chunk that stands for output that was not kept. */
  readonly placeholders: RunRecorder['placeholders'];
  /** Called while a collaborator is asked, before it answers. */
  readonly onAsked: () => void;
}

/**
 * Replaces the surroundings of a recorded runner: a clock whose events fire, and collaborators that answer, when the
 * recording says so. Invariant: nothing happens here without a recorded entry; a request without a recorded answer is
 * never answered.
 */
class RecordingPlayer implements Clock {
  readonly #clock: Clock;
  readonly #placeholders: RunRecorder['placeholders'];
  readonly #onAsked: () => void;
  readonly #names = new RecordedNames();
  readonly #events = new Map<string, PendingEvent>();
  readonly #asks = new Map<string, PendingAsk>();
  /** Answers that were available at once. */
  readonly #atOnce = new Map<string, RecordedAnswer>();
  readonly #processes = new Map<string, ExecCommand>();
  #isProcessWriting = false;

  constructor({ clock, runner, entries, placeholders, onAsked }: PlayerParts) {
    this.#clock = clock;
    this.#placeholders = placeholders;
    this.#onAsked = onAsked;
    for (const entry of entries) {
      if (entry.type !== 'asked' || entry.runner !== runner || entry.answer === undefined) continue;
      this.#atOnce.set(askKey(entry.what, entry.name, entry.nth), entry.answer);
    }
  }

  get epochMs(): number {
    return this.#clock.epochMs;
  }

  now(): number {
    return this.#clock.now();
  }

  timer(label: Label, _ms: number, fire: () => void): Timer {
    return this.post(label, fire);
  }

  endOfInstant(label: Label, _ms: number, fire: () => void): Timer {
    return this.post(label, fire);
  }

  post(of: Label, fire: () => void): Timer {
    const label = topicOf(of).text;
    const key = eventKey(label, this.#names.event(label));
    this.#events.set(key, { fire });
    return { cancel: () => void this.#events.delete(key) };
  }

  /** Fires an event; false if no such event is pending. */
  fire(label: string, nth: number): boolean {
    const key = eventKey(label, nth);
    const event = this.#events.get(key);
    this.#events.delete(key);
    event?.fire();
    return event !== undefined;
  }

  /** Answers a request; false if no such request is open. */
  answer(what: AskKind, name: string, nth: number, answer: RecordedAnswer): boolean {
    const key = askKey(what, name, nth);
    const ask = this.#asks.get(key);
    this.#asks.delete(key);
    ask?.resolve(answer);
    return ask !== undefined;
  }

  /** Lets the process of a run write, or report its memory; false if that process was not started. */
  processDoes(input: Extract<RecordedInput, { readonly type: 'output' | 'memory' }>): boolean {
    const command = this.#processes.get(input.runId);
    if (command === undefined) return false;
    if (input.type === 'memory') {
      command.onMemoryReport?.({ kind: input.kind, status: input.status });
      return true;
    }
    const isOuterWriting = this.#isProcessWriting;
    this.#isProcessWriting = true;
    try {
      void command[input.stream]?.write(this.#chunkOf(input));
    } finally {
      this.#isProcessWriting = isOuterWriting;
    }
    return true;
  }

  /** Of output that was not kept, only the length is known. */
  #chunkOf(input: RecordedOutput): Chunk {
    if (input.cutBytes === undefined) return keptChunk(input);
    const placeholder = Buffer.alloc(input.cutBytes);
    this.#placeholders.add(placeholder);
    return placeholder;
  }

  /** The options of a runner with the recorded settings. */
  options(name: string, settings: RecordedSettings): QueueRunnerOptions {
    const { capacity, history, idPrefix, updateLimitMs = 0, localBoundMs, uploader, measures } = settings;
    return {
      name,
      capacity,
      ...(history === undefined ? {} : { history }),
      idPrefix,
      updateLimitMs,
      localBoundMs,
      execer: this.#execer(settings.execBoundMs),
      filers: this.#filers(settings.filers),
      outputs: this.#outputs(),
      tempDirs: this.#tempDirs(settings.tempDirBoundMs),
      preprocessors: settings.preprocessors.map((helper) => this.#processor('preprocess', helper)),
      postprocessors: settings.postprocessors.map((helper) => this.#processor('postprocess', helper)),
      uploader: uploader === undefined ? undefined : this.#uploader(uploader),
      dirMonitor: measures ? this.#monitor() : undefined,
    };
  }

  #ask<T>(what: AskKind, name: string, use: (answer: RecordedAnswer) => T): MaybePromise<T> {
    const key = askKey(what, name, this.#names.ask(what, name));
    this.#onAsked();
    const atOnce = this.#atOnce.get(key);
    if (atOnce !== undefined) return use(orThrow(atOnce));
    return new Promise<RecordedAnswer>((resolve) => {
      this.#asks.set(key, { resolve });
    }).then((answer) => use(orThrow(answer)));
  }

  #execer(boundMs: number | undefined): Execer {
    return {
      cancelBoundMs: boundMs ?? Infinity,
      check: () => {
        this.#onAsked();
        const refusal = this.#atOnce.get(askKey('check', '', this.#names.ask('check', '')));
        if (refusal !== undefined) orThrow(refusal);
      },
      exec: (command) => {
        const { runId = '' } = command;
        this.#processes.set(runId, command);
        return this.#ask('exec', runId, () => this.#process(runId));
      },
    };
  }

  #process(runId: string): Process {
    return {
      wait: () => this.#ask('wait', runId, statusOf),
      abort: () => this.#ask('kill', runId, statusOf),
      hasEnded: () => this.#atOnce.has(askKey('ended', runId, this.#names.ask('ended', runId))),
    };
  }

  #filers(filers: readonly RecordedFiler[]): RunTypeMap {
    return new Map(
      filers.map(({ type, cancelBoundMs = Infinity, updateIntervalMs, hasInit }) => {
        const filer: Filer = {
          cancelBoundMs,
          updateIntervalMs,
          checkout: (id) => this.#checkout('checkout', id),
          checkoutAt: () => neverAsked('checkoutAt'),
          ingest: () => neverAsked('ingest'),
          ingestMap: () => neverAsked('ingestMap'),
          update: () => this.#ask('update', type, nothing),
        };
        const entry: FilerAndInit = { filer };
        if (!hasInit) return [type, entry];
        return [type, { ...entry, init: Promise.resolve(this.#ask('init', type, nothing)) }];
      }),
    );
  }

  #checkout(what: 'checkout' | 'tempdir', name: string): MaybePromise<Checkout> {
    return this.#ask(what, name, () => ({
      path: '/recorded',
      id: name,
      release: () => this.#ask('release', name, nothing),
    }));
  }

  #outputs(): OutputCreator {
    return {
      create: (id) =>
        this.#ask('output', id, ({ uri }): Output => {
          // Failed writes of process output are the process's concern, and show in its exit.
          const write = (): MaybePromise<void> =>
            this.#isProcessWriting ? this.#onAsked() : this.#ask('write', id, nothing);
          return {
            uri: placeOf(uri),
            write,
            close: () => this.#ask('close', id, nothing),
            asFile: () => neverAsked('asFile'),
          };
        }),
    };
  }

  #tempDirs(boundMs = Infinity): TempDirs {
    return { boundMs, create: (name) => this.#checkout('tempdir', name) };
  }

  #processor(
    what: 'preprocess' | 'postprocess',
    { name, cancelBoundMs = Infinity }: RecordedCollaborator,
  ): Processor {
    return { name, cancelBoundMs, process: () => this.#ask(what, name, nothing) };
  }

  #uploader({ cancelBoundMs = Infinity, uploadBoundMs }: RecordedCollaborator): LogUploader {
    return {
      cancelBoundMs,
      ...(uploadBoundMs === undefined ? {} : { uploadBoundMs }),
      upload: (path) => this.#ask('upload', uploadName(path), ({ uri }) => placeOf(uri)),
    };
  }

  #monitor(): DirMonitor {
    return {
      sizesKb: () => this.#ask('measure', '', sizesOf),
    };
  }
}

function askKey(what: AskKind, name: string, nth: number): string {
  return `${what} ${nth} ${name}`;
}

function eventKey(label: string, nth: number): string {
  return `${nth} ${label}`;
}

function keptChunk({ text, utf8, base64 = '' }: RecordedOutput): Chunk {
  return text ?? (utf8 === undefined ? Buffer.from(base64, 'base64') : Buffer.from(utf8));
}

function placeOf(uri: string | undefined): string {
  return uri === undefined || uri === NO_URI ? '' : uri;
}

function nothing(): void {}

/** Undefined if none was kept: the runner did not look at it, or refuses it again. */
function statusOf({ status }: RecordedAnswer): ProcessStatus {
  return status as ProcessStatus;
}

function sizesOf({ sizesKb }: RecordedAnswer): ReadonlyMap<string, number> {
  return (sizesKb === undefined ? undefined : new Map(Object.entries(sizesKb))) as ReadonlyMap<
    string,
    number
  >;
}

/** Throws the recorded error of a collaborator, with the properties that a runner reads. */
function orThrow(answer: RecordedAnswer): RecordedAnswer {
  const { error, exitCode, code } = answer;
  if (error === undefined) return answer;
  const thrown = code === undefined ? new Error(error) : new RunnerError(code as RunnerErrorCode, error);
  if (exitCode === undefined) throw thrown;
  throw code === undefined ? new ExitCodeError(exitCode, error) : Object.assign(thrown, { exitCode });
}

function neverAsked(what: string): never {
  throw new RunnerError('RUNNER_REPLAY_DIVERGED', `A runner that is replayed asked for ${what}.`);
}

/** The result of a replay. */
export interface RecordingReplay {
  readonly verdict: Verdict;
  /** What the runners did in the replay. */
  readonly recording: Recording;
  /** The first difference from the recording; undefined if the replay reproduced it. */
  readonly difference: RecordingDifference | undefined;
  /**
   * One line that says why the recording was not reproduced; undefined if it was. A failure of the verdict takes
   * precedence over a difference.
   */
  readonly problem: string | undefined;
}

/**
 * Replays a recording and compares every output: statuses and all other events of the runners' traces, requests to
 * collaborators and answers to calls, each with its time to the microsecond.
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
  checkRecording('recording', recording);
  const { entries } = recording;
  let replayed: Recording = { entries: [] };
  let stuck: RecordingDifference | undefined;
  const verdict = await simulate({
    name: 'replay',
    source: fifoDecisions(),
    // A recording may stop in the midst of work, and a busy machine does not keep every bound.
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
  const differs = firstDifference(recording, replayed);
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

/** A runner in a replay. */
interface Part {
  readonly runner: Service;
  readonly player: RecordingPlayer;
}

class Replay implements EntryListener {
  readonly recorder: RunRecorder;
  readonly #sim: Simulation;
  readonly #entries: readonly RecordedEntry[];
  readonly #parts = new Map<string, Part>();
  /** Index of the next entry that may go in. */
  #next = 0;
  /** Number of outputs by runner: those recorded before `#next`, and those replayed. */
  readonly #recordedOut = new Map<string, number>();
  readonly #replayedOut = new Map<string, number>();
  #stuck: RecordingDifference | undefined;
  /** True while a process writes in the middle of something, such as its start. */
  #isNestedWriting = false;

  constructor(sim: Simulation, entries: readonly RecordedEntry[]) {
    this.#sim = sim;
    this.#entries = entries;
    this.recorder = new RunRecorder(sim.world, Infinity);
    this.recorder.listener = this;
  }

  /** Puts in all inputs; returns the first that the replay could not take. */
  async play(): Promise<RecordingDifference | undefined> {
    for (;;) {
      const index = this.#seekInput();
      const entry = this.#entries[index];
      if (entry === undefined || this.#stuck !== undefined) break;
      // Sleeps even for 0 ms: all reactions come before the next input.
      await this.#sim.sleep(Math.max(0, millisecondsBetween(this.#sim.now(), entry.at)), 'recorded time');
      // An output during the sleep may have taken this input already.
      if (this.#next === index) this.#take(entry as RecordedInput);
    }
    await this.#sim.sleep(0, 'end of the recording');
    return this.#stuck;
  }

  /** Moves on to the next input. */
  #seekInput(): number {
    for (;;) {
      const entry = this.#entries[this.#next];
      if (entry === undefined || isInput(entry)) return this.#next;
      add(this.#recordedOut, entry.runner);
      this.#next += 1;
    }
  }

  /** What comes from code that nothing shows, such as metrics, came before the next output. */
  beforeEntry(entry: RecordedEntry): void {
    if (!isInput(entry)) this.#takeNested();
  }

  afterEntry(entry: RecordedEntry): void {
    if (isInput(entry)) return;
    add(this.#replayedOut, entry.runner);
    // An input that was recorded while a collaborator was asked comes from that collaborator, in `onAsked`.
    if (entry.type !== 'asked') this.#takeNested();
  }

  /** Takes the inputs that were recorded at this very place. */
  #takeNested(): void {
    for (;;) {
      const nested = this.#entries[this.#seekInput()];
      if (nested === undefined || !isInput(nested) || nested.nested !== true || this.#stuck !== undefined) {
        return;
      }
      const { runner } = nested;
      // A process that writes several times while it is started does so one after the other.
      if (this.#isNestedWriting && (nested.type === 'output' || nested.type === 'memory')) return;
      if ((this.#replayedOut.get(runner) ?? 0) < (this.#recordedOut.get(runner) ?? 0)) return;
      this.#take(nested);
    }
  }

  #take(input: RecordedInput): void {
    const index = this.#next;
    this.#next += 1;
    const expected = input.type === 'runner' ? this.#make(input) : this.#feed(input);
    if (expected === undefined) return;
    const text = onOneLine(
      `${entryPlace(index)}, ${formatEntry(input)}: expected ${expected} in the replay, got none`,
    );
    this.#stuck ??= { index, path: '', expected, actual: undefined, text };
  }

  /** Creates a recorded runner. Returns a description of what the replay lacks for it, if anything. */
  #make({ runner: name, settings }: Extract<RecordedStep, { type: 'runner' }>): string | undefined {
    if (this.#parts.has(name)) return `no other runner ${name}`;
    const player = new RecordingPlayer({
      clock: this.#sim.world.clock,
      runner: name,
      entries: this.#entries,
      placeholders: this.recorder.placeholders,
      onAsked: () => this.#takeNested(),
    });
    this.recorder.clocks.add(player);
    const options = { ...player.options(name, settings), recorder: this.recorder };
    const runner = createQueueRunner({ ...this.#sim.world, clock: player }, options);
    this.#parts.set(name, { runner, player });
    return undefined;
  }

  #feed(input: Exclude<RecordedInput, { type: 'runner' }>): string | undefined {
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
        this.#isNestedWriting = input.nested === true;
        try {
          return player.processDoes(input) ? undefined : `a process of run ${input.runId}`;
        } finally {
          this.#isNestedWriting = false;
        }
      case 'memory':
        return player.processDoes(input) ? undefined : `a process of run ${input.runId}`;
    }
  }
}

function callOn(
  runner: Service,
  { call, command, runId }: Extract<RecordedStep, { type: 'call' }>,
): Promise<unknown> {
  switch (call) {
    case 'run':
      // A command that was rejected as invalid is rejected again.
      return runner.run(command as Command);
    case 'abort':
      // What was passed in place of an id is not kept, and is as unknown as no id.
      return runner.abort(runId as string);
    case 'release':
      return runner.release();
  }
}

function add(counts: Map<string, number>, runner: string): void {
  counts.set(runner, (counts.get(runner) ?? 0) + 1);
}
