// A passing execution in which nothing is done explains nothing: another one is preferred, or what is missing is said.
import { expect, test } from 'vitest';
import { createNetwork, isCallLost } from '../../../src/cluster/index.ts';
import type { Question } from '../../../src/kernel/question.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { formatExplanation } from '../../../src/explore/explain/explanation-text.ts';
import { findNearestPass } from '../../../src/explore/explain/nearest-pass.ts';
import { keyDecisions } from '../../../src/explore/keyed-log.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';

type Answer = (question: Question, n: number, occurrence: number) => number;

/** What is printed under "What would have held" of the execution with these answers. */
async function heldOf(run: (sim: Simulation) => Promise<void>, answer: Answer = () => 0): Promise<string[]> {
  const executor = createExecutor(defineScenario({ name: 'hollow', description: 'does little', run }));
  const { decisions } = await executor.execute({
    source: {
      decide: answer,
      order: (question, due, occurrence) => answer(question, due.count, occurrence),
    },
  });
  const lines = formatExplanation(await explain(executor, decisions())).map(({ text }) => text);
  const begin = lines.indexOf('What would have held') + 1;
  return lines.slice(begin, begin + lines.slice(begin).findIndex((line) => !line.startsWith('  ')));
}

interface Shop {
  sell(to: string): boolean;
}

/** A shop that forgets in a crash what it sold; it crashes as ben's call arrives, and is back by then. */
async function heldOfShop(check: (sim: Simulation, results: readonly string[]) => void): Promise<string[]> {
  return heldOf(
    async (sim) => {
      const net = createNetwork(sim, {
        latencyMs: 1,
        nodes: { faults: { crash: 2, strikesMax: 1, downMsMax: 50 } },
      });
      net.node('shop', () => {
        let left = 1;
        return { sell: () => left-- > 0 };
      });
      const shop = net.connect<Shop>('shop');
      const results: string[] = [];
      for (const name of ['ann', 'ben']) {
        const isSold = await shop.sell(name).catch((error: unknown) => {
          if (!isCallLost(error)) throw error;
          return 'unknown';
        });
        results.push(String(isSold));
      }
      check(sim, results);
    },
    ({ topic }, n, occurrence) =>
      topic.what === 'back' || (topic.what === 'crash' && occurrence === 1) ? n - 1 : 0,
  );
}

test('a node that stays down is no reason if something else lets it pass', async () => {
  const lines = await heldOfShop((sim, [ann, ben]) => sim.check(ann !== ben, 'it was sold twice'));
  expect(lines).toEqual([
    '  Without this, nothing would have failed: shop crashes and restarts before sell("ben") of scenario arrives.',
    '  In the passing execution: 3 ms: shop gets scenario\'s call sell("ben"). In the failing execution: 3 ms: shop restarts.',
  ]);
});

test('if nothing else lets it pass, it is said that the node stays down, and not that it does not crash', async () => {
  const lines = await heldOfShop((sim, [, ben]) => sim.check(ben === 'unknown', 'ben was answered'));
  expect(lines.slice(0, 2)).toEqual([
    '  If shop had not been back by then, nothing would have failed.',
    '  But then the call sell("ben") from scenario to shop is refused: shop is down.',
  ]);
});

test('of an execution that passes because a node crashes it is said what does not happen then', async () => {
  const lines = await heldOf(async (sim) => {
    const net = createNetwork(sim, { latencyMs: 1, nodes: { faults: { crash: 8, strikesMax: 1 } } });
    const sold: string[] = [];
    net.node('shop', ({ sleep }) => {
      let left = 1;
      return {
        async sell(to: string) {
          if (left < 1) return false;
          await sleep(2);
          left -= 1;
          sold.push(to);
          return true;
        },
      };
    });
    for (const name of ['ann', 'ben']) {
      net.node(name, async ({ connect }) => {
        await connect<Shop>('shop')
          .sell(name)
          .catch((error: unknown) => {
            if (!isCallLost(error)) throw error;
          });
      });
    }
    await sim.sleep(100);
    sim.check(sold.length <= 1, `it was sold ${sold.length} times`);
  });
  expect(lines.slice(0, 2)).toEqual([
    '  With this, nothing would have failed: shop crashes just before it wakes (the 2nd such moment).',
    '  But this does not happen then: ben gets true from shop as the answer to its call sell("ben").',
  ]);
});

test('of an execution that does as much, but with one more crash, it is said what the crash erases', async () => {
  const lines = await heldOf(async (sim) => {
    const net = createNetwork(sim, {
      latencyMs: 1,
      nodes: { faults: { crash: 2, strikesMax: 1, downMsMax: 5 } },
    });
    net.node('counter', ({ sleep }) => {
      let count = 0;
      const tick = async (): Promise<void> => {
        for (let turn = 0; turn < 10; turn += 1) await sleep(10);
      };
      void tick();
      return { add: () => (count += 1) };
    });
    const counter = net.connect<{ add(): number }>('counter');
    await counter.add();
    await sim.sleep(150);
    sim.check((await counter.add()) === 1, 'it was counted twice');
  });
  expect(lines.slice(0, 2)).toEqual([
    '  With this, nothing would have failed: counter crashes just before it wakes (the 10th such moment).',
    '  But counter loses what it has in memory then.',
  ]);
});

test('of code without a trace that passes because it does nothing it is said how little it does', async () => {
  const lines = await heldOf(
    async (sim) => {
      const turns = sim.choose('turns', 2) * 10;
      for (let turn = 0; turn < turns; turn += 1) await sim.sleep(1);
      sim.check(turns === 0, 'it took turns');
    },
    () => 1,
  );
  expect(lines).toEqual([
    '  If "turns" had been 0 instead of 1, nothing would have failed.',
    '  But it does little then: 0 events of the clock, where the failing execution has 10.',
  ]);
});

test('of an execution without half of what the failing one achieves it is said what is missing', async () => {
  const lines = await heldOf(
    (sim) => {
      sim.note('begin');
      if (sim.choose('job', 2) === 0) return Promise.resolve();
      for (const step of ['made', 'sent', 'paid']) sim.note(`the job was ${step}`);
      sim.check(false, 'the job was paid twice');
      return Promise.resolve();
    },
    () => 1,
  );
  expect(lines.slice(0, 2)).toEqual([
    '  If "job" had been 0 instead of 1, nothing would have failed.',
    '  But this does not happen then: note: the job was made; note: the job was sent, and other things.',
  ]);
});

/** Fails while all of its switches are on. */
const switches = (count: number) =>
  createExecutor(
    defineScenario({
      name: 'switches',
      description: 'one is off',
      run(sim) {
        const on = Array.from({ length: count }, (_, at) => sim.choose(`switch ${at}`, 2));
        sim.check(on.includes(0), 'all are on');
      },
    }),
  );

interface Limits {
  readonly maxExecutions?: number;
  readonly shouldStop?: () => boolean;
}

async function searchAmong(count: number, isHollow: (off: number) => boolean, limits: Limits = {}) {
  const executor = switches(count);
  const { decisions } = await executor.execute({ source: { decide: () => 1, order: () => 0 } });
  const log = keyDecisions(decisions());
  const { passing, ...search } = await findNearestPass(executor, log, {
    ...limits,
    isHollow: (answers) =>
      Promise.resolve(
        isHollow(log.findIndex(({ question }) => !answers.some((one) => one.question === question))),
      ),
  });
  return { changed: passing?.changes.map(({ decision }) => decision.question.text), ...search };
}

test('the search goes on from a hollow pass to the next one, and takes the first if all are hollow', async () => {
  expect(await searchAmong(5, (off) => off > 2)).toEqual({
    changed: ['switch 2'],
    ...{ executions: 6, isComplete: true, untried: 0 },
  });
  // All five were tried alone, and then all together.
  expect(await searchAmong(5, () => true)).toEqual({
    changed: ['switch 4'],
    ...{ executions: 10, isComplete: false, stoppedBy: 'hollow', untried: 0 },
  });
});

test('the search for a better pass than a hollow one ends after four tries, and says so', async () => {
  expect(await searchAmong(200, (off) => off > 0)).toEqual({
    changed: ['switch 199'],
    ...{ executions: 10, isComplete: false, stoppedBy: 'hollow', untried: 195 },
  });
});

test('looking whether less happens takes executions, and is left out if there are none', async () => {
  const seen: number[] = [];
  const isHollow = (off: number): boolean => seen.push(off) > 0;
  expect(await searchAmong(5, isHollow, { maxExecutions: 3 })).toEqual({
    changed: ['switch 4'],
    ...{ executions: 3, isComplete: false, stoppedBy: 'executions', untried: 3 },
  });
  expect(seen).toEqual([4]);
});

test('a search that has to stop does not look whether less happens', async () => {
  const seen: number[] = [];
  let asked = 0;
  const shouldStop = (): boolean => (asked += 1) > 1;
  expect(await searchAmong(5, (off) => seen.push(off) > 0, { shouldStop })).toEqual({
    changed: ['switch 4'],
    ...{ executions: 1, isComplete: false, stoppedBy: 'stopped', untried: 4 },
  });
  expect(seen).toEqual([]);
});

test.for([
  ['none is better', undefined, { executions: 10, isComplete: false, stoppedBy: 'hollow', untried: 25 }],
  ['the second one is better', 28, { executions: 4, isComplete: true, untried: 0 }],
] as const)(
  'an explanation counts every execution of its search beyond a hollow pass, and runs none twice to show it: %s',
  async ([, better, search]) => {
    let runs = 0;
    const executor = createExecutor(
      defineScenario({
        name: 'switches',
        description: 'nothing is done if one is off',
        run(sim) {
          runs += 1;
          const on = Array.from({ length: 30 }, (_, at) => sim.choose(`switch ${at}`, 2));
          const off = on.indexOf(0);
          if (off >= 0 && off !== better) return;
          for (const step of ['made', 'sent', 'paid']) sim.note(`the job was ${step}`);
          sim.check(off >= 0, 'all are on');
        },
      }),
    );
    const { decisions } = await executor.execute({ source: { decide: () => 1, order: () => 0 } });
    runs = 0;
    const { nearestPass, nearestSearch } = await explain(executor, decisions());
    expect(nearestPass?.lack === undefined).toBe(better !== undefined);
    expect(nearestSearch).toEqual(search);
    const failing = 1;
    expect(runs).toBe(failing + nearestSearch.executions);
  },
);
