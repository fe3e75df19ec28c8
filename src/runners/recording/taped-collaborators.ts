/**
 * The collaborators of a recorded runner: execer, outputs, uploader, filers, temporary directories, processors and
 * monitor, with their calls and answers recorded. Invariant: neither side sees a difference, neither in requests and
 * answers nor in whether an answer is synchronous.
 */
import { millisecondsBetween } from '../../kernel/microseconds.ts';
import type { Command } from '../../model/command.ts';
import type { Execer, MemoryReport, Process, ProcessStatus, Sink } from '../../model/execer.ts';
import { whenThere, type MaybePromise, isPending } from '../../model/maybe-promise.ts';
import type { Chunk, Output, OutputCreator } from '../../model/output.ts';
import type { RunnerTape } from './runner-tape.ts';
import type { LogUploader, TempDirs, DirMonitor, Processor } from '../../model/collaborators.ts';
import { uploadName, type RecordedAnswer } from '../../model/recording.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import type { Checkout, Filer } from '../../model/filer.ts';
import type { FilerAndInit, RunType, RunTypeMap } from '../../model/run-type.ts';
import {
  checkCheckout,
  checkMemoryReport,
  checkOutput,
  checkProcessStatus,
  checkSizes,
  checkUrl,
} from '../invocation/answers.ts';

/** Starts and records processes. */
export function tapedExecer(tape: RunnerTape, execer: Execer, outputs: TapedOutputs): Execer {
  return {
    get cancelBoundMs() {
      return execer.cancelBoundMs;
    },
    check: (command) => tape.check(() => execer.check?.(command)),
    exec(command) {
      const { runId = '' } = command;
      const record = new ProcessTape(tape, runId, outputs);
      const process = tape.ask('exec', runId, undefined, () =>
        execer.exec({
          ...command,
          stdout: record.sink('stdout', command.stdout),
          stderr: record.sink('stderr', command.stderr),
          onMemoryReport: (report) => record.takeMemoryReport(report, command.onMemoryReport),
        }),
      );
      return whenThere(process, (started) => tapedProcess(tape, runId, started));
    },
  };
}

type Content =
  | { readonly text: string }
  | { readonly utf8: string }
  | { readonly base64: string }
  | { readonly cutBytes: number };

/** The recording of one process. */
class ProcessTape {
  readonly #tape: RunnerTape;
  readonly #runId: string;
  readonly #outputs: TapedOutputs;
  readonly #askedAt: number;
  #bytesLeft: number;

  constructor(tape: RunnerTape, runId: string, outputs: TapedOutputs) {
    this.#tape = tape;
    this.#runId = runId;
    this.#outputs = outputs;
    this.#askedAt = tape.recorder.at();
    this.#bytesLeft = tape.recorder.outputBytesMax;
  }

  sink(stream: 'stdout' | 'stderr', inner: Sink | undefined): Sink {
    return {
      write: (chunk) => {
        const tape = this.#tape;
        tape.recorder.beginTurn();
        const content = this.#contentOf(chunk);
        return tape.input(
          { type: 'output', runId: this.#runId, stream, afterMs: this.#after(), ...content },
          () => this.#outputs.whileProcessWrites(() => inner?.write(chunk)),
        );
      },
    };
  }

  takeMemoryReport(report: MemoryReport, inner: ((report: MemoryReport) => void) | undefined): void {
    // The runner throws the same for it, and does nothing else.
    checkMemoryReport(report);
    this.#tape.recorder.beginTurn();
    const status = keptStatus(report.status);
    // A runner goes by the status alone, and so does what is kept (R132).
    const kind = status.state === 'FAILED' ? 'initial' : 'exceeded';
    this.#tape.input({ type: 'memory', runId: this.#runId, afterMs: this.#after(), kind, status }, () =>
      inner?.(report),
    );
  }

  #after(): number {
    return millisecondsBetween(this.#askedAt, this.#tape.recorder.at());
  }

  #contentOf(chunk: Chunk): Content {
    const size = Buffer.byteLength(chunk);
    this.#bytesLeft -= size;
    if (this.#bytesLeft < 0) return { cutBytes: size };
    if (typeof chunk === 'string') return { text: chunk };
    return this.#tape.recorder.placeholders.has(chunk) ? { cutBytes: size } : contentOf(chunk);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Bytes that are valid UTF-8 are stored as text, so that people can read recordings; a chunk that ends within a
 * character is stored as bytes.
 */
function contentOf(bytes: Uint8Array): Content {
  try {
    return { utf8: utf8.decode(bytes) };
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
}

function tapedProcess(tape: RunnerTape, runId: string, process: Process): Process {
  return {
    wait: () => tape.ask('wait', runId, undefined, () => process.wait(), endOf),
    abort: () => tape.ask('kill', runId, undefined, () => process.abort(), endIfSound),
    hasEnded: () => tape.asksIf('ended', runId, () => process.hasEnded?.() === true),
  };
}

function endOf(status: ProcessStatus): RecordedAnswer {
  checkProcessStatus(status);
  return { status: keptStatus(status) };
}

/** The runner does not look at what an abort gives, so a wrong status is no error to it. */
function endIfSound(status: ProcessStatus): RecordedAnswer {
  try {
    return endOf(status);
  } catch {
    return {};
  }
}

/** What a runner may read of a status: an execer may have added anything, which the file could not hold. */
function keptStatus({ state, exitCode, error, signal, faults }: ProcessStatus): ProcessStatus {
  return {
    state,
    exitCode,
    error,
    ...(typeof signal === 'string' ? { signal } : {}),
    ...(isListOfTexts(faults) ? { faults: [...faults] } : {}),
  };
}

function isListOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Wraps an answer that is sound. Any other goes to the runner as it is, which refuses it. */
function wrapSound<T>(check: (answer: unknown) => void, wrap: (answer: T) => T): (answer: T) => T {
  return (answer) => {
    try {
      check(answer);
    } catch {
      return answer;
    }
    return wrap(answer);
  };
}

/** Records the logs of an output creator: what the runner itself writes to them, not what processes write. */
export class TapedOutputs implements OutputCreator {
  readonly #tape: RunnerTape;
  readonly #outputs: OutputCreator;
  #isProcessWriting = false;

  constructor(tape: RunnerTape, outputs: OutputCreator) {
    this.#tape = tape;
    this.#outputs = outputs;
  }

  /** True while a process writes: that output is recorded for the process, not for the log. */
  get isProcessWriting(): boolean {
    return this.#isProcessWriting;
  }

  whileProcessWrites<T>(write: () => T): T {
    const isOuterWriting = this.#isProcessWriting;
    this.#isProcessWriting = true;
    try {
      return write();
    } finally {
      this.#isProcessWriting = isOuterWriting;
    }
  }

  create(id: string): MaybePromise<Output> {
    const shownAs = `output:///${id}`;
    const created = this.#tape.ask(
      'output',
      id,
      undefined,
      () => this.#outputs.create(id),
      (output) => {
        checkOutput(output);
        return this.#tape.shownUri(id, output.uri, shownAs);
      },
    );
    return whenThere(
      created,
      wrapSound<Output>(checkOutput, (output) => new TapedOutput(this.#tape, this, id, output)),
    );
  }
}

class TapedOutput implements Output {
  readonly #tape: RunnerTape;
  readonly #creator: TapedOutputs;
  readonly id: string;
  readonly output: Output;

  constructor(tape: RunnerTape, creator: TapedOutputs, id: string, output: Output) {
    this.#tape = tape;
    this.#creator = creator;
    this.id = id;
    this.output = output;
  }

  get uri(): string {
    return this.output.uri;
  }

  write(chunk: Chunk): MaybePromise<void> {
    return this.#write(() => this.output.write(chunk));
  }

  writeLazily(text: () => string): MaybePromise<void> {
    const { output } = this;
    return this.#write(() =>
      output.writeLazily === undefined ? output.write(text()) : output.writeLazily(text),
    );
  }

  close(): MaybePromise<void> {
    return this.#tape.ask('close', this.id, undefined, () => this.output.close());
  }

  asFile(): MaybePromise<string> {
    return this.output.asFile();
  }

  #write(work: () => MaybePromise<void>): MaybePromise<void> {
    return this.#creator.isProcessWriting ? work() : this.#tape.ask('write', this.id, undefined, work);
  }
}

/** Records uploads of logs. */
export function tapedUploader(tape: RunnerTape, uploader: LogUploader): LogUploader {
  const { uploadBoundMs } = uploader;
  return {
    get cancelBoundMs() {
      return uploader.cancelBoundMs;
    },
    ...(uploadBoundMs === undefined ? {} : { uploadBoundMs }),
    upload(path, log, cancel) {
      const name = uploadName(path);
      const { id, output: given } = log instanceof TapedOutput ? log : { id: name, output: log };
      return tape.ask(
        'upload',
        name,
        cancel,
        () => uploader.upload(path, given, cancel),
        (uri) => {
          // An empty URL is refused too, but is kept as no place.
          if (uri !== '') checkUrl(uri);
          return tape.shownUri(id, uri, `upload:///${name}-${tape.names.uploadUri()}`);
        },
      );
    },
  };
}

/** Records filers and their init signals. */
export function tapedFilers(tape: RunnerTape, filers: RunTypeMap): RunTypeMap {
  const taped: RunTypeMap = new Map();
  for (const [type, { filer, init }] of filers) {
    const entry: FilerAndInit = { filer: tapedFiler(tape, type, filer) };
    if (!isPending(init)) taped.set(type, entry);
    else {
      taped.set(type, { ...entry, init: tape.ask('init', type, undefined, () => init) as PromiseLike<void> });
    }
  }
  return taped;
}

function tapedFiler(tape: RunnerTape, type: RunType, filer: Filer): Filer {
  return {
    get cancelBoundMs() {
      return filer.cancelBoundMs;
    },
    get updateIntervalMs() {
      return filer.updateIntervalMs;
    },
    checkout: (snapshotId, cancel) =>
      askCheckout(tape, 'checkout', snapshotId, cancel, () => filer.checkout(snapshotId, cancel)),
    checkoutAt: (snapshotId, dir, cancel) => filer.checkoutAt(snapshotId, dir, cancel),
    ingest: (path, cancel) => filer.ingest(path, cancel),
    ingestMap: (paths, cancel) => filer.ingestMap(paths, cancel),
    update: (cancel) => tape.ask('update', type, cancel, () => filer.update(cancel)),
  };
}

function askCheckout(
  tape: RunnerTape,
  what: 'checkout' | 'tempdir',
  name: string,
  cancel: Cancellable | undefined,
  work: () => MaybePromise<Checkout>,
): MaybePromise<Checkout> {
  const check = (checkout: unknown): void => checkCheckout(what, checkout);
  const asked = tape.ask(what, name, cancel, work, (checkout) => {
    check(checkout);
    return {};
  });
  return whenThere(
    asked,
    wrapSound<Checkout>(check, (checkout) => ({
      path: checkout.path,
      id: checkout.id,
      release: () => tape.ask('release', name, undefined, () => checkout.release()),
    })),
  );
}

/** Records the directories of commands without a snapshot. */
export function tapedTempDirs(tape: RunnerTape, tempDirs: TempDirs): TempDirs {
  return {
    get boundMs() {
      return tempDirs.boundMs;
    },
    create: (name) => askCheckout(tape, 'tempdir', name, undefined, () => tempDirs.create(name)),
  };
}

/** Records pre- or postprocessors. */
export function tapedProcessors(
  tape: RunnerTape,
  what: 'preprocess' | 'postprocess',
  processors: readonly Processor[] = [],
): readonly Processor[] {
  return processors.map((processor) => ({
    name: processor.name,
    get cancelBoundMs() {
      return processor.cancelBoundMs;
    },
    process: (command: Command, cancel: Cancellable) =>
      tape.ask(what, processor.name, cancel, () => processor.process(command, cancel)),
  }));
}

/** Records measurements of directories. */
export function tapedMonitor(tape: RunnerTape, monitor: DirMonitor): DirMonitor {
  return {
    sizesKb: () =>
      tape.ask(
        'measure',
        '',
        undefined,
        () => monitor.sizesKb(),
        (sizes) => {
          checkSizes(sizes);
          return { sizesKb: Object.fromEntries(sizes) };
        },
      ),
  };
}
