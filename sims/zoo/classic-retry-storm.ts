/** A server is away for a while: clients that wait longer and longer between their attempts do not storm it. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 640;
const OUTAGE_STEP_MS = 100;
/** Doubling from 10 ms gets past every outage here in so many attempts. */
const ATTEMPTS_MAX = 8;

class Server {
  attempts = 0;
  readonly #sim: Simulation;
  readonly #awayUntilMs: number;

  constructor(sim: Simulation, awayUntilMs: number) {
    this.#sim = sim;
    this.#awayUntilMs = awayUntilMs;
  }

  answers(): boolean {
    this.attempts += 1;
    return this.#sim.now() >= this.#awayUntilMs;
  }
}

export const retryStorm: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-retry-storm',
  description: 'clients of a server that is away: their attempts grow with the logarithm of the outage',
  async run(sim) {
    const server = new Server(sim, sim.choose('the outage lasts', 6) * OUTAGE_STEP_MS);
    const clients = 1 + sim.choose('more clients', 3);
    await Promise.all(Array.from({ length: clients }, (_, index) => ask(sim, server, `client ${index}`)));
    const most = clients * ATTEMPTS_MAX;
    sim.check(
      server.attempts <= most,
      `${clients} clients made ${server.attempts} attempts, at most ${most} may be`,
    );
  },
});

async function ask(sim: Simulation, server: Server, name: string): Promise<void> {
  await sim.sleep(sim.choose(`${name} begins`, 4) * FIRST_PAUSE_MS);
  let pauseMs = FIRST_PAUSE_MS;
  while (!server.answers()) {
    await sim.sleep(pauseMs);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}
