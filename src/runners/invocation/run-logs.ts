/**
 * The three outputs of a run: stdout, stderr and both interleaved (R96, R97). Invariants: the header comes before any
 * process byte, the trailer after all of them (R107), and each output is closed once.
 */
import { RunnerError } from '../../kernel/errors.ts';
import { RollingHash } from '../../kernel/rolling-hash.ts';
import type { Sink } from '../../model/execer.ts';
import { allDone, isPending, whenThere, type MaybePromise } from '../../model/maybe-promise.ts';
import type { Chunk, Output } from '../../model/output.ts';

/** Which of the outputs. */
export type LogName = 'stdout' | 'stderr' | 'stdlog';

/** Writes a process stream to its own output and to the combined one. */
class TeeSink implements Sink {
  readonly #own: Output;
  readonly #combined: Output;
  readonly #isHashed: boolean;
  /** Hash of all bytes, if hashing is enabled and there are any. */
  hash: RollingHash | undefined;
  bytes = 0;

  constructor(own: Output, combined: Output, isHashed: boolean) {
    this.#own = own;
    this.#combined = combined;
    this.#isHashed = isHashed;
  }

  /** Writes to both outputs, even if one fails; then throws or rejects with the first fault (R123). */
  write(chunk: Chunk): MaybePromise<void> {
    this.digest(chunk);
    return this.put(chunk);
  }

  protected put(chunk: Chunk): MaybePromise<void> {
    return resultOf(writeTo(this.#combined, chunk, writeTo(this.#own, chunk, undefined)));
  }

  protected digest(chunk: Chunk): void {
    if (!this.#isHashed) return;
    this.hash ??= new RollingHash();
    this.bytes += Buffer.byteLength(chunk);
    if (typeof chunk === 'string') this.hash.addString(chunk);
    else this.hash.addBytes(chunk);
  }
}

/**
 * Takes no more than so many bytes of the process. What comes after them is cut: the log says so where it ends, and
 * every write that loses bytes fails, so that the run is known to lack output (R123).
 */
class BoundedSink extends TeeSink {
  readonly #name: LogName;
  readonly #bytesMax: number;
  #left: number;
  #isCut = false;

  constructor(name: LogName, bytesMax: number, ...outputs: ConstructorParameters<typeof TeeSink>) {
    super(...outputs);
    this.#name = name;
    this.#bytesMax = bytesMax;
    this.#left = bytesMax;
  }

  override write(chunk: Chunk): MaybePromise<void> {
    const size = Buffer.byteLength(chunk);
    if (!this.#isCut && size <= this.#left) {
      this.#left -= size;
      return super.write(chunk);
    }
    if (this.#isCut) throw this.#lost();
    this.#isCut = true;
    const kept = (typeof chunk === 'string' ? Buffer.from(chunk) : chunk).subarray(0, this.#left);
    this.digest(kept);
    const mark = Buffer.from(`\n\nThe rest of ${this.#name} is cut after ${this.#bytesMax} B.\n`);
    return whenThere(this.put(Buffer.concat([kept, mark])), () => {
      throw this.#lost();
    });
  }

  #lost(): RunnerError {
    return new RunnerError('RUNNER_OUTPUT_FAILED', `${this.#name} is cut after ${this.#bytesMax} B`);
  }
}

/** The rest of writing one chunk to several outputs: pending writes, and the first fault. */
class Unfinished {
  readonly pending: PromiseLike<void>[] = [];
  fault: { readonly error: unknown } | undefined;

  keepFault(error: unknown): void {
    this.fault ??= { error };
  }

  throwFault(): void {
    if (this.fault !== undefined) throw this.fault.error;
  }
}

/** A chunk, or a function that creates its text lazily when it is read. */
type LazyChunk = Chunk | (() => string);

function write(output: Output, chunk: LazyChunk): MaybePromise<void> {
  if (typeof chunk !== 'function') return output.write(chunk);
  return output.writeLazily === undefined ? output.write(chunk()) : output.writeLazily(chunk);
}

/** Writes to one of several outputs; most writes end synchronously and leave nothing pending. */
function writeTo(output: Output, chunk: LazyChunk, left: Unfinished | undefined): Unfinished | undefined {
  let written: MaybePromise<void>;
  try {
    written = write(output, chunk);
  } catch (error) {
    const failed = left ?? new Unfinished();
    failed.keepFault(error);
    return failed;
  }
  if (!isPending(written)) return left;
  const waiting = left ?? new Unfinished();
  waiting.pending.push(written.then(undefined, (error: unknown) => waiting.keepFault(error)));
  return waiting;
}

/** Throws or rejects with the first fault, if there was one, after every output was tried. */
function resultOf(left: Unfinished | undefined): MaybePromise<void> {
  if (left === undefined) return undefined;
  return whenThere(allDone(left.pending), () => left.throwFault());
}

function sink(
  name: LogName,
  bytesMax: number | undefined,
  ...outputs: ConstructorParameters<typeof TeeSink>
): TeeSink {
  return bytesMax === undefined ? new TeeSink(...outputs) : new BoundedSink(name, bytesMax, ...outputs);
}

/** The open outputs of a run, in the order of {@link LogName}. */
export class RunLogs {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdlog: Output;
  readonly stdoutSink: TeeSink;
  readonly stderrSink: TeeSink;
  /** The first thing that is known to be missing in them, or to keep them from being whole (R123). */
  firstLoss: string | undefined;
  /** True once the trailer is written, if there is one. */
  finished = false;

  constructor(stdout: Output, stderr: Output, stdlog: Output, hashed: boolean, bytesMax?: number) {
    this.stdout = stdout;
    this.stderr = stderr;
    this.stdlog = stdlog;
    this.stdoutSink = sink('stdout', bytesMax, stdout, stdlog, hashed);
    this.stderrSink = sink('stderr', bytesMax, stderr, stdlog, hashed);
  }

  /** Writes the same text to all three; throws or rejects with the first fault after all were tried. */
  writeAll(text: string | (() => string)): MaybePromise<void> {
    const first = writeTo(this.stdout, text, undefined);
    return resultOf(writeTo(this.stdlog, text, writeTo(this.stderr, text, first)));
  }
}
