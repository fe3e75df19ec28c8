import { describe, expect, test } from 'vitest';
import { createMemoryDisk, type MemoryDisk, type MemoryDiskOptions } from '../../src/disks/memory-disk.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import type { Disk } from '../../src/model/disk.ts';
import { NodeClock } from '../../src/simulation/node-machine.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { formatEvent } from '../../src/trace/event-text.ts';
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
  test('takes effect at its end, in an event of the clock that the disk was mounted on, one after another', async () => {
    await play(fifoDecisions(), async (sim) => {
      const medium = createMemoryDisk(sim.world, { latencyMs: 5 });
      const disk = medium.mount(sim.world);
      const both = [disk.append('log', 'a'), disk.append('log', 'b')];
      await sim.sleep(4);
      expect(filesOf(medium)).toEqual({});
      await both[0];
      expect([sim.now(), filesOf(medium)]).toEqual([5, { log: 'a' }]);
      await both[1];
      expect([sim.now(), filesOf(medium)]).toEqual([10, { log: 'ab' }]);
    });
  });

  test('takes from the least to the most time, as decided', async () => {
    const times = await everyOutcome(async (sim) => {
      await createMemoryDisk(sim.world, { latencyMs: [1, 8] })
        .mount(sim.world)
        .sync();
      return sim.now();
    });
    expect(times).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('copies what it is given and what it gives', async () => {
    await play(1, async (sim) => {
      const disk = createMemoryDisk(sim.world).mount(sim.world);
      const given = Uint8Array.of(1, 2);
      const written = disk.write('a', given);
      given[0] = 9;
      await written;
      const got = await disk.read('a');
      expect([...got]).toEqual([1, 2]);
      got[1] = 9;
      expect([...(await disk.read('a'))]).toEqual([1, 2]);
    });
  });

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

describe('a crash of the process alone', () => {
  test('keeps what was written, synced or not, also from a later power failure if it is synced then', async () => {
    const left = await everyOutcome(async (sim) => {
      const medium = createMemoryDisk(sim.world);
      await medium.mount(sim.world).append('log', 'abc');
      medium.crash();
      const kept = filesOf(medium);
      await medium.mount(sim.world).sync('log');
      medium.powerFail();
      return JSON.stringify([kept, filesOf(medium)]);
    });
    expect(left).toEqual(['[{"log":"abc"},{"log":"abc"}]']);
  });

  test('between the call of a write and its answer leaves all, a part or nothing of it', async () => {
    const left = await everyOutcome(async (sim) => {
      const medium = createMemoryDisk(sim.world);
      const disk = medium.mount(sim.world);
      await disk.append('log', 'ab');
      const cut = [disk.append('log', 'cde'), disk.append('log', 'never')];
      medium.crash();
      await Promise.allSettled(cut);
      return filesOf(medium)['log'];
    });
    expect([...new Set(left)]).toEqual(['abcde', 'ab', 'abcd', 'abc']);
  });

  test('between the call of a rename or removal and its answer leaves the one or the other', async () => {
    const left = await everyOutcome(async (sim) => {
      const medium = createMemoryDisk(sim.world);
      const disk = medium.mount(sim.world);
      await disk.write('a', 'x');
      await disk.write('b', 'y');
      const cut = [disk.rename('a', 'b'), medium.mount(sim.world).remove('b')];
      medium.crash();
      await Promise.allSettled(cut);
      return JSON.stringify(filesOf(medium));
    });
    expect([...new Set(left)].sort()).toEqual(['{"a":"x","b":"y"}', '{"a":"x"}', '{"b":"x"}', '{}']);
  });

  test('loses nothing when faults have ended, and no more does a power failure', async () => {
    const left = await everyOutcome(async (sim) => {
      const medium = createMemoryDisk(sim.world);
      const disk = medium.mount(sim.world);
      await disk.append('log', 'ab');
      sim.heal();
      const cut = disk.append('log', 'c');
      medium.powerFail();
      await Promise.allSettled([cut]);
      return filesOf(medium);
    });
    expect(left).toEqual([{ log: 'abc' }]);
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
      expect(await rejection(other.sync())).toBe(`sync of the top ${crashed}`);
    });
  });

  test.each([
    [{ name: '' }, 'name: expected a name'],
    [{ latencyMs: -1 }, 'latencyMs: expected a number of milliseconds ≥ 0, or two, the least first, got -1'],
    [{ latencyMs: [3, 1] }, 'latencyMs: expected a number of milliseconds ≥ 0, or two, the least first'],
    [{ tearBytes: 0 }, 'tearBytes: expected an integer ≥ 1 or Infinity, got 0'],
    [{ capacityBytes: -1 }, 'capacityBytes: expected a number ≥ 0, got -1'],
    [{ faults: { sync: 1 } }, 'faults.sync: expected true, false or an integer ≥ 2, got 1'],
    [{ faults: { slowMs: -1 } }, 'faults.slowMs: expected a finite number ≥ 0, got -1'],
  ])('is not made with %j', async (options, message) => {
    await play(1, async (sim) => {
      expect(() => createMemoryDisk(sim.world, options as MemoryDiskOptions)).toThrow(message);
      await Promise.resolve();
    });
  });
});

describe('a fault', () => {
  test('strikes have a bound that is a whole number, or none', () =>
    play(1, (sim) => {
      const strikesMax = (max: number) => () =>
        createMemoryDisk(sim.world, { faults: { short: true, strikesMax: max } });
      expect(strikesMax(Infinity)).not.toThrow();
      expect(strikesMax(1.5)).toThrow('faults.strikesMax: expected an integer ≥ 0, or Infinity, got 1.5');
      return Promise.resolve();
    }));

  test('of space: a write stores nothing; a full disk takes what fits', async () => {
    await play(answering({ 'disk append log no-space fault': 15 }).source, async (sim) => {
      const medium = createMemoryDisk(sim.world, { faults: { noSpace: true, strikesMax: 1 } });
      const disk = medium.mount(sim.world);
      await expect(disk.append('log', 'abc')).rejects.toMatchObject({ code: 'RUNNER_DISK_NO_SPACE' });
      expect(filesOf(medium)).toEqual({});
      await disk.append('log', 'abc');
      expect(filesOf(medium)).toEqual({ log: 'abc' });
    });
    await play(1, async (sim) => {
      const medium = createMemoryDisk(sim.world, { capacityBytes: 5 });
      const disk = medium.mount(sim.world);
      await disk.write('a', 'abc');
      expect(await rejection(disk.append('b', 'xyz'))).toBe('append to b on disk disk: no space left');
      expect(filesOf(medium)).toEqual({ a: 'abc', b: 'xy' });
      await disk.write('a', '123');
      await disk.remove('a');
      await disk.append('b', 'z');
      expect(filesOf(medium)).toEqual({ b: 'xyz' });
    });
  });

  test('of a short write: any first part is stored', async () => {
    const left = await everyOutcome(async (sim) => {
      const medium = createMemoryDisk(sim.world, { faults: { short: 2, strikesMax: 1 } });
      const message = await rejection(medium.mount(sim.world).write('log', 'abc'));
      return `${filesOf(medium)['log'] ?? ''}: ${String(message)}`;
    });
    const failed = (bytes: number): string =>
      `write to log on disk disk: only ${bytes} of 3 bytes were written (injected fault)`;
    expect(left).toEqual(['abc: no error', `ab: ${failed(2)}`, `a: ${failed(1)}`, `: ${failed(0)}`]);
  });

  test('of a sync: the next sync succeeds and proves nothing about what was written before', async () => {
    const left = await everyOutcome(async (sim) => {
      const medium = createMemoryDisk(sim.world, { tearBytes: Infinity, faults: { sync: 2, strikesMax: 1 } });
      const disk = medium.mount(sim.world);
      await disk.append('log', 'a');
      await disk.sync('log').catch(() => disk.sync());
      await disk.append('log', 'b');
      const outcome = await rejection(disk.sync('log'));
      medium.powerFail();
      return `${outcome === 'no error' ? 'synced' : 'failed'} ${JSON.stringify(filesOf(medium)['log'])}`;
    });
    // All that was synced without an error is there, unless an earlier sync has failed: then zeros may be.
    expect([...new Set(left)].sort()).toEqual(
      ['synced "ab"', 'synced "\\u0000b"', 'failed "ab"', 'failed "a"'].sort(),
    );
  });

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

  test('of the medium strikes nothing that was not synced', async () => {
    const { source, asked } = answering({});
    await play(source, async (sim) => {
      const medium = createMemoryDisk(sim.world, { faults: { rot: true } });
      const disk = medium.mount(sim.world);
      await disk.append('log', 'a');
      await disk.read('log');
      expect(asked).toEqual([]);
      await disk.sync('log');
      await disk.read('log');
      expect(asked).toEqual(['disk read log rot fault of 16']);
    });
  });

  test('of speed ends when faults do', async () => {
    await play(answering({ 'disk append log slow fault': 1 }).source, async (sim) => {
      const medium = createMemoryDisk(sim.world, { faults: { slow: 2, slowMs: 500 } });
      const disk = medium.mount(sim.world);
      await disk.append('log', 'a');
      expect(sim.now()).toBe(500);
      const second = disk.append('log', 'b');
      await sim.sleep(100);
      sim.heal();
      await second;
      expect([sim.now(), filesOf(medium)]).toEqual([600, { log: 'ab' }]);
    });
  });

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
      '0 ms: the write to log on locks is torn after 1 byte',
      '0 ms: locks loses the last 4 bytes written to log',
      '0 ms: new on locks keeps what was not synced (1 byte)',
    ]);
  });

  test('each fault that strikes', async () => {
    const rates = { short: 2, noSpace: 2, sync: 2, rot: 2, slow: 2, reorder: true, strikesMax: 9 } as const;
    const answers = {
      'locks write a slow fault': 1,
      'locks append a no-space fault': 1,
      'locks append b short fault': 1,
      'locks sync b fail fault': 1,
      'locks read a rot fault': 1,
      'locks zeroed c fault': 1,
    };
    const lines = await linesOf(answers, { faults: rates }, async (disk, medium) => {
      await disk.write('a', 'x');
      await disk.sync('a');
      for (const call of [disk.append('a', 'y'), disk.append('b', 'z'), disk.sync('b'), disk.read('a')]) {
        await call.catch(() => undefined);
      }
      await disk.append('c', 'pqr');
      medium.powerFail();
    });
    const faults = lines.filter((line) => !/writes|appends|syncs|keeps/.test(line));
    expect(faults).toEqual([
      '0 ms: the write to a on locks is slow',
      '1000 ms: the append to a finds no space on locks',
      '1000 ms: the append to b on locks is cut short',
      '1000 ms: the sync of b on locks fails',
      '1000 ms: a bit on locks rots before the read of a',
      '1000 ms: 3 bytes of c on locks become zeros',
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
