/**
 * Serves the outputs of one folder over HTTP: complete, in ranges, or as a page that follows the file. Invariant: a
 * request opens at most one file, closes it whatever happens, and reaches only regular files directly in the folder.
 */
import * as is from '../../kernel/shape.ts';
import { type ServerResponse, type IncomingMessage, createServer, type Server } from 'node:http';
import { hostname, networkInterfaces } from 'node:os';
import { once } from 'node:events';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { check } from '../../kernel/argument-check.ts';
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import { sayingHourly } from '../guard-callback.ts';
import { isOutputId } from '../../outputs/output-id.ts';
import type { LocalOutputs } from './local-output.ts';
import { listingPage } from './output-server-listing.ts';
import { TAIL_PAGE_POLICY, tailPage } from './tail-page.ts';
import { constants } from 'node:fs';

/** The body of every 404 (R163). */
const UNRECOGNIZED = 'Unrecognized path';

/** Ends a request with a status and one line of text. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/**
 * Answers with the refusal, or with 500 for an unexpected error. Once part of an answer has been sent, only cutting the
 * connection can show that it failed.
 */
function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const [status, message] =
    error instanceof Refusal ? [error.status, error.message] : [500, 'Internal error'];
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(`${message}\n`);
}

/** Addresses that stand for all addresses of the machine. */
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '[::]']);
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * The names and addresses under which the output server may be reached. Invariants: a request for another host is
 * refused, so that a page on a stranger's domain cannot reach the server by making that domain resolve to this machine
 * (DNS rebinding); requests that do not belong to an output are only for pages of the server's own origin.
 */
class OwnHosts {
  readonly #names: Set<string>;
  readonly #isOpen: boolean;

  /**
   * @param host the host it was asked to listen on.
   * @param address the address that it listens on, as the system reports it.
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

  /** @throws Refusal unless the request is for one of these hosts. */
  check({ headers: { host = '' } }: IncomingMessage): void {
    const name = canonicalHost(host);
    if (name !== undefined && (this.#names.has(name) || (this.#isOpen && isOwnAddress(name)))) return;
    throw new Refusal(421, 'This server is not reached by that name');
  }
}

/**
 * Refuses requests that a page of another origin makes. Following a link from anywhere is fine, because the page with
 * the link does not see the response.
 *
 * @throws Refusal unless the request comes from the server's own pages, from a person or from a program.
 */
function checkOwnOrigin({ headers }: IncomingMessage): void {
  const { origin, host = '' } = headers;
  const [site, mode, destination] = ['site', 'mode', 'dest'].map((part) => headers[`sec-fetch-${part}`]);
  const isOwn = site === undefined || site === 'same-origin' || site === 'none';
  const isFollowed = mode === 'navigate' && destination === 'document';
  const isOwnPage = origin === undefined || origin.toLowerCase() === `http://${host.toLowerCase()}`;
  if (isOwnPage && (isOwn || isFollowed)) return;
  throw new Refusal(403, 'Only pages of this server may ask for that');
}

/** The canonical form of a host, without its port; `undefined` if it is not a host. */
function canonicalHost(host: string): string | undefined {
  if (host === '' || /[/?#@\\\s]/.test(host)) return undefined;
  try {
    return new URL(`http://${host}`).hostname.replace(/\.$/, '');
  } catch {
    return undefined;
  }
}

/** An IPv6 address as it is written in a URL, without its interface. */
function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host.replace(/%.*/, '')}]` : host;
}

/** Looked up each time, because a machine's addresses change. */
function isOwnAddress(name: string): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return addresses.some(({ address }) => canonicalHost(bracketed(address)) === name);
}

/** The bytes from `start` (inclusive) to `end` (exclusive). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const CHUNK_BYTES = 65_536;

/**
 * The part of a file of `size` bytes that a `Range` header asks for: a single range, also in suffix or open form. An
 * absent, malformed or multiple range asks for the whole file (`undefined`); one outside of the file is
 * `'unsatisfiable'` (R164).
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

/**
 * Sends exactly the bytes of the range and ends the response; returns early if the client disconnects. Cuts the
 * connection if the file has shrunk.
 */
async function sendBytes(file: FileHandle, response: ServerResponse, range: ByteRange): Promise<void> {
  let position = range.start;
  while (position < range.end && !response.destroyed) {
    const length = Math.min(CHUNK_BYTES, range.end - position);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
    if (bytesRead === 0) {
      // Fewer bytes than announced: only a broken connection shows that to the client.
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

/** Options of {@link createOutputServer}. */
export interface OutputServerOptions {
  /** Port to listen on. Default 0: any free port. */
  readonly port?: number;
  /** Host to listen on. Default `127.0.0.1`: reachable from this machine only. */
  readonly host?: string;
  /** The path below which outputs are served, as in the outputs' `httpBaseUrl`. Default `/`. */
  readonly basePath?: string;
  /**
   * Further names or addresses by which clients reach the server, such as that of a reverse proxy. Requests with any
   * other `Host` than these and its own get 421. Default: none.
   */
  readonly hostNames?: readonly string[];
}

const HOST = is.text('the name or address of a host', /^[^\s/?#@\\\0]+$/);
const SERVER_OPTIONS = is.optionsOf<OutputServerOptions>(
  {},
  {
    port: is.integer(0, 65_535),
    host: HOST,
    basePath: is.text('a path without query', /^[^?#\0-\x1f\x7f\p{Surrogate}]*$/u),
    hostNames: is.listOf(HOST, 'a list of host names'),
  },
);

/** A running output server. */
export interface OutputServer {
  /** The base URL, without trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Ends all connections and stops listening. Idempotent. */
  close(): Promise<void>;
}

const IDLE_MS_MAX = 120_000;

class OutputRequests {
  readonly #outputs: LocalOutputs;
  readonly #base: string;

  constructor(outputs: LocalOutputs, base: string) {
    this.#outputs = outputs;
    this.#base = base;
  }

  async answer(hosts: OwnHosts, request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    try {
      hosts.check(request);
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('Allow', 'GET, HEAD');
        throw new Refusal(405, 'Only GET and HEAD are served');
      }
      const [path = '', query = ''] = splitOnce(request.url ?? '', '?');
      const key = this.#keyOf(path);
      if (key === '') await this.#list(request, response);
      else await this.#serve(key, new URLSearchParams(query).get('content') === 'true', request, response);
    } catch (error) {
      refuse(response, error);
    }
  }

  /** The output that a path asks for: '' for the listing, else an id or name. */
  #keyOf(path: string): string {
    const segments = path.split('/');
    const depth = this.#base.split('/').length;
    // Clients differ in which characters of a path they encode.
    if (decoded(segments.slice(0, depth).join('/')) !== decoded(this.#base)) {
      throw new Refusal(404, UNRECOGNIZED);
    }
    // A base URL with a trailing slash, joined with an id by another slash, has two.
    return decoded(segments.slice(depth).join('/').replace(/^\/+/, ''));
  }

  /** The listing is kept from other origins, because anyone who knows an output's name can read it from any page. */
  async #list(request: IncomingMessage, response: ServerResponse): Promise<void> {
    checkOwnOrigin(request);
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    const page = listingPage(this.#base, await filesIn(this.#outputs.dir));
    sendPage(response, page, "default-src 'none'; frame-ancestors 'none'");
  }

  async #serve(
    key: string,
    content: boolean,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    response.setHeader('Access-Control-Allow-Origin', '*');
    const { path, file } = await this.#open(key);
    try {
      response.setHeader('X-Resource-Id', headerText(path));
      response.setHeader('Access-Control-Expose-Headers', 'X-Resource-Id, Content-Range, Accept-Ranges');
      if (content) await sendContent(file, request, response);
      else sendPage(response, tailPage(key), TAIL_PAGE_POLICY);
    } finally {
      await file.close();
    }
  }

  async #open(key: string): Promise<{ path: string; file: FileHandle }> {
    const known = this.#outputs.find(key);
    if (known === undefined && !isOutputId(key)) throw new Refusal(404, UNRECOGNIZED);
    const path = known?.path ?? join(this.#outputs.dir, key);
    const file = await openRegular(path, known === undefined ? 404 : 410);
    return { path, file };
  }
}

async function sendContent(
  file: FileHandle,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { size } = await file.stat();
  const range = parseRange(request.headers.range, size);
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Accept-Ranges', 'bytes');
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${size}`);
    throw new Refusal(416, 'The range lies outside of the file');
  }
  const { start, end } = range ?? { start: 0, end: size };
  if (range !== undefined) response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${size}`);
  response.writeHead(range === undefined ? 200 : 206, { 'Content-Length': end - start });
  if (request.method === 'HEAD') response.end();
  else await sendBytes(file, response, { start, end });
}

function sendPage(response: ServerResponse, html: string, policy: string): void {
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Content-Security-Policy', policy);
  response.writeHead(200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(html),
  });
  response.end(html);
}

/** Header values must be printable ASCII; anything else is percent-encoded. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]+|%/g, encodeURIComponent);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new Refusal(400, 'Malformed path', { cause });
  }
}

/** A path as a URL has it, without trailing slash. What is encoded already stays so. */
function encodedBase(path: string): string {
  let plain = path;
  try {
    plain = decodeURIComponent(path);
  } catch {
    // A percent sign that stands for itself.
  }
  const encoded = encodeURI(plain).replace(/[?#]/g, encodeURIComponent);
  return encoded.replace(/\/+$/, '').replace(/^(?=[^/])/, '/');
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

class ListeningServer implements OutputServer {
  readonly url: string;
  readonly port: number;
  readonly #server: Server;
  #closing: Promise<void> | undefined;

  constructor(server: Server, host: string, base: string) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${this.port}${base}`;
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
    return this.#closing;
  }
}

/**
 * Serves local outputs (R163, R164). A request by id or by file name gets the page that follows the file, or with
 * `?content=true` its bytes.
 *
 * The server answers only to its own host names and addresses, and never shows the listing to a page of another origin.
 *
 * @throws RunnerError (rejects) `RUNNER_INVALID_ARGUMENT` for invalid options, and then nothing listens;
 * `RUNNER_OUTPUT_FAILED` if it cannot listen.
 * @example
 * ```ts
 * import { createLocalOutputs, createOutputServer } from 'dryrunner/host';
 * let base: string | undefined;
 * const outputs = createLocalOutputs({ httpBaseUrl: () => base });
 * const server = await createOutputServer(outputs);
 * base = server.url;
 * const output = await outputs.create('stdout');
 * await output.write('hello');
 * const answer = await fetch(`${server.url}/stdout?content=true`);
 * if ((await answer.text()) !== 'hello') throw new Error('not served');
 * await server.close();
 * await outputs.dispose();
 * ```
 */
export async function createOutputServer(
  outputs: LocalOutputs,
  options: OutputServerOptions = {},
): Promise<OutputServer> {
  check('outputs', outputs, is.withMethods('find', 'create'));
  check('outputs.dir', outputs.dir, is.text('a path'));
  check('options', options, SERVER_OPTIONS);
  const { port = 0, host = '127.0.0.1', basePath = '/', hostNames = [] } = options;
  const base = encodedBase(basePath);
  const requests = new OutputRequests(outputs, base);
  // Set once the server listens; no request comes before that.
  let hosts: OwnHosts | undefined;
  const server = createServer((request, response) => {
    hosts ??= new OwnHosts(host, (server.address() as AddressInfo).address, hostNames);
    void requests.answer(hosts, request, response);
  });
  server.setTimeout(IDLE_MS_MAX);
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new RunnerError('RUNNER_OUTPUT_FAILED', `cannot listen on ${host}:${port}`, { cause });
  }
  const warn = sayingHourly('output server', (text) => process.emitWarning(text));
  // A connection that the system refuses, for example because too many files are open.
  server.on('error', (error) => warn(`output server: ${messageOf(error)}`));
  return new ListeningServer(server, host, base);
}

/**
 * Opens a regular file for reading, never through a link, and without waiting for the other end of a pipe.
 *
 * @throws Refusal with `statusWhenGone` if there is no such file.
 */
async function openRegular(path: string, statusWhenGone: 404 | 410): Promise<FileHandle> {
  const gone = statusWhenGone === 404 ? UNRECOGNIZED : 'The file is gone';
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP') throw new Refusal(statusWhenGone, gone, { cause });
    if (code === 'ENAMETOOLONG' || code === 'ENXIO') throw new Refusal(404, UNRECOGNIZED, { cause });
    throw new Refusal(500, 'The file cannot be opened', { cause });
  }
  try {
    if ((await file.stat()).isFile()) return file;
  } catch (cause) {
    await file.close();
    throw new Refusal(500, 'The file cannot be examined', { cause });
  }
  await file.close();
  throw new Refusal(statusWhenGone, gone);
}

/** The names of the regular files in a folder; none if it does not exist. */
async function filesIn(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Refusal(500, 'The folder cannot be read', { cause });
  }
}
