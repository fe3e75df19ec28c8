/** A monitor takes a worker for dead when no heartbeat comes: late ones must not kill a live worker, and a dead one must be noticed. */
import { defineScenario, type ScenarioDefinition, type Simulation, type Timer } from 'dryrunner';
import { pickIndex } from './odds.ts';
import { Wire, WIRE_MS_MAX } from './classic-wire.ts';

const PERIOD_MS = 20;
const BEATS = 6;
/** A beat that comes at once may be followed by one that takes its time. */
const LIMIT_MS = PERIOD_MS + WIRE_MS_MAX;

class Monitor {
  deaths = 0;
  diedAtMs = Infinity;
  readonly #sim: Simulation;
  #timer: Timer | undefined;

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.beat();
  }

  beat(): void {
    this.#timer?.cancel();
    this.#timer = this.#sim.world.clock.endOfInstant('the monitor gives up', LIMIT_MS, () => {
      this.deaths += 1;
      this.#sim.note(`the monitor takes the worker for dead, ${LIMIT_MS} ms after the last heartbeat`);
      this.diedAtMs = this.#sim.now();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

export const heartbeatFlap: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-heartbeat-flap',
  description:
    'a worker sends a heartbeat every 20 ms, and each takes up to 20 ms to arrive; a monitor that has not got one for too long takes the worker for dead: that must never happen to a live worker, and always to a dead one',
  async run(sim) {
    const monitor = new Monitor(sim);
    const wire = new Wire(sim, 'wire');
    const crashAt = pickIndex(
      sim,
      'the worker crashes before beat',
      BEATS + 1,
      1,
      (at) => (at === 0 ? 'none' : at - 1),
      'clause',
    );
    const beats = crashAt === 0 ? BEATS : crashAt - 1;
    const arrivals = Array.from({ length: beats }, async (_, index) => {
      await sim.sleep(index * PERIOD_MS, `beat ${index} is sent`);
      await wire.carry(`beat ${index}`);
      sim.check(
        monitor.deaths === 0,
        `the monitor took a live worker for dead while beat ${index} was on its way\n\nExpected it to wait for a beat that may take ${WIRE_MS_MAX} ms to arrive, got a verdict at ${monitor.diedAtMs} ms and the beat at ${sim.now()} ms.`,
      );
      monitor.beat();
    });
    await Promise.all(arrivals);
    if (crashAt === 0) sim.check(monitor.deaths === 0, 'a live worker was taken for dead');
    else {
      await sim.sleep(LIMIT_MS + PERIOD_MS);
      sim.check(monitor.deaths === 1, `a worker died once and was taken for dead ${monitor.deaths} times`);
    }
    monitor.stop();
  },
});
