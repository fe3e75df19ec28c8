/**
 * `MessageChannel`: between two ports created by code of a simulation, each message is an event. Invariants: messages
 * of a port arrive in the order of sending; to its users a port looks like Node's.
 */
import { hub, type AmbientWorld } from '../hub.ts';
import { replaceProperty } from './stand-in.ts';

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
  /** Number of {@link #incoming} for which there are events. */
  #due = 0;
  #isStarted = false;
  #hasListened = false;
  #isOpen = true;
  #isRef = false;
  #onMessage: OnMessage = null;

  static connect(world: AmbientWorld): [Port, Port] {
    const [one, other] = [new Port(), new Port()];
    one.#world = other.#world = world;
    one.#other = other;
    other.#other = one;
    return [one, other];
  }

  postMessage(value: unknown, given?: CloneOptions | readonly unknown[]): void {
    const options = Array.isArray(given) ? { transfer: given as never[] } : (given as CloneOptions);
    const copy: unknown = structuredClone(value, options);
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
    while (this.#due < this.#incoming.length) this.#schedule();
  }

  /** Closes the other one too, which first receives what was sent to it. */
  close(closed?: () => void): void {
    if (!this.#isOpen) return;
    if (typeof closed === 'function') this.once('close', closed);
    this.#isOpen = false;
    const close = (): void => void this.emit('close');
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
    const isClose = this.#incoming[this.#due] === CLOSE;
    const message = (): void => this.#receive();
    const close = (): void => this.#receive();
    this.#due += 1;
    const event = this.#world?.setImmediate(isClose ? close : message, []);
    if (isClose || !this.#isRef) event?.unref();
  }

  #receive(): void {
    this.#due -= 1;
    if (!this.#isOpen || !this.#receives) return;
    const item = this.#incoming.shift();
    if (item === CLOSE) {
      this.#isOpen = false;
      this.emit('close');
    } else this.emit('message', item);
  }
}

/** Makes `instanceof MessagePort` true for them. */
Object.setPrototypeOf(Port.prototype, MessagePort.prototype);

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
          if (world === undefined) return Reflect.construct(Real, args, made) as object;
          const [port1, port2] = Port.connect(world);
          return Object.assign(Object.create(Real.prototype as object) as object, { port1, port2 });
        },
      });
      return { value: standIn, writable: true, configurable: true, enumerable: before.enumerable === true };
    });
  }
}
