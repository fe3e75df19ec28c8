// What the programs of sims/cluster remember, on the disks that crashes have left: each case was found by an exploration.
import { expect, test } from 'vitest';
import { createMemoryDisk, type Disk, type DiskFaults } from '../../src/cluster/index.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { Journal, type Journaled } from '../../sims/cluster/journal.ts';

class Lines implements Journaled {
  readonly all: string[] = [];

  clear(): void {
    this.all.length = 0;
  }

  read(line: string): void {
    this.all.push(line);
  }

  lines(): string[] {
    return this.all;
  }
}

/** Adds to memory and journal; resolves once it is durable. */
async function remember(disk: Disk, line: string): Promise<void> {
  const lines = new Lines();
  const journal = await Journal.open(disk, lines);
  lines.all.push(line);
  await journal.write(line);
}

async function remembered(disk: Disk): Promise<string[]> {
  const lines = new Lines();
  await Journal.open(disk, lines);
  return lines.all;
}

async function onDisk(act: (disk: Disk) => Promise<void>, faults: DiskFaults = {}, seed = 1): Promise<void> {
  const { failure } = await simulate({
    source: randomDecisions(seed),
    scenario: (sim) => act(createMemoryDisk(sim.world, { faults }).mount(sim.world)),
  });
  expect(failure).toBeUndefined();
}

test.for([
  ['zeros', '\0'.repeat(14)],
  ['a part of the first line', 'who'],
  ['nothing', ''],
])('a file of which a crash has left %s does not hide what comes after it', ([, text]) =>
  onDisk(async (disk) => {
    await disk.write('journal/0000', text as string);
    await remember(disk, 'a');
    await remember(disk, 'b');
    expect(await remembered(disk)).toEqual(['a', 'b']);
  }),
);

test('a line that was torn is none, and the next one begins on its own', () =>
  onDisk(async (disk) => {
    await remember(disk, 'a');
    await disk.append('journal/0000', 'b lon');
    await remember(disk, 'c');
    expect(await remembered(disk)).toEqual(['a', 'c']);
  }));

test('after errors of the disk all that was remembered is in another file', async () => {
  for (let seed = 0; seed < 50; seed += 1) {
    await onDisk(
      async (disk) => {
        for (const line of ['a', 'b', 'c']) await remember(disk, line);
        expect(await remembered(disk)).toEqual(['a', 'b', 'c']);
      },
      { short: 2, noSpace: 3, sync: 3, strikesMax: 3 },
      seed,
    );
  }
});
