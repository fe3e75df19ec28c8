/** Turns that take no time: what waits for its turn goes on in an order that the simulation decides, as promises do. */
import type { Label, Simulation } from 'dryrunner';

/** Resolves in the present instant, before or after whatever else waits for its turn. */
export function turn(sim: Simulation, label: Label): Promise<void> {
  return new Promise((resolve) => {
    sim.world.clock.post(label, resolve);
  });
}
