/** How the output server says no. Invariant: once a part of an answer is out, only a cut connection shows that it failed. */
import type { ServerResponse, IncomingMessage } from 'node:http';
import { hostname, networkInterfaces } from 'node:os';
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';

/** The text of every 404 (R163). */
export const UNRECOGNIZED = 'Unrecognized path';

/** A request that gets a status and one line of text. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Answers with the refusal, or with 500 for an error that nobody foresaw. */
export function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const [status, message] =
    error instanceof Refusal ? [error.status, error.message] : [500, 'Internal error'];
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(`${message}\n`);
}

/** Addresses that stand for all of the machine's. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '[::]']);
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * Who may ask the output server. Invariants: a request that names another host than the server's own gets nothing, so that no page of a
 * stranger's reaches it by letting a name of theirs lead here; and what belongs to no output is for pages of the server's own origin.
 *
 * The names and addresses under which a server is reached.
 */
export class OwnHosts {
  readonly #names: Set<string>;
  readonly #isOpen: boolean;

  /**
   * @param host where it listens, as it was given.
   * @param address where it listens, as the system says.
   * @param more further names, such as that of a proxy.
   */
  constructor(host: string, address: string, more: readonly string[]) {
    const own = [host, address].map((name) => canonicalHost(bracketed(name)) ?? '');
    this.#isOpen = own.some((name) => WILDCARDS.has(name));
    const given = more.map((name) => canonicalHost(bracketed(name)) ?? '');
    this.#names = new Set([...own, ...given]);
    if (this.#isOpen || own.some((name) => LOOPBACK.has(name))) this.#names.add('localhost');
    if (this.#isOpen) this.#names.add(hostname().toLowerCase());
    this.#names.delete('');
  }

  /** @throws Refusal unless the request is to one of these hosts. */
  check({ headers: { host = '' } }: IncomingMessage): void {
    const name = canonicalHost(host);
    if (name !== undefined && (this.#names.has(name) || (this.#isOpen && isOwnAddress(name)))) return;
    throw new Refusal(421, 'This server is not reached by that name');
  }
}

/**
 * Refuses what a page of another origin asks for. People may follow a link from anywhere: where they come from does not see what they get.
 *
 * @throws Refusal unless the request comes from the server's own pages, from a person or from a program.
 */
export function checkOwnOrigin({ headers }: IncomingMessage): void {
  const { origin, host = '' } = headers;
  const [site, mode, destination] = ['site', 'mode', 'dest'].map((part) => headers[`sec-fetch-${part}`]);
  const isOwn = site === undefined || site === 'same-origin' || site === 'none';
  const isFollowed = mode === 'navigate' && destination === 'document';
  const isOwnPage = origin === undefined || origin.toLowerCase() === `http://${host.toLowerCase()}`;
  if (isOwnPage && (isOwn || isFollowed)) return;
  throw new Refusal(403, 'Only pages of this server may ask for that');
}

/** The one way to write a host, without its port; `undefined` for what is none. */
function canonicalHost(host: string): string | undefined {
  if (host === '' || /[/?#@\\\s]/.test(host)) return undefined;
  try {
    return new URL(`http://${host}`).hostname.replace(/\.$/, '');
  } catch {
    return undefined;
  }
}

/** An address of IPv6 as it stands in a URL, without the interface that it belongs to. */
function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host.replace(/%.*/, '')}]` : host;
}

/** Asked each time, because a machine's addresses change. */
function isOwnAddress(name: string): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return addresses.some(({ address }) => canonicalHost(bracketed(address)) === name);
}

/** Bytes from `start` up to, but not with, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const CHUNK_BYTES = 65_536;

/**
 * Reads a `Range` header and copies a part of a file into a response. Invariant: never more bytes than were announced.
 *
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
      // The announced length can no longer be kept; only a broken connection says so to the client.
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
