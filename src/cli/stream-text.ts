/** Bytes that come in pieces as text. Invariant: the pieces of text together are the text of all the bytes, wherever those were cut. */
import type { Chunk } from '../model/output.ts';

/** The text of one stream; what is not UTF-8 reads as U+FFFD. */
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
