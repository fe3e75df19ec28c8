/**
 * The digest of what a process wrote, taken from the file that the invoker made of it; `src/runners/invocation/log-header.ts` gives that file its
 * form. Dates and host paths stand in the file's header, and why a run was stopped in its trailer (R96, R101, R107, R111), so neither
 * counts: the same bytes of the process give the same digest on every machine and at any time.
 */
import * as is from '../kernel/shape.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { createHash, type Hash } from 'node:crypto';
import { check, checkedIterable, isInstance } from '../kernel/argument-check.ts';
import { LOG_HEADER_END, LOG_TRAILER_BEGIN } from '../model/log-markers.ts';
import type { Chunk } from '../model/output.ts';

/** What is known of the file. */
export interface OutputDigestOptions {
  /**
   * Whether the run was stopped, by abort, deadline or memory cap, so that the file ends with a trailer. Without this, bytes of the
   * process that look like a trailer stay what they are. Default false.
   */
  readonly hasTrailer?: boolean;
}

const DIGEST_OPTIONS = is.optionsOf<OutputDigestOptions>({}, { hasTrailer: is.BOOLEAN });

/** A file whose header is not over by then has none. */
const HEADER_BYTES_MAX = 4 * 1024 * 1024;
/** A file that does not begin with a marker of at most this length has no header. */
const MARKER_BYTES_MAX = 1024;
/** The marker is this line twice, where a header begins, where it ends, and where a trailer begins. */
const MARKER_LINE = /^(#{8,})\n\1\n/;

/** Takes a file piece by piece. */
export class OutputDigest {
  readonly #hasTrailer: boolean;
  readonly #hash = createHash('sha256');
  /** The hash as it was before the latest thing that looks like a trailer. */
  #beforeTrailer: Hash | undefined;
  #trailer: Buffer | undefined;
  /** What cannot be judged yet: a header, or the beginning of a trailer. */
  #held: Buffer = Buffer.alloc(0);
  #isInHeader = true;

  constructor({ hasTrailer = false }: OutputDigestOptions = {}) {
    this.#hasTrailer = hasTrailer;
  }

  /** Takes the next piece of the file. */
  add(chunk: Chunk): void {
    this.#held = Buffer.concat([this.#held, typeof chunk === 'string' ? Buffer.from(chunk) : chunk]);
    if (this.#isInHeader) this.#skipHeader();
    if (!this.#isInHeader) this.#takeBody(this.#trailer === undefined ? 0 : this.#trailer.length - 1);
  }

  /** SHA-256 of the process's bytes, 64 hexadecimal digits; nothing may be added afterwards. */
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

  /** Hashes what is held but for the last `keep` bytes. */
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
 * Digests a whole file as the invoker writes it. A file without a header, or of a runner that writes none, counts whole.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what is neither text, nor bytes, nor pieces of them.
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
    // Nothing of these is awaited, which would look into what may be anything.
    for (const chunk of checkedIterable('content', content)) digest.add(checked(chunk));
  }
  return digest.end();
}

function checked(chunk: Chunk): Chunk {
  if (typeof chunk === 'string' || isInstance(chunk, Uint8Array)) return chunk;
  throw invalidArgument('content', 'pieces of text or bytes', chunk);
}
