/**
 * The three outputs of a run: stdout, stderr and the interleaving of both (R96, R97). Invariants: the header comes before any
 * process byte, the trailer after all of them (R107), and each output is closed once.
 */
import { RollingHash } from '../kernel/rolling-hash.ts';
import type { Sink } from '../model/execer.ts';
import { allDone, orElse, whenThere, type MaybePromise } from '../model/maybe-promise.ts';
import type { Chunk, Output } from '../model/output.ts';

/** Which of the outputs. */
export type LogName = 'stdout' | 'stderr' | 'stdlog';

/** A process stream's way into its own output and the combined one. */
class TeeSink implements Sink {
  readonly #own: Output;
  readonly #combined: Output;
  readonly hash: RollingHash | undefined;
  bytes = 0;

  constructor(own: Output, combined: Output, hash: RollingHash | undefined) {
    this.#own = own;
    this.#combined = combined;
    this.hash = hash;
  }

  /** Writes to both, whatever becomes of either; then throws or rejects with the first fault (R123). */
  write(chunk: Chunk): MaybePromise<void> {
    if (this.hash !== undefined) this.#digest(this.hash, chunk);
    return writeTo([this.#own, this.#combined], chunk);
  }

  #digest(hash: RollingHash, chunk: Chunk): void {
    this.bytes += chunk.length;
    if (typeof chunk === 'string') hash.addString(chunk);
    else hash.addBytes(chunk);
  }
}

/** Tries every output before the first fault is thrown or rejected with. */
function writeTo(outputs: readonly Output[], chunk: Chunk): MaybePromise<void> {
  let fault: { readonly error: unknown } | undefined;
  const keepFault = (error: unknown): void => {
    fault ??= { error };
  };
  const writes = outputs.map((output) => orElse(() => output.write(chunk), keepFault));
  return whenThere(allDone(writes), () => {
    if (fault !== undefined) throw fault.error;
  });
}

/** The outputs that are open so far; filled in the order of {@link LogName}. */
export class RunLogs {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdlog: Output;
  readonly stdoutSink: TeeSink;
  readonly stderrSink: TeeSink;
  /** The trailer, if there is one, has been written. */
  finished = false;

  constructor(stdout: Output, stderr: Output, stdlog: Output, hashed: boolean) {
    this.stdout = stdout;
    this.stderr = stderr;
    this.stdlog = stdlog;
    this.stdoutSink = new TeeSink(stdout, stdlog, hashed ? new RollingHash() : undefined);
    this.stderrSink = new TeeSink(stderr, stdlog, hashed ? new RollingHash() : undefined);
  }

  /** Writes the same text to all three; the first fault is thrown or rejected with after all were tried. */
  writeAll(text: string): MaybePromise<void> {
    return writeTo([this.stdout, this.stderr, this.stdlog], text);
  }
}
