/** A reader takes two halves, one after the other, and looks at the version before and after: what was changed meanwhile is read again. */
import { defineScenario, type ScenarioDefinition, type Simulation } from 'dryrunner';
import { turn } from './turns.ts';

const WRITERS = 2;
const UPDATES = 5;

/** Two halves that belong together. */
class Pair {
  version = 0;
  left = 0;
  right = 0;

  update(): void {
    this.version += 1;
    this.left += 1;
    this.right += 1;
  }
}

export const reusedVersion: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-race-reused-version',
  description: 'a reader among writers: both halves that it takes are of one version',
  async run(sim) {
    const pair = new Pair();
    const writers = Array.from({ length: WRITERS }, (_, writer) => write(sim, pair, `writer ${writer}`));
    await Promise.all([read(sim, pair), ...writers]);
  },
});

async function write(sim: Simulation, pair: Pair, writer: string): Promise<void> {
  for (let update = 0; update < UPDATES; update += 1) {
    await turn(sim, `${writer} makes update ${update}`);
    pair.update();
  }
}

async function read(sim: Simulation, pair: Pair): Promise<void> {
  for (;;) {
    await turn(sim, 'the reader takes the left half');
    const { version, left } = pair;
    await turn(sim, 'the reader takes the right half');
    if (pair.version !== version) continue;
    sim.check(pair.right === left, `the reader took ${left} and ${pair.right}`);
    return;
  }
}
