/** Reads a `Range` header and copies a part of a file into a response. Invariant: never more bytes than were announced. */
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';

/** Bytes from `start` up to, but not with, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const CHUNK_BYTES = 65_536;

/**
 * The part of a file of `size` bytes that a `Range` header asks for: one range, its suffix and open forms included. Absent,
 * malformed and multiple ranges ask for the whole (`undefined`); one that lies outside is `'unsatisfiable'` (R164).
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}

/** Sends the bytes and ends the response; returns early when the client has gone. A file that has shrunk cuts the connection. */
export async function sendBytes(file: FileHandle, response: ServerResponse, range: ByteRange): Promise<void> {
  let position = range.start;
  while (position < range.end && !response.destroyed) {
    const length = Math.min(CHUNK_BYTES, range.end - position);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
    if (bytesRead === 0) {
      // The announced length can no longer be kept; only a broken connection tells the client so.
      response.destroy();
      return;
    }
    position += bytesRead;
    if (!response.write(buffer.subarray(0, bytesRead))) await drainedOrGone(response);
  }
  response.end();
}

async function drainedOrGone(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const over = new AbortController();
  try {
    const { signal } = over;
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    over.abort();
  }
}
