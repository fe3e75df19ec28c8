/** A server comes back, and all who were refused ask again: at moments of their own, so that they do not bring it down at once. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';

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

  /** False while it is away; fails for whoever finds it overloaded. */
  async answer(who: string): Promise<boolean> {
    if (this.#sim.now() < this.#awayUntilMs) return false;
    this.#busy += 1;
    this.#sim.check(
      this.#busy <= AT_ONCE_MAX,
      `the server is back, and ${who} is the ${this.#busy}rd at once`,
    );
    await this.#sim.sleep(SERVICE_MS);
    this.#busy -= 1;
    return true;
  }
}

export const thunderingRetries: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-thundering-retries',
  description: 'a server that comes back: whoever was refused meanwhile does not overload it',
  async run(sim) {
    const server = new Server(sim, (5 + sim.choose('the outage lasts', 3)) * STEP_MS);
    const clients = 1 + sim.choose('more clients', 4);
    await Promise.all(Array.from({ length: clients }, (_, index) => ask(sim, server, index)));
  },
});

/** Each client has a moment of its own in every period. */
async function ask(sim: Simulation, server: Server, index: number): Promise<void> {
  const name = `client ${index}`;
  await sim.sleep(sim.choose(`${name} begins`, 5) * STEP_MS);
  while (!(await server.answer(name))) {
    const next = (Math.floor(sim.now() / PERIOD_MS) + 1) * PERIOD_MS;
    await sim.sleep(next + index * GAP_MS - sim.now());
  }
}
