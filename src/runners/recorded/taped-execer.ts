/** The execer of a recorded runner: what processes write, when they pass their memory cap and how they end is written down. */
import { millisecondsBetween } from '../../kernel/microseconds.ts';
import type { Command } from '../../model/command.ts';
import type { ExecCommand, Execer, MemoryReport, Process, ProcessStatus, Sink } from '../../model/execer.ts';
import { whenThere, type MaybePromise } from '../../model/maybe-promise.ts';
import type { Chunk } from '../../model/output.ts';
import type { RunnerTape } from './runner-tape.ts';
import type { TapedOutputs } from './taped-outputs.ts';

/** Starts processes and records them. */
export class TapedExecer implements Execer {
  readonly #tape: RunnerTape;
  readonly #execer: Execer;
  readonly #outputs: TapedOutputs;

  constructor(tape: RunnerTape, execer: Execer, outputs: TapedOutputs) {
    this.#tape = tape;
    this.#execer = execer;
    this.#outputs = outputs;
  }

  get cancelBoundMs(): number {
    return this.#execer.cancelBoundMs;
  }

  check(command: Command): void {
    this.#tape.check(() => this.#execer.check?.(command));
  }

  exec(command: ExecCommand): MaybePromise<Process> {
    const { runId = '' } = command;
    const record = new ProcessTape(this.#tape, runId, this.#outputs);
    const process = this.#tape.ask('exec', runId, undefined, () =>
      this.#execer.exec({
        ...command,
        stdout: record.sink('stdout', command.stdout),
        stderr: record.sink('stderr', command.stderr),
        onMemoryReport: (report) => record.takeMemoryReport(report, command.onMemoryReport),
      }),
    );
    return whenThere(process, (started) => new TapedProcess(this.#tape, runId, started));
  }
}

type Content =
  | { readonly text: string }
  | { readonly utf8: string }
  | { readonly base64: string }
  | { readonly cutBytes: number };

/** What one process does. */
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
    this.#tape.recorder.beginTurn();
    const { kind, status } = report;
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
    return typeof chunk === 'string' ? { text: chunk } : contentOf(chunk);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Stored as text where the bytes are valid UTF-8, so that people can read recordings; a chunk that ends within a character is stored as bytes. */
function contentOf(bytes: Uint8Array): Content {
  try {
    return { utf8: utf8.decode(bytes) };
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
}

class TapedProcess implements Process {
  readonly #tape: RunnerTape;
  readonly #runId: string;
  readonly #process: Process;

  constructor(tape: RunnerTape, runId: string, process: Process) {
    this.#tape = tape;
    this.#runId = runId;
    this.#process = process;
  }

  wait(): MaybePromise<ProcessStatus> {
    return this.#tape.ask('wait', this.#runId, undefined, () => this.#process.wait(), keptStatus);
  }

  abort(): MaybePromise<ProcessStatus> {
    return this.#tape.ask('kill', this.#runId, undefined, () => this.#process.abort(), keptStatus);
  }
}

function keptStatus(status: ProcessStatus): { readonly status: ProcessStatus } {
  return { status };
}
