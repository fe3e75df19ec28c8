/**
 * `MessageChannel`: between two ports created by code of a simulation, each message is an event. Invariants: messages
 * of a port arrive in the order of sending; to its users a port looks like Node's.
 */
import { hub, type AmbientWorld } from '../hub.ts';
import { replaceProperty } from './stand-in.ts';

interface EventTargetOfNode extends EventTarget {
  on(type: string, listener: (value: unknown) => void): this;
  emit(type: string, value?: unknown): boolean;
  listenerCount(type: string): number;
}
type OnMessage = ((event: MessageEvent) => void) | null;
type CloneOptions = Parameters<typeof structuredClone>[1];
type Listener = Parameters<EventTarget['addEventListener']>[1];

/** Node's own base class of ports, with listeners of both styles. */
const NodeEventTarget = Object.getPrototypeOf(MessagePort) as new () => EventTargetOfNode;

class Port extends NodeEventTarget {
  #world: AmbientWorld | undefined;
  #other: Port | undefined;
  readonly #waiting: unknown[] = [];
  #isStarted = false;
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
    const other = this.#other;
    if (!this.#isOpen || other === undefined) return;
    this.#world?.setImmediate(function message() {
      other.#receive(copy);
    }, []);
  }

  override on(type: string, listener: (value: unknown) => void): this {
    super.on(type, listener);
    if (type === 'message') this.start();
    return this;
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
    if (this.#onMessage === null) return;
    this.addEventListener('message', this.#onMessage as Listener);
    this.start();
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    for (const value of this.#waiting.splice(0)) {
      this.#world?.setImmediate(
        function message(this: unknown, port: Port) {
          port.#receive(value);
        },
        [this],
      );
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    const other = this.#other;
    for (const port of other === undefined ? [this] : [this, other]) {
      if (!port.#isOpen) continue;
      port.#isOpen = false;
      this.#world?.setImmediate(function close() {
        port.emit('close');
      }, []);
    }
  }

  ref(): void {
    this.#isRef = true;
  }

  unref(): void {
    this.#isRef = false;
  }

  hasRef(): boolean {
    return this.#isRef;
  }

  #receive(value: unknown): void {
    if (!this.#isOpen) return;
    if (this.#isStarted) this.emit('message', value);
    else this.#waiting.push(value);
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
