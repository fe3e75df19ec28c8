import { expect, test } from 'vitest';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { createRandomStream } from '../../src/kernel/seeded-random.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { createVirtualFiler } from '../../src/filers/fake-filer.ts';
import type { RunTypeMap } from '../../src/model/run-type.ts';
import type { Service } from '../../src/model/service.ts';
import type { World } from '../../src/model/world.ts';
import { createFakeRunner } from '../../src/runners/fake/fake-runner.ts';
import { argvScript } from '../../src/runners/fake/fake-script.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';

/** Asks for updates, which fail. */
function failingUpdates(): RunTypeMap {
  const update = (): Promise<void> => Promise.reject(new Error('no network'));
  return new Map([['scoot', { filer: { ...createVirtualFiler(), updateIntervalMs: 50, update } }]]);
}

/** Puts a runner through everything that it would trace; returns how its runs ended. */
async function live(make: (world: World) => Service): Promise<string[]> {
  const clock = createVirtualClock();
  const choices = createDecisions(fifoDecisions());
  const runner = make({ clock, choices, random: createRandomStream(1) });
  const ends: string[] = [];
  await clock.advanceBy(10);
  await runner.run({ argv: ['complete 0'] });
  await runner.run({ argv: ['complete 0'] }).catch((error: Error) => ends.push(error.message));
  await clock.advanceBy(1_000);
  ends.push((await runner.status('0')).status.state);
  await runner.run({ argv: ['hang'] });
  await clock.advanceBy(10);
  const aborted = runner.abort('1');
  await clock.advanceBy(60_000);
  ends.push((await aborted).state);
  const released = runner.release();
  await clock.runUntilIdle();
  await released;
  return ends;
}

test.for([
  ['simulated', (world: World) => createSimulatedRunner(world, { filers: failingUpdates() })],
  ['fake', (world: World) => createFakeRunner(world, { script: argvScript })],
] as const)('a %s runner works in a world without a tracer', async ([, make]) => {
  expect(await live(make)).toEqual(['No resources available. Please try later.', 'COMPLETE', 'ABORTED']);
});
