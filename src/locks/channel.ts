/**
 * A bounded queue between senders and receivers. Invariants: values are received in the order in which they were sent,
 * each exactly once; a value that has not been received is in the queue, or with a sender that still waits and takes it
 * along on leaving; after closing, the values in the queue can still be received and none are added.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Timer } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import { Fifo } from '../kernel/fifo.ts';
import { WORLD_OF_CHOICES } from '../model/world.ts';
import { type LockWorld, NAME } from './noted-wait.ts';
import { LockSite, WAIT_OPTIONS, WaitLine, type WaitOptions } from './wait-line.ts';

/** Options of {@link createChannel}. */
export interface ChannelOptions {
  /** Name in reports, as `channel NAME`. */
  readonly name: string;
  /**
   * How many values the queue holds; with 0, the default, each sender waits for a receiver. `Infinity` for no limit.
   */
  readonly capacity?: number;
}

const CAPACITY = is.satisfying(
  'an integer ≥ 0, or Infinity',
  (value) => value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 0),
);
const CHANNEL_OPTIONS = is.optionsOf<ChannelOptions>({ name: NAME }, { capacity: CAPACITY });

/** Wraps a value, so that undefined can be sent. */
interface Sent<T> {
  readonly value: T;
}

/** A channel. Made by {@link createChannel}. */
export class Channel<T> implements AsyncIterable<T> {
  /** Name given on creation. */
  readonly name: string;
  readonly capacity: number;
  readonly #site: LockSite;
  readonly #queue = new Fifo<Sent<T>>();
  #isClosed = false;
  #service: Timer | undefined;
  readonly #senders: WaitLine<Sent<T>, void>;
  /** Receives undefined once the channel is closed and empty. */
  readonly #receivers: WaitLine<undefined, Sent<T> | undefined>;

  /** @internal */
  constructor(site: LockSite, { name, capacity = 0 }: ChannelOptions) {
    this.name = name;
    this.capacity = capacity;
    this.#site = site;
    const onLeft = (): void => this.#arrange();
    this.#senders = new WaitLine({ site, goal: `room in ${site.title}`, onLeft });
    this.#receivers = new WaitLine({ site, goal: `a value from ${site.title}`, onLeft });
  }

  /** Number of values in the queue, without those of waiting senders. */
  get size(): number {
    return this.#queue.size;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Resolves once the value is in the queue, or has been received if there is no room.
   *
   * @throws RunnerError (as a rejection) `RUNNER_CHANNEL_CLOSED` if the channel is closed, or gets closed during the
   * wait; `RUNNER_TIMED_OUT`, `RUNNER_WAIT_CANCELLED`. In all cases the value was not sent.
   */
  async send(value: T, options: WaitOptions = {}): Promise<void> {
    check('options', options, WAIT_OPTIONS);
    if (this.#isClosed) throw this.#closed(`${this.#site.ownerOf(options)} sends to it`);
    if (options.signal?.aborted !== true && this.#canPush()) {
      this.#queue.push({ value });
      this.#arrange();
      return undefined;
    }
    const sent = this.#senders.wait({ value }, options);
    this.#arrange();
    return sent;
  }

  /**
   * Receives the next value.
   *
   * @throws RunnerError (as a rejection) `RUNNER_CHANNEL_CLOSED` once it is closed and empty, `RUNNER_TIMED_OUT`,
   * `RUNNER_WAIT_CANCELLED`.
   */
  async receive(options: WaitOptions = {}): Promise<T> {
    check('options', options, WAIT_OPTIONS);
    const sent = await this.#take(options);
    if (sent === undefined) {
      throw this.#closed(`it is empty, and ${this.#site.ownerOf(options)} receives from it`);
    }
    return sent.value;
  }

  /**
   * Closes the channel: waiting senders and later ones reject with `RUNNER_CHANNEL_CLOSED`. A second call is a no-op.
   */
  close(): void {
    this.#isClosed = true;
    this.#senders.failAll((owner) => this.#closed(`${owner} waited to send to it`));
    this.#arrange();
  }

  /** Iterates over the values as they arrive; ends once the channel is closed and empty. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (let sent = await this.#take({}); sent !== undefined; sent = await this.#take({})) yield sent.value;
  }

  async #take(options: WaitOptions): Promise<Sent<T> | undefined> {
    if (options.signal?.aborted !== true && this.#receivers.size === 0) {
      const next = this.#queue.shift();
      if (next !== undefined) {
        this.#arrange();
        return next;
      }
      if (this.#isClosed) return undefined;
    }
    const received = this.#receivers.wait(undefined, options);
    this.#arrange();
    return received;
  }

  /** True if a value can be queued without overtaking a waiting sender. */
  #canPush(): boolean {
    return this.#senders.size === 0 && this.#queue.size < this.capacity;
  }

  /** The next step that serves a waiter; undefined if none is possible. */
  #next(): (() => void) | undefined {
    const sender = this.#senders.first;
    const receiver = this.#receivers.first;
    const hasRoom = this.#queue.size < this.capacity;
    if (receiver !== undefined && this.#queue.size > 0) {
      return () => this.#receivers.serve(receiver, this.#queue.shift());
    }
    if (receiver !== undefined && sender !== undefined) {
      return () => {
        this.#senders.serve(sender);
        this.#receivers.serve(receiver, sender.request);
      };
    }
    if (receiver !== undefined && this.#isClosed) return () => this.#receivers.serve(receiver, undefined);
    if (sender === undefined || !hasRoom) return undefined;
    return () => {
      this.#queue.push(sender.request);
      this.#senders.serve(sender);
    };
  }

  /** Keeps an event scheduled exactly while there is a waiter to serve. */
  #arrange(): void {
    if (this.#next() === undefined) {
      this.#service?.cancel();
      this.#service = undefined;
      return;
    }
    this.#service ??= this.#site.world.clock.post(this.#site.topic('passes on'), () => {
      this.#service = undefined;
      this.#next()?.();
      this.#arrange();
    });
  }

  #closed(how: string): RunnerError {
    return new RunnerError('RUNNER_CHANNEL_CLOSED', `${this.#site.title} is closed: ${how}`);
  }
}

/**
 * Creates a channel. Values enter and leave the queue at once if possible; waiters are served in an event of the clock.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a world, a name, and a capacity that is an integer ≥ 0
 * or `Infinity`.
 * @example
 * ```ts
 * import { createChannel } from 'dryrunner/cluster';
 * import { simulate } from 'dryrunner';
 * await simulate({
 *   async scenario(sim) {
 *     const jobs = createChannel<string>(sim.world, { name: 'jobs', capacity: 1 });
 *     const produce = async (): Promise<void> => {
 *       for (const job of ['compile', 'test']) await jobs.send(job, { owner: 'producer' });
 *       jobs.close();
 *     };
 *     const done = produce();
 *     const seen: string[] = [];
 *     for await (const job of jobs) seen.push(job);
 *     await done;
 *     console.log(seen.join()); // compile,test
 *   },
 * });
 * ```
 */
export function createChannel<T>(world: LockWorld, options: ChannelOptions): Channel<T> {
  check('world', world, WORLD_OF_CHOICES);
  check('options', options, CHANNEL_OPTIONS);
  return new Channel<T>(new LockSite(world, 'channel', options.name), options);
}
