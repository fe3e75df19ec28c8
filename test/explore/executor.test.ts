import { expect, test } from 'vitest';
import { createExecutor } from '../../src/explore/executor.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';

/** How many events an execution takes whose scenario has 30 of them. */
async function firedEvents(
  maxEvents: number | undefined,
  bounds: { readonly defaultMaxEvents?: number; readonly hardMaxEvents?: number },
): Promise<number> {
  const scenario = defineScenario({
    name: 'naps',
    description: 'thirty naps',
    async run(sim) {
      for (let nap = 0; nap < 30; nap += 1) await sim.sleep(1);
    },
    ...(maxEvents === undefined ? {} : { options: { maxEvents } }),
  });
  const verdict = await createExecutor(scenario).execute({ source: fifoDecisions(), ...bounds });
  return verdict.firedEvents;
}

test.for([
  { stated: undefined, hardMaxEvents: undefined, fired: 30 },
  { stated: undefined, hardMaxEvents: 10, fired: 10 },
  { stated: 20, hardMaxEvents: 10, fired: 10 },
  { stated: 8, hardMaxEvents: 10, fired: 8 },
  { stated: undefined, defaultMaxEvents: 20, hardMaxEvents: 10, fired: 10 },
  { stated: undefined, defaultMaxEvents: 8, hardMaxEvents: 10, fired: 8 },
  { stated: 20, defaultMaxEvents: 8, hardMaxEvents: 10, fired: 10 },
])(
  'a hard bound of $hardMaxEvents events, where the scenario states $stated and the default is $defaultMaxEvents, ends after $fired',
  async ({ stated, fired, hardMaxEvents, defaultMaxEvents }) => {
    const bounds = {
      ...(hardMaxEvents === undefined ? {} : { hardMaxEvents }),
      ...(defaultMaxEvents === undefined ? {} : { defaultMaxEvents }),
    };
    expect(await firedEvents(stated, bounds)).toBe(fired);
  },
);
