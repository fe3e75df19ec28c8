/** A server comes back, and all who were refused ask again: at moments of their own, so that they do not bring it down at once. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { pickCount, pickMs } from './odds.ts';

const SERVICE_MS = 10;
const AT_ONCE_MAX = 2;
const PERIOD_MS = 100;
const GAP_MS = 20;
const STEP_MS = 10;

class Server {
  readonly #sim: Simulation;
  readonly #awayUntilMs: number;
  #busy = 0;

  constructor(sim: Simulation, awayUntilMs: number) {
    this.#sim = sim;
    this.#awayUntilMs = awayUntilMs;
  }

  /** False while it is away; fails if it is overloaded. */
  async answer(who: string): Promise<boolean> {
    if (this.#sim.now() < this.#awayUntilMs) return false;
    this.#busy += 1;
    this.#sim.note(`${who} is served, ${this.#busy} at once`);
    this.#sim.check(
      this.#busy <= AT_ONCE_MAX,
      `the server is overloaded by ${who}\n\nExpected at most ${AT_ONCE_MAX} clients at once, got ${this.#busy}.`,
    );
    await this.#sim.sleep(SERVICE_MS, { subject: who, what: 'has been served' });
    this.#busy -= 1;
    return true;
  }
}

export const thunderingRetries: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-thundering-retries',
  description:
    'a server is away for a while, can serve two clients at once, and clients that were refused ask again at moments of their own: they do not overload it when it is back',
  async run(sim) {
    const server = new Server(sim, pickMs(sim, 'the outage lasts', 3, STEP_MS, 5 * STEP_MS, 'for'));
    const clients = pickCount(sim, 'more clients', 4);
    await Promise.all(Array.from({ length: clients }, (_, index) => ask(sim, server, index)));
  },
});

/** Each client has a moment of its own in every period. */
async function ask(sim: Simulation, server: Server, index: number): Promise<void> {
  const name = `client ${index}`;
  await sim.sleep(pickMs(sim, { subject: name, what: 'begins' }, 5, STEP_MS, 0, 'at'), {
    subject: name,
    what: 'begins',
  });
  while (!(await server.answer(name))) {
    sim.note(`${name} is refused`);
    const next = (Math.floor(sim.now() / PERIOD_MS) + 1) * PERIOD_MS;
    await sim.sleep(next + index * GAP_MS - sim.now());
  }
}
