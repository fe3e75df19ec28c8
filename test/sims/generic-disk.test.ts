// The generic scenario of disks finds what a broken disk does wrong. Each breaks one promise of docs/disks.md.
import { expect, test } from 'vitest';
import { createMemoryDisk, type MemoryDisk, type MemoryDiskOptions } from '../../src/disks/memory-disk.ts';
import type { Disk } from '../../src/model/disk.ts';
import { diskWorkload } from '../../sims/generic/disk.ts';
import { failureOf } from './first-failure.ts';

const FOUND_WITHIN = 2_000;

type Make = typeof createMemoryDisk;

/** A disk of which some methods of the medium, or of each process, are others. */
function diskWith(
  change: (disk: Disk, medium: MemoryDisk) => Partial<Disk>,
  ofMedium: (medium: MemoryDisk) => Partial<MemoryDisk> = () => ({}),
): Make {
  return (world, options) => {
    const medium = createMemoryDisk(world, options);
    const mount: MemoryDisk['mount'] = (of) => {
      const disk = medium.mount(of);
      return Object.assign(Object.create(disk) as Disk, bound(disk), change(disk, medium));
    };
    return { ...bound(medium), name: medium.name, mount, ...ofMedium(medium) };
  };
}

/** A disk with other options than it was made with. */
function otherwise(change: (options: MemoryDiskOptions) => MemoryDiskOptions): Make {
  return (world, options = {}) => {
    createMemoryDisk(world, options);
    return createMemoryDisk(world, { ...options, ...change(options) });
  };
}

/** All methods of an object, as functions. */
function bound<T extends object>(object: T): T {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(object));
  const methods = names.flatMap((name) => {
    const value = object[name as keyof T];
    return typeof value === 'function' ? [[name, (value as () => unknown).bind(object)] as const] : [];
  });
  return Object.fromEntries(methods) as T;
}

const broken: readonly (readonly [string, Make, RegExp])[] = [
  [
    'adds what it is given back to front',
    diskWith((disk) => ({
      append: (path, data) =>
        disk.append(path, typeof data === 'string' ? [...data].reverse().join('') : data),
    })),
    /holds|: expected RUNNER_DISK/,
  ],
  [
    'believes that everything is synced',
    diskWith(() => ({ sync: () => Promise.resolve() })),
    /^sync leaves 0 events/,
  ],
  [
    'lists in another order',
    diskWith((disk) => ({ list: async (of) => (await disk.list(of)).reverse() })),
    /list/,
  ],
  [
    'loses nothing in a power failure',
    diskWith(
      () => ({}),
      (medium) => ({ powerFail: () => medium.crash() }),
    ),
    /RUNNER_DISK_NOT_FOUND|after a power failure it holds/,
  ],
  [
    'shows bytes of its own',
    diskWith(
      () => ({}),
      () => ({ files: () => new Map([['a', new Uint8Array([1])]]) }),
    ),
    /the disk holds/,
  ],
  ['takes twice as long', (world, options) => createMemoryDisk(world, { ...options, latencyMs: 4 }), /took/],
  ['never strikes', otherwise(() => ({ faults: {} })), /may strike|answers/],
  ['strikes unasked', otherwise(({ faults }) => ({ faults: { ...faults, sync: 2 } })), /answers/],
  [
    'strikes more often than it may',
    (world, { faults, ...options } = {}) =>
      createMemoryDisk(world, { ...options, faults: { ...faults, strikesMax: Infinity } }),
    /faults, and there may be/,
  ],
  ['has no end', otherwise(() => ({ capacityBytes: Infinity })), /NO_SPACE|holds/],
  [
    'tears anywhere',
    (world, options) => createMemoryDisk(world, { ...options, tearBytes: 1 }),
    /after a power failure it holds/,
  ],
  [
    'takes whatever it is given',
    diskWith((disk) => ({
      remove: (path) => (typeof path === 'string' && path !== '' ? disk.remove(path) : Promise.resolve()),
    })),
    /is refused/,
  ],
  [
    'takes what comes after its end',
    diskWith((disk) => ({ close: () => disk.list().then(() => undefined) })),
    /closed|leaves/,
  ],
  [
    'is silent',
    (world, options) => createMemoryDisk({ ...world, tracer: { record: () => undefined } }, options),
    /leaves 0 events/,
  ],
];

test.for(broken)('generic-disk finds a disk that %s', async ([, make, message]) => {
  expect(await failureOf(diskWorkload(make), FOUND_WITHIN, message)).toMatch(message);
});
