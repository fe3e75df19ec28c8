// A lock server with leases and fencing tokens, and a client of it, as somebody writes them who knows timers and nothing of simulations.
// `mistake` plants one of the mistakes that are made here.

export type LockMistake = 'release of a lease that is over' | 'timer of a lease that is over' | 'no fence';

export interface Lease {
  readonly client: string;
  readonly token: number;
  readonly until: number;
}

/** A message takes 1 to 20 ms. */
const travel = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, 1 + Math.floor(Math.random() * 20));
  });

export class LockServer {
  readonly #leaseMs: number;
  readonly #mistake: LockMistake | undefined;
  readonly #waiting: { client: string; grant: (lease: Lease) => void }[] = [];
  #holder: Lease | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #tokens = 0;

  constructor(leaseMs: number, mistake?: LockMistake) {
    this.#leaseMs = leaseMs;
    this.#mistake = mistake;
  }

  get holder(): string {
    return this.#holder?.client ?? 'nobody';
  }

  async acquire(client: string): Promise<Lease> {
    await travel();
    const granted = new Promise<Lease>((grant) => {
      this.#waiting.push({ client, grant });
    });
    this.#grantNext();
    const lease = await granted;
    await travel();
    return lease;
  }

  async release({ token }: Lease): Promise<void> {
    await travel();
    const isOver = this.#holder?.token !== token;
    if (isOver && this.#mistake !== 'release of a lease that is over') return;
    if (this.#mistake !== 'timer of a lease that is over') clearTimeout(this.#expiry);
    this.#holder = undefined;
    this.#grantNext();
  }

  #grantNext(): void {
    if (this.#holder !== undefined) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#tokens += 1;
    const lease = { client: next.client, token: this.#tokens, until: Date.now() + this.#leaseMs };
    this.#holder = lease;
    this.#expiry = setTimeout(() => {
      this.#holder = undefined;
      this.#grantNext();
    }, this.#leaseMs);
    next.grant(lease);
  }
}

/** What the lock guards: a number that is read, and written some time later. It refuses who comes with a token older than one that it has seen. */
export class Counter {
  readonly #mistake: LockMistake | undefined;
  #newest = 0;
  value = 0;

  constructor(mistake?: LockMistake) {
    this.#mistake = mistake;
  }

  async read(token: number): Promise<number> {
    await travel();
    this.#check(token);
    return this.value;
  }

  async write(token: number, value: number): Promise<void> {
    await travel();
    this.#check(token);
    this.value = value;
  }

  #check(token: number): void {
    if (token < this.#newest && this.#mistake !== 'no fence') throw new Error('too late');
    this.#newest = Math.max(this.#newest, token);
  }
}

/** Adds one, trying again when its lease was over before it was done. `whileHeld` sees the lease. */
export async function increment(
  server: LockServer,
  counter: Counter,
  client: string,
  whileHeld: (lease: Lease) => void,
): Promise<void> {
  for (;;) {
    const lease = await server.acquire(client);
    try {
      whileHeld(lease);
      const value = await counter.read(lease.token);
      whileHeld(lease);
      await counter.write(lease.token, value + 1);
      return;
    } catch (error) {
      if ((error as Error).message !== 'too late') throw error;
    } finally {
      await server.release(lease);
    }
  }
}
