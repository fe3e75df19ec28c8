/**
 * Operations of a program on the disk in memory, beside as many awaited events of the clock that do nothing: what a disk costs is what it
 * takes beyond them. Invariant: both do the same number of events, in interleaved rounds.
 */
import { createMemoryDisk, type DiskFaults } from '../src/disks/memory-disk.ts';
import { simulate } from '../src/simulation/simulate.ts';
import type { Simulation } from '../src/simulation/simulation.ts';
import type { Figure } from './figure.ts';
import { collectGarbage, interleave, median } from './measure.ts';

/** An append and a sync each, and now and then a new log that replaces the old one. */
const RECORDS = 50_000;
const RECORDS_PER_LOG = 100;
const OPERATIONS: number = 2 * RECORDS + (2 * RECORDS) / RECORDS_PER_LOG;
const GOALS = { plain: 400_000, faulty: 100_000 };
const record = Uint8Array.from({ length: 32 }, (_, i) => i);
const ALL_FAULTS: DiskFaults = {
  ...{ short: true, noSpace: true, sync: true, rot: true, slow: true, slowMs: 1, reorder: true },
  strikesMax: 10 * OPERATIONS,
};

type Scenario = (sim: Simulation) => Promise<void>;

function keepLog(faults: DiskFaults): Scenario {
  return async ({ world }) => {
    const disk = createMemoryDisk(world, { name: 'n1', faults }).mount(world);
    const tried = async (operation: Promise<void>): Promise<void> => {
      try {
        await operation;
      } catch {
        // A fault has struck; the next operation is as good.
      }
    };
    for (let i = 1; i <= RECORDS; i++) {
      await tried(disk.append('log', record));
      await tried(disk.sync('log'));
      if (i % RECORDS_PER_LOG !== 0) continue;
      await tried(disk.write('new', record));
      await tried(disk.rename('new', 'log'));
    }
  };
}

const onlyEvents: Scenario = async ({ world: { clock } }) => {
  for (let i = 0; i < OPERATIONS; i++) {
    await new Promise<void>((resolve) => {
      clock.post('event', resolve);
    });
  }
};

async function run(scenario: Scenario): Promise<void> {
  const { held, failure, firedEvents } = await simulate({ seed: 1, name: 'disks', maxEvents: 1e9, scenario });
  if (!held) throw new Error(failure?.message);
  if (firedEvents < OPERATIONS) throw new Error(`expected ${OPERATIONS} events, got ${firedEvents}`);
}

/** Operations per second of CPU time, and beside them events. */
export async function measureDisks(rounds: number): Promise<Figure[]> {
  const ways = {
    plain: () => run(keepLog({})),
    faulty: () => run(keepLog(ALL_FAULTS)),
    events: () => run(onlyEvents),
  };
  await interleave(ways, 1);
  collectGarbage();
  const costs = await interleave(ways, rounds);
  const perSecond = (name: keyof typeof ways, by: 'cpuMs' | 'wallMs'): number =>
    Math.round(OPERATIONS / (median(costs[name].map((cost) => cost[by])) / 1000));
  return (['plain', 'faulty'] as const).map((way) => ({
    name: way === 'plain' ? 'disk in memory' : 'disk in memory, all faults',
    value: perSecond(way, 'cpuMs'),
    unit: 'operations/s',
    goal: GOALS[way],
    goalIs: 'least',
    by: 'CPU time',
    peer: `awaited events without a disk: ${perSecond('events', 'cpuMs')}/s`,
    note: 'append and sync, each awaited, and a new log after every hundred',
    more: { perWallSecond: perSecond(way, 'wallMs') },
  }));
}
