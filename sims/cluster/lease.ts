/**
 * A leader lease, as in "Leases" (Gray and Cheriton, 1989): three servers give their leases to one candidate at a time; who has those of two is the
 * leader until the first of them ends, and may then answer from its own memory. Clocks drift: a holder takes a lease to be shorter than it is,
 * by as much as two clocks can drift apart, and counts it from before it has asked. A server that crashes waits a whole lease
 * before it gives another one, because it has forgotten the last.
 *
 * An observer from outside looks at what the candidates take themselves for after every event: there is one leader at most.
 */
import type { ScenarioDefinition, Simulation } from 'dryrunner';
import { createNetwork, type ClusterNode, type NodeContext, type Stub } from 'dryrunner/cluster';
import { answerOf, defineProgram, LINKS, settles } from './program.ts';

type Mistake =
  | 'trusts-its-clock'
  | 'counts-from-the-answer'
  | 'forgets-in-a-crash'
  | 'renews-for-anybody'
  | 'leads-with-one';

const SERVERS = ['s1', 's2', 's3'];
const CANDIDATES = ['a', 'b'];
const MAJORITY = 2;
const LEASE_MS = 200;
const RENEW_MS = 60;
const PAUSE_MS = 40;
const CALL_TIMEOUT_MS = 60;
/** Clocks gain or lose so much at most. */
const DRIFT_PPM = 50_000;
const MILLION = 1_000_000;
/** What is left of a lease on the slowest clock when it is over on the fastest. */
const SAFE_MS = Math.floor((LEASE_MS * (MILLION - DRIFT_PPM)) / (MILLION + DRIFT_PPM)) - 1;
const TERMS = 3;

/** Gives its lease to one candidate at a time. */
class Server {
  readonly #node: NodeContext;
  readonly #mistake: Mistake | undefined;
  #holder = '';
  #untilMs: number;

  constructor(node: NodeContext, mistake: Mistake | undefined) {
    this.#node = node;
    this.#mistake = mistake;
    // The process before may have given a lease that still is in force.
    this.#untilMs = mistake === 'forgets-in-a-crash' ? -Infinity : node.clock.now() + LEASE_MS;
  }

  /** Gives its lease, or more time to the one that has it. */
  lease(candidate: string): boolean {
    const now = this.#node.clock.now();
    const isFree = now >= this.#untilMs || candidate === this.#holder;
    if (!isFree && this.#mistake !== 'renews-for-anybody') return false;
    this.#holder = candidate;
    this.#untilMs = now + LEASE_MS;
    return true;
  }
}

/** Leads now and then, and gives others their turn. */
class Candidate {
  readonly name: string;
  readonly #node: NodeContext;
  readonly #mistake: Mistake | undefined;
  readonly #servers: ReadonlyMap<string, Stub<Server>>;
  /** By server, on its own clock. */
  readonly #untilMs = new Map<string, number>();

  constructor(node: NodeContext, mistake: Mistake | undefined) {
    this.name = node.name;
    this.#node = node;
    this.#mistake = mistake;
    this.#servers = new Map(
      SERVERS.map((name) => [name, node.connect<Server>(name, { timeoutMs: CALL_TIMEOUT_MS })]),
    );
    void this.#run();
  }

  /** Whether it may act as the leader now. */
  get isLeader(): boolean {
    const times = [...this.#untilMs.values()].sort((one, other) => other - one);
    const needed = this.#mistake === 'leads-with-one' ? 1 : MAJORITY;
    return this.#node.clock.now() < (times[needed - 1] ?? -Infinity);
  }

  async #run(): Promise<void> {
    for (;;) {
      await Promise.all([...this.#servers.keys()].map((server) => this.#ask(server)));
      if (!this.isLeader) {
        await this.#node.sleep(PAUSE_MS, `${this.name} tries again`);
        continue;
      }
      this.#node.note('leads');
      for (let term = 1; term < TERMS; term += 1) {
        await this.#node.sleep(RENEW_MS, `${this.name} renews`);
        await Promise.all([...this.#servers.keys()].map((server) => this.#ask(server)));
      }
      await this.#node.sleep(LEASE_MS * 2, `${this.name} rests`);
    }
  }

  async #ask(server: string): Promise<void> {
    const { clock } = this.#node;
    const askedAtMs = clock.now();
    const isGiven = await answerOf((this.#servers.get(server) as Stub<Server>).lease(this.name));
    if (isGiven !== true) return;
    const fromMs = this.#mistake === 'counts-from-the-answer' ? clock.now() : askedAtMs;
    const untilMs = fromMs + (this.#mistake === 'trusts-its-clock' ? LEASE_MS : SAFE_MS);
    this.#untilMs.set(server, Math.max(this.#untilMs.get(server) ?? -Infinity, untilMs));
  }
}

/** Looks at who leads, after every event. */
class Observer {
  readonly #candidates: readonly ClusterNode<Candidate>[];
  readonly #led = new Set<string>();

  constructor(candidates: readonly ClusterNode<Candidate>[]) {
    this.#candidates = candidates;
  }

  /** True, or throws what is wrong. */
  look(): true {
    let leader = '';
    for (const { name, object } of this.#candidates) {
      if (object?.isLeader !== true) continue;
      if (leader !== '') throw new Error(`${leader} and ${name} both lead`);
      leader = name;
      this.#led.add(name);
    }
    return true;
  }

  get haveAllLed(): boolean {
    return this.#led.size === this.#candidates.length;
  }
}

async function rehearse(sim: Simulation, mistake: Mistake | undefined): Promise<void> {
  const net = createNetwork(sim, {
    ...LINKS,
    nodes: {
      faults: {
        crash: 48,
        pause: 48,
        slow: 96,
        downMsMax: 100,
        pauseMsMax: 400,
        slowMsMax: 400,
        strikesMax: 2,
      },
      skew: { driftPpmMax: DRIFT_PPM },
    },
  });
  for (const name of SERVERS) net.node(name, (node) => new Server(node, mistake));
  const observer = new Observer(
    CANDIDATES.map((name) => net.node(name, (node) => new Candidate(node, mistake))),
  );
  sim.always('there is one leader at most', () => observer.look());
  await settles(sim, 'both have led', () => observer.haveAllLed);
}

const { correct, mistaken } = defineProgram<Mistake>({
  name: 'lease',
  description:
    'candidates lead while they have the leases of two of three servers, on clocks that drift: there is one leader at most',
  mistakes: {
    'trusts-its-clock': 'a candidate takes a lease to be as long on its clock as on that of the server',
    'counts-from-the-answer': 'a candidate counts a lease from when it hears of it',
    'forgets-in-a-crash': 'a server that has crashed gives its lease at once',
    'renews-for-anybody': 'a server gives more time to a candidate that does not have its lease',
    'leads-with-one': 'the lease of one server is enough',
  },
  run: rehearse,
});

export const lease: ScenarioDefinition = correct;
/** The same with one mistake each, for explorations to find. */
export const leaseMistakes: readonly ScenarioDefinition[] = mistaken;
