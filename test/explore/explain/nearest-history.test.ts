// What would have held, and which other failures are near.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createNetwork } from '../../../src/cluster/index.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain, type Explanation } from '../../../src/explore/explain/explanation.ts';
import type { Decision } from '../../../src/kernel/decisions.ts';
import { question } from '../../../src/kernel/question.ts';
import { simulate } from '../../../src/simulation/simulate.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { choice, draw, order } from '../../questions.ts';

function explained(
  run: (sim: Simulation) => void | Promise<void>,
  log: readonly Decision[],
): Promise<Explanation> {
  return explain(createExecutor(defineScenario({ name: 'near', description: 'fails', run })), log);
}

test.each([
  ['two sleeps without a name', undefined, undefined, 'scenario sleep'],
  ['a sleep with a name before one without', 'one', undefined, 'one'],
  ['a sleep without a name before one with', undefined, 'two', 'scenario sleep'],
])('tries the other order of %s, one of which never fires', async (_case, first, second, asked) => {
  const { history, nearestPass, nearestSearch } = await explained(
    async (sim) => {
      let isDone = false;
      const writes = async (): Promise<void> => {
        await sim.sleep(10, first);
        isDone = true;
      };
      const reads = async (): Promise<void> => {
        await sim.sleep(10, second);
        sim.check(isDone, 'it was read before it was written');
      };
      await Promise.all([writes(), reads()]);
    },
    [{ question: order(asked), n: 2, answer: 1 }],
  );
  const [written, read] = [
    first === undefined ? 'the sleep set in writes' : `"${first}"`,
    second === undefined ? 'the sleep set in reads' : `"${second}"`,
  ];
  const withoutLines = (text = ''): string => text.replaceAll(/ \(nearest-history\.test\.ts:\d+\)/g, '');
  expect(withoutLines(history[0]?.text)).toBe(`${read} comes before ${written}, due at the same time`);
  expect(withoutLines(nearestPass?.text)).toBe(
    `If ${written} had come before ${read} at 10 ms, nothing would have failed.`,
  );
  expect(nearestSearch).not.toHaveProperty('hasSkippedAnswers');
});

test.for([
  ['a deadlock, after which nothing more happens', false, 'nothing more happens'],
  ['a check that fails later', true, 'that does not happen'],
] as const)('what the failing execution lacks is said of %s', async ([, goesOn, instead]) => {
  const { nearestPass } = await explained(
    async (sim) => {
      const isLost = sim.choose('lost', 2) === 1;
      await sim.sleep(5, 'first');
      if (!isLost) sim.note('woken');
      else if (!goesOn) await new Promise(() => {});
      await sim.sleep(5, 'second');
      sim.check(!isLost, 'nobody was woken');
    },
    [{ question: choice('lost'), n: 2, answer: 1 }],
  );
  expect(nearestPass?.difference).toBe(
    `In the passing execution: 5 ms: note: woken. In the failing execution: ${instead}.`,
  );
});

test('leaves the order as it is of a sleep that no line of the scenario set, even if it never fires', async () => {
  const { nearestPass, nearestSearch } = await explained(
    async (sim) => {
      let isDone = false;
      // No line of this file is in the stack of a bound method that nobody awaits.
      void Promise.resolve(10)
        .then(sim.sleep.bind(sim))
        .then(() => {
          isDone = true;
        });
      await Promise.resolve();
      await sim.sleep(10, 'two');
      sim.check(isDone, 'it was read before it was written');
    },
    [{ question: order('scenario sleep'), n: 2, answer: 1 }],
  );
  expect(nearestPass).toBeUndefined();
  expect(nearestSearch).toEqual({ executions: 0, isComplete: true, untried: 0, hasSkippedAnswers: true });
});

test('tries the order of sleeps of which it is no longer known where they were set', async () => {
  const { nearestPass, nearestSearch } = await explained(async (sim) => {
    // The places of events between the first and the last ten thousand are forgotten.
    const fill = (sinceMs: number): void => {
      for (let ms = 1; ms <= 10_001; ms += 1) sim.world.clock.timer('tick', sinceMs + ms, () => undefined);
    };
    fill(0);
    fill(30_000);
    const done: string[] = [];
    void sim.sleep(20_000).then(() => done.push('writes'));
    void sim.sleep(20_000).then(() => done.push('reads'));
    await sim.sleep(50_000, 'end');
    sim.check(done[0] === 'reads', 'it was written before it was read');
  }, []);
  expect(nearestPass?.text).toMatch(/^If .* at 20000 ms, .* nothing would have failed\.$/);
  expect(nearestSearch).not.toHaveProperty('hasSkippedAnswers');
});

test.each([
  ['1', '2'],
  ['n1', 'n2'],
])('tries the other choice of a scenario in which nodes called %s and %s work', async (server, client) => {
  const { sentence, nearestPass } = await explained(
    async (sim) => {
      const net = createNetwork(sim, { latencyMs: 1 });
      net.node(server, () => ({ get: () => 7 }));
      const mode = sim.pick('mode', ['safe', 'unsafe']);
      net.node(client, async ({ connect }) => {
        await connect<{ get(): number }>(server).get();
        return {};
      });
      await sim.sleep(100, 'end');
      sim.check(mode === 'safe', 'it is broken');
    },
    [{ question: choice('mode'), n: 2, answer: 1 }],
  );
  expect(sentence).toBe('near fails at 100 ms: it is broken, when "mode" is unsafe.');
  expect(nearestPass?.text).toBe('If "mode" had been safe instead of unsafe, nothing would have failed.');
});

test('counts a drawn value once, however many of its parts differ', async () => {
  const { nearestPass } = await explained(
    (sim) => {
      const part = fc.integer({ min: 0, max: 9 });
      const [first, second] = [sim.draw(fc.tuple(part, part, part), 'first'), sim.draw(part, 'second')];
      const parts = [...first, second].filter((value) => value > 0);
      sim.check(parts.length === 0, 'too much');
    },
    Array.from({ length: 2 }, () => ({ question: draw('first integer'), n: 10, answer: 3 })),
  );
  expect(nearestPass).toMatchObject({
    text: 'If "first" had been [0,0,0] instead of [3,3,0], nothing would have failed.',
    changes: 2,
  });
});

test('names both of two faults each of which is enough', async () => {
  const { nearestPass } = await explained(
    async (sim) => {
      const struck = ['left', 'right'].filter((disk) => sim.strikes(disk, 'fails', { oneIn: 2 }));
      sim.check(struck.length === 0, 'a disk has failed');
    },
    ['left', 'right'].map((disk) => ({
      question: question('fault', { owner: disk, what: 'fails' }),
      n: 2,
      answer: 1,
    })),
  );
  expect(nearestPass?.text).toBe(
    'Without all of this, nothing would have failed: fault "fails" strikes left; fault "fails" strikes right.',
  );
});

test('names the other drawn values and choices', async () => {
  const { nearestPass } = await explained(
    (sim) => {
      const part = fc.integer({ min: 0, max: 9 });
      const values = ['first', 'second'].map((name) => sim.draw(fc.tuple(part, part), name));
      const isOn = sim.choose('on', 2);
      sim.check([...values.flat(), isOn].filter((value) => value > 0).length === 0, 'too much');
    },
    [
      ...['first', 'first', 'second', 'second'].map((name) => ({
        question: draw(`${name} integer`),
        n: 10,
        answer: 3,
      })),
      { question: choice('on'), n: 2, answer: 1 },
    ],
  );
  expect(nearestPass).toMatchObject({
    text: 'If "first" had been [0,0] instead of [3,3], and "second" had been [0,0] instead of [3,3], and "on" had been 0 instead of 1, nothing would have failed.',
    changes: 5,
  });
});

describe('another failure nearby is named by', () => {
  test('the value that would be drawn, and not by the answer behind it', async () => {
    const { nearestSearch } = await explained(
      (sim) => {
        const n = sim.draw(fc.integer({ min: -50, max: 50 }), 'n');
        sim.check(n >= 0, 'it is negative');
        sim.check(false, 'any number is wrong');
      },
      [{ question: draw('n integer'), n: 101, answer: 1 }],
    );
    expect(nearestSearch.otherFailure).toBe('with another "n" it fails differently: it is negative');
  });

  const racing = (names: readonly string[], answer: number): Promise<Explanation> =>
    explained(
      async (sim) => {
        const done: number[] = [];
        await Promise.all(names.map((name, at) => sim.sleep(10, name).then(() => done.push(at))));
        sim.check(false, done[0] === 0 ? 'the first came first' : 'another came first');
      },
      [{ question: order(names[0] ?? ''), n: names.length, answer }],
    );

  test('the events that come in another order', async () => {
    const { nearestSearch } = await racing(['a', 'b'], 1);
    expect(nearestSearch.otherFailure).toBe('with "a" before "b" it fails differently: the first came first');
  });

  test('another order of events with the same name', async () => {
    const { nearestSearch } = await racing(['a', 'a'], 1);
    expect(nearestSearch.otherFailure).toBe(
      'with another order of events "a" it fails differently: the first came first',
    );
  });

  test('the number of events where they are too many to be kept', async () => {
    const many = Array.from({ length: 150 }, (_, at) => `event ${at}`);
    const { nearestSearch } = await racing(many, 0);
    expect(nearestSearch.otherFailure).toBe(
      'with another order of 150 events it fails differently: another came first',
    );
  });

  test('a fault that strikes, or does not', async () => {
    const struck = (sim: Simulation): void =>
      sim.check(false, sim.strikes('disk', 'full') ? 'it is full' : 'it is not');
    const without = await explained(struck, []);
    expect(without.nearestSearch.otherFailure).toBe(
      'if fault "full" strikes disk, it fails differently: it is full',
    );
    const { decisions } = await simulate({ scenario: struck, source: { decide: (_, n) => n - 1 } });
    const withFault = await explained(struck, decisions());
    expect(withFault.nearestSearch.otherFailure).toBe('without "disk full" it fails differently: it is not');
    const asked = question('fault', 'power');
    const unnamed = await explained(
      (sim) => sim.check(false, sim.world.choices.choose(asked, 2) === 1 ? 'it is off' : 'it is on'),
      [],
    );
    expect(unnamed.nearestSearch.otherFailure).toBe('with "power" it fails differently: it is off');
  });

  test('what the asker says of the answer, or its number', async () => {
    const [described, plain] = await Promise.all(
      [
        (sim: Simulation) => sim.pick('mode', ['safe', 'bold']) === 'bold',
        (sim: Simulation) => sim.choose('mode', 2) === 1,
      ].map((isOther) =>
        explained((sim) => sim.check(false, isOther(sim) ? 'bold is wrong' : 'safe is wrong'), []),
      ),
    );
    expect([described, plain].map((each) => each?.nearestSearch.otherFailure)).toEqual([
      'with "mode" bold it fails differently: bold is wrong',
      'with "mode" 1 it fails differently: bold is wrong',
    ]);
  });
});
