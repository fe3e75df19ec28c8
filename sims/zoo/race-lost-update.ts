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
  description:
    'three clients add 1 to one number at once, each reads it and then writes, unless it has changed meanwhile: nothing that was added is lost',
  async run(sim) {
    const cell = new Cell();
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => add(sim, cell, `client ${client}`)));
    sim.check(cell.value === CLIENTS, `an addition was lost\n\nExpected ${CLIENTS}, got ${cell.value}.`);
  },
});

async function add(sim: Simulation, cell: Cell, client: string): Promise<void> {
  for (;;) {
    await turn(sim, { subject: client, what: 'reads' });
    const seen = cell.value;
    sim.note(`${client} has read ${seen}`);
    await turn(sim, { subject: client, what: 'writes' });
    const isWritten = cell.set(seen, seen + 1);
    sim.note(`${client} ${isWritten ? 'has written' : 'may not write'} ${seen + 1}`);
    if (isWritten) return;
  }
}
