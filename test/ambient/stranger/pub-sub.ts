// A broker that delivers each message to each subscriber until it is acknowledged, as somebody writes it who knows timers and nothing of
// simulations. `mistake` plants one of the mistakes that are made here.

export type PubSubMistake = 'forgets while busy' | 'remembers too late' | 'delivers after the end';

export type Handler = (message: string) => Promise<void>;

const RETRY_MS = 50;

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** A message takes 1 to 20 ms, and one in eight is lost. */
async function arrives(): Promise<boolean> {
  await pause(1 + Math.floor(Math.random() * 20));
  return Math.random() >= 0.125;
}

class Subscription {
  readonly #handler: Handler;
  readonly #mistake: PubSubMistake | undefined;
  readonly #queue: { id: number; text: string }[] = [];
  readonly #seen = new Set<number>();
  #isBusy = false;
  #isOver = false;

  constructor(handler: Handler, mistake: PubSubMistake | undefined) {
    this.#handler = handler;
    this.#mistake = mistake;
  }

  push(id: number, text: string): void {
    if (this.#isBusy && this.#mistake === 'forgets while busy' && this.#queue.length > 1) return;
    this.#queue.push({ id, text });
    if (!this.#isBusy) void this.#deliverAll();
  }

  end(): void {
    this.#isOver = true;
    this.#queue.length = 0;
  }

  async #deliverAll(): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const isAcknowledged = await this.#deliver(next.id, next.text);
      if (isAcknowledged) this.#queue.shift();
    }
    this.#isBusy = false;
  }

  /** True once the acknowledgement is there; false if it is not there in time. */
  async #deliver(id: number, text: string): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, RETRY_MS, false);
    });
    const acknowledged = await Promise.race([this.#handOver(id, text), tooLate]);
    clearTimeout(timer);
    return acknowledged;
  }

  async #handOver(id: number, text: string): Promise<boolean> {
    if (!(await arrives())) return false;
    if (this.#isOver && this.#mistake !== 'delivers after the end') return true;
    if (!this.#seen.has(id)) {
      if (this.#mistake !== 'remembers too late') this.#seen.add(id);
      await this.#handler(text);
      this.#seen.add(id);
    }
    return arrives();
  }
}

export class Broker {
  readonly #topics = new Map<string, Set<Subscription>>();
  readonly #mistake: PubSubMistake | undefined;
  #ids = 0;

  constructor(mistake?: PubSubMistake) {
    this.#mistake = mistake;
  }

  /** Returns what ends the subscription. */
  subscribe(topic: string, handler: Handler): () => void {
    const subscription = new Subscription(handler, this.#mistake);
    const all = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, all.add(subscription));
    return () => {
      all.delete(subscription);
      subscription.end();
    };
  }

  publish(topic: string, text: string): void {
    this.#ids += 1;
    for (const subscription of this.#topics.get(topic) ?? []) subscription.push(this.#ids, text);
  }
}
