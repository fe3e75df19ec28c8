import { describe, expect, test } from 'vitest';
import { diskCases } from '../../src/conformance/parts/disk-cases.ts';
import type { Disk } from '../../src/model/disk.ts';
import { memorySubject } from './memory-subject.ts';

const subjects = [
  memorySubject('a disk in memory whose power fails', 'powerFail'),
  memorySubject('a disk in memory that loses in any order', 'powerFail', { faults: { reorder: true } }),
  memorySubject('a disk in memory that tears at sectors', 'powerFail', { tearBytes: 512 }),
  memorySubject('a disk in memory whose process dies', 'crash'),
];

describe.each(subjects)('$name', (subject) => {
  test.each(diskCases)('$title', (each) => each.prove(subject));
});

function changed(disk: Disk, methods: Partial<Disk>): Disk {
  const bound = (name: keyof Disk): unknown => (disk[name] as (...given: unknown[]) => unknown).bind(disk);
  const names = ['read', 'readText', 'write', 'append', 'sync', 'rename', 'remove', 'list', 'close'] as const;
  return { ...Object.fromEntries(names.map((name) => [name, bound(name)])), ...methods } as unknown as Disk;
}

describe('the cases about a process that dies', () => {
  const dying = diskCases.filter(({ crash }) => crash !== undefined);

  test('are there', () => expect(dying.length).toBeGreaterThan(3));

  test.each(dying)('notice a sync that does nothing: $title', async (each) => {
    const spoil = (disk: Disk): Disk =>
      changed(disk, {
        sync: async () => {
          await disk.list();
        },
      });
    const lazy = memorySubject('lazy', 'powerFail', {}, spoil);
    await expect(each.prove(lazy)).rejects.toThrow(/expected/);
  });

  test.each(dying.slice(1, 3))('notice a rename that is not one step: $title', async (each) => {
    const spoil = (disk: Disk): Disk =>
      changed(disk, {
        async rename(from, to) {
          const data = await disk.read(from);
          await disk.remove(from);
          await disk.sync();
          await disk.write(to, data);
        },
      });
    const copying = memorySubject('copying', 'powerFail', {}, spoil);
    await expect(each.prove(copying)).rejects.toThrow(/expected/);
  });
});
