/**
 * An output in memory that fails on schedule. Invariant: the order of the writes is the order in the content, however long each
 * takes, and what a failed write left behind is exactly what its fault says.
 */
import { invalidArgument } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { Chunk } from '../model/output.ts';
import { MemoryFile, bytesOf } from './memory-file.ts';
import type { ToFile } from './memory-file.ts';
import { checkOutputFault, injectedFault } from './output-fault.ts';
import type { OutputFault } from './output-fault.ts';

interface PendingWrite {
  readonly chunk: Chunk;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

type Fault<K extends OutputFault['kind']> = Extract<OutputFault, { kind: K }>;

function find<K extends OutputFault['kind']>(faults: readonly OutputFault[], kind: K): Fault<K> | undefined {
  return faults.find((fault): fault is Fault<K> => fault.kind === kind);
}

/** What a faulty output is made of. */
export interface FaultyMemoryFileOptions {
  readonly id: string;
  readonly serial: number;
  readonly toFile: ToFile | undefined;
  readonly faults: readonly OutputFault[];
  readonly clock: Clock | undefined;
}

/** See {@link OutputFault}. A `create` fault is thrown by the constructor. */
export class FaultyMemoryFile extends MemoryFile {
  readonly #error: Fault<'error'> | undefined;
  readonly #short: Fault<'short'> | undefined;
  readonly #closing: Fault<'close'> | undefined;
  readonly #delayMs: number;
  readonly #clock: Clock | undefined;
  readonly #pending: PendingWrite[] = [];
  readonly #closers: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #stored = 0;

  constructor({ id, serial, toFile, faults, clock }: FaultyMemoryFileOptions) {
    super(id, serial, toFile);
    faults.forEach(checkOutputFault);
    const creation = find(faults, 'create');
    if (creation !== undefined) throw creation.error ?? injectedFault(`output ${id} could not be created`);
    this.#error = find(faults, 'error');
    this.#short = find(faults, 'short');
    this.#closing = find(faults, 'close');
    this.#delayMs = find(faults, 'delay')?.ms ?? 0;
    this.#clock = clock;
    if (this.#delayMs > 0 && clock === undefined) {
      throw invalidArgument('clock', 'a clock, because a delay fault needs one', clock);
    }
  }

  override write(chunk: Chunk): MaybePromise<void> {
    this.checkWritable(chunk);
    if (this.#delayMs === 0) {
      this.#store(chunk);
      return;
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ chunk, resolve, reject });
      if (this.#pending.length === 1) this.#startTimer();
    });
  }

  /** What fails depends on the length, so the text is made at once. */
  override writeLazily(text: () => string): MaybePromise<void> {
    return this.write(text());
  }

  override close(): MaybePromise<void> {
    this.closed = true;
    if (this.#pending.length === 0) {
      this.#finish();
      return;
    }
    return new Promise((resolve, reject) => {
      this.#closers.push({ resolve, reject });
    });
  }

  #startTimer(): void {
    this.#clock?.timer(`output/${this.name} write`, this.#delayMs, () => this.#completeFirst());
  }

  #completeFirst(): void {
    const write = this.#pending.shift();
    if (write === undefined) return;
    if (this.#pending.length > 0) this.#startTimer();
    try {
      this.#store(write.chunk);
      write.resolve();
    } catch (error) {
      write.reject(error);
    }
    if (this.#pending.length === 0) this.#settleClosers();
  }

  #settleClosers(): void {
    for (const { resolve, reject } of this.#closers.splice(0)) {
      try {
        this.#finish();
        resolve();
      } catch (error) {
        reject(error);
      }
    }
  }

  #finish(): void {
    if (this.#closing !== undefined) {
      throw this.#closing.error ?? injectedFault(`output ${this.name} could not be closed`);
    }
  }

  #store(chunk: Chunk): void {
    const bytes = bytesOf(chunk);
    const after = this.#stored + bytes.length;
    if (this.#error !== undefined && after > this.#error.afterBytes) {
      throw (
        this.#error.error ??
        injectedFault(`output ${this.name} is full after ${this.#error.afterBytes} bytes`)
      );
    }
    const room = this.#short === undefined ? bytes.length : this.#short.afterBytes - this.#stored;
    if (bytes.length > room) {
      this.#keepChunk(bytes.slice(0, room));
      throw injectedFault(`output ${this.name} took ${room} of ${bytes.length} bytes`);
    }
    this.#keepChunk(chunk, bytes.length);
  }

  #keepChunk(chunk: Chunk, length = chunk.length): void {
    this.#stored += length;
    if (length > 0) this.keep(chunk);
  }
}
