/**
 * `MessageChannel`: between two ports created by code of a simulation, each message is an event. Invariants: messages
 * of a port arrive in the order of sending; to its users a port looks like Node's, except that it cannot be passed on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { hub, type AmbientWorld } from '../hub.ts';
import { replaceProperty, standInFor } from './stand-in.ts';

interface EventTargetOfNode extends EventTarget {
  on(type: string, listener: (value: unknown) => void): this;
  once(type: string, listener: (value: unknown) => void): this;
  emit(type: string, value?: unknown): boolean;
  listenerCount(type: string): number;
}
type OnMessage = ((event: MessageEvent) => void) | null;
type CloneOptions = Parameters<typeof structuredClone>[1];
type Listener = Parameters<EventTarget['addEventListener']>[1];

/** Node's own base class of ports, with listeners of both styles. */
const NodeEventTarget = Object.getPrototypeOf(MessagePort) as new () => EventTargetOfNode;

/** What a port receives last. */
const CLOSE = Symbol('close');

class Port extends NodeEventTarget {
  #world: AmbientWorld | undefined;
  #other: Port | undefined;
  /** What was sent to it and not received, in the order of sending. */
  readonly #incoming: unknown[] = [];
  /** One for each of the first of {@link #incoming}. */
  readonly #events: (NodeJS.Immediate | undefined)[] = [];
  #isStarted = false;
  #hasListened = false;
  #isOpen = true;
  #isRef = false;
  #onMessage: OnMessage = null;
  /** Calls a function with the async context of the code that made the port. */
  readonly #inOwnContext = AsyncLocalStorage.snapshot();

  /** See `receiveMessageOnPort`. */
  static take(port: Port): { readonly message: unknown } | undefined {
    if (!port.#isOpen || port.#incoming.length === 0 || port.#incoming[0] === CLOSE) return undefined;
    clearImmediate(port.#events.shift());
    return { message: port.#incoming.shift() };
  }

  static connect(world: AmbientWorld): [Port, Port] {
    const [one, other] = [new Port(), new Port()];
    one.#world = other.#world = world;
    one.#other = other;
    other.#other = one;
    return [one, other];
  }

  postMessage(value: unknown, given?: CloneOptions | readonly unknown[]): void {
    const options = Array.isArray(given) ? { transfer: given as never[] } : (given as CloneOptions);
    const copy = copied(value, options);
    if (this.#isOpen) this.#send(copy);
  }

  /** Listeners of all styles come here. */
  override addEventListener(type: string, ...listener: readonly never[]): void {
    const isFirst = type === 'message' && this.listenerCount(type) === 0;
    super.addEventListener(type, ...(listener as readonly [never]));
    if (!isFirst) return;
    this.#hasListened = true;
    this.#isRef = true;
    this.start();
  }

  addListener(type: string, listener: (value: unknown) => void): this {
    return this.on(type, listener);
  }

  get onmessage(): OnMessage {
    return this.#onMessage;
  }

  set onmessage(listener: OnMessage) {
    if (this.#onMessage !== null) this.removeEventListener('message', this.#onMessage as Listener);
    this.#onMessage = typeof listener === 'function' ? listener : null;
    if (this.#onMessage !== null) this.addEventListener('message', this.#onMessage as never);
  }

  start(): void {
    this.#isStarted = true;
    while (this.#events.length < this.#incoming.length) this.#schedule();
  }

  /** Closes the other one too, which first receives what was sent to it. */
  close(closed?: () => void): void {
    if (!this.#isOpen) return;
    if (typeof closed === 'function') this.once('close', closed);
    this.#isOpen = false;
    const close = (): void => void this.#inOwnContext(() => this.emit('close'));
    this.#world?.setImmediate(close, []).unref();
    this.#send(CLOSE);
  }

  ref(): void {
    this.#isRef = true;
  }

  unref(): void {
    this.#isRef = false;
  }

  hasRef(): boolean {
    return this.#isRef && !this.#isDeaf && this.#isOpen;
  }

  /** True once all listeners are removed. As in Node, messages then wait for the next one. */
  get #isDeaf(): boolean {
    return this.#hasListened && this.listenerCount('message') === 0;
  }

  get #receives(): boolean {
    return (this.#isStarted && !this.#isDeaf) || this.#incoming[0] === CLOSE;
  }

  #send(item: unknown): void {
    const other = this.#other;
    if (other === undefined || !other.#isOpen) return;
    other.#incoming.push(item);
    if (other.#receives) other.#schedule();
  }

  #schedule(): void {
    const isClose = this.#incoming[this.#events.length] === CLOSE;
    const message = (): void => this.#receive();
    const close = (): void => this.#receive();
    const event = this.#world?.setImmediate(isClose ? close : message, []);
    this.#events.push(event);
    if (isClose || !this.#isRef) event?.unref();
  }

  #receive(): void {
    this.#events.shift();
    if (!this.#isOpen || !this.#receives) return;
    const item = this.#incoming.shift();
    if (item === CLOSE) {
      this.#isOpen = false;
      this.#inOwnContext(() => this.emit('close'));
    } else this.#inOwnContext(() => this.emit('message', item));
  }
}

function copied(value: unknown, options: CloneOptions): unknown {
  const transfer: unknown = options?.transfer;
  if (value instanceof Port || (Array.isArray(transfer) && transfer.some((one) => one instanceof Port))) {
    throw new DOMException(
      'in a simulation a port cannot be passed on: send its messages through a port that both sides have',
      'DataCloneError',
    );
  }
  return structuredClone(value, options);
}

/** Makes `instanceof MessagePort` true for them. */
Object.setPrototypeOf(Port.prototype, MessagePort.prototype);

/** Puts `MessageChannel` under the control of a running simulation. */
export function installMessages(): void {
  const owners = {
    MessageChannel: globalThis,
    'MessageChannel of node:worker_threads': process.getBuiltinModule('node:worker_threads'),
  };
  for (const [name, owner] of Object.entries(owners)) {
    replaceProperty(name, owner, 'MessageChannel', (before) => {
      const Real = (before.get === undefined ? before.value : owner.MessageChannel) as typeof MessageChannel;
      const standIn = new Proxy(Real, {
        construct(_, args, made) {
          const { world } = hub;
          // A loader of modules passes ports to a thread of its own.
          if (world === undefined || world.isCalledByTool()) {
            return Reflect.construct(Real, args, made) as object;
          }
          const [port1, port2] = Port.connect(world);
          return Object.assign(Object.create(Real.prototype as object) as object, { port1, port2 });
        },
      });
      return { value: standIn, writable: true, configurable: true, enumerable: before.enumerable === true };
    });
  }
  type Receive = (this: unknown, port: unknown) => unknown;
  standInFor(
    'receiveMessageOnPort',
    process.getBuiltinModule('node:worker_threads'),
    'receiveMessageOnPort',
    (real: Receive): Receive =>
      (port) =>
        port instanceof Port ? Port.take(port) : real(port),
    true,
  );
}
