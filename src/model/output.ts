/** Sinks for one file's worth of output, and what makes them. */
import type { MaybePromise } from './maybe-promise.ts';

/** Bytes, or text that stands for its UTF-8 bytes. */
export type Chunk = string | Uint8Array;

/** One output: written to while a run lives, readable through its `uri` (R160). */
export interface Output {
  /** Appends; the order of calls is the order in the file, also when earlier writes are still pending. */
  write(chunk: Chunk): MaybePromise<void>;
  /**
   * Appends a text that is made when somebody reads it, by a function that always gives the same: for outputs in memory, of which
   * most are never read. Absent: `write` takes the text.
   */
  writeLazily?(text: () => string): MaybePromise<void>;
  /** Ends the output; closing twice does nothing. Resolves when all is written. */
  close(): MaybePromise<void>;
  /** Where readers find it, such as `file://host/path`. */
  readonly uri: string;
  /** An absolute local path with the content, copied there if need be. */
  asFile(): MaybePromise<string>;
}

/** Makes outputs. */
export interface OutputCreator {
  /** A new output whose name starts with `id`; ids hold no path separators (R161). Throws or rejects if it cannot. */
  create(id: string): MaybePromise<Output>;
}
