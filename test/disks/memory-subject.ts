// A disk in memory as a subject of the cases of disks; each case that dies does so under many seeds.
import type { DiskSubject } from '../../src/conformance/parts/disk-cases.ts';
import { createMemoryDisk, type MemoryDiskOptions } from '../../src/disks/memory-disk.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import type { Disk } from '../../src/model/disk.ts';
import { play } from './disk-play.ts';

const SEEDS = 100;
/** The first events of a program until somewhere in its fourth round. */
const MOMENTS = 50;

/** `spoil` makes a process's disk a worse one. */
export function memorySubject(
  name: string,
  end: 'crash' | 'powerFail',
  options: MemoryDiskOptions = {},
  spoil: (disk: Disk) => Disk = (disk) => disk,
): DiskSubject {
  return {
    name,
    use: (body) =>
      play(1, ({ world }) => {
        const medium = createMemoryDisk(world, options);
        return body(() => spoil(medium.mount(world)));
      }),
    async crash({ program, verify }) {
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        await play(seed, async (sim) => {
          const { world } = sim;
          const medium = createMemoryDisk(world, { latencyMs: 1, ...options });
          const reported: string[] = [];
          const died = program(spoil(medium.mount(world)), (line) => void reported.push(line)).catch(
            (error: unknown) => {
              if (!isRunnerError(error, 'RUNNER_DISK_CLOSED')) throw error;
            },
          );
          await sim.sleep(sim.choose('moments', MOMENTS) + 0.5);
          medium[end]();
          await died;
          await verify(medium.mount(world), reported);
        });
      }
    },
  };
}
