/** What the program of a node is given, in a simulation and on the machine. Invariant: it knows nothing of the network but its transport. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { type Clock, sleep } from '../kernel/clock.ts';
import { namedTopic } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { Disk } from '../model/disk.ts';
import { isPending } from '../model/maybe-promise.ts';
import type { Mailbox, MailboxOptions, NodeContext } from '../model/node-context.ts';
import type { World } from '../model/world.ts';
import type { OngoingWait } from '../model/wait-watch.ts';
import { Endpoint } from './endpoint.ts';
import type { Transport } from './envelope.ts';
import { MessageQueue } from './mailbox.ts';
import { createStub } from './stub.ts';

/** Whose process it is. */
export interface ProcessOwner {
  /** Called when the program first asks for its disk. */
  mountDisk(process: ProcessContext): Disk;
  /** Gets what its program leaves uncaught. */
  processFailed(process: ProcessContext, error: unknown): void;
}

/** What one process stands on. */
export interface ContextParts {
  readonly name: string;
  readonly incarnation: number;
  readonly world: World;
  readonly transport: Transport;
  readonly callTimeoutMs: number;
  readonly owner: ProcessOwner;
}

/** The life of one process: what its program is given. */
export class ProcessContext implements NodeContext {
  readonly name: string;
  readonly incarnation: number;
  readonly world: World;
  readonly endpoint: Endpoint;
  readonly #queue: MessageQueue;
  readonly #owner: ProcessOwner;
  #disk: Disk | undefined;
  #stopping: AbortController | undefined;
  #stopHooks: (() => void | Promise<void>)[] | undefined;
  #isClosed = false;

  constructor(parts: ContextParts) {
    const { name, incarnation, world, owner, transport, callTimeoutMs } = parts;
    this.#owner = owner;
    this.name = name;
    this.incarnation = incarnation;
    this.world = world;
    this.#queue = new MessageQueue(world.clock, name);
    this.endpoint = new Endpoint({
      name,
      incarnation,
      clock: world.clock,
      transport,
      callTimeoutMs,
      waits: world.waits,
      messages: this.#queue,
    });
  }

  /** Who waits for what in it, for reports. */
  *waits(): Iterable<OngoingWait> {
    yield* this.endpoint.waits();
    yield* this.#queue.waits();
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

  // Programs take apart what they are given: `({ connect }) => …`.

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
        const result = handle(message, from);
        if (isPending(result)) {
          void result.then(undefined, (error: unknown) => this.#owner.processFailed(this, error));
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
      if (!this.#isClosed) (this.#stopHooks ??= []).push(hook);
    };
  }

  /** The process is dead: nobody is called any more. */
  close(): void {
    this.#isClosed = true;
    this.#stopHooks = undefined;
    this.endpoint.close();
  }

  /** Calls the hooks, one after another; what one throws goes to its owner, and if the process goes on, the next one is called. */
  async stop(): Promise<void> {
    this.#stopping?.abort(new Error(`${this.name} leaves`));
    for (let hook = this.#stopHooks?.pop(); hook !== undefined; hook = this.#stopHooks?.pop()) {
      try {
        await hook();
      } catch (error) {
        this.#owner.processFailed(this, error);
      }
    }
  }
}
