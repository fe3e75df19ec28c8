/**
 * The outputs of a recorded runner and what uploads them: what the runner itself writes is written down. Invariant: nothing that either side
 * sees is changed, neither what is asked and answered nor whether an answer is there at once.
 */
import type { LogUploader } from '../../model/collaborators.ts';
import { whenThere, type MaybePromise } from '../../model/maybe-promise.ts';
import type { Chunk, Output, OutputCreator } from '../../model/output.ts';
import { uploadName } from '../../model/recorded-names.ts';
import type { RunnerTape } from './runner-tape.ts';

/** Output creators whose logs are recorded: what the runner itself writes to them, not what processes write. */
export class TapedOutputs implements OutputCreator {
  readonly #tape: RunnerTape;
  readonly #outputs: OutputCreator;
  #isProcessWriting = false;

  constructor(tape: RunnerTape, outputs: OutputCreator) {
    this.#tape = tape;
    this.#outputs = outputs;
  }

  /** True while a process writes: its output is recorded where it comes from. */
  get isProcessWriting(): boolean {
    return this.#isProcessWriting;
  }

  whileProcessWrites<T>(write: () => T): T {
    this.#isProcessWriting = true;
    try {
      return write();
    } finally {
      this.#isProcessWriting = false;
    }
  }

  create(id: string): MaybePromise<Output> {
    const shownAs = `output:///${id}`;
    const created = this.#tape.ask(
      'output',
      id,
      undefined,
      () => this.#outputs.create(id),
      ({ uri }) => this.#tape.shownUri(uri, shownAs),
    );
    return whenThere(created, (output) => new TapedOutput(this.#tape, this, id, output));
  }
}

class TapedOutput implements Output {
  readonly #tape: RunnerTape;
  readonly #creator: TapedOutputs;
  readonly #id: string;
  readonly output: Output;

  constructor(tape: RunnerTape, creator: TapedOutputs, id: string, output: Output) {
    this.#tape = tape;
    this.#creator = creator;
    this.#id = id;
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
    return this.#tape.ask('close', this.#id, undefined, () => this.output.close());
  }

  asFile(): MaybePromise<string> {
    return this.output.asFile();
  }

  #write(work: () => MaybePromise<void>): MaybePromise<void> {
    return this.#creator.isProcessWriting ? work() : this.#tape.ask('write', this.#id, undefined, work);
  }
}

/** Copies logs elsewhere. */
export function tapedUploader(tape: RunnerTape, uploader: LogUploader): LogUploader {
  const { uploadBoundMs } = uploader;
  return {
    get cancelBoundMs() {
      return uploader.cancelBoundMs;
    },
    ...(uploadBoundMs === undefined ? {} : { uploadBoundMs }),
    upload(path, log, cancel) {
      const name = uploadName(path);
      const given = log instanceof TapedOutput ? log.output : log;
      return tape.ask(
        'upload',
        name,
        cancel,
        () => uploader.upload(path, given, cancel),
        (uri) => tape.shownUri(uri, `upload:///${name}-${tape.names.uploadUri()}`),
      );
    },
  };
}
