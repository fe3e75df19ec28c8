/**
 * The contract of a disk in memory beyond `diskCases`, as a list of cases: its time, its faults, what a crash may
 * leave, and its history. Invariant: each case runs in the plain order of events, or with every possible list of
 * answers.
 */
import type { MemoryDisk, MemoryDiskOptions } from '../../disks/memory-disk.ts';
import { type Disk, diskText } from '../../model/disk.ts';
import type { World } from '../../model/world.ts';
import type { Simulation } from '../../simulation/simulation.ts';
import { checkEqual } from '../check.ts';
import {
  answering,
  type PartCase,
  partCases,
  type PartCaseSpec,
  type PartSubject,
  refusalOf,
  inWords,
  ofOurWords,
} from './part-case.ts';
import { callsIn, MADE_BY_MEMORY_DISK, noted } from './noted-part.ts';
import { type PlayAnswers, type Played, playHolding, simulateHolding } from './played.ts';

/** A kind of disk in memory under test: see {@link memoryDiskCases}. */
export interface MemoryDiskSubject extends PartSubject {
  create(world: World, options?: MemoryDiskOptions): MemoryDisk;
}

interface Stage {
  readonly sim: Simulation;
  readonly medium: MemoryDisk;
  readonly disk: Disk;
  readonly make: (options?: MemoryDiskOptions) => MemoryDisk;
}
type Body = (stage: Stage) => Promise<void>;

const filesOf = (medium: MemoryDisk): Readonly<Record<string, string>> =>
  Object.fromEntries([...medium.files()].map(([path, bytes]) => [path, diskText(bytes)]));

const plays = (
  title: string,
  options: MemoryDiskOptions,
  body: Body,
  look: (played: Played) => void = () => undefined,
  answers: PlayAnswers = {},
): PartCaseSpec<MemoryDiskSubject> =>
  answering(answers, {
    title,
    async prove(subject, { signal }) {
      const scenario = (sim: Simulation): Promise<void> => {
        const note = callsIn(sim.world);
        const make = (given?: MemoryDiskOptions): MemoryDisk =>
          noted(note, 'the medium', subject.create(sim.world, given), MADE_BY_MEMORY_DISK);
        const medium = make(options);
        return body({ sim, medium, make, disk: medium.mount(sim.world) });
      };
      look(await playHolding(scenario, answers, { signal }));
    },
  });

/** The outcomes of a body under every possible list of answers. */
async function everyOutcome(
  subject: MemoryDiskSubject,
  options: MemoryDiskOptions,
  signal: AbortSignal | undefined,
  body: (stage: Stage) => Promise<string>,
): Promise<string[]> {
  const outcomes: string[] = [];
  for (let answers: number[] | undefined = []; answers !== undefined;) {
    const asked: { readonly answer: number; readonly n: number }[] = [];
    const given: readonly number[] = answers;
    await simulateHolding('of answers', {
      signal,
      source: {
        decide(_, n) {
          const answer = given[asked.length] ?? 0;
          asked.push({ answer, n });
          return answer;
        },
      },
      async scenario(sim) {
        const make = (own?: MemoryDiskOptions): MemoryDisk => subject.create(sim.world, own);
        const medium = make(options);
        outcomes.push(await body({ sim, medium, make, disk: medium.mount(sim.world) }));
      },
    });
    const last = asked.findLastIndex(({ answer, n }) => answer < n - 1);
    answers =
      last < 0
        ? undefined
        : asked.slice(0, last + 1).map(({ answer }, at) => (at === last ? answer + 1 : answer));
  }
  return outcomes;
}

/** A case that expects exactly these outcomes. */
const leaves = (
  title: string,
  options: MemoryDiskOptions,
  expected: readonly string[],
  body: (stage: Stage) => Promise<string>,
): PartCaseSpec<MemoryDiskSubject> => ({
  title,
  async prove(subject, { signal }) {
    const found = new Set(await everyOutcome(subject, options, signal, body));
    checkEqual('the outcomes', [...found].sort(), [...expected].sort());
  },
});

const logOf = (medium: MemoryDisk): string => filesOf(medium)['log'] ?? 'none';
const asJson = (medium: MemoryDisk): string => JSON.stringify(filesOf(medium));

const operations: readonly PartCaseSpec<MemoryDiskSubject>[] = [
  plays(
    'an operation takes effect at its end, one after another',
    { latencyMs: 5 },
    async ({ sim, medium, disk }) => {
      const both = [disk.append('log', 'a'), disk.append('log', 'b')];
      await sim.sleep(4);
      checkEqual('its files', filesOf(medium), {});
      await both[0];
      checkEqual('its files', [sim.now(), filesOf(medium)], [5, { log: 'a' }]);
      await both[1];
      checkEqual('its files', [sim.now(), filesOf(medium)], [10, { log: 'ab' }]);
    },
  ),
  leaves(
    'it takes from the least to the most time, as is decided',
    { latencyMs: [1, 8] },
    ['1', '2', '3', '4', '5', '6', '7', '8'],
    async ({ sim, disk }) => {
      await disk.sync();
      return String(sim.now());
    },
  ),
  plays('it copies what it is given and what it gives', {}, async ({ disk }) => {
    const given = Uint8Array.of(1, 2);
    const written = disk.write('a', given);
    given[0] = 9;
    await written;
    const got = await disk.read('a');
    checkEqual('the bytes', [...got], [1, 2]);
    got[1] = 9;
    checkEqual('the bytes', [...(await disk.read('a'))], [1, 2]);
  }),
  inWords((said) =>
    plays(
      'operations after its close, or after a crash of its process, are refused by name',
      { name: 'locks' },
      async ({ sim, medium, disk }) => {
        const other = medium.mount(sim.world);
        await disk.close();
        said.equal(
          'closed',
          await refusalOf(() => disk.sync('log')),
          'RUNNER_DISK_CLOSED sync of log on disk locks: it was closed',
        );
        const open = refusalOf(() => other.rename('log', 'b'));
        medium.crash();
        const crashed = 'on disk locks: the process that used it has crashed';
        said.equal('crashed', await open, `RUNNER_DISK_CLOSED rename of log to b ${crashed}`);
        said.equal(
          'crashed',
          await refusalOf(() => other.sync()),
          `RUNNER_DISK_CLOSED sync of the top folder ${crashed}`,
        );
      },
    ),
  ),
  inWords((said) =>
    plays('invalid options are refused', {}, async ({ make }) => {
      const latency = 'latencyMs: expected a number of milliseconds ≥ 0, or two, the least first, got';
      await said.wrongUse([
        [() => make({ latencyMs: -1 }), `${latency} -1`],
        [() => make({ latencyMs: [3, 1] }), `${latency} an array of 2`],
        [() => make({ tearBytes: 0 }), 'tearBytes: expected an integer ≥ 1 or Infinity, got 0'],
        [() => make({ capacityBytes: -1 }), 'capacityBytes: expected a number ≥ 0, got -1'],
        [() => make({ faults: { sync: 1 } }), 'faults.sync: expected true, false or an integer ≥ 2, got 1'],
        [() => make({ faults: { slowMs: -1 } }), 'faults.slowMs: expected a finite number ≥ 0, got -1'],
        [
          () => make({ faults: { strikesMax: 1.5 } }),
          'faults.strikesMax: expected an integer ≥ 0, or Infinity, got 1.5',
        ],
      ]);
    }),
  ),
  inWords((said) =>
    plays(
      'a full disk takes what fits, and freed room can be used again',
      { capacityBytes: 5 },
      async ({ disk, medium }) => {
        await disk.write('a', 'abc');
        said.equal(
          'a write',
          await refusalOf(() => disk.append('b', 'xyz')),
          'RUNNER_DISK_NO_SPACE append to b on disk disk: no space left',
        );
        said.equal('its files', filesOf(medium), { a: 'abc', b: 'xy' });
        await disk.write('a', '123');
        await disk.remove('a');
        await disk.append('b', 'z');
        said.equal('its files', filesOf(medium), { b: 'xyz' });
      },
    ),
  ),
];

/** Runs a program, after which the power fails. */
const failing =
  (program: (disk: Disk) => Promise<void>) =>
  async ({ disk, medium }: Stage): Promise<string> => {
    await program(disk);
    medium.powerFail();
    return asJson(medium);
  };

const crashes: readonly PartCaseSpec<MemoryDiskSubject>[] = [
  leaves(
    'a crash of the process keeps what was written, also from a power failure if it is synced then',
    {},
    ['abc abc'],
    async ({ sim, medium, disk }) => {
      await disk.append('log', 'abc');
      medium.crash();
      const kept = logOf(medium);
      await medium.mount(sim.world).sync('log');
      medium.powerFail();
      return `${kept} ${logOf(medium)}`;
    },
  ),
  leaves(
    'a crash during a write leaves all, a part or nothing of it',
    {},
    ['abcde', 'ab', 'abcd', 'abc'],
    async ({ medium, disk }) => {
      await disk.append('log', 'ab');
      const cut = [disk.append('log', 'cde'), disk.append('log', 'never')];
      medium.crash();
      await Promise.allSettled(cut);
      return logOf(medium);
    },
  ),
  leaves(
    'a crash during a rename or removal leaves it done or not done',
    {},
    ['{"a":"x","b":"y"}', '{"a":"x"}', '{"b":"x"}', '{}'],
    async ({ sim, medium, disk }) => {
      await disk.write('a', 'x');
      await disk.write('b', 'y');
      const cut = [disk.rename('a', 'b'), medium.mount(sim.world).remove('b')];
      medium.crash();
      await Promise.allSettled(cut);
      return asJson(medium);
    },
  ),
  leaves(
    'synced data survives a power failure, and a first part of the rest',
    {},
    ['{"log":"abc"}', '{"log":"abcd"}', '{"log":"abcde"}', '{"log":"abcdef"}'],
    failing(async (disk) => {
      await disk.append('log', 'abc');
      await disk.sync('log');
      await disk.append('log', 'de');
      await disk.append('log', 'f');
    }),
  ),
  leaves(
    'a write is torn at tearBytes',
    { tearBytes: 2 },
    ['{"log":"ab"}', '{"log":"abcd"}', '{"log":"abcde"}'],
    failing(async (disk) => {
      await disk.append('log', 'ab');
      await disk.sync('log');
      await disk.append('log', 'cde');
    }),
  ),
  leaves(
    'a file that was never synced may be lost, or empty',
    { tearBytes: Infinity },
    ['{}', '{"log":""}', '{"log":"ab"}'],
    failing((disk) => disk.append('log', 'ab')),
  ),
  leaves(
    'a rename over a synced file leaves the old one or the new one',
    {},
    ['{"log":"new"}', '{"log":"old","tmp":"new"}'],
    failing(async (disk) => {
      await disk.write('log', 'old');
      await disk.sync('log');
      await disk.write('tmp', 'new');
      await disk.sync('tmp');
      await disk.rename('tmp', 'log');
    }),
  ),
  leaves(
    'a removal may come back until its folder is synced',
    {},
    ['{"a":"x","b":"y"}', '{"b":"y"}', '{}'],
    failing(async (disk) => {
      await disk.write('a', 'x');
      await disk.write('b', 'y');
      await disk.sync('a');
      await disk.sync('b');
      await disk.remove('a');
      await disk.remove('b');
    }),
  ),
  leaves(
    'in any order a later write may survive an earlier one, in whose place are zeros',
    { tearBytes: Infinity, faults: { reorder: true } },
    ['x', 'xa', 'xab', 'x\0', 'x\0\0', 'x\0b', 'xa\0'].map((log) => JSON.stringify({ log })),
    failing(async (disk) => {
      await disk.append('log', 'x');
      await disk.sync('log');
      await disk.append('log', 'a');
      await disk.append('log', 'b');
    }),
  ),
  leaves('nothing is lost once faults have ended', {}, ['abc'], async ({ sim, medium, disk }) => {
    await disk.append('log', 'ab');
    sim.heal();
    const cut = disk.append('log', 'c');
    medium.powerFail();
    await Promise.allSettled([cut]);
    return logOf(medium);
  }),
];

const faults: readonly PartCaseSpec<MemoryDiskSubject>[] = [
  ofOurWords(
    plays(
      'a write without space stores nothing',
      { faults: { noSpace: true, strikesMax: 1 } },
      async ({ disk, medium }) => {
        checkEqual(
          'a write',
          await refusalOf(() => disk.append('log', 'abc')),
          'RUNNER_DISK_NO_SPACE append to log on disk disk: no space left',
        );
        checkEqual('its files', filesOf(medium), {});
        await disk.append('log', 'abc');
        checkEqual('its files', filesOf(medium), { log: 'abc' });
      },
      ({ asked }) =>
        checkEqual('the questions asked', asked, [
          'disk append log no-space fault = 15 of 16: the append to log runs out of space on disk',
        ]),
      { 'disk append log no-space fault': 15 },
    ),
  ),
  inWords((said) =>
    leaves(
      'a short write stores any first part',
      { faults: { short: 2, strikesMax: 1 } },
      ['abc', 'ab', 'a', 'none'],
      async ({ disk, medium }) => {
        const refusal = await refusalOf(() => disk.write('log', 'abc'));
        const text = logOf(medium);
        const only = `only ${text.length} of 3 bytes were written (injected fault)`;
        const failed = `RUNNER_DISK_FAILED write to log on disk disk: ${only}`;
        said.equal('the refusal', refusal, text === 'abc' ? 'nothing' : failed);
        return text === '' ? 'none' : text;
      },
    ),
  ),
  leaves(
    'a sync that follows one that failed proves nothing about what was written before',
    { tearBytes: Infinity, faults: { sync: 2, strikesMax: 1 } },
    ['synced ab', 'synced \0b', 'failed ab', 'failed a'],
    async ({ disk, medium }) => {
      await disk.append('log', 'a');
      await disk.sync('log').catch(() => disk.sync());
      await disk.append('log', 'b');
      const outcome = await refusalOf(() => disk.sync('log'));
      medium.powerFail();
      return `${outcome === 'nothing' ? 'synced' : 'failed'} ${logOf(medium)}`;
    },
  ),
  ofOurWords(
    plays(
      'only synced data rots, and permanently',
      { faults: { rot: true, strikesMax: 1 } },
      async ({ disk }) => {
        await disk.append('log', Uint8Array.of(0, 255));
        checkEqual('what is read', [...(await disk.read('log'))], [0, 255]);
        await disk.sync('log');
        const first = [...(await disk.read('log'))];
        checkEqual(
          'how many bits differ',
          first.map((byte, at) => (byte ^ (at === 0 ? 0 : 255)).toString(2).replaceAll('0', '')).join(''),
          '1',
        );
        checkEqual('what is read again', [...(await disk.read('log'))], first);
      },
      ({ asked }) =>
        checkEqual(
          'the first question',
          asked[0],
          'disk read log rot fault = 15 of 16: a bit on disk flips before the read of log',
        ),
      { 'disk read log rot fault': 15 },
    ),
  ),
  ofOurWords(
    plays(
      'a slow operation takes slowMs longer, until faults end',
      { faults: { slow: 2, slowMs: 500 } },
      async ({ sim, disk, medium }) => {
        await disk.append('log', 'a');
        checkEqual('the time', sim.now(), 500);
        const second = disk.append('other', 'b');
        await sim.sleep(100);
        sim.heal();
        await second;
        checkEqual('the time', [sim.now(), filesOf(medium)], [600, { log: 'a', other: 'b' }]);
      },
      () => undefined,
      { 'disk append log slow fault': 1, 'disk append other slow fault': 1 },
    ),
  ),
  plays(
    'faults strike as often as strikesMax says, four times by default',
    { faults: { short: 2 } },
    async ({ disk, make, sim }) => {
      const codes = async (each: Disk): Promise<string[]> => {
        const outcomes: string[] = [];
        for (const name of 'abcdef') {
          outcomes.push((await refusalOf(() => each.append(name, 'x'))).split(' ')[0] as string);
        }
        return outcomes;
      };
      const [failed, done] = ['RUNNER_DISK_FAILED', 'nothing'];
      checkEqual('by default', await codes(disk), [failed, failed, failed, failed, done, done]);
      const other = make({ name: 'other', faults: { short: 2, strikesMax: 2 } }).mount(sim.world);
      checkEqual('two', await codes(other), [failed, failed, done, done, done, done]);
    },
    () => undefined,
    Object.fromEntries(
      [...'abcdef'].flatMap((name) =>
        ['disk', 'other'].map((disk) => [`${disk} append ${name} short fault`, 1]),
      ),
    ),
  ),
];

const words: readonly PartCaseSpec<MemoryDiskSubject>[] = [
  ofOurWords(
    plays(
      'its history shows what is done to files, and what a power failure keeps, tears and loses',
      { name: 'locks' },
      async ({ disk, medium }) => {
        await disk.write('log', 'abcdef');
        await disk.sync('log');
        await disk.append('log', 'ghi');
        await disk.append('log', 'jk');
        await disk.write('new', 'x');
        await disk.sync();
        await disk.rename('new', 'old');
        await disk.write('gone', 'y');
        await disk.sync('gone');
        await disk.remove('gone');
        medium.powerFail();
      },
      ({ lines, events }) => {
        checkEqual('the history', lines, [
          '0 ms: locks writes log (6 bytes)',
          '0 ms: locks syncs log',
          '0 ms: locks appends to log (3 bytes)',
          '0 ms: locks appends to log (2 bytes)',
          '0 ms: locks writes new (1 byte)',
          '0 ms: locks syncs its names',
          '0 ms: locks renames new to old',
          '0 ms: locks writes gone (1 byte)',
          '0 ms: locks syncs gone',
          '0 ms: locks removes gone',
          '0 ms: locks loses the removal of gone',
          '0 ms: locks loses the last 2 writes to log (5 bytes)',
          '0 ms: the first lost write to log on locks is torn: 1 of its 3 bytes is kept',
          '0 ms: log on locks has 7 bytes left, of which 1 was not synced',
          '0 ms: old on locks has 1 byte left, which was not synced',
        ]);
        checkEqual('the first event', events[0], {
          at: 0,
          type: 'disk',
          runner: 'locks',
          step: 'wrote',
          file: 'log',
          bytes: 6,
        });
      },
      { 'locks lost names fault': 1, 'locks lost log fault': 2, 'locks torn log fault': 3 },
    ),
  ),
  ofOurWords(
    plays(
      'its history shows which faults strike',
      {
        name: 'locks',
        faults: { short: 2, noSpace: 2, sync: 2, rot: 2, slow: 2, reorder: true, strikesMax: 9 },
      },
      async ({ disk, medium }) => {
        await disk.write('a', 'x');
        await disk.sync('a');
        for (const call of [disk.append('a', 'y'), disk.append('b', 'z'), disk.sync('b'), disk.read('a')]) {
          await call.catch(() => undefined);
        }
        await disk.append('c', 'pqr');
        medium.powerFail();
      },
      ({ lines }) =>
        checkEqual(
          'the faults',
          lines.filter((line) => !/writes|appends|reads|syncs|left/.test(line)),
          [
            '0 ms: the write to a on locks is slow',
            '1000 ms: the append to a runs out of space on locks',
            '1000 ms: the append to b on locks is cut short',
            '1000 ms: the sync of b on locks fails',
            '1000 ms: a bit on locks flips before the read of a',
            '1000 ms: 3 bytes of c on locks become zeros',
          ],
        ),
      {
        'locks write a slow fault': 1,
        'locks append a no-space fault': 1,
        'locks append b short fault': 1,
        'locks sync b fail fault': 1,
        'locks read a rot fault': 1,
        'locks zeroed c fault': 1,
      },
    ),
  ),
];

/**
 * The contract of a disk in memory beyond {@link diskCases}, case by case: for `createMemoryDisk` of
 * `dryrunner/cluster`, or yours.
 *
 * @example
 * ```ts
 * import { createMemoryDisk } from 'dryrunner/cluster';
 * import { memoryDiskCases } from 'dryrunner/conformance';
 * const cases = memoryDiskCases.filter(({ group }) => group === 'words');
 * for (const each of cases) await each.prove({ name: 'mine', create: createMemoryDisk });
 * ```
 */
export const memoryDiskCases: readonly PartCase<MemoryDiskSubject>[] = partCases({
  ...{ operations, crashes, faults, words },
});
