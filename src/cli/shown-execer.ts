/** Shows what processes write while it goes into their logs, and remembers how the last of them started and ended. */
import type { Command } from '../model/command.ts';
import type { ExecCommand, Execer, Process, ProcessStatus, Sink } from '../model/execer.ts';
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

  async exec(command: ExecCommand): Promise<Process> {
    try {
      const process = await this.#execer.exec({
        ...command,
        stdout: this.#shown('stdout', command.stdout),
        stderr: this.#shown('stderr', command.stderr),
        onMemoryReport: (report) => {
          this.passedMemoryCap = true;
          command.onMemoryReport?.(report);
        },
      });
      return { wait: async () => this.#ended(await process.wait()), abort: () => process.abort() };
    } catch (error) {
      this.startError = error;
      throw error;
    }
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
