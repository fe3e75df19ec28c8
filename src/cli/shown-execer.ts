/** Shows what processes write while it goes into their logs, and remembers how the last of them started and ended. */
import type { Command } from '../model/command.ts';
import type { ExecCommand, Execer, Process, ProcessStatus, Sink } from '../model/execer.ts';
import { isPending, whenThere, type MaybePromise } from '../model/maybe-promise.ts';
import type { Chunk } from '../model/output.ts';
import type { ProcessEnd } from './exec-status.ts';

/** Is shown the output. */
export type ShowChunk = (stream: 'stdout' | 'stderr', chunk: Chunk) => void;

/** An execer whose processes' output is shown as it comes. */
export class ShownExecer implements Execer, ProcessEnd {
  startError: unknown;
  end: ProcessStatus | undefined;
  passedMemoryCap = false;
  readonly cancelBoundMs: number;
  readonly #execer: Execer;
  readonly #show: ShowChunk;

  constructor(execer: Execer, show: ShowChunk) {
    this.cancelBoundMs = execer.cancelBoundMs;
    this.#execer = execer;
    this.#show = show;
  }

  check(command: Command): void {
    this.#execer.check?.(command);
  }

  /** An answer that is there at once stays so: output comes after RUNNING. */
  exec(command: ExecCommand): MaybePromise<Process> {
    const failed = (error: unknown): never => {
      this.startError = error;
      throw error;
    };
    try {
      const started = this.#execer.exec({
        ...command,
        stdout: this.#shown('stdout', command.stdout),
        stderr: this.#shown('stderr', command.stderr),
        onMemoryReport: (report) => {
          this.passedMemoryCap = true;
          command.onMemoryReport?.(report);
        },
      });
      return isPending(started)
        ? started.then((process) => this.#watched(process), failed)
        : this.#watched(started);
    } catch (error) {
      return failed(error);
    }
  }

  #watched(process: Process): Process {
    return {
      wait: () => whenThere(process.wait(), (status) => this.#ended(status)),
      abort: () => process.abort(),
    };
  }

  #ended(status: ProcessStatus): ProcessStatus {
    this.end = status;
    return status;
  }

  #shown(stream: 'stdout' | 'stderr', sink: Sink | undefined): Sink {
    return {
      write: (chunk) => {
        this.#show(stream, chunk);
        return sink?.write(chunk);
      },
    };
  }
}

/**
 * The text of one stream whose bytes come in pieces; what is not UTF-8 reads as U+FFFD. Invariant: the pieces of text together are the text of
 * all the bytes, wherever those were cut.
 */
export class StreamText {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** The text that is complete with this piece; the first bytes of a character wait for the rest. */
  add(chunk: Chunk): string {
    return typeof chunk === 'string' ? this.end() + chunk : this.#decoder.decode(chunk, { stream: true });
  }

  /** What still waits, once nothing comes any more. */
  end(): string {
    return this.#decoder.decode();
  }
}
