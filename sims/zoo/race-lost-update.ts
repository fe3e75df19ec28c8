/** Three clients add to one number, which each reads before it writes: a write that is not based on the last one is made again. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { turn } from './turns.ts';

const CLIENTS = 3;

/** A number that is changed by compare and set. */
class Cell {
  value = 0;

  set(expected: number, value: number): boolean {
    if (this.value !== expected) return false;
    this.value = value;
    return true;
  }
}

export const lostUpdate: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-race-lost-update',
  description: 'clients add to one number at once: nothing that was added is lost',
  async run(sim) {
    const cell = new Cell();
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => add(sim, cell, `client ${client}`)));
    sim.check(cell.value === CLIENTS, `${CLIENTS} were added, and the number is ${cell.value}`);
  },
});

async function add(sim: Simulation, cell: Cell, client: string): Promise<void> {
  for (;;) {
    await turn(sim, `${client} reads`);
    const seen = cell.value;
    await turn(sim, `${client} writes`);
    if (cell.set(seen, seen + 1)) return;
  }
}
