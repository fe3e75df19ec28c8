/**
 * A queue with a bound between those who send and those who receive. Invariants: values are received in the order in which they were sent,
 * each by one; a value that nobody has received is in the queue, or with a sender who still waits and takes it along on leaving; after
 * closing, what is in the queue can still be received and nothing is added.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Timer } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import { WORLD_OF_CHOICES } from '../model/world.ts';
import { type LockWorld, NAME } from './noted-wait.ts';
import { LockSite, WAIT_OPTIONS, WaitLine, type WaitOptions } from './wait-line.ts';

/** What {@link createChannel} takes. */
export interface ChannelOptions {
  /** Reports call it `channel NAME`. */
  readonly name: string;
  /** How many values it keeps for those who will receive them; 0, the default, lets each sender wait for a receiver. `Infinity` for no bound. */
  readonly capacity?: number;
}

const CAPACITY = is.such(
  'an integer ≥ 0, or Infinity',
  (value) => value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 0),
);
const CHANNEL_OPTIONS = is.optionsOf<ChannelOptions>({ name: NAME }, { capacity: CAPACITY });

/** A value, so that undefined can be one. */
interface Sent<T> {
  readonly value: T;
}

/** A channel. Made by {@link createChannel}. */
export class Channel<T> implements AsyncIterable<T> {
  /** As it was made with. */
  readonly name: string;
  readonly capacity: number;
  readonly #site: LockSite;
  readonly #queue: Sent<T>[] = [];
  #isClosed = false;
  #service: Timer | undefined;
  readonly #senders: WaitLine<Sent<T>, void>;
  /** Undefined once the channel is closed and empty. */
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

  /** How many values nobody has received, without those of senders who wait. */
  get size(): number {
    return this.#queue.length;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Resolves once the value is in the queue, or received if there is no room.
   *
   * @throws RunnerError (as a rejection) `RUNNER_CHANNEL_CLOSED` if it is closed, or is while this waits; `RUNNER_TIMED_OUT`,
   * `RUNNER_WAIT_CANCELLED`: then the value was not sent.
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
   * The next value.
   *
   * @throws RunnerError (as a rejection) `RUNNER_CHANNEL_CLOSED` once it is closed and empty, `RUNNER_TIMED_OUT`, `RUNNER_WAIT_CANCELLED`.
   */
  async receive(options: WaitOptions = {}): Promise<T> {
    check('options', options, WAIT_OPTIONS);
    const sent = await this.#take(options);
    if (sent === undefined) {
      throw this.#closed(`it is empty, and ${this.#site.ownerOf(options)} receives from it`);
    }
    return sent.value;
  }

  /** Nothing is sent from now on: those who wait to send reject with `RUNNER_CHANNEL_CLOSED`. Closing it again does nothing. */
  close(): void {
    this.#isClosed = true;
    this.#senders.failAll((owner) => this.#closed(`${owner} waited to send to it`));
    this.#arrange();
  }

  /** The values as they come; ends once it is closed and empty. */
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

  /** One who comes now passes no sender who waits. */
  #canPush(): boolean {
    return this.#senders.size === 0 && this.#queue.length < this.capacity;
  }

  /** What can be done for somebody who waits. */
  #next(): (() => void) | undefined {
    const sender = this.#senders.first;
    const receiver = this.#receivers.first;
    const hasRoom = this.#queue.length < this.capacity;
    if (receiver !== undefined && this.#queue.length > 0) {
      return () => this.#receivers.serve(receiver, this.#queue.shift());
    }
    if (receiver !== undefined && sender !== undefined) {
      return () => {
        this.#senders.serve(sender);
        this.#receivers.serve(receiver, sender.wish);
      };
    }
    if (receiver !== undefined && this.#isClosed) return () => this.#receivers.serve(receiver, undefined);
    if (sender === undefined || !hasRoom) return undefined;
    return () => {
      this.#queue.push(sender.wish);
      this.#senders.serve(sender);
    };
  }

  /** Sees to it that an event is due if something can be done for somebody, and only then. */
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
 * Makes a channel. A value passes at once to the queue or from it; who waits is served in an event of the clock.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a world, a name, and a capacity that is an integer ≥ 0 or `Infinity`.
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
