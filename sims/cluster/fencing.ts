/**
 * A distributed lock with leases, and a storage that takes fencing tokens, as in "How to do distributed locking" (Kleppmann, 2016,
 * https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html). A client that pauses, or whose write is late, does not know
 * that its lease is over; the storage refuses it by the number of its lock, which grows with each grant. Lock server and storage keep
 * what they have to remember in journals on their disks.
 *
 * Clients add to a number: they read it and write one more, under the lock. An observer from outside looks at what the storage has written,
 * and at what clients were answered: no addition is lost.
 */
import type { ScenarioDefinition, Simulation } from 'dryrunner';
import { createNetwork, type ClusterNode, type NodeContext, type Stub } from 'dryrunner/cluster';
import { Journal, type Journaled, LastNumber } from './journal.ts';
import { answerOf, defineProgram, DISK, LINKS, settles } from './program.ts';

type Mistake =
  | 'without-fencing'
  | 'forgets-the-last-lock'
  | 'grants-before-sync'
  | 'reads-without-token'
  | 'storage-forgets-tokens';

const CLIENTS = ['a', 'b'];
const ADDITIONS = 2;
const LEASE_MS = 100;
const WORK_MS = 20;
const PAUSE_MS = 30;
const CALL_TIMEOUT_MS = 80;

/** One grant of the lock. */
class Lock {
  readonly token: number;

  constructor(token: number) {
    this.token = token;
  }

  describe(): string {
    return `the grant of lock ${this.token}`;
  }
}

/** Gives the lock to one client after another. */
class LockServer {
  readonly #node: NodeContext;
  readonly #mistake: Mistake | undefined;
  readonly #last: LastNumber;
  readonly #journal: Journal;
  #freeAtMs: number;

  private constructor(node: NodeContext, last: LastNumber, journal: Journal, mistake: Mistake | undefined) {
    this.#node = node;
    this.#mistake = mistake;
    this.#last = last;
    this.#journal = journal;
    // Nobody knows who holds it: the leases that the process before has given must end first.
    this.#freeAtMs = last.value === 0 ? -Infinity : node.clock.now() + LEASE_MS;
  }

  static async start(node: NodeContext, mistake: Mistake | undefined): Promise<LockServer> {
    const last = new LastNumber();
    const journal = await Journal.open(node.disk, last);
    if (mistake === 'forgets-the-last-lock') last.clear();
    return new LockServer(node, last, journal, mistake);
  }

  /** The lock, or undefined while another client has it. */
  async acquire(): Promise<Lock | undefined> {
    const { clock } = this.#node;
    if (clock.now() < this.#freeAtMs) return undefined;
    this.#freeAtMs = Infinity;
    this.#last.value += 1;
    const token = this.#last.value;
    const durable = this.#journal.write(String(token));
    if (this.#mistake !== 'grants-before-sync') await durable;
    this.#freeAtMs = clock.now() + LEASE_MS;
    return new Lock(token);
  }

  release(token: number): void {
    // Who is late must not free the lock of the next.
    if (token === this.#last.value) this.#freeAtMs = -Infinity;
  }
}

/** What a holder of the lock has written. */
interface Written {
  readonly token: number;
  readonly value: number;
}

/** The number that is kept, and the greatest token that was seen. */
class Kept implements Journaled {
  token = 0;
  value = 0;

  clear(): void {
    this.token = 0;
    this.value = 0;
  }

  read(line: string): void {
    const [token, value] = line.split(' ').map(Number);
    this.token = token ?? 0;
    this.value = value ?? 0;
  }

  lines(): string[] {
    return [`${this.token} ${this.value}`];
  }
}

/** Keeps a number for those who hold the lock. Operations take effect at once, and are answered when they are durable. */
class Storage {
  readonly #mistake: Mistake | undefined;
  readonly #kept: Kept;
  readonly #journal: Journal;
  /** What the process found on its disk, and what it has written since, for those who watch. */
  readonly foundValue: number;
  readonly written: Written[] = [];

  private constructor(kept: Kept, journal: Journal, mistake: Mistake | undefined) {
    this.#kept = kept;
    this.#journal = journal;
    this.#mistake = mistake;
    this.foundValue = kept.value;
  }

  static async start(node: NodeContext, mistake: Mistake | undefined): Promise<Storage> {
    const kept = new Kept();
    const journal = await Journal.open(node.disk, kept);
    if (mistake === 'storage-forgets-tokens') kept.token = 0;
    return new Storage(kept, journal, mistake);
  }

  get value(): number {
    return this.#kept.value;
  }

  /** The number, or undefined for a lock of the past. From now on no earlier one is heard. */
  async read(token: number): Promise<number | undefined> {
    if (this.#mistake === 'reads-without-token') return this.#kept.value;
    if (this.#isStale(token)) return undefined;
    const { value } = this.#kept;
    await this.#keep(token, value);
    return value;
  }

  /** False for a lock of the past. */
  async write(token: number, value: number): Promise<boolean> {
    if (this.#isStale(token)) return false;
    this.written.push({ token, value });
    await this.#keep(token, value);
    return true;
  }

  #isStale(token: number): boolean {
    return token < this.#kept.token && this.#mistake !== 'without-fencing';
  }

  #keep(token: number, value: number): Promise<void> {
    this.#kept.token = token;
    this.#kept.value = value;
    return this.#journal.write(`${token} ${value}`);
  }
}

/** A client that adds one so many times; it reports each that the storage has confirmed. */
class Client {
  readonly #node: NodeContext;
  readonly #locks: Stub<LockServer>;
  readonly #storage: Stub<Storage>;
  readonly #onAdded: (value: number) => void;

  constructor(node: NodeContext, onAdded: (value: number) => void) {
    this.#node = node;
    this.#locks = node.connect<LockServer>('locks', { timeoutMs: CALL_TIMEOUT_MS });
    this.#storage = node.connect<Storage>('storage', { timeoutMs: CALL_TIMEOUT_MS });
    this.#onAdded = onAdded;
  }

  /** Adds one under the lock, unless something is in the way. */
  async add(): Promise<void> {
    const lock = await answerOf(this.#locks.acquire());
    if (lock === undefined) {
      await this.#node.sleep(PAUSE_MS, `${this.#node.name} tries again`);
      return;
    }
    const { token } = lock;
    const value = await answerOf(this.#storage.read(token));
    if (value !== undefined) {
      await this.#node.sleep(WORK_MS, `${this.#node.name} works`);
      if ((await answerOf(this.#storage.write(token, value + 1))) === true) this.#onAdded(value + 1);
    }
    await answerOf(this.#locks.release(token));
  }
}

/** Looks at the storage after every event. */
class Observer {
  readonly #storage: ClusterNode<Storage>;
  #process: Storage | undefined;
  #seen = 0;
  #last: Written = { token: 0, value: 0 };
  /** Who was answered that a value is there. */
  readonly #added = new Map<number, string>();
  #conflict = '';

  constructor(storage: ClusterNode<Storage>) {
    this.#storage = storage;
  }

  /** True, or throws what is wrong. */
  look(): true {
    if (this.#conflict !== '') throw new Error(this.#conflict);
    const storage = this.#storage.object;
    if (storage === undefined) return true;
    if (storage !== this.#process) {
      this.#process = storage;
      this.#seen = 0;
      // Of what was not answered a crash may have taken something.
      const { foundValue } = storage;
      this.#last = { token: this.#last.token, value: foundValue };
      const lost = [...this.#added.keys()].find((value) => value > foundValue);
      if (lost !== undefined) throw new Error(`${lost} was confirmed, and after a crash it is ${foundValue}`);
    }
    for (const written of storage.written.slice(this.#seen)) {
      const { token, value } = written;
      const isRepeated = token === this.#last.token && value === this.#last.value;
      if (!isRepeated && value !== this.#last.value + 1) {
        throw new Error(
          `lock ${token} writes ${value} where ${this.#last.value} was, written under lock ${this.#last.token}`,
        );
      }
      this.#last = written;
      this.#seen += 1;
    }
    return true;
  }

  added(client: string, value: number): void {
    const other = this.#added.get(value);
    if (other !== undefined) this.#conflict = `${other} and ${client} have both added up to ${value}`;
    this.#added.set(value, client);
  }

  get count(): number {
    return this.#added.size;
  }
}

async function rehearse(sim: Simulation, mistake: Mistake | undefined): Promise<void> {
  const net = createNetwork(sim, {
    ...LINKS,
    nodes: {
      faults: {
        crash: 24,
        pause: 32,
        slow: 96,
        downMsMax: 60,
        pauseMsMax: 400,
        slowMsMax: 400,
        strikesMax: 2,
      },
      disk: DISK,
      skew: { driftPpmMax: 10_000 },
    },
  });
  net.node('locks', (node) => LockServer.start(node, mistake));
  const storage = net.node('storage', (node) => Storage.start(node, mistake));
  const observer = new Observer(storage);
  sim.always('no addition is lost', () => observer.look());
  let left = CLIENTS.length * ADDITIONS;
  for (const name of CLIENTS) {
    let own = ADDITIONS;
    net.node(name, (node) => {
      const client = new Client(node, (value) => {
        own -= 1;
        left -= 1;
        observer.added(name, value);
      });
      const work = async (): Promise<void> => {
        while (own > 0) await client.add();
      };
      void work();
    });
  }
  await settles(sim, 'all additions are done', () => left === 0);
  sim.check(
    storage.object === undefined || storage.object.value >= observer.count,
    'no confirmed addition is lost',
  );
}

const { correct, mistaken } = defineProgram<Mistake>({
  name: 'fencing',
  description:
    'clients that pause and are late add to a number under a lock with a lease and a fencing token: no addition is lost',
  mistakes: {
    'without-fencing': 'the storage takes writes under any lock',
    'forgets-the-last-lock': 'the lock server begins at 1 again after a crash',
    'grants-before-sync': 'the lock server answers before its disk has the number of the lock',
    'reads-without-token': 'the storage does not look at the lock of a read',
    'storage-forgets-tokens': 'the storage forgets in a crash which locks it has seen',
  },
  run: rehearse,
});

export const fencing: ScenarioDefinition = correct;
/** The same with one mistake each, for explorations to find. */
export const fencingMistakes: readonly ScenarioDefinition[] = mistaken;
