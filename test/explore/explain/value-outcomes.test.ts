// Which values of the choices behind a failure fail, and which hold.
import { expect, test } from 'vitest';
import { createChaosRunner, createFakeRunner } from '../../../src/index.ts';
import { createNetwork } from '../../../src/cluster/index.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain, type ExplainOptions, type Explanation } from '../../../src/explore/explain/explanation.ts';
import { formatExplanation } from '../../../src/explore/explain/explanation-text.ts';
import { outcomeLines } from '../../../src/explore/explain/value-outcomes-text.ts';
import type { Decision, DescribeAnswer } from '../../../src/kernel/decisions.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { choice, delay } from '../../questions.ts';

function explained(
  run: (sim: Simulation) => void | Promise<void>,
  log: readonly Decision[],
  options?: ExplainOptions,
): Promise<Explanation> {
  return explain(createExecutor(defineScenario({ name: 'near', description: 'fails', run })), log, options);
}

/** The lines about values, without their indentation. */
function valueLines(explanation: Explanation): string[] {
  const texts = formatExplanation(explanation).map(({ text }) => text);
  const from = texts.findIndex((text) => text.includes('one value changed at a time'));
  if (from < 0) return [];
  const to = texts.findIndex((text, at) => at > from && !text.startsWith(' '));
  return texts.slice(from + 1, to).map((text) => text.replace(/^ {4}/, ''));
}

const pauses: DescribeAnswer = (answer) => `after ${[20, 0, 5, 10, 40][answer]} ms`;

/** Fails with a pause from 5 ms on, unless it is 20 ms; differently from 40 ms on. */
function checkPause(sim: Simulation, what = 'pause'): void {
  const pauseMs = [20, 0, 5, 10, 40][sim.choose(what, 5, pauses)] ?? 0;
  sim.check(pauseMs < 40, 'the pause is endless');
  sim.check(pauseMs < 5 || pauseMs === 20, 'the pause is too long');
}

const LOG = [{ question: choice('pause'), n: 5, answer: 3 }];

test('lists all values in their order, by what becomes of the failure', async () => {
  const explanation = await explained(checkPause, LOG);
  expect(explanation.valueOutcomes).toEqual([
    {
      what: '"pause"',
      fails: ['after 5 ms', 'after 10 ms'],
      failsOtherwise: ['after 40 ms'],
      holds: ['after 0 ms', 'after 20 ms'],
      examples: [{ value: 'after 40 ms', text: 'the pause is endless' }],
      untried: 0,
    },
  ]);
  expect(valueLines(explanation)).toEqual([
    '"pause"',
    '  fails: after 5 and 10 ms',
    '  fails differently: after 40 ms',
    '  holds: after 0 and 20 ms',
    '  after 40 ms fails with: the pause is endless',
  ]);
});

test.each([
  ['the farthest with other details', ['no', '1 of 2', '1 of 3', '2 of a', '2 of b'], '2 of b'],
  ['none whose details differ in numbers only', ['no', '1 of 2', '3 of 4', '5 of 6', '7 of 8'], undefined],
])('shows of values that fail alike %s', async (_case, details, shown) => {
  const { valueOutcomes } = await explained(
    (sim) => {
      const answer = sim.choose('pause', 5, (at) => 'abcde'.charAt(at));
      sim.check(answer === 0, `the pause is wrong\n\nGot\n  ${details[answer]}.`);
    },
    [{ question: choice('pause'), n: 5, answer: 1 }],
  );
  expect(valueOutcomes[0]?.fails).toEqual(['b', 'c', 'd', 'e']);
  expect(valueOutcomes[0]?.examples).toEqual(
    shown === undefined ? [] : [{ value: 'e', text: `Got ${shown}.` }],
  );
});

test('cuts a long text about a failing value', async () => {
  const { valueOutcomes } = await explained(
    (sim) => {
      const answer = sim.choose('pause', 3, (at) => 'abc'.charAt(at));
      sim.check(answer === 0, `the pause is wrong\n\n${'xyz'.charAt(answer).repeat(400)}`);
    },
    [{ question: choice('pause'), n: 3, answer: 1 }],
  );
  expect(valueOutcomes[0]?.examples).toEqual([{ value: 'c', text: `${'z'.repeat(300)}…` }]);
});

test('counts answers with the same words once', async () => {
  const describe: DescribeAnswer = (answer) => (answer < 4 ? 'short' : answer < 6 ? 'long' : 'endless');
  const { valueOutcomes } = await explained(
    (sim) => sim.check(sim.choose('pause', 7, describe) < 4, 'too long'),
    [{ question: choice('pause'), n: 7, answer: 5 }],
  );
  expect(valueOutcomes).toEqual([
    {
      what: '"pause"',
      fails: ['long', 'endless'],
      failsOtherwise: [],
      holds: ['short'],
      examples: [],
      untried: 0,
    },
  ]);
});

test.each<[string, number, DescribeAnswer | undefined]>([
  ['without words', 5, undefined],
  ['with two values', 5, (answer) => (answer === 0 ? 'no' : 'yes')],
  ['with more than 16 values', 17, String],
  ['with a value that is too long to compare', 5, (answer) => String(answer).repeat(answer === 2 ? 101 : 1)],
  [
    'whose words throw',
    5,
    () => {
      throw new Error('no words');
    },
  ],
])('leaves out a choice %s', async (_case, n, describe) => {
  const { valueOutcomes, nearestPass } = await explained(
    (sim) => sim.check(sim.choose('pause', n, describe) === 0, 'not 0'),
    [{ question: choice('pause'), n, answer: 1 }],
  );
  expect(nearestPass).toBeDefined();
  expect(valueOutcomes).toEqual([]);
});

test('varies a choice of 16 values, each of 100 characters', async () => {
  const { valueOutcomes } = await explained(
    (sim) =>
      sim.check(
        sim.choose('pause', 16, (answer) => String.fromCodePoint(65 + answer).repeat(100)) === 0,
        '!',
      ),
    [{ question: choice('pause'), n: 16, answer: 1 }],
  );
  expect(valueOutcomes[0]?.fails).toHaveLength(15);
  expect(valueOutcomes[0]?.holds).toEqual(['A'.repeat(100)]);
});

test('varies each choice alone, at most three of them', async () => {
  const names = ['one', 'two', 'three', 'four'];
  const { valueOutcomes } = await explained(
    (sim) => {
      const answers = names.map((name) => sim.choose(name, 3, (answer) => 'abc'.charAt(answer)));
      sim.check(answers.includes(0) || answers[2] === 2, 'none is the default');
    },
    names.map((name) => ({ question: choice(name), n: 3, answer: 1 })),
  );
  const tried = new Map(valueOutcomes.map(({ what, holds }) => [what, holds]));
  expect(valueOutcomes).toHaveLength(3);
  // The decisive choice comes first.
  expect(valueOutcomes[0]?.what).toBe('"four"');
  expect(tried.get('"four"')).toEqual(['a']);
  expect(tried.get('"one"')).toEqual(['a']);
  expect(tried.get('"two"')).toEqual(['a']);
});

test('does not count choices of two values among the three', async () => {
  const names = ['one', 'two', 'three', 'four'];
  const countOf = (name: string): number => (name === 'four' ? 2 : 3);
  const { valueOutcomes } = await explained(
    (sim) => {
      const answers = names.map((name) => sim.choose(name, countOf(name), (answer) => 'abc'.charAt(answer)));
      sim.check(answers.includes(0), 'none is the default');
    },
    names.map((name) => ({ question: choice(name), n: countOf(name), answer: 1 })),
  );
  expect(valueOutcomes.map(({ what }) => what)).toEqual(['"one"', '"two"', '"three"']);
});

test('includes a choice whose default fails', async () => {
  const { valueOutcomes } = await explained(
    (sim) => sim.check(sim.choose('pause', 3, (answer) => `${answer} ms`) === 2, 'no pause'),
    [],
  );
  expect(valueOutcomes).toEqual([
    {
      what: '"pause"',
      fails: ['0 ms', '1 ms'],
      failsOtherwise: [],
      holds: ['2 ms'],
      examples: [],
      untried: 0,
    },
  ]);
});

test('names a delay, and its values in milliseconds', async () => {
  const explanation = await explained(
    async (sim) => {
      const worker = createFakeRunner(sim.world, { name: 'worker' });
      const network = createChaosRunner(sim.world, worker, { name: 'net', maxDelayMs: 40, delaySteps: 4 });
      await network.statusAll();
      sim.check(sim.now() < 15, 'slow');
      await network.release();
    },
    [{ question: delay('net statusAll'), n: 4, answer: 3 }],
  );
  expect(valueLines(explanation)).toEqual([
    'the delay of "net statusAll"',
    '  fails: 20 and 30 ms',
    '  holds: 0 and 10 ms',
  ]);
});

test('counts what was not tried because no more executions are allowed, or it has to stop', async () => {
  let asked = 0;
  const whole = await explained(checkPause, LOG, { shouldStop: () => (asked += 1) < 0 });
  const untilThen = asked - 2;
  const limited = await explained(checkPause, LOG, { maxExecutions: whole.nearestSearch.executions + 2 });
  asked = 0;
  const stopped = await explained(checkPause, LOG, { shouldStop: () => (asked += 1) > untilThen });
  for (const explanation of [limited, stopped]) {
    expect(explanation.nearestPass).toEqual(whole.nearestPass);
    expect(explanation.valueOutcomes).toEqual([
      {
        what: '"pause"',
        fails: ['after 5 ms', 'after 10 ms'],
        failsOtherwise: [],
        holds: ['after 0 ms'],
        examples: [],
        untried: 2,
      },
    ]);
    expect(valueLines(explanation).at(-1)).toBe('  not tried: 2 values');
  }
});

test('tries no values beyond the 400 executions of the default, and more if they are allowed', async () => {
  const hopeless = (sim: Simulation): void => {
    sim.choose('pause', 5, pauses);
    for (let index = 0; index < 400; index += 1) sim.choose(`part ${index}`, 2);
    sim.check(false, 'whatever is chosen');
  };
  const { nearestSearch, valueOutcomes } = await explained(hopeless, LOG);
  expect(nearestSearch).toMatchObject({ executions: 400, stoppedBy: 'executions' });
  expect(valueOutcomes).toEqual([]);
  const longer = await explained(hopeless, LOG, { maxExecutions: 450 });
  expect(longer.nearestSearch.executions).toBeGreaterThan(400);
  expect(longer.valueOutcomes).toHaveLength(1);
});

test('shows nothing of a choice of which under two other values were tried', async () => {
  const { nearestSearch } = await explained(checkPause, LOG);
  const { valueOutcomes } = await explained(checkPause, LOG, { maxExecutions: nearestSearch.executions + 1 });
  expect(valueOutcomes).toEqual([]);
});

test('leaves out the setup of a workload, because less work explains nothing', async () => {
  const outcomesWith = async (isSetup: boolean): Promise<number> => {
    const describe = Object.assign((answer: number) => `${answer} clients`, { isSetup });
    const { valueOutcomes } = await explained(
      async (sim) => {
        const net = createNetwork(sim);
        net.node('server', () => ({ get: () => 1 }));
        net.node('client', async ({ connect }) => {
          await connect<{ get(): number }>('server').get();
          return {};
        });
        const clients = sim.choose('setup', 3, describe);
        await sim.sleep(100, 'end');
        sim.check(clients === 0, 'it is broken');
      },
      [{ question: choice('setup'), n: 3, answer: 1 }],
    );
    return valueOutcomes.length;
  };
  expect(await outcomesWith(false)).toBe(1);
  expect(await outcomesWith(true)).toBe(0);
});

test('tries nothing if the same decisions have held before', async () => {
  const { valueOutcomes } = await explained(checkPause, LOG, { hasHeldBefore: true });
  expect(valueOutcomes).toEqual([]);
});

test.each([
  [['never', 'at 5 ms', 'at 10 ms', 'at 15 ms'], 'never; at 5, 10 and 15 ms'],
  [['1 in all', '2 in all', 'without limit'], '1 and 2 in all; without limit'],
  [['for 1 ms', 'for 2 ms', 'for 1 s', 'for 2 s'], 'for 1 and 2 ms; for 1 and 2 s'],
  [['1.5', '2'], '1.5 and 2'],
  [['n1', 'n2', 'n3'], 'n1, n2 and n3'],
  [['-1 ms', '-2 ms'], '-1 ms and -2 ms'],
  [['1 of 2', '1 of 3'], '1 of 2 and 1 of 3'],
  [['quick', 'slow'], 'quick and slow'],
  [['at 5 ms'], 'at 5 ms'],
])('says of %j what they share once: %s', (holds, text) => {
  const lines = outcomeLines([
    { what: '"it"', fails: ['x'], failsOtherwise: [], holds, examples: [], untried: 1 },
  ]);
  expect(lines.slice(1)).toEqual(['  "it"', '    fails: x', `    holds: ${text}`, '    not tried: 1 value']);
});

test('breaks long lists of values between values', async () => {
  const words = Array.from({ length: 12 }, (_, at) => `the value ${'abcdefghijkl'.charAt(at)} of many`);
  const explanation = await explained(
    (sim) => sim.check(sim.choose('word', 12, (answer) => words[answer]) !== 3, 'three'),
    [{ question: choice('word'), n: 12, answer: 3 }],
  );
  const lines = valueLines(explanation);
  expect(lines.every((line) => line.length <= 110)).toBe(true);
  for (const word of words) expect(lines.filter((line) => line.includes(word))).toHaveLength(1);
});
