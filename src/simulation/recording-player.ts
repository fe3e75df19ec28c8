/**
 * Stands in for what a recorded runner had around it: a clock whose events fire, and collaborators that answer, when the recording says
 * so. Invariant: nothing here happens by itself; what the recording does not hold is never answered.
 */
import type { Clock, Timer } from '../kernel/clock.ts';
import { RunnerError, type RunnerErrorCode } from '../kernel/errors.ts';
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
} from '../model/recording.ts';
import type { FilerAndInit, RunTypeMap } from '../model/run-type.ts';
import type { QueueRunnerOptions } from '../runners/queue/create-queue-runner.ts';

type RecordedOutput = Extract<RecordedInput, { readonly type: 'output' }>;

interface PendingEvent {
  readonly fire: () => void;
}

interface PendingAsk {
  readonly resolve: (answer: RecordedAnswer) => void;
}

/** The played surroundings of one runner. */
export class RecordingPlayer implements Clock {
  readonly #clock: Clock;
  readonly #onAsked: () => void;
  readonly #names = new RecordedNames();
  readonly #events = new Map<string, PendingEvent>();
  readonly #asks = new Map<string, PendingAsk>();
  /** Answers that were there at once. */
  readonly #atOnce = new Map<string, RecordedAnswer>();
  readonly #processes = new Map<string, ExecCommand>();
  #isProcessWriting = false;

  /** `onAsked` is called while a collaborator is asked, before it answers. */
  constructor(clock: Clock, runner: string, entries: readonly RecordedEntry[], onAsked: () => void) {
    this.#clock = clock;
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

  /** Fires an event; false if none of that name is pending. */
  fire(label: string, nth: number): boolean {
    const key = eventKey(label, nth);
    const event = this.#events.get(key);
    this.#events.delete(key);
    event?.fire();
    return event !== undefined;
  }

  /** Answers a request; false if none of that name is open. */
  answer(what: AskKind, name: string, nth: number, answer: RecordedAnswer): boolean {
    const key = askKey(what, name, nth);
    const ask = this.#asks.get(key);
    this.#asks.delete(key);
    ask?.resolve(answer);
    return ask !== undefined;
  }

  /** Lets the process of a run write, or report its memory; false if it was not asked for. */
  processDoes(input: Extract<RecordedInput, { readonly type: 'output' | 'memory' }>): boolean {
    const command = this.#processes.get(input.runId);
    if (command === undefined) return false;
    if (input.type === 'memory') {
      command.onMemoryReport?.({ kind: input.kind, status: input.status });
      return true;
    }
    this.#isProcessWriting = true;
    try {
      void command[input.stream]?.write(chunkOf(input));
    } finally {
      this.#isProcessWriting = false;
    }
    return true;
  }

  /** What a runner set up like the recorded one is made of. */
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
          // What becomes of a process's output was the affair of the process, and is in how that ended.
          const write = (): MaybePromise<void> =>
            this.#isProcessWriting ? undefined : this.#ask('write', id, nothing);
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
      sizesKb: () => this.#ask('measure', '', ({ sizesKb = {} }) => new Map(Object.entries(sizesKb))),
    };
  }
}

function askKey(what: AskKind, name: string, nth: number): string {
  return `${what} ${nth} ${name}`;
}

function eventKey(label: string, nth: number): string {
  return `${nth} ${label}`;
}

/** What was not kept has its length only. */
function chunkOf({ text, utf8, base64 = '', cutBytes }: RecordedOutput): Chunk {
  if (cutBytes !== undefined) return Buffer.alloc(cutBytes);
  return text ?? (utf8 === undefined ? Buffer.from(base64, 'base64') : Buffer.from(utf8));
}

function placeOf(uri: string | undefined): string {
  return uri === undefined || uri === NO_URI ? '' : uri;
}

function nothing(): void {}

function statusOf({ status }: RecordedAnswer): ProcessStatus {
  return status ?? { state: 'UNKNOWN', exitCode: 0, error: '' };
}

/** Throws what the collaborator threw, as far as a runner looks at it. */
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
