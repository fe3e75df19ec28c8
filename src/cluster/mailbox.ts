/**
 * One-way messages at one node, for its handler or its readers. Invariant: each message is delivered once, in order of
 * arrival.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Clock } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import { Fifo } from '../kernel/fifo.ts';
import { LimitedWaiter } from '../kernel/signal-waiters.ts';
import { plural } from '../model/plural.ts';
import type { OngoingWait } from '../model/wait-watch.ts';
import type { Mailbox, MailboxOptions, ReceiveOptions } from '../model/node-context.ts';
import type { Messages } from './endpoint.ts';

const LIMIT = 1_024;
const MAILBOX_OPTIONS = is.optionsOf<MailboxOptions>({}, { limit: is.integer(1) });
const RECEIVE_OPTIONS = is.optionsOf<ReceiveOptions>({}, { timeoutMs: is.limit(), signal: is.ABORT_SIGNAL });

type Handler = (message: unknown, from: string) => void;

interface Letter {
  readonly message: unknown;
  readonly from: string;
}

/** A pending `receive()`. */
class Reader extends LimitedWaiter {
  readonly sinceMs: number;
  readonly #queue: MessageQueue;
  readonly #resolve: (message: unknown) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    queue: MessageQueue,
    sinceMs: number,
    resolve: (message: unknown) => void,
    reject: (error: Error) => void,
  ) {
    super();
    this.sinceMs = sinceMs;
    this.#queue = queue;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  limit(clock: Clock, name: string, { timeoutMs = Infinity, signal }: ReceiveOptions): void {
    const expire = (): void =>
      this.#fail(
        new RunnerError('RUNNER_TIMED_OUT', `no message has come to ${name} within ${timeoutMs} ms`),
      );
    const timer =
      timeoutMs < Infinity ? clock.endOfInstant(`${name} waits for a message`, timeoutMs, expire) : undefined;
    this.limitBy(timer, signal);
  }

  cancelRequested(): void {
    this.#fail(this.abortReason as Error);
  }

  take(message: unknown): void {
    this.leaveLimits();
    this.#resolve(message);
  }

  #fail(error: Error): void {
    this.#queue.leave(this);
    this.leaveLimits();
    this.#reject(error);
  }
}

/** The incoming one-way messages of one process. */
export class MessageQueue implements Messages {
  readonly #clock: Clock;
  readonly #reportClock: Pick<Clock, 'now'>;
  readonly #name: string;
  readonly #letters = new Fifo<Letter>();
  #readers: Reader[] = [];
  #handler: Handler | undefined;
  #limit = LIMIT;
  #mailbox: Mailbox<unknown> | undefined;
  #isClosed = false;

  /** `reportClock` is right where `clock`, that of the process, may be wrong. */
  constructor(clock: Clock, name: string, reportClock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.#reportClock = reportClock;
    this.#name = name;
  }

  /** Why a message would be refused now; undefined if it would be accepted. */
  refusal(): string | undefined {
    const isFull = this.#readers.length === 0 && this.#letters.size >= this.#limit;
    return isFull && this.#handler === undefined
      ? `the mailbox of ${this.#name} is full with ${this.#limit} ${plural(this.#limit, 'message')}`
      : undefined;
  }

  /** Takes a message that arrived. Check {@link refusal} first. */
  add(message: unknown, from: string): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) reader.take(message);
    else if (this.#handler !== undefined) this.#handler(message, from);
    else this.#letters.push({ message, from });
  }

  handle(handler: Handler): void {
    if (this.#isClosed) return;
    this.#handler = handler;
    // One at a time: it may set another handler, or receive some of them itself.
    while (this.#handler === handler) {
      const letter = this.#letters.shift();
      if (letter === undefined) return;
      handler(letter.message, letter.from);
    }
  }

  /** Its process is gone: no handler is called any more, and no reader ever gets anything. */
  close(): void {
    this.#isClosed = true;
    this.#handler = undefined;
    const readers = this.#readers;
    this.#readers = [];
    for (const reader of readers) reader.leaveLimits();
  }

  /** Pending readers, for reports. */
  *waits(): Iterable<OngoingWait> {
    for (const { sinceMs } of this.#readers) yield { owner: this.#name, name: 'a message', sinceMs };
  }

  mailbox(options: MailboxOptions = {}): Mailbox<unknown> {
    check('options', options, MAILBOX_OPTIONS);
    this.#limit = options.limit ?? this.#limit;
    return (this.#mailbox ??= this.#newMailbox());
  }

  #newMailbox(): Mailbox<unknown> {
    const receive = (limits?: ReceiveOptions): Promise<unknown> => this.#receive(limits);
    const size = (): number => this.#letters.size;
    return {
      receive,
      get size() {
        return size();
      },
      async *[Symbol.asyncIterator]() {
        for (;;) yield await receive();
      },
    };
  }

  /** Removes a reader that no longer waits. */
  leave(reader: Reader): void {
    this.#readers = this.#readers.filter((other) => other !== reader);
  }

  #receive(options: ReceiveOptions = {}): Promise<unknown> {
    check('options', options, RECEIVE_OPTIONS);
    if (this.#isClosed) return new Promise(() => {});
    if (options.signal?.aborted === true) return Promise.reject(options.signal.reason as Error);
    const letter = this.#letters.shift();
    if (letter !== undefined) return Promise.resolve(letter.message);
    return new Promise((resolve, reject) => {
      const reader = new Reader(this, this.#reportClock.now(), resolve, reject);
      this.#readers.push(reader);
      reader.limit(this.#clock, this.#name, options);
    });
  }
}
