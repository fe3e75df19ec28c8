/**
 * Records what processes write and how they end, by standing between whoever starts them and the execer that does. Invariant: it
 * changes nothing that either side sees, neither the order of writes nor whether an answer is there at once.
 */
import { createHash } from 'node:crypto';
import { checkMethods, checkOptions } from '../kernel/argument-check.ts';
import type { Clock } from '../kernel/clock.ts';
import { invalidArgument, messageOf } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import type { ExecCommand, Execer, Process, ProcessStatus, Sink } from '../model/execer.ts';
import { whenThere, type MaybePromise } from '../model/maybe-promise.ts';
import type { Chunk } from '../model/output.ts';
import type { RecordedChunk } from '../model/recorded-run.ts';

/** One process as it really went. */
export interface ProcessRecording {
  /** The run that it belongs to; empty if the execer was not told. */
  readonly runId: string;
  /** On the execer's clock. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly status: ProcessStatus;
  /** In order of arrival, times from the start of the process. Complete unless `isCut`. */
  readonly output: readonly RecordedChunk[];
  /** True if the process wrote more than is kept. */
  readonly isCut: boolean;
  /** SHA-256 of all that it wrote on each stream, also if the output is cut. */
  readonly stdoutSha256: string;
  readonly stderrSha256: string;
}

/** What to keep. */
export interface RecordExecerOptions {
  /** How many bytes of output to keep per process, both streams together; 64 MiB by default. */
  readonly outputBytesMax?: number;
}

type StreamName = RecordedChunk['stream'];

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Wraps an execer so that each process, once it has ended, is handed to `onProcess`, before whoever waits for it hears of the end.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what is no execer, clock or function, and if `outputBytesMax` is no count.
 * @example
 * ```ts
 * import { createSimExecer, createVirtualClock } from 'dryrunner';
 * import { recordExecer } from 'dryrunner/trace';
 * const clock = createVirtualClock();
 * const texts: (string | undefined)[] = [];
 * const execer = recordExecer(createSimExecer({ clock }), clock, ({ output }) => texts.push(output[0]?.text));
 * const process = await execer.exec({ argv: ['stdout hi'], dir: '/', jobId: '', taskId: '', tag: '' });
 * await process.wait();
 * if (texts[0] !== 'hi') throw new Error('one chunk');
 * ```
 */
export function recordExecer(
  execer: Execer,
  clock: Pick<Clock, 'now'>,
  onProcess: (process: ProcessRecording) => void,
  options: RecordExecerOptions = {},
): Execer {
  checkMethods('execer', execer, ['exec']);
  checkMethods('clock', clock, ['now']);
  if (typeof onProcess !== 'function') throw invalidArgument('onProcess', 'a function', onProcess);
  checkOptions(options);
  const { outputBytesMax = OUTPUT_BYTES_MAX } = options;
  if (!(outputBytesMax >= 0)) {
    throw invalidArgument('outputBytesMax', 'a number of bytes ≥ 0', outputBytesMax);
  }
  return new RecordingExecer(execer, clock, onProcess, outputBytesMax);
}

class RecordingExecer implements Execer {
  readonly #execer: Execer;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #onProcess: (process: ProcessRecording) => void;
  readonly #outputBytesMax: number;
  readonly cancelBoundMs: number;

  constructor(
    execer: Execer,
    clock: Pick<Clock, 'now'>,
    onProcess: (process: ProcessRecording) => void,
    outputBytesMax: number,
  ) {
    this.#execer = execer;
    this.#clock = clock;
    this.#onProcess = onProcess;
    this.#outputBytesMax = outputBytesMax;
    this.cancelBoundMs = execer.cancelBoundMs;
  }

  check(command: Command): void {
    this.#execer.check?.(command);
  }

  exec(command: ExecCommand): MaybePromise<Process> {
    const record = new ProcessRecord(this.#clock, command, this.#outputBytesMax);
    const started = this.#execer.exec({
      ...command,
      stdout: record.sink('stdout', command.stdout),
      stderr: record.sink('stderr', command.stderr),
    });
    return whenThere(started, (process) => {
      record.started();
      return new RecordedHandle(process, record, this.#onProcess);
    });
  }
}

/** Collects what one process writes. */
class ProcessRecord {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #runId: string;
  readonly #hashes = { stdout: createHash('sha256'), stderr: createHash('sha256') };
  readonly #output: { readonly at: number; readonly stream: StreamName; readonly content: Content }[] = [];
  #bytesLeft: number;
  #startedAt: number;

  constructor(clock: Pick<Clock, 'now'>, { runId = '' }: ExecCommand, outputBytesMax: number) {
    this.#clock = clock;
    this.#runId = runId;
    this.#bytesLeft = outputBytesMax;
    this.#startedAt = clock.now();
  }

  started(): void {
    this.#startedAt = this.#clock.now();
  }

  sink(stream: StreamName, inner: Sink | undefined): Sink {
    return {
      write: (chunk) => {
        this.#take(stream, chunk);
        return inner?.write(chunk);
      },
    };
  }

  end(status: ProcessStatus): ProcessRecording {
    return {
      runId: this.#runId,
      startedAtMs: this.#startedAt,
      durationMs: between(this.#startedAt, this.#clock.now()),
      status,
      // What was written while the start was being reported counts as written at the start.
      output: this.#output.map(({ at, stream, content }) => ({
        atMs: between(this.#startedAt, at),
        stream,
        ...content,
      })),
      isCut: this.#bytesLeft < 0,
      stdoutSha256: this.#hashes.stdout.digest('hex'),
      stderrSha256: this.#hashes.stderr.digest('hex'),
    };
  }

  #take(stream: StreamName, chunk: Chunk): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.#hashes[stream].update(bytes);
    this.#bytesLeft -= bytes.length;
    if (this.#bytesLeft < 0) return;
    this.#output.push({ at: this.#clock.now(), stream, content: contentOf(bytes) });
  }
}

type Content = { readonly text: string } | { readonly base64: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text where the bytes are some, so that recordings can be read; a character cut by the end of a chunk makes bytes of it. */
function contentOf(bytes: Uint8Array): Content {
  try {
    return { text: utf8.decode(bytes) };
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
}

function between(startMs: number, endMs: number): number {
  return Math.max(0, Math.round((endMs - startMs) * 1000)) / 1000;
}

class RecordedHandle implements Process {
  readonly #process: Process;
  readonly #record: ProcessRecord;
  readonly #onProcess: (process: ProcessRecording) => void;
  #final: ProcessStatus | undefined;

  constructor(process: Process, record: ProcessRecord, onProcess: (process: ProcessRecording) => void) {
    this.#process = process;
    this.#record = record;
    this.#onProcess = onProcess;
  }

  wait(): MaybePromise<ProcessStatus> {
    return whenThere(this.#process.wait(), (status) => this.#ended(status));
  }

  abort(): MaybePromise<ProcessStatus> {
    return whenThere(this.#process.abort(), (status) => this.#ended(status));
  }

  /** Whoever waits for a process is never told an error, so one of the receiver's becomes a fault of the process. */
  #ended(status: ProcessStatus): ProcessStatus {
    if (this.#final !== undefined) return this.#final;
    this.#final = status;
    try {
      this.#onProcess(this.#record.end(status));
    } catch (error) {
      this.#final = { ...status, faults: [...(status.faults ?? []), `recording: ${messageOf(error)}`] };
    }
    return this.#final;
  }
}
