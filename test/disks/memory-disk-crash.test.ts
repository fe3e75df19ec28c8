// What a disk in memory holds after a crash, beside a model that lists every state that it may hold.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMemoryDisk, type MemoryDiskOptions } from '../../src/disks/memory-disk.ts';
import { DiskModel, type ModelMode, type Step } from '../../sims/generic/disk-model.ts';
import { carryOut, everyOutcome, filesOf, play } from './disk-play.ts';

const write = (path: string, data: string): Step => ({ do: 'write', path, data });
const append = (path: string, data: string): Step => ({ do: 'append', path, data });
const sync = (path: string): Step => ({ do: 'sync', path });
const remove = (path: string): Step => ({ do: 'remove', path });
const rename = (path: string, to: string): Step => ({ do: 'rename', path, to });

const fixed: readonly (readonly [title: string, program: readonly Step[]])[] = [
  ['appends to a new file', [append('log', 'abc'), append('log', 'de')]],
  ['appends after a sync', [append('log', 'abc'), sync('log'), append('log', 'de'), append('log', 'f')]],
  ['a replacement of what was synced', [write('log', 'abcd'), sync('log'), write('log', 'XY')]],
  [
    'a replacement, then an append',
    [write('log', 'ab'), sync('log'), write('log', 'XY'), append('log', 'Z')],
  ],
  [
    'a file renamed over another before its sync',
    [write('log', 'old'), sync('log'), write('tmp', 'new'), rename('tmp', 'log')],
  ],
  [
    'a file renamed over another after its sync',
    [write('log', 'old'), sync('log'), write('tmp', 'new'), sync('tmp'), rename('tmp', 'log')],
  ],
  [
    'a rename that was synced by its new name',
    [write('log', 'old'), sync('log'), write('tmp', 'new'), sync('tmp'), rename('tmp', 'log'), sync('log')],
  ],
  ['a removal', [write('a', 'x'), write('b', 'y'), sync('a'), sync('b'), remove('a'), remove('b')]],
  ['a name that is used again', [write('a', 'x'), sync('a'), rename('a', 'b'), write('a', 'y')]],
  [
    'a file in the place of a folder',
    [write('a/b', 'x'), sync('a/b'), remove('a/b'), write('a', 'y'), sync('a')],
  ],
  [
    'a folder in the place of a file',
    [write('a', 'x'), sync('a'), remove('a'), write('a/b/c', 'y'), sync('a/b/c')],
  ],
  [
    'a folder in the place of a file, and neither is synced',
    [write('a', 'x'), sync('a'), rename('a', 'b'), write('a/c', 'y'), write('a/d', 'z')],
  ],
  ['files that were never synced', [write('a', 'x'), write('b', 'yz'), remove('a')]],
];
const modes: readonly (readonly [title: string, mode: ModelMode, options: MemoryDiskOptions])[] = [
  ['in order', { reorder: false, tear: 1 }, {}],
  ['in any order', { reorder: true, tear: 1 }, { faults: { reorder: true } }],
  ['torn at every second byte', { reorder: false, tear: 2 }, { tearBytes: 2 }],
  ['never torn', { reorder: false, tear: Infinity }, { tearBytes: Infinity }],
];

describe.each(modes)('what a power failure leaves of writes that are lost %s', (_, mode, options) => {
  test.each(fixed)('%s: exactly the states that are allowed, each by some answers', async (__, program) => {
    const model = new DiskModel(mode);
    for (const step of program) expect(model.step(step)).toBeUndefined();
    const outcomes = await everyOutcome(async (sim) => {
      const medium = createMemoryDisk(sim.world, options);
      const disk = medium.mount(sim.world);
      for (const step of program) await carryOut(disk, step);
      medium.powerFail();
      return JSON.stringify(filesOf(medium));
    });
    expect([...new Set(outcomes)].sort()).toEqual([...model.survivors()].sort());
    // The plain answer to everything loses nothing.
    expect(outcomes[0]).toBe(JSON.stringify(model.files));
  });
});

test('names of two folders, synced apart: exactly the states that are allowed in any order', async () => {
  const program = [
    write('x/a', 'p'),
    write('y/b', 'q'),
    sync('y/b'),
    rename('x/a', 'y/c'),
    write('x/d', 'r'),
  ];
  const model = new DiskModel({ reorder: true, tear: 1 });
  for (const step of program) model.step(step);
  const outcomes = await everyOutcome(async (sim) => {
    const medium = createMemoryDisk(sim.world, { faults: { reorder: true } });
    const disk = medium.mount(sim.world);
    for (const step of program) await carryOut(disk, step);
    medium.powerFail();
    return JSON.stringify(filesOf(medium));
  });
  expect([...new Set(outcomes)].sort()).toEqual([...model.survivors()].sort());
});

const path = fc.constantFrom('a', 'b', 'd', 'd/a', 'd/e/b');
const data = fc.string({ unit: fc.constantFrom('x', 'y', 'z'), maxLength: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('write', 'append'), path, data }),
  fc.record({ do: fc.constant('append'), path, data }),
  fc.record({ do: fc.constantFrom('sync', 'remove'), path }),
  fc.record({ do: fc.constant('sync'), path }),
  fc.record({ do: fc.constant('rename'), path, to: path }),
);

test('any program on any disk, with power failures between: each step does what the model says, and every survivor is allowed', async () => {
  const rounds = fc.array(fc.array(step, { maxLength: 9 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      rounds,
      fc.constantFrom(...modes),
      fc.nat(),
      async (programs, [, mode, options], seed) => {
        await play(seed, async (sim) => {
          const medium = createMemoryDisk(sim.world, options);
          for (const program of programs) {
            const model = new DiskModel(mode, filesOf(medium));
            const disk = medium.mount(sim.world);
            for (const each of program) expect(await carryOut(disk, each)).toBe(model.step(each));
            expect(filesOf(medium)).toEqual(model.files);
            medium.powerFail();
            const left = filesOf(medium);
            expect(
              model.allows(left),
              `${JSON.stringify(left)} is none of ${[...model.survivors()].join(' ')}`,
            ).toBe(true);
          }
        });
      },
    ),
    { numRuns: 400 },
  );
});
