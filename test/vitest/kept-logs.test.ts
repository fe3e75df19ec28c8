// What a simTest keeps of its failures, in folders of this machine.
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EVENTS_MIN } from '../../src/explore/event-budget.ts';
import { readExecution } from '../../src/cli/execution-source.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { SimulationFailedError } from '../../src/simulation/simulation-failed-error.ts';
import { runSimulatedTest } from '../../src/vitest/simulated-test.ts';
import type { SimulatedTest } from '../../src/vitest/test-run.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dryrunner-kept-'));
});
afterEach(() => rm(folder, { recursive: true }));

function holds(
  scenario: SimulatedTest['scenario'],
  options: NonNullable<SimulatedTest['options']> = {},
  more: Partial<SimulatedTest> = {},
): Promise<void> {
  const file = join(folder, 'a.test.ts');
  return runSimulatedTest({ name: 'kept', file, scenario, options, now: () => performance.now(), ...more });
}

async function messageOf(...given: Parameters<typeof holds>): Promise<string> {
  const error: unknown = await holds(...given).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(SimulationFailedError);
  return (error as SimulationFailedError).message;
}

/** Lines of each file that is kept, without header and footer. */
async function keptDecisions(): Promise<number[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.jsonl'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.map((text) => text.trimEnd().split('\n').length - 2);
}

describe('what is kept of an execution without an end', () => {
  const byChance = async (sim: Simulation): Promise<void> => {
    if (sim.choose('which', 5) === 0) return;
    for (;;) await sim.sleep(1 + sim.choose('x', 9));
  };

  test('is the beginning of its log, with a sentence that says so', async () => {
    const message = await messageOf(byChance, { explain: false, maxEvents: 20_000 });
    expect(message).toMatch(
      / {2}kept in \S+, and tried first next time\n {2}its log is long: of 20,\d{3} decisions the first 16,384 are kept, and the default is taken after them$/,
    );
    expect(message).not.toContain('DRYRUNNER_SEED');
    expect(await keptDecisions()).toEqual([16_384]);
    const again = await messageOf(byChance, { explain: false, maxEvents: 20_000 });
    expect(again).toContain('it is kept from an earlier run, and was tried first');
  });

  test('ends with the last decision that is not the default', async () => {
    const message = await messageOf(byChance, { maxEvents: 5_000 });
    expect(message).not.toContain('its log is long');
    expect(await keptDecisions()).toEqual([1]);
    expect(await messageOf(byChance, { maxEvents: 5_000 })).toContain('was tried first');
  });
});

test('nothing is kept of a failure that earlier executions lead to', async () => {
  let served = 0;
  const counting = (sim: Simulation): void => sim.check((served += 1) < 5, 'too many');
  expect(await messageOf(counting)).toContain('although the same decisions have held before');
  expect(await keptDecisions()).toEqual([]);
});

test('nor of one that needs both earlier executions and a decision that has held in one of them', async () => {
  let served = 0;
  const message = await messageOf(async (sim: Simulation) => {
    served += 1;
    const ms = sim.choose('ms', 3);
    await sim.sleep(ms);
    sim.check(served < 40 || ms < 2, 'late');
  });
  expect(message).toContain('although the same decisions have held before');
  expect(message).toContain(
    'kept: one execution leaks into the next: an earlier one took the same decisions, and held\n  Time and randomness',
  );
  expect(message).toContain('only the whole test repeats it, because it needs the executions before it');
  expect(message).not.toContain('DRYRUNNER_SEED');
  expect(await keptDecisions()).toEqual([]);
});

test('a failure that earlier executions have come close to is kept', async () => {
  const message = await messageOf(async (sim: Simulation) => {
    for (const name of ['one', 'two', 'three']) {
      if (sim.choose(name, 3) < 2) return;
      await sim.sleep(1);
    }
    sim.check(false, 'all three');
  });
  expect(message).not.toContain('held before');
  expect(await keptDecisions()).toEqual([3]);
});

test('nor of one that the kept log before it leads to', async () => {
  const unlucky = (sim: Simulation): void => sim.check(sim.choose('luck', 4) === 0, 'it is luck');
  await messageOf(unlucky, { seeds: 50 });
  const [kept = ''] = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.jsonl'));
  await copyFile(join(folder, kept), join(folder, dirname(kept), 'other.jsonl'));
  let served = 0;
  const message = await messageOf((sim: Simulation) => {
    sim.choose('luck', 4);
    sim.check((served += 1) < 2, 'it is luck');
  });
  expect(message).toContain('although the same decisions have held before');
});

test('logs that now fail in another way stay until their own failure is the one that is reported', async () => {
  const names = async (): Promise<string[]> =>
    (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.jsonl'));
  const failing =
    (...words: readonly string[]) =>
    (sim: Simulation): void => {
      const which = sim.choose('which', 3);
      if (which > 0) sim.check(words[which - 1] === undefined, words[which - 1] ?? '');
    };
  await messageOf(failing('the first'));
  const [first = ''] = await names();
  const aside = join(folder, 'aside');
  await copyFile(join(folder, first), aside);
  await messageOf((sim: Simulation) => sim.check(sim.choose('which', 3) < 2, 'the second'));
  await copyFile(aside, join(folder, first));
  expect(await names()).toHaveLength(2);

  const message = await messageOf(failing('the first, in other words', 'the second, in other words'));
  const isFirst = message.includes('the first, in other words');
  expect(await names()).toHaveLength(2);
  const rest = await messageOf((sim: Simulation) =>
    sim.check(sim.choose('which', 3) !== (isFirst ? 2 : 1), 'it is left'),
  );
  expect(rest).toContain('it is left');
  expect(rest).toContain('was tried first');
  expect(await names()).toHaveLength(1);
});

test.for([{ runs: 3 }, { seeds: 50 }])(
  'a test that skips itself keeps nothing, and leaves what is kept: %j',
  async (options) => {
    let isSkipped = false;
    const scenario = (sim: Simulation): void => {
      const luck = sim.choose('luck', 4) * sim.world.random.float();
      isSkipped = isSkipping;
      sim.check(!isSkipped, 'it is skipped');
      sim.check(luck < 1, 'it is luck');
    };
    let isSkipping = true;
    await holds(scenario, options, { isSkipped: () => isSkipped });
    expect(await keptDecisions()).toEqual([]);
    isSkipping = false;
    await messageOf(scenario, { ...options, ...('runs' in options ? { runs: 100 } : {}) });
    expect(await keptDecisions()).toEqual([1]);
    isSkipping = true;
    await holds(scenario, options, { isSkipped: () => isSkipped });
    expect(await keptDecisions()).toEqual([1]);
  },
);

test.for([
  ['of one name in its file', { ordinal: 2 }],
  ['of one name in another project', { project: 'other' }],
] as const)('a test %s keeps logs of its own', async ([, other]) => {
  const unlucky = (sim: Simulation): void => sim.check(sim.choose('luck', 4) === 0, 'it is luck');
  const holding = (): void => undefined;
  const first = { project: 'first' };
  await messageOf(unlucky, {}, first);
  await holds(holding, {}, { ...first, ...other });
  expect(await keptDecisions()).toEqual([1]);
  await messageOf(unlucky, {}, { ...first, ...other });
  expect(await keptDecisions()).toEqual([1, 1]);
  await holds(holding, {}, first);
  expect(await keptDecisions()).toEqual([1]);
  expect(await messageOf(unlucky, {}, { ...first, ...other })).toContain('was tried first');
});

/** The log that the first keeps is removed by the second, which names it. */
async function expectFixed(failing: () => Promise<string>, fixed: () => Promise<void>): Promise<void> {
  const [, path = ''] = / {2}kept in (\S+), and tried first next time/.exec(await failing()) ?? [];
  const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
  try {
    await fixed();
    expect(warn.mock.calls).toEqual([[`kept: fixed, a kept failure no longer happens; removed: ${path}`]]);
  } finally {
    warn.mockRestore();
  }
  expect(await keptDecisions()).toEqual([]);
}

test('a failure of an exploration is taken out once it holds, which a line says', async () => {
  const checking = (limit: number) => (sim: Simulation) => sim.check(sim.choose('luck', 4) < limit, 'luck');
  await expectFixed(
    () => messageOf(checking(3)),
    () => holds(checking(4), { runs: 3 }),
  );
});

describe('a failure of seeds', () => {
  test('is not compared with executions of other seeds that took the same decisions', async () => {
    const message = await messageOf(
      (sim: Simulation) => {
        sim.choose('luck', 2);
        sim.check(sim.world.random.float() < 0.9, 'it is the seed');
      },
      { seeds: 100 },
    );
    expect(message).not.toContain('held before');
    expect(await keptDecisions()).toHaveLength(1);
  });

  /** The seed decides of `world.random`, a log of the choice. */
  const unlucky =
    (limit: number, begun: number[] = []) =>
    (sim: Simulation): void => {
      const luck = sim.choose('luck', 4) * sim.world.random.float();
      begun.push(luck);
      sim.check(luck < limit, 'it is luck');
    };

  test('is kept with its seed and tried first, before the seeds and before an exploration', async () => {
    const found: number[] = [];
    const seeds = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const first = await messageOf(unlucky(1, found), { seeds, explain: false });
    expect(first).toMatch(
      /found in execution \d+, by seed "\w"\n {2}kept in \S+, and tried first next time$/,
    );
    for (const options of [{ seeds: ['another'] }, { seeds: 50 }, { runs: 3 }]) {
      const begun: number[] = [];
      const message = await messageOf(unlucky(1, begun), { ...options, explain: false });
      expect(message).toContain('it is kept from an earlier run, and was tried first');
      expect(begun[0]).toBe(found.find((luck) => luck >= 1));
    }
    expect(await keptDecisions()).toEqual([1]);
  });

  test('is taken out once it holds, which a line says', async () => {
    await expectFixed(
      () => messageOf(unlucky(1), { seeds: 50 }),
      () => holds(unlucky(4), { seeds: 2 }),
    );
  });

  test('that has become another is kept under the new one', async () => {
    await messageOf(unlucky(1), { seeds: 50 });
    const other = (sim: Simulation): void => sim.check(sim.choose('luck', 4) === 0, 'it is another');
    expect(await messageOf(other, { seeds: ['another'] })).toContain('was tried first');
    expect(await keptDecisions()).toEqual([1]);
  });
});

describe('a failure that is not kept, with a token that is too long for a line', () => {
  const long = (sim: Simulation): void => {
    let sum = 0;
    for (let round = 0; round < 5_000; round += 1) sum += sim.choose(`round ${round}`, 9);
    sim.check(sum < 100, 'it is much');
  };
  const options = { explain: false, corpus: false } as const;
  const why = '\n  its token is too long for a line, and its log is not kept: this makes it again\n';

  test('is made again by the same test', async () => {
    const message = await messageOf(long, options);
    expect(message).toMatch(/To see it again\n {2}npx vitest run \S+a\.test\.ts -t '\^kept\$'\n/);
    expect(message).toContain(why);
  });

  test('is one whose log is longer than what is kept of those that fail at their end', async () => {
    const endless = (sim: Simulation): void => {
      let last = 0;
      for (let round = 0; round < 131_073; round += 1) last = sim.choose('round', 9);
      sim.check(last === 0, 'it is much');
    };
    const message = await messageOf(endless, { explain: false, seeds: ['one'] });
    expect(message).toContain(`To see it again\n  { seeds: ["one"] }${why}`);
    expect(await keptDecisions()).toEqual([]);
  });

  test('is made again by its seed', async () => {
    const message = await messageOf(long, { ...options, seeds: ['one'] });
    expect(message).toContain(`To see it again\n  { seeds: ["one"] }${why}`);
  });
});

test('what a killed run has left half written is in nobody’s way', async () => {
  const scenario = (sim: Simulation): void => sim.check(sim.choose('which', 5) === 0, 'it is the first');
  await messageOf(scenario);
  const [kept = ''] = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.jsonl'));
  const place = join(folder, dirname(kept));
  await mkdir(place, { recursive: true });
  await writeFile(join(place, '.dryrunner-0123456789ab.partial'), '{"format":');
  expect(await messageOf(scenario)).toContain('was tried first');
  await holds(() => undefined);
  expect(await keptDecisions()).toEqual([]);
});

test('the plain schedule runs too if the time for exploring is up after a kept log', async () => {
  const draw = (sim: Simulation): number => sim.choose('luck', 4);
  await messageOf((sim: Simulation) => sim.check(draw(sim) === 0, 'it is luck'));
  const drawn: number[] = [];
  const error: unknown = await holds(
    (sim: Simulation) => void drawn.push(draw(sim)),
    {},
    { timeoutMs: 1_000, now: () => (drawn.length === 0 ? 0 : 500) },
  ).catch((caught: unknown) => caught);
  expect(drawn[0]).toBeGreaterThan(0);
  expect(drawn).toContain(0);
  expect((error as Error).message).toMatch(/^Time was up after 0 of 100 executions, all of which held\.\n/);
});

test('a plain schedule that is undecided goes on to its end if the time for exploring is up', async () => {
  let begun = 0;
  const long = async (sim: Simulation): Promise<void> => {
    begun += 1;
    for (let nth = 0; nth < 1.2 * EVENTS_MIN; nth += 1) await sim.sleep(1);
  };
  const now = (): number => (begun === 0 ? 0 : 500);
  await expect(holds(long, {}, { timeoutMs: 1_000, now })).rejects.toThrow(
    /^Time was up after 2 of 100 executions, all of which held\.\n/,
  );
});

describe('wherever Vitest is started', () => {
  const unlucky = (sim: Simulation): void => sim.check(sim.choose('luck', 4) === 0, 'it is luck');
  const from = (cwd: string, file: string, more: Partial<SimulatedTest> = {}): Promise<string> => {
    const spy = vi.spyOn(process, 'cwd').mockReturnValue(cwd);
    return runSimulatedTest({ name: 'kept', file, scenario: unlucky, now: () => performance.now(), ...more })
      .then(
        () => 'held',
        ({ message }: Error) => message,
      )
      .finally(() => spy.mockRestore());
  };
  const FIRST = 'it is kept from an earlier run, and was tried first';
  const logs = async (): Promise<string[]> =>
    (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.jsonl'));

  test('a test finds its logs, and keeps none twice', async () => {
    const file = join(folder, 'below', 'a.test.ts');
    await mkdir(dirname(file));
    expect(await from(folder, file)).not.toContain(FIRST);
    for (const cwd of [dirname(file), tmpdir(), dirname(tmpdir()), folder]) {
      expect(await from(cwd, file)).toContain(FIRST);
    }
    expect(await logs()).toHaveLength(1);
  });

  test('a relative corpus is below the root, and files of one name keep theirs apart', async () => {
    const files = ['one', 'two'].map((name) => join(folder, name, 'a.test.ts'));
    const more = { root: folder, options: { corpus: 'logs' } };
    for (const file of files) {
      await mkdir(dirname(file));
      expect(await from(dirname(file), file, more)).not.toContain(FIRST);
    }
    for (const file of files) expect(await from(tmpdir(), file, more)).toContain(FIRST);
    expect((await logs()).map((name) => name.split('/')[0])).toEqual(['logs', 'logs']);
  });

  test('the command line finds the test of a kept log', async () => {
    const file = join(folder, 'a.test.ts');
    await writeFile(file, '');
    await from(folder, file);
    const path = join(folder, (await logs())[0] ?? '');
    const sourceFrom = async (cwd: string): Promise<unknown> => {
      const spy = vi.spyOn(process, 'cwd').mockReturnValue(cwd);
      return readExecution(path, [folder]).finally(() => spy.mockRestore());
    };
    expect(await sourceFrom(folder)).toMatchObject({
      kind: 'test',
      test: { file: 'a.test.ts', name: 'kept' },
    });
    expect(await sourceFrom(dirname(folder))).toMatchObject({
      test: { file: join(basename(folder), 'a.test.ts') },
    });
    expect(await sourceFrom('/nowhere')).toMatchObject({ test: { file } });
  });
});
