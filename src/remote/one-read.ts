/**
 * Parts of a blob from a single call of Read, for servers that take no limit, as those of Buildbarn. Invariants: each
 * part begins where the one before ended, or the call is made anew; a call that is open ends with its client.
 */
import type { Messages } from '../cas/codec.ts';
import { REMOTE_METHODS as M } from './methods.ts';
import type { RemoteService, RpcContext } from './rpc.ts';

type ReadRequest = Messages['ReadRequest'];
type ReadResponse = Messages['ReadResponse'];

const NOTHING = new Uint8Array();

/** A call whose bytes are taken part by part. */
class OpenRead {
  readonly #answers: AsyncIterator<ReadResponse>;
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  /** Where the next byte lies. */
  offset: number;
  /** Bytes that have come, and that no part has taken. */
  #rest: Uint8Array = NOTHING;

  constructor(
    transport: RemoteService,
    { resourceName, readOffset }: ReadRequest,
    { caller }: RpcContext,
    signal: AbortSignal,
  ) {
    this.#signal = signal;
    this.offset = readOffset;
    const request: ReadRequest = { resourceName, readOffset, readLimit: 0 };
    const context = { signal: this.#controller.signal, ...(caller === undefined ? {} : { caller }) };
    this.#answers = transport.serverStream(M.read, request, context)[Symbol.asyncIterator]();
    signal.addEventListener('abort', this.stop);
    if (signal.aborted) this.stop();
  }

  readonly stop = (): void => this.#controller.abort();

  /** At most that many bytes; undefined at the end. */
  async next(bytesMax: number): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      const answer = await this.#answers.next();
      if (answer.done === true) return undefined;
      this.#rest = answer.value.data;
    }
    const taken = this.#rest.subarray(0, bytesMax);
    this.#rest = this.#rest.subarray(taken.length);
    this.offset += taken.length;
    return taken;
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.stop);
    this.stop();
    // Not awaited: a stream that waits for its server returns only when that answers.
    this.#answers.return?.().catch(() => undefined);
  }
}

/** See the top of the file. */
export class OneRead {
  readonly #transport: RemoteService;
  readonly #signal: AbortSignal;
  #open: OpenRead | undefined;

  /** Aborting `signal` ends the call, also between two parts. */
  constructor(transport: RemoteService, signal: AbortSignal) {
    this.#transport = transport;
    this.#signal = signal;
  }

  /** The answers to a request with a limit, which the server does not get. */
  async *part(request: ReadRequest, context: RpcContext): AsyncGenerator<ReadResponse> {
    const open = this.#taken(request, context);
    let isWanted = false;
    context.signal.addEventListener('abort', open.stop);
    if (context.signal.aborted) open.stop();
    try {
      for (let left = request.readLimit || Infinity; left > 0;) {
        const data = await open.next(left);
        if (data === undefined) return;
        left -= data.length;
        yield { data };
      }
      isWanted = true;
    } finally {
      context.signal.removeEventListener('abort', open.stop);
      if (isWanted) this.#open = open;
      else open.close();
    }
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  /** The open call if it goes on at the right place, otherwise a new one. */
  #taken(request: ReadRequest, context: RpcContext): OpenRead {
    const open = this.#open;
    this.#open = undefined;
    if (open?.offset === request.readOffset) return open;
    open?.close();
    return new OpenRead(this.#transport, request, context, this.#signal);
  }
}
