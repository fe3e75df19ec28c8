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
  description:
    'two writers update both halves of a pair together and count its version up, while a reader takes one half and then the other and begins anew if the version has changed: both halves that it takes belong together',
  async run(sim) {
    const pair = new Pair();
    const writers = Array.from({ length: WRITERS }, (_, writer) => write(sim, pair, `writer ${writer}`));
    await Promise.all([read(sim, pair), ...writers]);
  },
});

async function write(sim: Simulation, pair: Pair, writer: string): Promise<void> {
  for (let update = 0; update < UPDATES; update += 1) {
    await turn(sim, { owner: writer, what: 'makes update', subject: String(update) });
    pair.update();
  }
}

async function read(sim: Simulation, pair: Pair): Promise<void> {
  for (;;) {
    await turn(sim, 'the reader takes the left half');
    const { version, left } = pair;
    sim.note(`the reader takes left half ${left} of version ${version}`);
    await turn(sim, 'the reader takes the right half');
    sim.note(`the reader takes right half ${pair.right} of version ${pair.version}`);
    if (pair.version !== version) continue;
    sim.check(
      pair.right === left,
      `the reader took two halves that do not belong together\n\nExpected twice the same number, got ${left} and ${pair.right}.`,
    );
    return;
  }
}
