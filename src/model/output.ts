/** Outputs, each the content of one file, and what creates them. */
import type { MaybePromise } from './maybe-promise.ts';

/** Bytes, or text to be encoded as UTF-8. */
export type Chunk = string | Uint8Array;

/** One output: written while a run is alive, readable through its `uri` (R160). */
export interface Output {
  /** Appends. Chunks appear in call order, even if earlier writes are still pending. */
  write(chunk: Chunk): MaybePromise<void>;
  /**
   * Appends a text that is computed only when somebody reads it; `text` must always return the same. Useful for outputs
   * in memory, most of which are never read. Where this method is absent, `write` gets the text.
   */
  writeLazily?(text: () => string): MaybePromise<void>;
  /** Ends the output; a second call is a no-op. Resolves when everything is written. */
  close(): MaybePromise<void>;
  /** Where the output can be read, such as `file://host/path`. */
  readonly uri: string;
  /** Absolute path of a local file with the content, which is copied there if necessary. */
  asFile(): MaybePromise<string>;
}

/** Creates outputs. */
export interface OutputCreator {
  /**
   * Creates an output whose name starts with `id`, which contains no path separators (R161). Throws or rejects if it
   * cannot.
   */
  create(id: string): MaybePromise<Output>;
}
