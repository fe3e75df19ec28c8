/**
 * An output on the local disk. Invariant: bytes reach the file in the order of the calls, the promise of each write
 * settles for that write's bytes alone, and the descriptor is closed exactly once, whatever failed before.
 */
import type { FileHandle } from 'node:fs/promises';
import { RunnerError, invalidArgument, messageOf } from '../../kernel/errors.ts';
import type { Chunk, Output } from '../../model/output.ts';
import { guardCallback } from '../guard-callback.ts';

/** The part of an open file that is used. */
export type WritableFile = Pick<FileHandle, 'write' | 'close'>;

/** An output that is a local file. */
export interface LocalOutput extends Output {
  /** The id it was created with. */
  readonly id: string;
  /** The file's name; starts with the id. */
  readonly name: string;
  /** The file's absolute path. */
  readonly path: string;
  readonly closed: boolean;
  /**
   * Resolves when the whole chunk is written; rejects with `RUNNER_OUTPUT_FAILED` if not all of it was. The chunk must
   * not change until then.
   */
  write(chunk: Chunk): Promise<void>;
  /**
   * Rejects with `RUNNER_OUTPUT_FAILED` if the file could not be closed; failed writes have rejected by themselves
   * already.
   */
  close(): Promise<void>;
  asFile(): string;
}

/** What a local output is made of. */
export interface LocalOutputFileOptions {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly uri: string;
  readonly file: WritableFile;
  /** Called with each failure to write or close the file. */
  readonly onFailure?: ((error: RunnerError) => void) | undefined;
}

interface QueuedWrite {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** See {@link LocalOutputFileOptions}; takes over the open file. */
export class LocalOutputFile implements LocalOutput {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly uri: string;
  readonly #file: WritableFile;
  readonly #onFailure: LocalOutputFileOptions['onFailure'];
  #queue: QueuedWrite[] = [];
  #writing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor({ id, name, path, uri, file, onFailure }: LocalOutputFileOptions) {
    this.id = id;
    this.name = name;
    this.path = path;
    this.uri = uri;
    this.#file = file;
    this.#onFailure = onFailure;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  async write(chunk: Chunk): Promise<void> {
    if (this.closed) throw this.#failure('was written to after its close');
    if (typeof chunk !== 'string' && !((chunk as unknown) instanceof Uint8Array)) {
      throw invalidArgument('chunk', 'a string or a Uint8Array', chunk);
    }
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    return new Promise((resolve, reject) => {
      this.#queue.push({ bytes, resolve, reject });
      this.#writing ??= this.#writeQueued();
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  asFile(): string {
    return this.path;
  }

  async #finish(): Promise<void> {
    await this.#writing;
    try {
      await this.#file.close();
    } catch (cause) {
      throw this.#failure('could not be closed', cause);
    }
  }

  /** Writes everything queued at once, so that many small writes take few system calls. */
  async #writeQueued(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      const bytes = batch.length === 1 ? batch[0]?.bytes : Buffer.concat(batch.map((write) => write.bytes));
      const { written, cause } = await this.#put(bytes ?? new Uint8Array());
      let end = 0;
      for (const { bytes: own, resolve, reject } of batch) {
        end += own.length;
        if (end <= written) resolve();
        else reject(this.#failure('could not be written', cause));
      }
    }
    this.#writing = undefined;
  }

  async #put(bytes: Uint8Array): Promise<{ written: number; cause: unknown }> {
    let written = 0;
    try {
      while (written < bytes.length) {
        const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written);
        if (bytesWritten === 0) throw new Error('the disk took nothing');
        written += bytesWritten;
      }
      return { written, cause: undefined };
    } catch (cause) {
      return { written, cause };
    }
  }

  #failure(what: string, cause?: unknown): RunnerError {
    const [details, why] = cause === undefined ? [{}, ''] : [{ cause }, `: ${messageOf(cause)}`];
    const error = new RunnerError('RUNNER_OUTPUT_FAILED', `output ${this.name} ${what}${why}`, details);
    guardCallback('onFailure of outputs', () => this.#onFailure?.(error));
    return error;
  }
}
