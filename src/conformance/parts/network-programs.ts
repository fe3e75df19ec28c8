/**
 * Node programs for the cases of networks, which run unchanged on a simulated network and in threads. Invariant: each
 * needs nothing but its context, so that a thread can load this module itself.
 */
import type { NodeContext } from '../../model/node-context.ts';

export interface Counter {
  add(n: number): Promise<number>;
  fail(message: string): never;
  sleepThenAdd(ms: number, n: number): Promise<number>;
  incarnation(): number;
  mirror(value: unknown): unknown;
  refuse(): unknown;
  failures(): Promise<PromiseSettledResult<number>[]>;
}

class CounterServer implements Counter {
  readonly #node: NodeContext;
  #count = 0;

  constructor(node: NodeContext) {
    this.#node = node;
  }

  add(n: number): Promise<number> {
    this.#count += n;
    return Promise.resolve(this.#count);
  }

  fail(message: string): never {
    throw Object.assign(new RangeError(message, { cause: new TypeError('inner') }), { code: 'E_FULL' });
  }

  async sleepThenAdd(ms: number, n: number): Promise<number> {
    await this.#node.sleep(ms);
    return this.add(n);
  }

  incarnation(): number {
    return this.#node.incarnation;
  }

  mirror(value: unknown): unknown {
    return value;
  }

  failures(): Promise<PromiseSettledResult<number>[]> {
    const full = Object.assign(new RangeError('it is full'), { code: 'E_FULL' });
    const nobody = this.#node.connect<{ add(n: number): Promise<number> }>('nobody');
    return Promise.allSettled([Promise.reject(full), nobody.add(1)]);
  }

  refuse(): unknown {
    return () => 'a function cannot cross';
  }
}

export function counter(node: NodeContext): Counter {
  return new CounterServer(node);
}

export interface Forwarder {
  add(n: number): Promise<number>;
}

/** Calls another node on behalf of its callers. */
export function forwarder({ connect }: NodeContext): Forwarder {
  const behind = connect<Counter>('counter');
  return { add: (n) => behind.add(n) };
}

export interface Collector {
  got(count: number): Promise<unknown[]>;
}

/** Keeps the messages that it receives. */
export function collector({ mailbox: open }: NodeContext): Collector {
  const mailbox = open();
  return {
    async got(count) {
      const messages: unknown[] = [];
      while (messages.length < count) messages.push(await mailbox.receive());
      return messages;
    },
  };
}

export interface Sender {
  sendTo(to: string, messages: readonly unknown[]): void;
}

export function sender({ send }: NodeContext): Sender {
  return {
    sendTo(to, messages) {
      for (const message of messages) send(to, message);
    },
  };
}

export async function slowStart({ sleep }: NodeContext): Promise<{ isThere(): boolean }> {
  await sleep(20);
  return { isThere: () => true };
}

export function failingStart(): never {
  throw new Error('no port is free');
}

export interface Journal {
  add(line: string): Promise<void>;
  lines(): string[];
}

/** Writes each line to its disk, and reads them all when it starts. */
export async function journal(node: NodeContext): Promise<Journal> {
  const files = await node.disk.list();
  const kept = files.includes('journal')
    ? (await node.disk.readText('journal')).split('\n').slice(0, -1)
    : [];
  return {
    async add(line) {
      await node.disk.append('journal', `${line}\n`);
      await node.disk.sync('journal');
      kept.push(line);
    },
    lines: () => kept,
  };
}

/** Records on its disk that it left gracefully. */
export function leaver({ onStop, disk, signal, note }: NodeContext): { isThere(): boolean } {
  onStop(async () => {
    await disk.write('left', String(signal.aborted));
    note('it has left');
  });
  return { isThere: () => true };
}

export function slowLeaver({ onStop, sleep, note }: NodeContext): void {
  onStop(async () => {
    await sleep(20);
    note('it has left');
  });
}

/** Its first hook never ends. */
export function endlessLeaver({ onStop, note }: NodeContext): void {
  onStop(() => note('it has left'));
  onStop(() => new Promise<void>(() => {}));
}

export function five(): object {
  return 5 as unknown as object;
}

export function named(): object {
  return { toString: () => 'its own words', valueOf: () => 7 };
}

export function asJson(): object {
  return { toJSON: () => ({}) };
}

type Settle = (value: unknown) => void;
export type Thenable =
  | 'that resolves twice'
  | 'that throws after it has resolved'
  | 'that rejects after it has resolved'
  | 'that resolves with another one'
  | 'that is a function'
  | 'that has its method only once'
  | 'that is a promise with a method of its own';
export type FailingThenable =
  'that throws' | 'that throws as its method is read' | 'that resolves with a rejection';

/** Objects with a `then` as a program may return them, and for each what `await` gives, if `value` is the value. */
const THENABLES: Readonly<Record<Thenable, (value: unknown) => unknown>> = {
  'that resolves twice': (value) => ({
    then(resolve: Settle): void {
      resolve(value);
      resolve('too late');
    },
  }),
  'that throws after it has resolved': (value) => ({
    then(resolve: Settle): never {
      resolve(value);
      throw new Error('too late');
    },
  }),
  'that rejects after it has resolved': (value) => ({
    then(resolve: Settle, reject: Settle): void {
      resolve(value);
      reject(new Error('too late'));
    },
  }),
  'that resolves with another one': (value) => ({
    then(resolve: Settle): void {
      resolve({ then: (inner: Settle) => inner(Promise.resolve(value)) });
    },
  }),
  'that is a function': (value) =>
    Object.assign(() => 'called', { then: (resolve: Settle) => resolve(value) }),
  'that has its method only once': (value) => {
    let reads = 0;
    return {
      get then() {
        reads += 1;
        return reads === 1 ? (resolve: Settle) => resolve(value) : undefined;
      },
    };
  },
  'that is a promise with a method of its own': (value) =>
    Object.assign(Promise.resolve(value), { then: (resolve: Settle) => resolve('its own') }),
};

/** Objects with a `then` of which `await` throws `no value`. */
const FAILING_THENABLES: Readonly<Record<FailingThenable, () => unknown>> = {
  'that throws': () => ({
    then(): never {
      throw new Error('no value');
    },
  }),
  'that throws as its method is read': () => ({
    get then(): never {
      throw new Error('no value');
    },
  }),
  'that resolves with a rejection': () => ({
    then: (resolve: Settle) => resolve(Promise.reject(new Error('no value'))),
  }),
};

export const thenableKinds = Object.keys(THENABLES) as readonly Thenable[];
export const failingThenableKinds = Object.keys(FAILING_THENABLES) as readonly FailingThenable[];

export interface Thenables {
  give(kind: Thenable, value: unknown): unknown;
  giveFailing(kind: FailingThenable): unknown;
}

export function thenables(): Thenables {
  return {
    give: (kind, value) => THENABLES[kind](value),
    giveFailing: (kind) => FAILING_THENABLES[kind](),
  };
}

/** Its start is one of the thenables, by the name of the node: `starts-3`. */
export function startsAsThenable({ name }: NodeContext): Promise<{ isThere(): boolean }> {
  const kind = thenableKinds[Number(name.split('-')[1])] as Thenable;
  return THENABLES[kind]({ isThere: () => true }) as Promise<{ isThere(): boolean }>;
}
