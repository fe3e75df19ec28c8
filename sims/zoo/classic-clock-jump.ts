/** Leases of workers on a machine whose date is set forwards and backwards: they last as long as they say, whatever the date. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { pick, pickIndex, pickMs } from './odds.ts';

const LEASE_MS = 50;
const RENEWAL_MS = 20;
const SWEEP_MS = 10;
const RENEWALS = 6;
const JUMPS_MS: readonly number[] = [0, 1_000, -1_000, 60];

/** A machine's two clocks: one only goes forward, the other is set by people. */
class MachineClock {
  #jumpMs = 0;
  readonly #sim: Simulation;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  monotonicMs(): number {
    return this.#sim.now();
  }

  dateMs(): number {
    return this.#sim.now() + this.#jumpMs;
  }

  jump(ms: number): void {
    this.#jumpMs += ms;
  }
}

class LeaseTable {
  readonly #clock: MachineClock;
  readonly #renewedAtMs = new Map<string, number>();

  constructor(clock: MachineClock) {
    this.#clock = clock;
  }

  get holders(): readonly string[] {
    return [...this.#renewedAtMs.keys()];
  }

  renew(worker: string): void {
    this.#renewedAtMs.set(worker, this.#nowMs());
  }

  /** Drops the leases that are over, and returns who had them. */
  sweep(): readonly string[] {
    const over = this.holders.filter(
      (worker) => this.#nowMs() - (this.#renewedAtMs.get(worker) ?? 0) > LEASE_MS,
    );
    for (const worker of over) this.#renewedAtMs.delete(worker);
    return over;
  }

  #nowMs(): number {
    return this.#clock.monotonicMs();
  }
}

export const clockJump: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-clock-jump',
  description:
    'somebody sets the date of a machine while a worker renews its lease of 50 ms there every 20 ms: a lease that is renewed in time is kept, and that of a worker that has died is lost',
  async run(sim) {
    const clock = new MachineClock(sim);
    const leases = new LeaseTable(clock);
    await Promise.all([setDate(sim, clock), sweep(sim, leases), work(sim, leases)]);
  },
});

async function setDate(sim: Simulation, clock: MachineClock): Promise<void> {
  await sim.sleep(pickMs(sim, 'the date is set', 8, SWEEP_MS, 0, 'at'), 'the date is set');
  clock.jump(pick(sim, 'the date jumps', JUMPS_MS, 1, (ms) => `by ${ms} ms`, 'clause'));
}

async function sweep(sim: Simulation, leases: LeaseTable): Promise<void> {
  for (let turn = 0; turn < (RENEWALS * RENEWAL_MS) / SWEEP_MS + 10; turn += 1) {
    for (const worker of leases.sweep()) sim.note(`the lease of ${worker} has expired`);
    await sim.sleep(SWEEP_MS, 'the next look at leases');
  }
}

/** Renews in time, and may die; then its lease must be gone soon. */
async function work(sim: Simulation, leases: LeaseTable): Promise<void> {
  const dies = pickIndex(
    sim,
    'the worker dies after renewal',
    RENEWALS,
    1,
    (at) => (at === 0 ? 'none' : at),
    'clause',
  );
  for (let renewal = 0; renewal < RENEWALS; renewal += 1) {
    sim.check(
      renewal === 0 || leases.holders.includes('the worker'),
      `renewal ${renewal} came in time, and the lease was lost by then`,
    );
    leases.renew('the worker');
    sim.note('the worker renews its lease');
    if (dies > 0 && renewal === dies) break;
    await sim.sleep(RENEWAL_MS, 'the next renewal');
  }
  await sim.sleep(LEASE_MS + 2 * SWEEP_MS);
  sim.check(leases.holders.length === 0, 'the lease of a dead worker lives on');
}
