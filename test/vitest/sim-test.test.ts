import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, onTestFinished, test, vi, type TestContext } from 'vitest';
import { ambientTime } from '../../src/ambient/ambient-time.ts';
import { hub } from '../../src/ambient/hub.ts';
import { simulationExecutor } from '../../src/explore/executor.ts';
import { decodeToken, encodeToken } from '../../src/explore/replay-token.ts';
import type { Ambience } from '../../src/simulation/ambience.ts';
import { question } from '../../src/kernel/question.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { defineScenario, type ScenarioDefinition } from '../../src/simulation/scenario.ts';
import { checkThat, type Simulation } from '../../src/simulation/simulation.ts';
import { SimulationFailedError } from '../../src/simulation/simulation-failed-error.ts';
import { requestedSeedIn } from '../../src/vitest/requested-run.ts';
import type { SimTestOptions } from '../../src/vitest/sim-test-options.ts';
import { runSimulatedTest } from '../../src/vitest/simulated-test.ts';
import type { SimulatedTest } from '../../src/vitest/test-run.ts';
import { simTest } from '../../src/vitest/sim-test.ts';
import { runApart } from './run-apart.ts';

function holds(
  name: string,
  scenario: SimulatedTest['scenario'],
  options: NonNullable<SimulatedTest['options']> = {},
  more: Partial<SimulatedTest> = {},
): Promise<void> {
  return runSimulatedTest({ name, scenario, options, now: () => performance.now(), ...more });
}

/** The error of a test that fails. */
async function failureOf(...given: Parameters<typeof holds>): Promise<SimulationFailedError> {
  const error: unknown = await holds(...given).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(SimulationFailedError);
  return error as SimulationFailedError;
}

const played: number[] = [];

simTest('a scenario that holds passes, run again and again', async (sim) => {
  await sim.sleep(3_600_000);
  played.push(sim.now());
});

simTest('seeds and options are passed on', (sim) => void sim.world.clock.timer('left', 5, () => undefined), {
  seeds: ['only'],
  leftovers: 'ignore',
});

test('executions that had no time yet have not held', async () => {
  let readAt = 0;
  const slow = { timeoutMs: 10_000, now: () => (readAt += 50) };
  await expect(holds('slow', (sim: Simulation) => sim.sleep(1), { runs: 10_000 }, slow)).rejects.toThrow(
    /^Time was up after \d+ of 10,000 executions, all of which held\.\nGive the test more time/,
  );
  await holds('in time', (sim: Simulation) => sim.sleep(1), { runs: 3 }, slow);
});

test.each([
  ['1,000 executions, all of which held', 1_000],
  ['50 executions, all of which held', Array.from({ length: 50 }, (_, at) => `seed ${at}`)],
  ['executions, before the seeds were used up; all of them held', new Set(Array(1_000).keys()) as never],
])('a seed whose execution had no time to begin is not blamed: %s', async (of, seeds) => {
  let readAt = 0;
  const slow = { timeoutMs: 10_000, now: () => (readAt += 700) };
  const scenario = (sim: Simulation): Promise<void> => sim.sleep(1);
  await expect(holds('slow', scenario, { seeds }, slow)).rejects.toThrow(
    new RegExp(
      `^Time was up after \\d+ (?:of )?${of}\\.\\nGive the test more time by \\{ timeout \\}, or ask for fewer by \\{ seeds \\}\\.$`,
    ),
  );
});

const typed: ScenarioDefinition = defineScenario({
  name: 'typed',
  description: 'is declared as what it is',
  run: (sim) => sim.sleep(1),
});

simTest('a definition with the type that is declared is taken as it is', typed, { seeds: 1 });

const inOrders: string[] = [];
const note = (what: string) => (sim: Simulation, given?: unknown) => {
  sim.world.clock.timer('left', 5, () => undefined);
  inOrders.push(`${what} ${typeof given}`);
};
const ignored = { seeds: ['only'], leftovers: 'ignore', retry: 0 } as const;

const stacks: string[] = [];
const keepStack = (): void => {
  stacks.push(new Error('place').stack ?? '');
};
simTest('a scenario without a name', async () => keepStack(), { runs: 1 });
simTest.each([1])('one of each without a name', async () => keepStack(), { runs: 1 });
simTest(
  'a frozen one',
  Object.freeze(async () => {}),
  { runs: 1 },
);

test('a scenario without a name is not called after the option behind it', () => {
  expect(stacks.length).toBeGreaterThan(5);
  expect(stacks.map((stack) => stack.split('\n')[2])).toEqual(
    stacks.map(() => expect.stringMatching(/^ +at \S+sim-test\.test\.ts:\d+:\d+$/) as string),
  );
});

describe('options may stand before the scenario, as for Vitest', () => {
  simTest('of a test', ignored, note('function'));
  simTest('of a definition', { seeds: 1 }, typed);
  simTest.each([1])('of each', ignored, note('each'));
  simTest.for(['text'])('of for', ignored, note('for'));
  simTest.extend<{ readonly port: number }>({ port: 7 })(
    'with fixtures',
    { seeds: 1, timeout: 20_000 },
    (sim, { port }) => {
      sim.check(port === 7, `the port is ${port}`);
    },
  );
  simTest(
    'a number behind it is the time-out',
    (sim, { task }) => {
      sim.check(task.timeout === 4_321, `it is ${task.timeout}`);
    },
    4_321,
  );
  simTest('it is one of the options before it', { timeout: 4_321 }, (sim, { task }) => {
    sim.check(task.timeout === 4_321, `it is ${task.timeout}`);
  });

  test('each has run once, with what it was given', () => {
    expect(inOrders).toEqual(['function function', 'each number', 'for string']);
  });

  test.each([
    [typed, note('other')],
    [note('one'), null],
    [{ runs: 1 }, 'text'],
  ])('what is not a scenario with options is refused: %o and %o', (first, second) => {
    expect(() => simTest('never', first as never, second as never)).toThrow(
      /^options: expected an object of options or milliseconds, and one scenario, got /,
    );
  });
});

describe('what is wrong in options is refused in one sentence, at a line of the user', () => {
  const refusalOf = (options: object): Promise<Error> =>
    holds('wrong', (sim: Simulation) => sim.sleep(1), options as never, {
      declaredAt: 'Error\n    at declare (/home/ann/own.test.ts:7:1)',
    }).then(
      () => new Error('it was accepted'),
      (error: unknown) => error as Error,
    );

  test.each([
    [
      { retrys: 2 },
      'options: expected only the fields seeds, seed, runs, replay, explain, corpus, neverReached, ambient, timeout, retry, maxEvents, leftovers, oracles, modules, got a field "retrys"; the nearest is retry',
    ],
    [{ timeout: NaN }, 'timeout: expected a number ≥ 0, got NaN'],
    [{ seeds: 1e9 }, 'seeds: expected a list, or an integer from 1 to 10,000,000, got 1000000000'],
    [{ oracles: [5] }, 'oracles[0]: expected a function, got 5'],
    [{ oracles: [null] }, 'oracles[0]: expected a function, got null'],
    ...[() => 5, () => null].map((make) => [
      { oracles: [make] },
      `oracles[0]: expected a function that returns an object with the methods watch and end, got ${make()}`,
    ]),
    [
      {
        oracles: [
          () => {
            // eslint-disable-next-line @typescript-eslint/only-throw-error -- what users may do
            throw null;
          },
        ],
      },
      'oracles[0]: expected a function that returns an object with the methods watch and end, got one that threw null',
    ],
  ] as [object, string][])('%o', async (options, message) => {
    const error = await refusalOf(options);
    expect(error).toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
    expect(error.message).toBe(message);
    expect(error.stack).not.toContain('/src/vitest/');
    expect(error.stack).toMatch(/(own|sim-test)\.test\.ts:\d+:\d+/);
  });

  test('a time-out that is no number never reaches Vitest', async (context) => {
    const { error, vitest } = await runApart({ context }, { timeout: NaN }, (sim) => sim.sleep(1));
    expect(error).toMatchObject({ message: 'timeout: expected a number ≥ 0, got NaN' });
    expect(vitest.timeout).toBe(30_000);
  });

  test('the greatest number of seeds is taken, one seed at a time', async () => {
    const one = { oracles: [], seeds: 10_000_000 };
    const failed = holds('first', (sim: Simulation) => sim.check(false, 'at once'), one);
    await expect(failed).rejects.toThrow('at once');
  });

  test('an oracle that the scenario adds to the list of its options watches no later execution', async () => {
    let made = 0;
    const oracles: (() => never)[] = [];
    const adds = (sim: Simulation): Promise<void> => {
      made += 1;
      oracles.push(() => {
        throw new Error('watches');
      });
      return sim.sleep(1);
    };
    await holds('adds', adds, { oracles, seeds: 3 });
    expect(made).toBe(3);
    oracles.length = 0;
    const executor = simulationExecutor({ name: 'adds', scenario: adds, oracles });
    for (const seed of [1, 2]) await executor.execute({ source: randomDecisions(seed) });
    expect(made).toBe(5);
  });
});

simTest('code sees virtual time in its globals', async (sim) => {
  const began = Date.now();
  await new Promise((resolve) => {
    setTimeout(resolve, 3_600_000);
  });
  sim.check(Date.now() - began === 3_600_000, 'an hour has passed');
  sim.check(sim.now() === 3_600_000, 'on the clock of the simulation');
});

simTest('checkThat shows TypeScript what holds', { runs: 0 }, (sim) => {
  const found = [3, 5].find((each) => each > 4);
  checkThat(sim, found !== undefined, 'one is more than 4');
  sim.check(found.toFixed(1) === '5.0', 'and it is 5');
});

simTest.fails('checkThat fails the test for what does not hold', (sim) => {
  checkThat(sim, undefined, 'there is none');
});

simTest.each([
  [1, 2],
  [3, 4],
])('each case, %i and %i, is handed on as arguments', { runs: 0 }, (sim, one, other) =>
  sim.check(other === one + 1, `${one} and ${other}`),
);

simTest.for([{ n: 1 }])('a case with $n is handed on as it is', { runs: 0 }, (sim, { n }, { task }) => {
  sim.check(n === 1 && task.name === 'a case with 1 is handed on as it is', task.name);
});

const withFixtures = simTest.extend<{ readonly port: number }>({
  port: async ({}, use) => use(7),
});
withFixtures('a fixture is there for the scenario', { runs: 0 }, (sim, { port }) =>
  sim.check(port === 7, `is ${port}`),
);
simTest.on(test.extend<{ readonly host: string }>({ host: 'here' }))(
  'so is one of a test of your own',
  { runs: 0 },
  (sim, { host }) => sim.check(host === 'here', `is ${host}`),
);

withFixtures.each([
  [1, 2],
  [3, 4],
])('each case, %i and %i, is handed on beside fixtures', { runs: 0 }, (sim, one, other) =>
  sim.check(other === one + 1, `${one} and ${other}`),
);
withFixtures.for([{ n: 7 }])(
  'a case with $n is handed on before fixtures',
  { runs: 0 },
  (sim, { n }, { port }) => sim.check(port === n, `is ${port}`),
);

withFixtures(
  'a fixture is there behind a simulation that is taken apart',
  { runs: 0 },
  ({ world: { clock } }, { port }) => expect([clock.now(), port]).toEqual([0, 7]),
);
withFixtures(
  'a fixture is there behind a simulation with a default and a comment',
  { runs: 0 },
  (sim /* :( it, of all */ = Object(', )') as Simulation, { port }) =>
    expect([sim.now(), port]).toEqual([0, 7]),
);

const rows: unknown[] = [];
simTest.each`
  one  | other
  ${1} | ${2}
  ${3} | ${4}
`(
  'a row of a table, $one and $other, is a case',
  { runs: 0 },
  (sim, { one, other }: { one: number; other: number }) => {
    rows.push([one, other]);
    sim.check(other === one + 1, `${one} and ${other}`);
  },
);
withFixtures.for`
  own
  ${7}
`(
  'a row of a table, $own, is a case before fixtures',
  { runs: 0 },
  (sim, { own }: { own: number }, { port, task }) => {
    rows.push(task.name);
    sim.check(port === own, `is ${port}`);
  },
);
test('a table has a case for each of its rows', () => {
  expect([...new Set(rows.map(String))]).toEqual([
    '1,2',
    '3,4',
    'a row of a table, 7, is a case before fixtures',
  ]);
});

// As in a file of JavaScript, whose arrows keep what TypeScript brings into parentheses.
const barely = (
  text: string,
  run: (sim: Simulation) => Promise<void>,
): ((sim: Simulation) => Promise<void>) =>
  Object.defineProperty((sim: Simulation) => run(sim), 'toString', { value: () => text });
for (const text of ['sim => helper(sim, 3)', 'async sim => { helper(sim, 3) }', 'async=>helper(async, 3)']) {
  withFixtures(
    `one argument without parentheses has no fixtures behind it: ${text}`,
    { runs: 0 },
    barely(text, (sim) => sim.sleep(3)),
  );
}

const unfit = [{ question: question('choice', 'gone'), n: 2, answer: 1 }];
test.for<[what: string, options: SimTestOptions, code: string]>([
  ['wrong options', { runns: 3 } as SimTestOptions, 'RUNNER_INVALID_ARGUMENT'],
  ['a damaged token', { replay: 'dr2:WyJhIl0.000000000000' }, 'RUNNER_TRACE_FORMAT'],
  ['a log that does not fit any more', { replay: unfit }, 'RUNNER_REPLAY_DIVERGED'],
  ['a lack of time', { runs: 1e9, timeout: 2_000 }, 'RUNNER_SIMULATION_MISUSE'],
])('a test that is expected to fail does not pass by %s', async ([, options, code], context) => {
  const wrong = await runApart({ context, fails: true }, { corpus: false, ...options }, () => undefined);
  expect(wrong).toMatchObject({ error: { code }, fails: false });
});

test('a test that is expected to fail passes by a failure', async (context) => {
  const failing = await runApart({ context, fails: true }, { corpus: false }, (sim) =>
    sim.check(false, 'no'),
  );
  expect(failing.error).toBeInstanceOf(SimulationFailedError);
  expect(failing.fails).toBe(true);
});

test('a test that has failed is not skipped by an execution that makes the failure small', async (context) => {
  let isFound = false;
  let skips = 0;
  const skip = (): never => {
    skips += 1;
    throw new Error('Vitest skips the test');
  };
  const { error } = await runApart({ context, skip }, { corpus: false }, (sim, { skip: skipNow }) => {
    const n = sim.choose('n', 50);
    if (isFound && n > 0 && n < 5) skipNow();
    isFound ||= n > 20;
    sim.check(n <= 20, 'too many');
  });
  expect(String(error)).toContain('too many');
  expect([isFound, skips]).toEqual([true, 0]);
});

const skipping = { executions: 0, contexts: [] as TestContext[] };
simTest(
  'what skips itself is neither searched nor kept, because this test shows it',
  { runs: 50 },
  (sim, context) => {
    skipping.executions += 1;
    skipping.contexts.push(context);
    if (sim.choose('x', 2) === 1) context.skip('not here');
  },
);
test('what skips itself is skipped in the first execution that does so', () => {
  const [first] = skipping.contexts;
  expect(first?.task.result).toMatchObject({ state: 'skip', note: 'not here' });
  expect(first?.task.result?.errors ?? []).toEqual([]);
  expect(skipping.executions).toBeLessThan(20);
  const folder = join(import.meta.dirname, '__dryrunner__', basename(import.meta.filename));
  expect(
    existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('what-skips')) : [],
  ).toEqual([]);
});

const tries: TestContext[] = [];
simTest(
  'what fails and skips itself when it is tried again is skipped, because the next test shows it',
  { runs: 0, retry: 1, corpus: false, explain: false },
  (sim, context) => {
    tries.push(context);
    if (context.task.result?.retryCount === 1) context.skip('not here');
    sim.check(false, 'fails at first');
  },
);
test('a test that has failed can skip itself when it is tried again', () => {
  expect(tries[0]?.task.result).toMatchObject({ state: 'skip', note: 'not here' });
});

simTest.fails('what is expected to fail passes', (sim) => sim.check(false, 'as it must'));
simTest.fails(
  'what is expected to fail passes also if only the next try finds the failure',
  { replay: unfit, corpus: false, retry: 1 },
  (sim, { task }) => sim.check(task.result?.retryCount !== 1, 'as it must'),
);
simTest.skip('what is skipped is not run, because this test shows it', () => {
  throw new Error('it is run');
});
simTest.todo('what is still to be written is not run, because this test shows it');
simTest.runIf(false)('nor is what is not to be run here, because this test shows it', () => {
  throw new Error('it is run');
});

/** Fails where the second answer is 1, or another that is not plain. */
async function unlucky(sim: Simulation): Promise<void> {
  for (let round = 1; round <= 5; round += 1) {
    sim.pick(`noise ${round}`, ['low', 'high']);
    const luck = sim.pick(`luck ${round}`, ['good', 'bad']);
    await sim.sleep(5);
    sim.check(luck !== 'bad' || round < 3, `bad luck in round ${round}`);
  }
}

/** What states it is a function of its own, so that its name is in the stack. */
function propertyThatFails(kind: string): (sim: Simulation) => Promise<void> {
  function alwaysThat(sim: Simulation): void {
    sim.always('it is early', () => sim.now() < 5);
  }
  function eventuallyThat(sim: Simulation): Promise<void> {
    return sim.eventually('it is late', () => sim.now() > 50, { withinMs: 10 });
  }
  return async (sim) => {
    await sim.sleep(1);
    await Promise.resolve((kind === 'always' ? alwaysThat : eventuallyThat)(sim));
    await sim.sleep(10);
  };
}

/** What is passed to `console.warn` meanwhile. */
async function warningsOf(run: () => Promise<void>): Promise<unknown[]> {
  const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
  try {
    await run();
    return warn.mock.calls.flat();
  } finally {
    warn.mockRestore();
  }
}

describe('a simulation as a test', () => {
  test('runs the plain schedule and 100 executions, two of them twice', () => {
    expect(new Set(played)).toEqual(new Set([3_600_000]));
    expect(played.length).toBeGreaterThanOrEqual(101);
    expect(played.length).toBeLessThanOrEqual(110);
  });

  test('the plain schedule comes first, then as many executions as runs says, the same for a seed', async () => {
    const drawnWith = async (seed: string): Promise<number[]> => {
      const drawn: number[] = [];
      const scenario = (sim: Simulation): void => void drawn.push(sim.choose('which', 1_000));
      await holds('draws', scenario, { runs: 10, seed });
      return drawn;
    };
    const drawn = await drawnWith('a');
    // The first is run twice.
    expect(drawn.slice(0, 2)).toEqual([0, 0]);
    expect(drawn).toHaveLength(12);
    expect(await drawnWith('a')).toEqual(drawn);
    expect(await drawnWith('b')).not.toEqual(drawn);
  });

  test('a token in DRYRUNNER_SEED comes before the option replay', async () => {
    const tokenOf = (answer: number): string =>
      encodeToken({
        scenario: 'named',
        failureKey: 'check no',
        traceHash: '0',
        decisions: [{ question: question('choice', 'n'), occurrence: 0, n: 5, answer }],
      });
    const drawn: number[] = [];
    const scenario = (sim: Simulation): void => void drawn.push(sim.choose('n', 5));
    const replay = tokenOf(2);
    await holds('named', scenario, { replay }, { requestedSeed: tokenOf(3) });
    expect(new Set(drawn.splice(0))).toEqual(new Set([3]));
    await holds('named', scenario, { replay }, { requestedSeed: '17' });
    expect(new Set(drawn.splice(0))).toEqual(new Set([2]));
  });

  test('an empty DRYRUNNER_SEED asks for nothing', () => {
    expect(requestedSeedIn({ DRYRUNNER_SEED: '' })).toBeUndefined();
    expect(requestedSeedIn({ DRYRUNNER_SEED: '0' })).toBe('0');
  });

  test('DRYRUNNER_SEED comes before the seed', async () => {
    const drawn: number[][] = [];
    for (const requestedSeed of [undefined, 'another']) {
      const own: number[] = [];
      await holds(
        'draws',
        (sim: Simulation) => void own.push(sim.choose('which', 1_000)),
        { runs: 5 },
        { requestedSeed },
      );
      drawn.push(own);
    }
    expect(drawn[0]).not.toEqual(drawn[1]);
  });

  test.each([
    ['mine.test.ts', 'replays'],
    [`${basename(process.cwd())}/mine.test.ts`, 'replays'],
    [`${basename(process.cwd())}/other.test.ts`, 'explores'],
    ['test/mine.test.ts', 'explores'],
    ['e.test.ts', 'explores'],
  ])('a token made for %s, in this folder or one above, %s', async (path, does) => {
    const log = { failureKey: 'check no', traceHash: '0', decisions: [] };
    const requestedSeed = encodeToken({ ...log, scenario: `vitest:${path}#named` });
    let executions = 0;
    const scenario = (): void => void (executions += 1);
    const file = join(process.cwd(), 'mine.test.ts');
    await holds('named', scenario, { runs: 5 }, { requestedSeed, file }).catch(() => undefined);
    expect(executions > 5 ? 'explores' : 'replays').toBe(does);
  });

  describe('a token that is not of this test is no silent pass', () => {
    const log = { failureKey: 'check no', traceHash: '0', decisions: [] };
    const tokenOf = (scenario: string): string => encodeToken({ ...log, scenario });
    const file = join(process.cwd(), 'mine.test.ts');
    const run = (requestedSeed: string, more: Partial<SimulatedTest> = {}): Promise<void> =>
      holds('named', () => undefined, { runs: 0 }, { requestedSeed, file, ...more });
    const names = (...all: [name: string, isRun: boolean][]) => ({
      namesInFile: () => all.map(([name, isRun]) => ({ name, isRun })),
    });
    test.for([1, 2, 3, 4])('without its first letters (%i) it is a damaged token', async (letters) => {
      const token = tokenOf('vitest:mine.test.ts#named').slice(letters);
      await expect(run(token)).rejects.toMatchObject({ code: 'RUNNER_TRACE_FORMAT' });
      await expect(run(`${token.slice(0, 40)}`)).rejects.toMatchObject({ code: 'RUNNER_TRACE_FORMAT' });
    });

    test.for(['4711', 'b53f6e1b9e0a4c1d8f3e2a7c6d5b4a3f2e1d0c9b', 'nightly: 2026-11-30', 'a.test.ts'])(
      'a seed is a seed: %s',
      async (seed) => {
        await run(seed);
        await holds('named', () => undefined, { runs: 0, seed });
      },
    );

    test.for([
      [{ seed: 'TOKEN' }, 'seed: expected a seed. { replay } takes a token, got '],
      [{ seeds: ['1', 'TOKEN'] }, 'seeds[1]: expected a seed. { replay } takes a token, got '],
    ] as const)('in place of a seed it is refused: %j', async ([options, message]) => {
      const token = tokenOf('vitest:mine.test.ts#named');
      const given = JSON.parse(JSON.stringify(options).replace('TOKEN', token)) as SimulatedTest['options'];
      await expect(holds('named', () => undefined, given)).rejects.toThrow(message);
    });

    test('of no test of its file it fails every test of the file, and names the nearest', async () => {
      await expect(
        run(tokenOf('vitest:mine.test.ts#nmaed'), names(['named', true], ['other', true])),
      ).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: `DRYRUNNER_SEED: expected a token of a test of mine.test.ts, got one of "nmaed", which is not in it; the nearest is "named"`,
      });
    });

    test('of a test that does not run, or of another file, a line says so once', async () => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
      onTestFinished(() => warn.mockRestore());
      const fourth = { file: join(process.cwd(), 'fourth.test.ts') };
      const other = tokenOf('vitest:fourth.test.ts#other');
      await run(other, { ...fourth, ...names(['named', true], ['other', true]) });
      await run(other, { ...fourth, ...names(['named', true], ['other', false]) });
      for (let times = 0; times < 2; times += 1) {
        await run(tokenOf('vitest:other.test.ts#named'), { file: join(process.cwd(), 'third.test.ts') });
      }
      expect(warn.mock.calls).toEqual([
        [
          'DRYRUNNER_SEED is a token of "other" of fourth.test.ts, which does not run here: the tests of fourth.test.ts run as without it',
        ],
        [
          'DRYRUNNER_SEED is a token of "named" of other.test.ts, and of no test of third.test.ts: the tests of third.test.ts run as without it',
        ],
      ]);
    });

    test('as option replay, a line says so', async () => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
      onTestFinished(() => warn.mockRestore());
      for (const name of ['other', 'named']) {
        const replay = tokenOf(`vitest:mine.test.ts#${name}`);
        await holds('named', () => undefined, { replay }, { file }).catch(() => undefined);
      }
      expect(warn.mock.calls.flat().filter((text) => String(text).includes('another test'))).toEqual([
        'named: { replay } is a token of another test, "other" of mine.test.ts',
      ]);
    });
  });

  test('seeds can be a number, and the scenario the definition of one, with its options', async () => {
    const seeds: number[] = [];
    const definition = defineScenario({
      name: 'forgetful',
      description: 'of a test',
      options: { leftovers: 'ignore' },
      run(sim) {
        seeds.push(seeds.length + 1);
        sim.world.clock.timer('left', 5, () => undefined);
      },
    });
    await holds('counted', definition, { seeds: 7 });
    expect(seeds).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const withFiles = { ...definition, prepare: () => undefined };
    await expect(holds('files', withFiles)).rejects.toThrow(/one without prepare/);
    await expect(holds('none', {} as never)).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
  });

  test('ambient: false leaves the globals to the machine', async () => {
    let began = 0;
    const scenario = (): void => void (began = Date.now());
    await holds('real', scenario, { ambient: false, runs: 0 });
    expect(began).toBeGreaterThan(Date.UTC(2020));
    await holds('virtual', scenario, { runs: 0 });
    expect(began).toBeLessThan(Date.now() - 1_000);
  });

  test('its signal ends it', async () => {
    const endless = async (sim: Simulation): Promise<void> => {
      for (;;) await sim.sleep(1);
    };
    const controller = new AbortController();
    const { verdict, message } = await failureOf('endless', endless, {
      onTurn: () => controller.abort(),
      signal: controller.signal,
    });
    expect(verdict.failure?.kind).toBe('interrupted');
    expect(message).toMatch(/^The simulation was ended from outside/);
  });

  test('P2: a wait that was lost beside a heartbeat is a stall, with who waits, and its token repeats it', async () => {
    const lost = async (sim: Simulation): Promise<void> => {
      const beat = (): void => void sim.world.clock.timer('heartbeat', 1_000, beat);
      beat();
      const runner = createSimulatedRunner(sim.world, { name: 'worker' });
      const { runId } = await runner.run({ argv: [sim.pick('program', ['sleep 5', 'hang'])] });
      await finalStatus(runner, runId);
    };
    const options = { leftovers: 'ignore', explain: false } as const;
    const { message, verdict } = await failureOf('lost', lost, options);
    expect([verdict.failure?.kind, verdict.firedEvents]).toEqual(['stall', 123_264]);
    expect(message).toContain('\n    the wait for the end of run 0 on worker, since 0 ms\n');
    expect(message).toContain('\n    repeats: heartbeat, every 1000 ms\n');
    const [, replay = ''] = /replay: '(.*)'/.exec(message) ?? [];
    const again = await failureOf('lost', lost, { ...options, replay });
    expect(again.verdict.traceHash).toBe(verdict.traceHash);
  });

  describe('an execution without an end', () => {
    const endless = async (sim: Simulation): Promise<void> => {
      for (;;) await sim.sleep(1 + sim.choose('x', 9));
    };
    /** A second passes whenever somebody looks, which is twice in a turn or so, and little once executions have had their time. */
    const slow = (seconds: number): Partial<SimulatedTest> => {
      let readAt = 0;
      return {
        timeoutMs: seconds * 1_000,
        now: () => (readAt += readAt < seconds * 700 + 3_000 ? 1_000 : 1),
      };
    };

    test('no execution begins once the time is up: the plain one is reported, with a line that repeats it', async () => {
      const begunAtMs: number[] = [];
      const ambience = ambientTime();
      const clock = slow(300);
      const ambient: Ambience = {
        begin(world) {
          begunAtMs.push(clock.now?.() ?? 0);
          return ambience.begin(world);
        },
      };
      const { message } = await failureOf('endless', endless, { ambient }, clock);
      // The plain one; once there is no time left for making it small, the plain one again to see what goes on.
      expect(begunAtMs.filter((ms) => ms < 120_000)).toHaveLength(1);
      expect(begunAtMs.filter((ms) => ms >= 210_000)).toHaveLength(1);
      expect(message).toMatch(
        /^250000 events have fired and the scenario has not ended \(.*\)\.\n[^]*What goes on\n {2}the sleep .* fires, \d+ times in \d+ ms\n/,
      );
      expect(message).toMatch(/ {2}\{ replay: '\S{1,300}' \}$/);
    });

    test('its log is long, and the line that repeats it is not: of a seed it is the seed', async () => {
      const { message, verdict } = await failureOf('endless', endless, { seeds: ["it's"] }, slow(100));
      expect(message).toMatch(
        /^The time of 100,000 ms that the test has was nearly up[^]* {2}\{ seeds: \["it's"\] \}$/,
      );
      expect(message).not.toContain('What was decided');
      expect(verdict.decisions()).toHaveLength(65_536);
    });

    test('of an exploration it is the beginning, and says so', async () => {
      const byChance = async (sim: Simulation): Promise<void> => {
        if (sim.choose('which', 2) === 1) await endless(sim);
      };
      const { message } = await failureOf('by chance', byChance, { maxEvents: 1e9 }, slow(100));
      const [, token = '', count = ''] =
        / {2}\{ replay: '(\S+)' \}\n {2}its log is too long for a line: this one has the first ([\d,]+) decisions, and takes the default after them$/.exec(
          message,
        ) ?? [];
      expect(token.length).toBeGreaterThan(5_000);
      expect(token.length).toBeLessThan(8_001);
      const { decisions } = decodeToken(token);
      expect(decisions.length).toBeGreaterThan(300);
      expect(decisions.length).toBeLessThanOrEqual(Number(count));
    });
  });

  test.for([
    { seeds: 0 },
    { seeds: [] },
    { seeds: new Set() },
    { seeds: 0.5 },
    { seeds: 'seed' },
    { seeds: null },
    { seed: {} },
    { runs: -1 },
    { explain: 1 },
    { ambient: null },
    { ambient: 7 },
    { replay: 'dr2:nothing' },
    { replay: 7 },
    { corpus: true },
    { seeds: [1, {}] },
    { maxEvents: 'many' },
    { leftovers: 'keep', seeds: 1 },
    { seed: {}, seeds: 1 },
    { source: {} },
  ])('options that mean nothing are refused: %j', async (options) => {
    const failing = holds('wrong', () => undefined, options as never);
    await expect(failing).rejects.toMatchObject({
      code: expect.stringMatching(/RUNNER_INVALID_ARGUMENT|RUNNER_TRACE_FORMAT/) as string,
    });
  });

  test.for([
    [
      { sede: 1 },
      'options: expected only the fields seeds, seed, runs, ',
      'got a field "sede"; the nearest is seed',
    ],
    [{ maxevent: 1 }, 'expected only the fields', 'got a field "maxevent"; the nearest is maxEvents'],
    [{ colour: 'red' }, 'expected only the fields', 'got a field "colour"'],
  ] as const)(
    'an option that there is not is refused, and the nearest named: %j',
    async ([options, expected, got]) => {
      const error: unknown = await holds('wrong', () => undefined, options as never).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
      const { message } = error as Error;
      expect(message).toContain(expected);
      expect(message.endsWith(got)).toBe(true);
    },
  );

  test('the first execution that does not hold is made small and explained, with what repeats it', async () => {
    const { message, stack = '', verdict } = await failureOf('unlucky', unlucky);
    const lines = message.split('\n').filter((line) => !line.includes('.test.ts:'));
    const [again = '', found = '', shrunk = ''] = lines.slice(-3);
    expect(lines.slice(0, -3)).toEqual([
      'unlucky fails at 15 ms: bad luck in round 3, when "luck 3" is bad.',
      'What happened',
      '  15 ms ! bad luck in round 3',
      'What would have held',
      '  If "luck 3" had been good instead of bad, nothing would have failed.',
      'Where',
      '  "luck 3" was decided',
      '  the failure was noticed',
      'To see it again',
    ]);
    expect(found).toMatch(/^ {2}found in execution \d+ \(\w+/);
    expect(shrunk).toMatch(/^ {2}(shrunk in|with 1 choice)/);
    const [, first = ''] = stack.slice(stack.indexOf(message) + message.length).split('\n');
    expect(first).toMatch(/^ {4}at unlucky \(.*sim-test\.test\.ts:\d+:\d+\)$/);
    expect(verdict.decisions().filter(({ answer }) => answer > 0)).toHaveLength(1);
    const [, replay = ''] = /replay: '(.*)'/.exec(again) ?? [];
    const repeated = await failureOf('unlucky', unlucky, { replay });
    expect(repeated.message).toContain('\n  it is the execution that was asked for');
    expect(repeated.message).not.toContain('found in execution');
    expect(repeated.verdict.traceHash).toBe(verdict.traceHash);
    expect(repeated.message).toContain('unlucky fails at 15 ms: bad luck in round 3');
  });

  test('a failure that its token repeats has that token', async () => {
    const tokenIn = (text: string): string => /replay: '(.*)'/.exec(text)?.[1] ?? '';
    for (const options of [{}, { seeds: ['7', '8', '9', '10', '11'] }]) {
      const replay = tokenIn((await failureOf('unlucky', unlucky, options)).message);
      expect(replay).toMatch(/^dr2:/);
      for (const explain of [true, false]) {
        expect(tokenIn((await failureOf('unlucky', unlucky, { replay, explain })).message)).toBe(replay);
      }
    }
  });

  test('a log that holds now passes and says fixed, and one that does not fit any more says so', async () => {
    const { message } = await failureOf('unlucky', unlucky);
    const [, replay = ''] = /replay: '(.*)'/.exec(message) ?? [];
    const fixed = async (sim: Simulation): Promise<void> => {
      for (let round = 1; round <= 3; round += 1) sim.pick(`luck ${round}`, ['good', 'bad']);
      await sim.sleep(5);
    };
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    try {
      await holds('unlucky', fixed, { replay });
      expect(warn.mock.calls).toEqual([
        [
          'unlucky: fixed: every decision fits, and nothing fails any more; the log is kept for "check bad luck in round #"',
        ],
      ]);
    } finally {
      warn.mockRestore();
    }
    await expect(holds('unlucky', (sim: Simulation) => sim.sleep(1), { replay })).rejects.toThrow(
      /does not fit this test any more \(RUNNER_REPLAY_DIVERGED\), so it repeats nothing: .*luck 3/,
    );
  });

  test('a log that fails differently says so, with what it is kept for and what fails', async () => {
    const { message } = await failureOf('unlucky', unlucky);
    const [, replay = ''] = /replay: '(.*)'/.exec(message) ?? [];
    const other = async (sim: Simulation): Promise<void> => {
      for (let round = 1; round <= 3; round += 1) sim.pick(`luck ${round}`, ['good', 'bad']);
      await sim.sleep(5);
      sim.check(false, 'never mind');
    };
    expect((await failureOf('unlucky', other, { replay })).message).toMatch(
      /^The log that was asked for fails differently \(RUNNER_REPLAY_DIVERGED\): every decision fits, and something else fails: expected "check bad luck in round #", got "check never mind"\. What happens now:\n\nunlucky fails at 5 ms: never mind/,
    );
  });

  test.for([
    { kind: 'always', options: {} },
    { kind: 'always', options: { explain: false } },
    { kind: 'eventually', options: {} },
    { kind: 'eventually', options: { explain: false } },
  ])(
    'a property that fails points at the line that states it: $kind, $options',
    async ({ kind, options }) => {
      const { message, stack = '' } = await failureOf('stated', propertyThatFails(kind), options);
      const [, first = ''] = stack.slice(stack.indexOf(message) + message.length).split('\n');
      expect(first).toMatch(new RegExp(`^ {4}at ${kind}That \\(.*sim-test\\.test\\.ts:\\d+:\\d+\\)$`));
      expect(message).not.toMatch(/src\/(?:vitest|simulation)\//);
    },
  );

  test('explain: false says what the log says by itself', async () => {
    const { message } = await failureOf('unlucky', unlucky, { explain: false });
    expect(message).toMatch(/^check at \d+ ms: bad luck in round/);
    expect(message).toContain('What was decided');
    expect(message).not.toContain('What would have held');
  });

  test('R204 a failure names the rule and its details, and seeds repeat it', async () => {
    const { verdict, message } = await failureOf(
      'forgetful',
      (sim: Simulation) => void sim.world.clock.timer('left', 5, () => undefined),
      { seeds: ['a "seed"'] },
    );
    expect(verdict.failure).toMatchObject({ kind: 'leftovers', rule: 'R204' });
    expect(message).toContain('has ended and left 1 timer');
    expect(message).toContain('timer left, due at 5 ms');
  });

  test.for([
    [
      'an error',
      (sim: Simulation): Promise<void> => sim.sleep(1).then(() => Promise.reject(new Error('lost'))),
    ],
    [
      'a timer that is left',
      (sim: Simulation): void => void sim.world.clock.timer('left', 5, () => undefined),
    ],
    ['a timer of the machine that is left', (): void => void setTimeout(() => undefined, 5)],
    ['a deadlock', (sim: Simulation): Promise<void> => sim.sleep(1).then(() => new Promise<void>(() => {}))],
    [
      'what is not awaited',
      (sim: Simulation): void => void sim.sleep(5).then(() => sim.check(false, 'comes too late')),
    ],
  ] as const)(
    'of %s, the stack begins with the line of the user, and has none of ours',
    async ([, scenario]) => {
      const { name, stack = '', message } = await failureOf('lines', scenario);
      expect(stack.startsWith(`${name}: ${message}\n`)).toBe(true);
      const frames = stack.slice(`${name}: ${message}`.length).split('\n').slice(1);
      expect(frames[0]).toContain('sim-test.test.ts:');
      expect(frames.filter((frame) => frame.includes('/src/'))).toEqual([]);
    },
  );

  test.for(['text', null, undefined, 7])(
    'what is thrown and no error, %o, is said, at the line of the test',
    async (thrown) => {
      const scenario = (): void => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- that is what it is about
        throw thrown;
      };
      const declaredAt = new Error('here').stack ?? '';
      const { message, stack = '' } = await failureOf('throws', scenario, {}, { declaredAt });
      expect(message).toContain(String(thrown));
      expect(stack.slice(stack.indexOf(message) + message.length)).toContain('sim-test.test.ts:');
    },
  );

  test.for(['each', 'for'] as const)('also if it is declared by %s', async (way) => {
    type Declared = (one: unknown, context: unknown) => Promise<void>;
    const declared: Declared[] = [];
    const base = { for: () => (_name: string, _options: unknown, run: Declared) => declared.push(run) };
    const scenario = (): void => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- a thrown value without a stack is what this test is about
      throw 'text';
    };
    simTest.on(base as never)[way]([1] as never)('throws', scenario, { runs: 0 });
    const task = { name: 'throws', file: { filepath: import.meta.filename }, timeout: 10_000, fails: true };
    const { signal } = new AbortController();
    const error = (await declared[0]?.(1, { task, signal }).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toContain('text');
    expect(error.stack).toMatch(/^ +at .*sim-test\.test\.ts:\d+/m);
  });

  test('what an assertion expected and got is that of the error, and no cause hides the line', async () => {
    const error = await failureOf('compared', () => expect(['a']).toEqual(['b']));
    expect(error).toMatchObject({ expected: ['b'], actual: ['a'] });
    expect(error.toJSON()).toMatchObject({ expected: ['b'], actual: ['a'] });
    const caused = await failureOf('caused', () => {
      throw new Error('above', { cause: new TypeError('below') });
    });
    expect(caused.cause).toBeUndefined();
    expect(caused.message).toContain('caused by TypeError: below');
    const [own, red] = [new Error('own'), new Error('\u001b[31mred\u001b[39m')];
    Object.assign(own, { cause: red });
    Object.assign(red, { cause: own });
    const circular = await failureOf('circular', () => {
      throw own;
    });
    expect(circular.message.match(/caused by .*/g)).toEqual(['caused by Error: red']);
    const hostile = Object.defineProperties(new Error('hostile'), {
      name: { get: () => expect.fail('of the name') },
      cause: { get: () => expect.fail('of the cause') },
    });
    const spoilt = await failureOf('spoilt', () => {
      throw new Error('above', { cause: hostile });
    });
    expect(spoilt.message).toContain('caused by Error: hostile');
    const quoted = 'below\n    at plugin (/work/node_modules/bundler/index.js:3:7)';
    const quoting = await failureOf('quoting', () => {
      throw new Error(`above: ${quoted}`, { cause: new TypeError(quoted) });
    });
    expect(quoting.message).toContain('caused by TypeError: below');
    expect(quoting.stack).not.toMatch(/^\s*at .*bundler/m);
    expect(quoting.stack).toMatch(/\n {4}at .*sim-test\.test\.ts/);
  });

  test('a failure of seeds names its seed', async () => {
    const { message } = await failureOf(
      'seeded',
      (sim: Simulation) => sim.check(sim.choose('toss', 2) === 0, 'tails'),
      { seeds: ['heads', 'tails', 'edge', 'none'], explain: false },
    );
    expect(message).toMatch(/\n {2}found in execution \d, by seed "(heads|tails|edge|none)"/);
  });

  test('what differs from one execution to the next fails, also where nothing else does', async () => {
    let count = 0;
    const scenario = (sim: Simulation): void => sim.note(`execution ${(count += 1)}`);
    const { isPreloaded } = hub;
    onTestFinished(() => {
      hub.isPreloaded = isPreloaded === true;
    });
    hub.isPreloaded = true;
    await expect(holds('leaks', scenario)).rejects.toThrow(/\nIt may also be I\/O or another thread\.\n/);
    hub.isPreloaded = false;
    await expect(holds('leaks', scenario)).rejects.toThrow(
      /^The same decisions, run twice in a row, led to another execution: .*\nTime and randomness are virtual here, so most likely the state of a module survives from one execution to the next\.\nCreate that state inside the scenario, or let sim\.load load its module, anew in each execution\.\nIt may also be I\/O or another thread, or, without dryrunner\/vitest-plugin, a clock/,
    );
    await expect(holds('leaks', scenario, { ambient: false })).rejects.toThrow(
      /\nSomething outside of the simulation decides: a clock/,
    );
  });

  test('a failure that does not repeat is not explained', async () => {
    let count = 0;
    const scenario = (sim: Simulation): void => sim.check((count += 1) > 1, 'only the first time');
    const { message } = await failureOf('flaky', scenario);
    expect(message).toContain('not shrunk, because it does not repeat');
    expect(message).toMatch(
      /\nTo see it again\n {2}its token does not repeat it: only the whole test may\n {2}found by the plain schedule\n/,
    );
    expect(message).toMatch(
      /\nflaky: not deterministic: .*\n {2}the end differs: .*\n {2}Time and .* most likely the state of a module survives/,
    );
    expect(message).not.toContain('likely cause:');
    count = 0;
    const { message: plain } = await failureOf('flaky', scenario, { ambient: false });
    expect(plain).toMatch(
      /\n {2}Something outside of the simulation decides: .*\n {2}Without ambient: false/,
    );
  });

  test.for([
    ['an exploration', { runs: 5 }, 1, 'rare: sometimes, never reached in 6 executions: an eleven, a twelve'],
    ['seeds', { seeds: 4 }, 1, 'rare: sometimes, never reached in 4 executions: an eleven, a twelve'],
    ['the plain schedule alone', { runs: 0 }, 1, undefined],
    ['one seed', { seeds: 1 }, 1, undefined],
    ['an exploration that reaches it', { runs: 40 }, 2, undefined],
    ['where they are ignored', { runs: 5, neverReached: 'ignore' }, 1, undefined],
  ] as const)('conditions that no execution met are named: %s', async ([, options, sides, line]) => {
    const scenario = (sim: Simulation): void => {
      const side = sim.choose('side', sides);
      sim.choose('other side', 2);
      sim.sometimes('a one', side === 0);
      sim.sometimes('an eleven', side === 1);
      sim.sometimes('a twelve', side === 1);
    };
    const warnings = await warningsOf(async () => {
      await holds('rare', scenario, options);
      await holds('rare', scenario, options, { isReported: false });
    });
    expect(warnings).toEqual(line === undefined ? [] : [line]);
  });

  const same =
    'same: nothing was decided in 6 executions, so all of them were the same. A simulation decides the order of timers that are due together, the answers of sim.choose and its like, and faults; it decides the order of awaits only in modules that are rewritten (docs/awaits.md). If the test needs nothing but virtual time, give it { runs: 0 }.';
  test.for([
    ['an exploration', { runs: 5 }, 1, same],
    ['one that decides something', { runs: 5 }, 2, undefined],
    ['the plain schedule alone', { runs: 0 }, 1, undefined],
    ['seeds, which decide otherwise', { seeds: 5 }, 1, undefined],
    ['where it is ignored', { runs: 5, neverReached: 'ignore' }, 1, undefined],
  ] as const)('executions that decide nothing are named: %s', async ([, options, sides, line]) => {
    const scenario = (sim: Simulation): void => void sim.choose('side', sides);
    const warnings = await warningsOf(() => holds('same', scenario, options));
    expect(warnings).toEqual(line === undefined ? [] : [line]);
  });

  test('one that shrinking finds not to repeat has a likely cause', async () => {
    const chancy = (): SimulatedTest['scenario'] => {
      let count = 0;
      return (sim: Simulation): void => sim.check((count += 1) !== 3, 'only the third time');
    };
    const { message } = await failureOf('chancy', chancy());
    expect(message).toMatch(
      /\n {2}likely cause: a module variable .*, or, without dryrunner\/vitest-plugin, a clock or randomness that code captured/,
    );
    const where = { file: join(process.cwd(), 'some/a.test.ts') };
    const { message: ofFile } = await failureOf('chancy', chancy(), { corpus: false }, where);
    expect(ofFile).toContain(
      "\nTo see it again\n  npx vitest run some/a.test.ts -t '^chancy$'\n  its token does not repeat it: only the whole test may\n",
    );
    const { message: plain } = await failureOf('chancy', chancy(), { ambient: false });
    expect(plain).toMatch(/\n {2}likely cause: Math\.random, .*: without ambient: false they are virtual/);
  });

  test('one whose executions differ, and fail all the same, keeps its token', async () => {
    let count = 0;
    const { message } = await failureOf('counting', (sim: Simulation) => {
      sim.note(`execution ${(count += 1)}`);
      sim.check(false, 'always');
    });
    expect(message).toContain('not shrunk, because it does not repeat: run twice');
    expect(message).toMatch(/\nTo see it again\n {2}\{ replay: '/);
  });

  describe('a failure that earlier executions lead to is not blamed on choices', () => {
    const survives =
      /\n {2}Time and randomness are virtual here, so most likely the state of a module survives .*\n {2}Create that state inside the scenario, or let sim\.load load its module/;
    const failsFrom = (execution: number): SimulatedTest['scenario'] => {
      const taken = new Map<string, number>();
      return async (sim: Simulation): Promise<void> => {
        taken.set(`${taken.size}`, 1);
        await sim.sleep(sim.choose('nap', 3));
        sim.check(taken.size < execution, 'all are taken');
      };
    };

    test.for([
      ['at once', 2, {}, 'not deterministic: the same decisions gave another execution'],
      ['after a while', 40, {}, 'one execution leaks into the next: run again later'],
      ['with a list of seeds', 7, { seeds: 20 }, 'one execution leaks into the next: run again later'],
    ] as const)('%s', async ([, execution, options, headline]) => {
      const file = '/work/some/a.test.ts';
      const { message } = await failureOf(
        'taken',
        failsFrom(execution),
        { corpus: false, ...options },
        { file },
      );
      expect(message).toMatch(
        /^taken fails at \d ms: all are taken, although the same decisions have held before\.\n/,
      );
      expect(message).toContain(`\ntaken: ${headline}`);
      expect(message).toMatch(survives);
      expect(message).toMatch(
        /\nTo see it again\n {2}npx vitest run \S+ -t '\^taken\$'\n {2}only the whole test/,
      );
      expect(message).toMatch(/\n {2}found in execution \d+/);
      expect(message).not.toMatch(/default|What would have held|DRYRUNNER_SEED|seeds:/);
    });

    test.for([
      ['a failure that no decision leads to', (count: number) => count < 5, 'although the same'],
      ['one that does not repeat', (count: number, by: number) => by < 2 || count === 1, 'not shrunk'],
    ] as const)('%s shows the message and the values of one execution', async ([, isFine, text]) => {
      let count = 0;
      const scenario = async (sim: Simulation): Promise<void> => {
        const now = (count += 1);
        const by = sim.choose('by', 3);
        if (text === 'not shrunk') sim.note(`execution ${now}`);
        await sim.sleep(by);
        if (!isFine(now, by)) expect({ now }).toEqual({ now: 0 });
      };
      const { message, actual } = (await failureOf('leaks', scenario)) as Error & {
        actual?: { now: number };
      };
      expect(message).toContain(text);
      const shown = [...message.matchAll(/expected \{ now: (\d+) \}/g)].map(([, now]) => Number(now));
      expect(new Set(shown)).toEqual(new Set([actual?.now]));
      const isLater = / a later execution that fails alike is shown\b/.test(message);
      expect(isLater).toBe(text === 'although the same');
    });

    test('the line has the root that Vitest was given', async () => {
      const file = join(process.cwd(), 'some project/a.test.ts');
      const more = { file, rootOf: () => join(process.cwd(), 'some project') };
      const line = "npx vitest run --root 'some project' 'some project/a.test.ts' -t '^named$'";
      const { message } = await failureOf(
        'named',
        (sim: Simulation) => sim.check(false, 'no'),
        { corpus: false },
        more,
      );
      expect(message).toMatch(/\n {2}DRYRUNNER_SEED=dr2:\S+ npx/);
      expect(message).toContain(line);
      const { message: caused } = await failureOf('named', failsFrom(2), { corpus: false }, more);
      expect(caused).toContain(`\n  ${line}`);
    });

    test('without an explanation it is said as well, with the time of the execution that is shown', async () => {
      let count = 0;
      const scenario = async (sim: Simulation): Promise<void> => {
        await sim.sleep(sim.choose('nap', 9));
        sim.check((count += 1) < 40, 'all are taken');
      };
      const { message } = await failureOf('taken', scenario, { explain: false });
      expect(message).toMatch(/^check at 0 ms: all are taken\n/);
      expect(message).toMatch(survives);
    });

    const sided = (sides: number) => (): SimulatedTest['scenario'] => {
      let count = 0;
      return (sim: Simulation): void => {
        const side = sim.choose('side', sides);
        sim.check(!((count += 1) > 3 && side > 0), 'the other side');
      };
    };

    test('also if it needs a choice that an earlier execution took, and held', async () => {
      const { message } = await failureOf('sides', sided(2)());
      expect(message).toMatch(
        /^sides fails at 0 ms: the other side, although the same decisions have held before/,
      );
      expect(message).toMatch(survives);
      expect(message).not.toContain('replay:');
    });

    test('unless no earlier execution took that choice: then it holds where the state is new', async () => {
      const scenario = sided(1_000);
      const { message } = await failureOf('sides', scenario());
      expect(message).toMatch(/^sides fails at 0 ms: the other side, when "side" is 1 /);
      const [, replay = ''] = /\{ replay: '(\S+)' \}/.exec(message) ?? [];
      const warn = vi.spyOn(console, 'warn').mockReturnValue(undefined);
      await holds('sides', scenario(), { replay }).finally(() => warn.mockRestore());
    });

    test('one after which the plain schedule fails in another way is the one that is reported', async () => {
      let isSpoilt = false;
      const scenario = (sim: Simulation): void => {
        const isTails = sim.choose('toss', 2) === 1;
        isSpoilt ||= isTails;
        sim.check(!isTails, 'tails');
        sim.check(!isSpoilt, 'spoilt');
      };
      const { message } = await failureOf('tossed', scenario);
      expect(message).toMatch(/^tossed fails at 0 ms: tails, when "toss" is 1/);
      expect(message).toContain('first it held, second it failed: check spoilt');
    });

    test('one that needs a choice keeps its explanation beside what differs', async () => {
      let count = 0;
      const scenario = (sim: Simulation): void => {
        if ((count += 1) === 1) sim.note('the cache is empty');
        sim.check(sim.choose('toss', 2) === 0, 'tails');
      };
      const { message } = await failureOf('tossed', scenario);
      expect(message).toMatch(/^tossed fails at 0 ms: tails, when "toss" is 1/);
      expect(message).toMatch(/\ntossed: not deterministic: .*\n {2}.*the cache is empty/);
      expect(message).toMatch(survives);
      expect(message).toContain('{ replay: ');
    });
  });

  test('a failure after more events than can be watched says so, and no thread dies of it', async () => {
    const scenario = async (sim: Simulation): Promise<void> => {
      for (let step = 0; step < 250_001; step += 1) await sim.sleep(1);
      sim.check(false, 'too late');
    };
    const { message } = await failureOf('long', scenario);
    expect(message).toContain('at most 250,000 can be watched');
  });
});

test('a scenario or options that throw when they are read are refused where the test is declared', () => {
  const spring = (): never => {
    throw new Error('trap');
  };
  const traps: ProxyHandler<() => void> = {
    get: spring,
    has: spring,
    ownKeys: spring,
    getPrototypeOf: spring,
  };
  const hostile = (target: object): never => new Proxy(target as never, traps) as never;
  const idle = (): void => undefined;
  for (const declare of [
    () => simTest('x', hostile({}), idle),
    () => simTest('x', idle, hostile({})),
    () => simTest('x', hostile(idle)),
    () => simTest.for([1])('x', hostile(idle)),
  ]) {
    expect(declare).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: expect.stringMatching(/: expected a value whose fields can be read, got /) as string,
      }) as Error,
    );
  }
});
