/**
 * The context that a node's program receives, in a simulation and for real. Invariant: it reaches the network only
 * through its transport.
 */
import * as is from '../kernel/shape.ts';
import { check, refuseGenerator } from '../kernel/argument-check.ts';
import { type Clock, sleep } from '../kernel/clock.ts';
import { namedTopic } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { Disk } from '../model/disk.ts';
import { isEagerPromise } from '../model/maybe-promise.ts';
import type { Mailbox, MailboxOptions, NodeContext } from '../model/node-context.ts';
import type { World } from '../model/world.ts';
import type { OngoingWait } from '../model/wait-watch.ts';
import { Endpoint } from './endpoint.ts';
import type { Transport } from './envelope.ts';
import { MessageQueue } from './mailbox.ts';
import { createStub } from './stub.ts';

/** The owner of a process. */
export interface ProcessOwner {
  /** Called when the program first asks for its disk. */
  mountDisk(process: ProcessContext): Disk;
  /** Called with an error that the program left uncaught. */
  processFailed(process: ProcessContext, error: unknown): void;
}

/** Dependencies of a {@link ProcessContext}. */
export interface ContextParts {
  readonly name: string;
  readonly incarnation: number;
  readonly world: World;
  /** See {@link EndpointParts}. */
  readonly reportClock?: Pick<Clock, 'now'>;
  readonly transport: Transport;
  readonly callTimeoutMs: number;
  readonly owner: ProcessOwner;
}

interface StopHook {
  readonly hook: () => void | Promise<void>;
  /** Where it was registered, if places are captured. */
  readonly place: Error | undefined;
}

/** One process of a node; its program receives it as {@link NodeContext}. */
export class ProcessContext implements NodeContext {
  readonly name: string;
  readonly incarnation: number;
  readonly world: World;
  readonly endpoint: Endpoint;
  readonly #reportClock: Pick<Clock, 'now'>;
  readonly #queue: MessageQueue;
  readonly #owner: ProcessOwner;
  #disk: Disk | undefined;
  #stopping: AbortController | undefined;
  #stopHooks: StopHook[] | undefined;
  /** The wait for the `onStop` hook that was called last. */
  #hookWait: OngoingWait | undefined;
  #isClosed = false;

  constructor(parts: ContextParts) {
    const { name, incarnation, world, owner, transport, callTimeoutMs } = parts;
    const { reportClock = world.clock } = parts;
    this.#owner = owner;
    this.name = name;
    this.incarnation = incarnation;
    this.world = world;
    this.#reportClock = reportClock;
    this.#queue = new MessageQueue(world.clock, name, reportClock);
    this.endpoint = new Endpoint({
      name,
      incarnation,
      clock: world.clock,
      reportClock,
      transport,
      callTimeoutMs,
      waits: world.waits,
      messages: this.#queue,
    });
  }

  /** Its ongoing waits, for reports. */
  *waits(): Iterable<OngoingWait> {
    yield* this.endpoint.waits();
    yield* this.#queue.waits();
    if (this.#hookWait !== undefined) yield this.#hookWait;
  }

  get clock(): Clock {
    return this.world.clock;
  }

  get random(): RandomStream {
    return this.world.random;
  }

  get disk(): Disk {
    return (this.#disk ??= this.#owner.mountDisk(this));
  }

  get signal(): AbortSignal {
    return (this.#stopping ??= new AbortController()).signal;
  }

  // Programs destructure their context, `({ connect }) => …`, so these are getters of functions that need no `this`.

  get sleep(): NodeContext['sleep'] {
    return (ms, label) => sleep(this.world.clock, ms, label ?? namedTopic(this.name, 'sleep', ''));
  }

  get connect(): NodeContext['connect'] {
    return (to, options) => createStub(this.endpoint, to, options);
  }

  get send(): NodeContext['send'] {
    return (to, message) => {
      check('to', to, is.TEXT);
      this.endpoint.send(to, message);
    };
  }

  get onMessage(): NodeContext['onMessage'] {
    return (handler) => {
      check('handler', handler, is.FUNCTION);
      const handle = handler as (message: unknown, from: string) => unknown;
      this.#queue.handle((message, from) => {
        const fail = (error: unknown): void => this.#owner.processFailed(this, error);
        try {
          const result = handle(message, from);
          if (isEagerPromise(result)) void result.then(undefined, fail);
          else refuseGenerator(`the message handler of ${this.name}`, result);
        } catch (error) {
          // Also an error of the node where `onMessage` itself hands over what has come before.
          fail(error);
        }
      });
    };
  }

  get mailbox(): NodeContext['mailbox'] {
    return <M>(options?: MailboxOptions) => this.#queue.mailbox(options) as Mailbox<M>;
  }

  get note(): NodeContext['note'] {
    return (text) => {
      check('text', text, is.TEXT);
      this.world.tracer?.record({ at: this.world.clock.now(), type: 'note', runner: this.name, text });
    };
  }

  get onStop(): NodeContext['onStop'] {
    return (hook) => {
      check('hook', hook, is.FUNCTION);
      if (this.#isClosed) return;
      const place = this.world.waits?.capturesPlaces === true ? new Error('place') : undefined;
      (this.#stopHooks ??= []).push({ hook, place });
    };
  }

  /** Ends the process: no hook, handler or caller of it is called any more. */
  close(): void {
    this.#isClosed = true;
    this.#stopHooks = undefined;
    this.#queue.close();
    this.endpoint.close();
  }

  /**
   * Calls the `onStop` hooks, the newest first, one at a time. An error of a hook goes to the owner; the rest run
   * unless that ends the process.
   */
  async stop(): Promise<void> {
    (this.#stopping ??= new AbortController()).abort(new Error(`${this.name} leaves`));
    for (let next = this.#stopHooks?.pop(); next !== undefined; next = this.#stopHooks?.pop()) {
      const { hook, place } = next;
      const sinceMs = this.#reportClock.now();
      this.#hookWait = { owner: this.name, name: 'its onStop hook to end', sinceMs, place };
      try {
        await hook();
      } catch (error) {
        this.#owner.processFailed(this, error);
      }
    }
  }
}
