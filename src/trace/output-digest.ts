/**
 * Computes the digest of a process's output from the log file that the invoker writes; its format is defined by
 * `src/runners/invocation/log-header.ts`. Header and trailer do not count, because the header contains dates and host
 * paths, and the trailer the reason why a run was stopped (R96, R101, R107, R111). So the same output gives the same
 * digest on every machine and at any time.
 */
import * as is from '../kernel/shape.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { createHash, type Hash } from 'node:crypto';
import { check, checkedIterable, isInstance } from '../kernel/argument-check.ts';
import { LOG_HEADER_END, LOG_TRAILER_BEGIN } from '../model/log-markers.ts';
import type { Chunk } from '../model/output.ts';

/** What is known about the file. */
export interface OutputDigestOptions {
  /**
   * True if the run was stopped, by abort, deadline or memory cap, so that the file ends with a trailer. If false,
   * output that looks like a trailer counts as output. Default false.
   */
  readonly hasTrailer?: boolean;
}

const DIGEST_OPTIONS = is.optionsOf<OutputDigestOptions>({}, { hasTrailer: is.BOOLEAN });

/** A file whose header is longer than this has none. */
const HEADER_BYTES_MAX = 4 * 1024 * 1024;
/** A file that does not begin with a marker of at most this length has no header. */
const MARKER_BYTES_MAX = 1024;
/** The marker is this line twice. It stands at the start and the end of a header, and at the start of a trailer. */
const MARKER_LINE = /^(#{8,})\n\1\n/;

/** Digests a file chunk by chunk. */
export class OutputDigest {
  readonly #hasTrailer: boolean;
  readonly #hash = createHash('sha256');
  /** The hash before the latest text that looks like a trailer. */
  #beforeTrailer: Hash | undefined;
  #trailer: Buffer | undefined;
  /** Bytes that cannot be classified yet: a header, or the start of a trailer. */
  #held: Buffer = Buffer.alloc(0);
  #isInHeader = true;

  constructor({ hasTrailer = false }: OutputDigestOptions = {}) {
    this.#hasTrailer = hasTrailer;
  }

  /** Adds the next chunk of the file. */
  add(chunk: Chunk): void {
    this.#held = Buffer.concat([this.#held, typeof chunk === 'string' ? Buffer.from(chunk) : chunk]);
    if (this.#isInHeader) this.#skipHeader();
    if (!this.#isInHeader) this.#takeBody(this.#trailer === undefined ? 0 : this.#trailer.length - 1);
  }

  /** SHA-256 of the process's output, 64 hexadecimal digits; nothing may be added afterwards. */
  end(): string {
    this.#takeBody(0);
    return (this.#beforeTrailer ?? this.#hash).digest('hex');
  }

  #skipHeader(): void {
    const [marker] = MARKER_LINE.exec(this.#held.toString('latin1', 0, MARKER_BYTES_MAX)) ?? [];
    const headerEnd = marker === undefined ? undefined : `${marker}\n${LOG_HEADER_END}`;
    const end = headerEnd === undefined ? -1 : this.#held.indexOf(headerEnd);
    if (marker === undefined || headerEnd === undefined || end === -1) {
      const limit = marker === undefined ? MARKER_BYTES_MAX : HEADER_BYTES_MAX;
      this.#isInHeader = this.#held.length <= limit;
      return;
    }
    this.#isInHeader = false;
    this.#held = this.#held.subarray(end + headerEnd.length);
    if (this.#hasTrailer) this.#trailer = Buffer.from(`\n\n${marker}\n${LOG_TRAILER_BEGIN}`);
  }

  /** Hashes all held bytes except the last `keep`. */
  #takeBody(keep: number): void {
    const bytes = this.#held;
    let position = 0;
    for (;;) {
      const at = this.#trailer === undefined ? -1 : bytes.indexOf(this.#trailer, position);
      if (at === -1) break;
      this.#hash.update(bytes.subarray(position, at));
      this.#beforeTrailer = this.#hash.copy();
      this.#hash.update(bytes.subarray(at, at + 1));
      position = at + 1;
    }
    const end = Math.max(position, bytes.length - keep);
    this.#hash.update(bytes.subarray(position, end));
    this.#held = bytes.subarray(end);
  }
}

/**
 * Digests a whole file as the invoker writes it. All of a file without a header counts, also for runners that write
 * none.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but text, bytes, or chunks of them.
 * @example
 * ```ts
 * import { digestOutput } from 'dryrunner/trace';
 * const marker = '########\n########\n';
 * const file = `${marker}\nDate: today\n\n${marker}\nSCOOT_CMD_LOG\nhi\n`;
 * if ((await digestOutput(file)) !== (await digestOutput('hi\n'))) throw new Error('the header does not count');
 * ```
 */
export async function digestOutput(
  content: Chunk | Iterable<Chunk> | AsyncIterable<Chunk>,
  options: OutputDigestOptions = {},
): Promise<string> {
  check('options', options, DIGEST_OPTIONS);
  const digest = new OutputDigest(options);
  if (typeof content === 'string' || isInstance<Uint8Array>(content, Uint8Array)) {
    digest.add(content);
    return digest.end();
  }
  check('content', content, is.ANY_ITERABLE);
  if (Symbol.asyncIterator in content) {
    for await (const chunk of content) digest.add(checked(chunk));
  } else {
    // Chunks are not awaited, because that would inspect values that have not been checked.
    for (const chunk of checkedIterable('content', content)) digest.add(checked(chunk));
  }
  return digest.end();
}

function checked(chunk: Chunk): Chunk {
  if (typeof chunk === 'string' || isInstance(chunk, Uint8Array)) return chunk;
  throw invalidArgument('content', 'pieces of text or bytes', chunk);
}
