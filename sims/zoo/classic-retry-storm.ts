/** A server is away for a while: clients that wait longer and longer between their attempts do not storm it. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { pickCount, pickMs } from './odds.ts';

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
  description:
    'a server is away for a while, and each client asks again after a pause that doubles each time: so no client needs more than 8 attempts',
  async run(sim) {
    const server = new Server(sim, pickMs(sim, 'the outage lasts', 6, OUTAGE_STEP_MS, 0, 'for'));
    const clients = pickCount(sim, 'more clients', 3);
    await Promise.all(Array.from({ length: clients }, (_, index) => ask(sim, server, `client ${index}`)));
    const most = clients * ATTEMPTS_MAX;
    sim.check(
      server.attempts <= most,
      `the clients made too many attempts\n\nExpected at most ${ATTEMPTS_MAX} of each of ${clients} clients, got ${server.attempts} in all.`,
    );
  },
});

async function ask(sim: Simulation, server: Server, name: string): Promise<void> {
  await sim.sleep(pickMs(sim, { subject: name, what: 'begins' }, 4, FIRST_PAUSE_MS, 0, 'at'), {
    subject: name,
    what: 'begins',
  });
  let pauseMs = FIRST_PAUSE_MS;
  while (!server.answers()) {
    sim.note(`${name} is not answered, and asks again after ${pauseMs} ms`);
    await sim.sleep(pauseMs, { subject: name, what: 'asks again' });
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}
