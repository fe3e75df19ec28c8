/** Leases of workers on a machine whose date is set forwards and backwards: they last as long as they say, whatever the date. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';

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

  sweep(): void {
    for (const [worker, renewedAtMs] of this.#renewedAtMs) {
      if (this.#nowMs() - renewedAtMs > LEASE_MS) this.#renewedAtMs.delete(worker);
    }
  }

  #nowMs(): number {
    return this.#clock.monotonicMs();
  }
}

export const clockJump: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-clock-jump',
  description: 'a date that jumps: a lease that is renewed in time is kept, one that is not is lost',
  async run(sim) {
    const clock = new MachineClock(sim);
    const leases = new LeaseTable(clock);
    await Promise.all([setDate(sim, clock), sweep(sim, leases), work(sim, leases)]);
  },
});

async function setDate(sim: Simulation, clock: MachineClock): Promise<void> {
  await sim.sleep(sim.choose('the date is set', 8) * SWEEP_MS);
  clock.jump(JUMPS_MS[sim.choose('the date jumps', JUMPS_MS.length)] ?? 0);
}

async function sweep(sim: Simulation, leases: LeaseTable): Promise<void> {
  for (let turn = 0; turn < (RENEWALS * RENEWAL_MS) / SWEEP_MS + 10; turn += 1) {
    leases.sweep();
    await sim.sleep(SWEEP_MS);
  }
}

/** Renews in time, and may die; then its lease must be gone soon. */
async function work(sim: Simulation, leases: LeaseTable): Promise<void> {
  const dies = sim.choose('the worker dies after renewal', RENEWALS);
  for (let renewal = 0; renewal < RENEWALS; renewal += 1) {
    sim.check(
      renewal === 0 || leases.holders.includes('worker'),
      `renewal ${renewal} came in time, and the lease was lost`,
    );
    leases.renew('worker');
    if (dies > 0 && renewal === dies) break;
    await sim.sleep(RENEWAL_MS);
  }
  await sim.sleep(LEASE_MS + 2 * SWEEP_MS);
  sim.check(leases.holders.length === 0, 'the lease of a dead worker lives on');
}
