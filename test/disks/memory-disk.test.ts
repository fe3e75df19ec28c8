import { describe, expect, test } from 'vitest';
import {
  createMemoryDisk,
  endMount,
  type MemoryDisk,
  type MemoryDiskOptions,
} from '../../src/disks/memory-disk.ts';
import type { Disk } from '../../src/model/disk.ts';
import { NodeClock } from '../../src/simulation/node-clock.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { formatEvent } from '../../src/trace/event-text.ts';
import { movedItems } from '../moved-items.ts';
import { everyOutcome, filesOf, play } from './disk-play.ts';

/** Answers as said by the text of a question, else 0; and all texts that were asked. */
function answering(answers: Readonly<Record<string, number>>): {
  readonly source: { decide(question: { readonly text: string }, n: number): number };
  readonly asked: string[];
} {
  const asked: string[] = [];
  const decide = ({ text }: { readonly text: string }, n: number): number => {
    asked.push(`${text} of ${n}`);
    return answers[text] ?? 0;
  };
  return { source: { decide }, asked };
}

type Body = (disk: Disk, medium: MemoryDisk, sim: Simulation) => Promise<void>;

/** Runs it on a disk called `locks`; gives the lines of the trace that are about it. */
async function linesOf(
  answers: Readonly<Record<string, number>>,
  options: MemoryDiskOptions,
  body: Body,
): Promise<string[]> {
  const { held, failure, trace } = await simulate({
    keepTrace: true,
    source: answering(answers).source,
    scenario: async (sim) => {
      const medium = createMemoryDisk(sim.world, { name: 'locks', ...options });
      await body(medium.mount(sim.world), medium, sim);
    },
  });
  if (!held) throw new Error(failure?.message, { cause: failure?.cause });
  return trace().map(formatEvent);
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error as Error).message,
  );

describe('an operation', () => {
  test('of a process that has died is never done and never answered', async () => {
    await play(1, async (sim) => {
      const medium = createMemoryDisk(sim.world, { tearBytes: Infinity });
      const clock = new NodeClock(sim.world.clock, () => undefined);
      const disk = medium.mount({ clock });
      let answers = 0;
      const count = (): void => void (answers += 1);
      const first = disk.append('log', 'a').then(count, count);
      const second = disk.append('log', 'b').then(count, count);
      clock.die();
      medium.crash();
      const third = disk.sync('log').then(count, count);
      await sim.sleep(1);
      expect(answers).toBe(0);
      expect([{}, { log: 'a' }]).toContainEqual(filesOf(medium));
      void Promise.all([first, second, third]);
    });
  });
});

test('an operation costs the same however many wait', async () => {
  const operations = 2_000;
  await play(1, async (sim) => {
    const disk = createMemoryDisk(sim.world, { latencyMs: 1 }).mount(sim.world);
    let done = 0;
    const all = Array.from({ length: operations }, () => disk.list().then(() => (done += 1)));
    const moved = await movedItems(() => Promise.all(all));
    expect(done).toBe(operations);
    expect(moved).toBeLessThan(20 * operations);
  });
});

test('a folder is not there any more once a file has taken its place, not even when that is gone', async () => {
  await play(1, async (sim) => {
    const disk = createMemoryDisk(sim.world).mount(sim.world);
    await disk.write('a/b/log', 'x');
    await disk.remove('a/b/log');
    await disk.sync('a/b');
    await disk.write('file', 'x');
    await disk.rename('file', 'a');
    await expect(disk.sync('a/b')).rejects.toMatchObject({ code: 'RUNNER_DISK_NOT_FOUND' });
    await disk.remove('a');
    await expect(disk.sync('a')).rejects.toMatchObject({ code: 'RUNNER_DISK_NOT_FOUND' });
  });
});

describe('a disk that cannot be used', () => {
  test.each([
    ['', 'path: expected a relative path'],
    ['/etc/passwd', 'path: expected a relative path'],
    ['a//b', 'path: expected a relative path'],
    ['a/', 'path: expected a relative path'],
    ['../a', 'path: expected a relative path'],
    ['a/./b', 'path: expected a relative path'],
    ['a\\b', 'path: expected a relative path'],
    ['a\0', 'path: expected a relative path'],
    ['\ud800', 'path: expected a relative path'],
    ['x'.repeat(256), 'path: expected a relative path'],
    ['é'.repeat(128), 'path: expected a relative path'],
    [7, 'path: expected a relative path'],
  ])('refuses path %j', async (path, message) => {
    await play(1, async (sim) => {
      const disk = createMemoryDisk(sim.world).mount(sim.world);
      expect(await rejection(disk.append(path as string, 'x'))).toContain(message);
      expect(await rejection(disk.write(path as string, 'x'))).toContain(message);
      expect(await rejection(disk.read(path as string))).toContain(message);
      expect(await rejection(disk.sync(path as string))).toContain(message);
      expect(await rejection(disk.rename('a', path as string))).toContain(message.replace('path', 'to'));
      expect(await rejection(disk.rename(path as string, 'a'))).toContain(message.replace('path', 'from'));
      expect(await rejection(disk.remove(path as string))).toContain(message);
      expect(await rejection(disk.list(path as string))).toContain(message.replace('path', 'folder'));
    });
  });

  test('refuses data that is neither text nor bytes', async () => {
    await play(1, async (sim) => {
      const disk = createMemoryDisk(sim.world).mount(sim.world);
      const message = await rejection(disk.write('a', 7 as never));
      expect(message).toBe('data: expected a string or a Uint8Array, got 7');
    });
  });

  test('says what was asked for after its close, and after a crash of its process', async () => {
    await play(1, async (sim) => {
      const medium = createMemoryDisk(sim.world, { name: 'locks' });
      const [disk, other] = [medium.mount(sim.world), medium.mount(sim.world)];
      const last = disk.append('log', 'a');
      await disk.close();
      await last;
      expect(await rejection(disk.sync('log'))).toBe('sync of log on disk locks: it was closed');
      await expect(disk.sync('log')).rejects.toMatchObject({ code: 'RUNNER_DISK_CLOSED' });
      const open = rejection(other.rename('log', 'b'));
      medium.crash();
      const crashed = 'on disk locks: the process that used it has crashed';
      expect(await open).toBe(`rename of log to b ${crashed}`);
      expect(await rejection(other.sync())).toBe(`sync of the top folder ${crashed}`);
    });
  });

  test('is not made without a name, and may be struck without bound', async () => {
    await play(1, async (sim) => {
      expect(() => createMemoryDisk(sim.world, { name: '' })).toThrow('name: expected a name');
      createMemoryDisk(sim.world, { faults: { short: true, strikesMax: Infinity } });
      await Promise.resolve();
    });
  });
});

describe('a fault', () => {
  test('of a sync, and another sync without a write: even that proves nothing', async () => {
    const left = await everyOutcome(async (sim) => {
      const medium = createMemoryDisk(sim.world, { tearBytes: Infinity, faults: { sync: 2, strikesMax: 1 } });
      const disk = medium.mount(sim.world);
      await disk.write('log', 'a');
      const first = await rejection(disk.sync('log'));
      const second = await rejection(disk.sync('log'));
      medium.powerFail();
      return [first === 'no error', second === 'no error', filesOf(medium)['log']].join(' ');
    });
    expect(new Set(left)).toEqual(new Set(['true true a', 'true false a', 'false true a', 'false true ']));
  });

  test('of the medium: a bit of what was synced is the opposite, for good', async () => {
    const left = await everyOutcome(async (sim) => {
      const medium = createMemoryDisk(sim.world, { faults: { rot: 2, strikesMax: 1 } });
      const disk = medium.mount(sim.world);
      await disk.append('log', Uint8Array.of(0, 255));
      await disk.sync('log');
      const first = await disk.read('log');
      return [[...first].join(' '), [...(await disk.read('log'))].join(' ')];
    });
    const flipped = ['0 254', '0 253', '0 251', '0 247', '0 239', '0 223', '0 191', '0 127'];
    for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) flipped.push(`${bit} 255`);
    const expected = flipped.flatMap((bytes) => [`${bytes},${bytes}`, `0 255,${bytes}`]);
    expect(left.map(String).sort()).toEqual([...expected, '0 255,0 255'].sort());
  });

  test('ends with the faults of a world whose choices still strike', () =>
    play(1, async (sim) => {
      const heals: (() => void)[] = [];
      const world = {
        clock: sim.world.clock,
        choices: { choose: (_: unknown, n: number) => n - 1 },
        onHeal: (heal: () => void) => void heals.push(heal),
      };
      const disk = createMemoryDisk(world, { faults: { short: 2, strikesMax: Infinity } }).mount(world);
      expect(await rejection(disk.append('log', 'abc'))).toContain('bytes were written (injected fault)');
      for (const heal of heals) heal();
      expect(await rejection(disk.append('log', 'abc'))).toBe('no error');
    }));

  test('strikes no more often than it may', async () => {
    const { source, asked } = answering({ 'disk append log short fault': 1 });
    await play(source, async (sim) => {
      const disk = createMemoryDisk(sim.world, { faults: { short: 2, strikesMax: 2 } }).mount(sim.world);
      const outcomes = [];
      for (let i = 0; i < 4; i += 1) outcomes.push((await rejection(disk.append('log', 'a'))) === 'no error');
      expect(outcomes).toEqual([false, false, true, true]);
      expect(asked).toEqual(['disk append log short fault of 2', 'disk append log short fault of 2']);
    });
  });
});

describe('in words', () => {
  test('what is done to files, and what a power failure keeps, tears and loses', async () => {
    const answers = { 'locks lost names fault': 1, 'locks lost log fault': 2, 'locks torn log fault': 3 };
    const lines = await linesOf(answers, {}, async (disk, medium) => {
      await disk.write('log', 'abcdef');
      await disk.sync('log');
      await disk.append('log', 'ghi');
      await disk.append('log', 'jk');
      await disk.write('new', 'x');
      await disk.sync();
      await disk.rename('new', 'old');
      medium.powerFail();
    });
    expect(lines).toEqual([
      '0 ms: locks writes log (6 bytes)',
      '0 ms: locks syncs log',
      '0 ms: locks appends to log (3 bytes)',
      '0 ms: locks appends to log (2 bytes)',
      '0 ms: locks writes new (1 byte)',
      '0 ms: locks syncs its names',
      '0 ms: locks renames new to old',
      '0 ms: locks loses the rename of new to old',
      '0 ms: locks loses the last 2 writes to log (5 bytes)',
      '0 ms: the first lost write to log on locks is torn: 1 of its 3 bytes is kept',
      '0 ms: log on locks has 7 bytes left, of which 1 was not synced',
      '0 ms: new on locks has 1 byte left, which was not synced',
    ]);
  });
});

test.each<readonly [string, unknown]>([
  ['a proxy of bytes', new Proxy(new Uint8Array(2), {})],
  ['what only inherits from bytes', Object.create(Uint8Array.prototype) as unknown],
])('%s is refused as data', async (_, data) => {
  await linesOf({}, {}, async (disk) => {
    await expect(disk.write('a', data as Uint8Array)).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      expected: 'a string or a Uint8Array',
    });
  });
});

test('no other disk is taken for a mount that can be ended', async () => {
  await linesOf({}, {}, async (disk) => {
    expect(() => endMount({ ...disk })).toThrow('expected a mount of a disk in memory');
    endMount(disk);
    await Promise.resolve();
  });
});
