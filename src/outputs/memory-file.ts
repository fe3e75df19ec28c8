/**
 * One output in memory, with or without faults. Invariant: a successful write stores the chunk as it is; bytes and text
 * are computed only when read, because a simulated run creates three outputs that usually nobody reads.
 */
import { RunnerError, invalidArgument } from '../kernel/errors.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { Chunk, Output } from '../model/output.ts';
import { isPlainId } from './output-id.ts';
import type { Clock } from '../kernel/clock.ts';
import { checkOutputFault, injectedFault, type OutputFault } from './output-fault.ts';

/** An output whose content can be read at any time, even while it is being written (R169). */
export interface MemoryOutput extends Output {
  /** The id that was passed to `create`. */
  readonly id: string;
  /** Starts with the id; unique within its creator. */
  readonly name: string;
  readonly closed: boolean;
  /** The chunks written so far, as they were passed. A byte array must not be changed after it was written. */
  readonly chunks: readonly Chunk[];
  /** A copy of all bytes so far. */
  bytes(): Uint8Array;
  /** All bytes so far, decoded together as UTF-8. */
  text(): string;
}

/** Turns an output in memory into a local file, and returns its path. */
export type ToFile = (output: MemoryOutput) => MaybePromise<string>;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The bytes of a chunk. */
function bytesOf(chunk: Chunk): Uint8Array {
  return typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
}

/** A chunk, or a function that computes its text. */
type LazyChunk = Chunk | (() => string);

/** The URI of the output of that name. */
export function memoryUri(name: string): string {
  return `memory:///${name}`;
}

/** An output without faults; base class of those with faults. */
export class MemoryFile implements MemoryOutput {
  readonly id: string;
  closed = false;
  /** The first chunk; most outputs have no other. */
  #first: LazyChunk | undefined = undefined;
  /**
   * All chunks, once there is more than one. Not a literal, like every list kept per run: see
   * docs/internals.md#memory-of-a-run.
   */
  #all: LazyChunk[] | undefined = undefined;
  readonly #serial: number;
  #uri = '';
  readonly #toFile: ToFile | undefined;

  constructor(id: string, serial: number, toFile: ToFile | undefined) {
    this.id = id;
    this.#serial = serial;
    this.#toFile = toFile;
  }

  get name(): string {
    return `${this.id}-${this.#serial}`;
  }

  get uri(): string {
    // Read several times per run, and most ids need no encoding.
    if (this.#uri === '') {
      this.#uri = memoryUri(isPlainId(this.id) ? this.name : encodeURIComponent(this.name));
    }
    return this.#uri;
  }

  write(chunk: Chunk): MaybePromise<void> {
    this.checkWritable(chunk);
    this.keep(chunk);
  }

  writeLazily(text: () => string): MaybePromise<void> {
    this.checkOpen();
    if (typeof text !== 'function') throw invalidArgument('text', 'a function that gives a string', text);
    this.keep(text);
  }

  close(): MaybePromise<void> {
    this.closed = true;
  }

  asFile(): MaybePromise<string> {
    if (this.#toFile !== undefined) return this.#toFile(this);
    const message = `output ${this.name} lives in memory and has no local file; give its creator a toFile`;
    throw new RunnerError('RUNNER_OUTPUT_FAILED', message);
  }

  get chunks(): readonly Chunk[] {
    this.#all ??= this.#first === undefined ? Array.of() : Array.of(this.#first);
    for (let index = 0; index < this.#all.length; index += 1) {
      const chunk = this.#all[index];
      if (typeof chunk === 'function') this.#all[index] = chunk();
    }
    return this.#all as readonly Chunk[];
  }

  bytes(): Uint8Array {
    const parts = this.chunks.map(bytesOf);
    const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      whole.set(part, offset);
      offset += part.length;
    }
    return whole;
  }

  text(): string {
    return decoder.decode(this.bytes());
  }

  protected keep(chunk: LazyChunk): void {
    if (this.#all !== undefined) this.#all.push(chunk);
    else if (this.#first === undefined) this.#first = chunk;
    else this.#all = Array.of(this.#first, chunk);
  }

  protected checkOpen(): void {
    if (!this.closed) return;
    throw new RunnerError('RUNNER_OUTPUT_FAILED', `output ${this.name} was written to after its close`);
  }

  protected checkWritable(chunk: Chunk): void {
    this.checkOpen();
    if (typeof chunk === 'string' || (chunk as unknown) instanceof Uint8Array) return;
    throw invalidArgument('chunk', 'a string or a Uint8Array', chunk);
  }
}

interface PendingWrite {
  readonly chunk: Chunk;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

type Fault<K extends OutputFault['kind']> = Extract<OutputFault, { kind: K }>;

function find<K extends OutputFault['kind']>(faults: readonly OutputFault[], kind: K): Fault<K> | undefined {
  return faults.find((fault): fault is Fault<K> => fault.kind === kind);
}

/** Settings of a faulty output. */
export interface FaultyMemoryFileOptions {
  readonly id: string;
  readonly serial: number;
  readonly toFile: ToFile | undefined;
  readonly faults: readonly OutputFault[];
  readonly clock: Clock | undefined;
}

/**
 * An output in memory that fails on schedule. Invariant: the content has the writes in their order, however long each
 * takes, and a failed write leaves exactly what its fault says.
 *
 * See {@link OutputFault}. The constructor throws for a `create` fault.
 */
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

  /** Computes the text at once, because its length decides whether the write fails. */
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
