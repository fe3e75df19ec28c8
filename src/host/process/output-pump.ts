/**
 * Copies one output stream of a process to its sink until end of file. However the sink behaves, it never blocks the
 * process for good: a sink that returns a promise slows the process down for a bounded time per write. Invariant:
 * chunks reach the sink in order and one at a time, and none after `done` has settled.
 */
import type { Readable } from 'node:stream';
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { FaultLog } from '../../execers/fault-log.ts';
import type { StreamName } from '../../execers/process-output.ts';
import type { Sink } from '../../model/execer.ts';
import { isPending } from '../../model/maybe-promise.ts';

/** The options of a pump. */
export interface OutputPumpOptions {
  readonly name: StreamName;
  readonly stream: Readable;
  /** Without a sink, output is discarded. */
  readonly sink: Sink | undefined;
  readonly clock: Clock;
  /** A sink that holds up a write for longer gets nothing more. */
  readonly sinkGraceMs: number;
  /** Collects problems that do not change the outcome (R123). */
  readonly faults: FaultLog;
}

/** One stream being copied. */
export interface OutputPump {
  /** Settles, never rejects, when the stream has ended and the sink has taken everything that it is going to get. */
  readonly done: Promise<void>;
  /**
   * Writes text of our own after everything else, once `done` has settled. Settles, never rejects, when the sink has
   * it.
   */
  append(text: string): Promise<void>;
  /** Stops copying at once and records that; `waitedMs` is how long it was waited for. */
  cut(waitedMs: number): void;
}

/** Starts copying. */
export function createOutputPump(options: OutputPumpOptions): OutputPump {
  return new StreamPump(options);
}

class StreamPump implements OutputPump {
  readonly done: Promise<void>;
  readonly #options: OutputPumpOptions;
  /** Chunks that came while a write was pending: Node resumes a paused stream when the process ends. */
  readonly #waiting: Uint8Array[] = [];
  #sink: Sink | undefined;
  /** Set while a write is pending. */
  #stall: Timer | undefined;
  #ended = false;
  #finished = false;
  #lostBytes = 0;
  #finish: () => void = () => undefined;
  #appended: () => void = () => undefined;

  constructor(options: OutputPumpOptions) {
    this.#options = options;
    this.#sink = options.sink;
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    const { stream, faults, name } = options;
    stream.on('data', (chunk: Uint8Array) => this.#take(chunk));
    stream.on('error', (error) => faults.addLoss(name, error));
    stream.once('end', () => this.#end());
    stream.once('close', () => this.#end());
  }

  async append(text: string): Promise<void> {
    this.#deliver(Buffer.from(text));
    if (this.#stall === undefined) return;
    await new Promise<void>((resolve) => {
      this.#appended = resolve;
    });
  }

  cut(waitedMs: number): void {
    if (this.#finished) return;
    const { name, stream, faults } = this.#options;
    const what = this.#ended ? 'a write was not done' : 'the stream was still open';
    faults.addLoss(
      `${name} cut`,
      new Error(`${what} ${waitedMs} ms after the command and its known children had ended`),
    );
    stream.destroy();
    this.#giveUpSink();
    this.#ended = true;
    this.#flush();
  }

  #take(chunk: Uint8Array): void {
    if (this.#stall === undefined) this.#deliver(chunk);
    else this.#waiting.push(chunk);
    if (this.#stall !== undefined) this.#options.stream.pause();
  }

  #deliver(chunk: Uint8Array): void {
    if (this.#sink === undefined) {
      this.#lostBytes += chunk.length;
      return;
    }
    try {
      const written = this.#sink.write(chunk) as unknown;
      if (isPending(written)) this.#await(Promise.resolve(written));
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Must be a native promise, made by Promise.resolve if the sink returned a thenable: it settles once, asynchronously,
   * and does not throw here.
   */
  #await(written: Promise<unknown>): void {
    const { clock, name, sinkGraceMs } = this.#options;
    const stall = clock.timer(`${name} sink`, sinkGraceMs, () => {
      this.#fail(new Error(`a write was not done within ${sinkGraceMs} ms`));
      this.#giveUpSink();
      this.#flush();
    });
    this.#stall = stall;
    const settled = (): void => {
      if (this.#stall !== stall) return;
      this.#stall.cancel();
      this.#stall = undefined;
      this.#flush();
    };
    written.then(settled, (error: unknown) => {
      if (this.#stall === stall) this.#fail(error);
      settled();
    });
  }

  #fail(error: unknown): void {
    this.#options.faults.addLoss(`${this.#options.name} sink`, error);
  }

  #giveUpSink(): void {
    this.#sink = undefined;
    this.#stall?.cancel();
    this.#stall = undefined;
  }

  #flush(): void {
    while (this.#stall === undefined && this.#waiting.length > 0) {
      this.#deliver(this.#waiting.shift() as Uint8Array);
    }
    if (this.#stall !== undefined) return;
    if (!this.#ended) this.#options.stream.resume();
    else if (!this.#finished) this.#close();
    else this.#appended();
  }

  #close(): void {
    const { sink, faults, name } = this.#options;
    this.#finished = true;
    if (sink !== undefined && this.#lostBytes > 0) {
      faults.addLoss(name, new Error(`${this.#lostBytes} bytes were discarded`));
    }
    this.#finish();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#flush();
  }
}
