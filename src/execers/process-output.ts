/**
 * Carries the output of a process to its sinks. Invariant: a sink never stops the process; anything it throws or
 * rejects with is kept as a fault (R123), and writes are in the order of the calls.
 */
import type { ExecCommand, Sink } from '../model/execer.ts';
import { isPending } from '../model/maybe-promise.ts';
import type { Chunk } from '../model/output.ts';
import type { FaultLog } from './fault-log.ts';

/** The two streams of a process. */
export type StreamName = 'stdout' | 'stderr';

/** Both streams of one process. */
export class ProcessOutput {
  readonly #stdout: Sink | undefined;
  readonly #stderr: Sink | undefined;
  readonly #faults: FaultLog;
  #pending = 0;
  #onDrained: (() => void) | undefined;
  #onWritten: (() => void) | undefined;

  constructor({ stdout, stderr }: Pick<ExecCommand, 'stdout' | 'stderr'>, faults: FaultLog) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#faults = faults;
  }

  /** Number of writes that a sink has not finished yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Hands a chunk to its sink, or discards it if there is none. Never throws. */
  write(stream: StreamName, chunk: Chunk): void {
    const sink = stream === 'stdout' ? this.#stdout : this.#stderr;
    if (sink === undefined || chunk.length === 0) return;
    try {
      const written = sink.write(chunk) as unknown;
      if (isPending(written)) this.#await(stream, written);
    } catch (error) {
      this.#faults.addLoss(`${stream} sink`, error);
    }
  }

  /** Calls back once, when the last pending write is done. Must be called only while writes are pending. */
  whenDrained(callback: () => void): void {
    this.#onDrained = callback;
  }

  /** Gives up the pending writes: their outcomes no longer matter. */
  cut(drainGraceMs: number): void {
    this.#onDrained = undefined;
    this.#faults.addLoss(
      'output',
      new Error(`cut after ${drainGraceMs} ms, writes pending: ${this.#pending}`),
    );
  }

  #await(stream: StreamName, written: PromiseLike<unknown>): void {
    // `Promise.resolve` makes a native promise of any thenable: it settles once, asynchronously, and does not throw
    // here.
    const settled = Promise.resolve(written);
    this.#pending++;
    this.#onWritten ??= this.#written.bind(this);
    void settled.then(this.#onWritten, (error: unknown) => {
      this.#faults.addLoss(`${stream} sink`, error);
      this.#written();
    });
  }

  #written(): void {
    this.#pending--;
    if (this.#pending > 0 || this.#onDrained === undefined) return;
    const drained = this.#onDrained;
    this.#onDrained = undefined;
    drained();
  }
}
