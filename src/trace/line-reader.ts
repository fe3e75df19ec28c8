/**
 * Splits a stream of text or bytes into lines, one at a time. Accepts a byte order mark and CRLF. Invariants: however
 * the stream is cut, it holds one chunk and a small multiple of one line; it never reads further than requested, and
 * closing it closes the source.
 */
import * as is from '../kernel/shape.ts';
import { check, isInstance, unreadable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Chunk } from '../model/output.ts';
import { TraceFormatError } from './trace-format-error.ts';
import { TRACE_BEGINNING } from './trace-header.ts';

/** The source of a reader: one chunk, a list of chunks, or a stream of them; bytes are UTF-8. */
export type TextSource = Chunk | Iterable<Chunk> | AsyncIterable<Chunk>;

/** A line without its terminator. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  /** False for a last line without a newline. */
  readonly isEnded: boolean;
}

type Pieces = Iterator<Chunk, unknown> | AsyncIterator<Chunk, unknown>;

const NEWLINE = 10;
const NO_BYTES = new Uint8Array(0);

/** Options of a {@link LineReader}. */
export interface LineReaderOptions {
  readonly foreignBytes?: 'refused' | 'replaced';
}

/** Reads lines one after another. */
export class LineReader {
  readonly #pieces: Pieces;
  readonly #encoder = new TextEncoder();
  readonly #decoder: InstanceType<typeof TextDecoder>;
  #chunk: Uint8Array = NO_BYTES;
  #position = 0;
  #isDrained = false;
  /** A high surrogate at the end of a chunk of text, kept until its other half arrives. */
  #half = '';
  #number = 0;

  /** With `foreignBytes: 'replaced'`, bytes that are not UTF-8 become U+FFFD instead of being rejected. */
  constructor(source: TextSource, { foreignBytes = 'refused' }: LineReaderOptions = {}) {
    this.#decoder = new TextDecoder('utf-8', { fatal: foreignBytes === 'refused', ignoreBOM: true });
    this.#pieces = iteratorOf(source);
  }

  /** Number of the last line read; 0 before the first. */
  get number(): number {
    return this.#number;
  }

  /**
   * The next line, or `undefined` at the end.
   *
   * @param option the name of the option that sets `maxBytes`, for the error.
   * @throws TraceFormatError if the line has more than `maxBytes` bytes, or is not UTF-8.
   */
  async next(maxBytes: number, option?: string): Promise<Line | undefined> {
    const gathered = new GatheredBytes();
    for (;;) {
      const end = this.#chunk.indexOf(NEWLINE, this.#position);
      const part = this.#chunk.subarray(this.#position, end === -1 ? this.#chunk.length : end);
      if (gathered.length + part.length > maxBytes) throw this.#tooLong(maxBytes, option);
      if (end !== -1) {
        this.#position = end + 1;
        return this.#line(gathered.with(part), true);
      }
      gathered.add(part);
      this.#position = this.#chunk.length;
      if (this.#isDrained) return gathered.length === 0 ? undefined : this.#line(gathered.bytes, false);
      await this.#refill();
    }
  }

  /** Closes the source without reading the rest. */
  async close(): Promise<void> {
    this.#isDrained = true;
    this.#chunk = NO_BYTES;
    this.#position = 0;
    await this.#pieces.return?.();
  }

  async #refill(): Promise<void> {
    const next = await this.#pieces.next();
    this.#position = 0;
    if (next.done === true) {
      this.#isDrained = true;
      this.#chunk = this.#encoder.encode(this.#half);
      this.#half = '';
    } else {
      this.#chunk = this.#bytesOf(next.value);
    }
  }

  #bytesOf(piece: Chunk): Uint8Array {
    if (typeof piece !== 'string' && !isInstance(piece, Uint8Array)) {
      throw invalidArgument('source', 'pieces of text or bytes', piece);
    }
    const half = this.#half;
    this.#half = '';
    if (typeof piece !== 'string') {
      return half === '' ? piece : joined(this.#encoder.encode(half), piece);
    }
    const text = half + piece;
    const last = text.charCodeAt(text.length - 1);
    if (last < 0xd800 || last > 0xdbff) return this.#encoder.encode(text);
    this.#half = text.slice(-1);
    return this.#encoder.encode(text.slice(0, -1));
  }

  #line(bytes: Uint8Array, isEnded: boolean): Line {
    this.#number += 1;
    let text = this.#decode(bytes, isEnded);
    if (this.#number === 1 && text.startsWith('\ufeff')) text = text.slice(1);
    if (text.endsWith('\r')) text = text.slice(0, -1);
    return { number: this.#number, text, isEnded };
  }

  #decode(bytes: Uint8Array, isEnded: boolean): string {
    try {
      return this.#decoder.decode(bytes);
    } catch (cause) {
      throw new TraceFormatError({
        problem: this.#number === 1 && !isOfTrace(bytes) ? 'foreign' : isEnded ? 'corrupted' : 'truncated',
        line: this.#number,
        expected: 'UTF-8 text',
        actual: 'other bytes',
        cause,
      });
    }
  }

  #tooLong(maxBytes: number, option: string | undefined): TraceFormatError {
    return new TraceFormatError({
      problem: 'too-long',
      line: this.#number + 1,
      expected: `a line of at most ${maxBytes} bytes${option === undefined ? '' : ` (${option})`}`,
      actual: 'a longer one',
    });
  }
}

function iteratorOf(source: TextSource): Pieces {
  try {
    if (typeof source === 'string' || isInstance(source, Uint8Array)) return [source][Symbol.iterator]();
    const candidate = source as Partial<AsyncIterable<Chunk> & Iterable<Chunk>> | null | undefined;
    const pieces = candidate?.[Symbol.asyncIterator]?.() ?? candidate?.[Symbol.iterator]?.();
    if (pieces === undefined) throw invalidArgument('source', 'text, bytes, or an iterable of them', source);
    check('the iterator of source', pieces, is.withMethods('next'));
    return pieces;
  } catch (error) {
    throw unreadable('source', source, error);
  }
}

/** True for a line that begins as the first one of a trace. */
function isOfTrace(bytes: Uint8Array): boolean {
  const beginning = bytes.subarray(0, TRACE_BEGINNING.length);
  return new TextDecoder('latin1').decode(beginning) === TRACE_BEGINNING;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/**
 * The start of a line that continues in the next chunk. It is copied, because keeping a chunk costs more than its
 * bytes.
 */
class GatheredBytes {
  #room = NO_BYTES;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#length);
  }

  add(part: Uint8Array): void {
    const length = this.#length + part.length;
    if (length > this.#room.length) {
      const room = new Uint8Array(Math.max(length, 2 * this.#room.length));
      room.set(this.bytes);
      this.#room = room;
    }
    this.#room.set(part, this.#length);
    this.#length = length;
  }

  /** All gathered bytes, followed by the last part of the line. */
  with(part: Uint8Array): Uint8Array {
    if (this.#length === 0) return part;
    this.add(part);
    return this.bytes;
  }
}
