// What a short history must not leave out: the line to which a shown one refers, and the decision without which nothing
// would have failed. And that it can leave out nothing, and names the line of each decision.
import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain, type ExplainOptions, type Explanation } from '../../../src/explore/explain/explanation.ts';
import { formatExplanation } from '../../../src/explore/explain/explanation-text.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { choice, fault } from '../../questions.ts';

function explained(
  run: (sim: Simulation) => Promise<void>,
  log: Parameters<typeof explain>[1] = [],
  options: ExplainOptions = {},
): Promise<Explanation> {
  return explain(createExecutor(defineScenario({ name: 'long', description: 'is long', run })), log, options);
}

const textsOf = ({ history }: Explanation): string[] => history.map(({ text }) => text);

/** Twelve runs of which the second loses the reply to its abort, and the others end long after that. */
async function loses(sim: Simulation): Promise<void> {
  const worker = createSimulatedRunner(sim.world, { name: 'worker', capacity: 20 });
  const rates = { abort: { after: 0.2 } };
  const network = createChaosRunner(sim.world, worker, { name: 'network', plan: { rates } });
  for (let id = 0; id < 12; id += 1) await worker.run({ argv: [`sleep ${100 + id}`] });
  let answered = true;
  await network.abort('1').catch(() => {
    answered = false;
  });
  await sim.sleep(500);
  sim.check(answered, 'worker has twelve runs, and one abort without an answer');
  await network.release();
}

const LOST = [{ question: fault('network abort 1'), n: 5, answer: 4 }];

test('a run of which something is shown is shown from its start', async () => {
  const explanation = await explained(loses, LOST);
  const texts = textsOf(explanation);
  expect(texts).toContain('worker accepted run 1: ["sleep 101"]');
  expect(texts).toContain('the reply to abort of run 1 is lost on network');
  for (const [, runId = ''] of texts.join('\n').matchAll(/^run (\d+) of worker became/gm)) {
    expect(texts).toContain(`worker accepted run ${runId}: ["sleep ${100 + Number(runId)}"]`);
  }
  expect(texts).toHaveLength(12);
});

test('the decision without which nothing would have failed is shown, however many others there are', async () => {
  const steps = Array.from({ length: 30 }, (_, step) => step);
  const explanation = await explained(
    async (sim) => {
      let isBroken = false;
      for (const step of steps) {
        const answer = sim.choose(`step ${step}`, 3);
        if (step === 4) isBroken = answer === 2;
        await sim.sleep(1);
      }
      sim.check(!isBroken, 'it is broken');
    },
    steps.map((step) => ({ question: choice(`step ${step}`), n: 3, answer: 2 })),
  );
  expect(explanation.nearestPass?.text).toBe(
    'If "step 4" had been 1 instead of 2, nothing would have failed.',
  );
  expect(textsOf(explanation)).toContain('"step 4" is 2 (of 0 to 2)');
});

test('all lines are shown if they are asked for, and where they are left out a line says how', async () => {
  const short = await explained(loses, LOST);
  const all = await explained(loses, LOST, { linesMax: Infinity });
  expect(short.leftOut).toBeGreaterThan(20);
  expect(all.leftOut).toBe(0);
  expect(textsOf(all)).toEqual(expect.arrayContaining(textsOf(short)));
  const how = 'explain with linesMax: Infinity shows them';
  expect(
    formatExplanation(short)
      .find(({ text }) => text.includes('left out'))
      ?.text.trim(),
  ).toBe(`(${short.leftOut} more lines left out; ${how})`);
  expect(formatExplanation(all).filter(({ text }) => text.includes(how))).toEqual([]);
  const named = await explained(loses, LOST, { reference: './long.ts#long' });
  expect(formatExplanation(named).map(({ text }) => text)).toContainEqual(
    expect.stringContaining('more lines left out; explain TOKEN --all-lines shows them)'),
  );
  const ofTest = await explained(loses, LOST, { reference: 'vitest:long.test.ts#long' });
  expect(formatExplanation(ofTest).map(({ text }) => text)).toContainEqual(
    expect.stringContaining('more lines left out; DRYRUNNER_LINES=all shows them)'),
  );
});

test('each decision is located, those of one line together', async () => {
  const steps = Array.from({ length: 6 }, (_, step) => step);
  const { places } = await explained(
    async (sim) => {
      const first = sim.choose('first', 3);
      await sim.sleep(1);
      const second = sim.choose('second', 3);
      const sum = steps.reduce((total, step) => total + sim.choose(`step ${step}`, 2), 0);
      sim.check(!(first === 1 && second === 1 && sum === 6), 'all are one');
    },
    [
      ...['first', 'second'].map((name) => ({ question: choice(name), n: 3, answer: 1 })),
      ...steps.map((step) => ({ question: choice(`step ${step}`), n: 2, answer: 1 })),
    ],
  );
  expect(places.map(({ what }) => what)).toEqual([
    '"step 5" was decided',
    'the failure was noticed',
    '"first" was decided',
    '"second" was decided',
    '"step 0", "step 1", "step 2" and 2 more were decided',
  ]);
  const lines = places.slice(2).map(({ frames }) => frames);
  expect(lines.map(({ length }) => length)).toEqual([1, 1, 1]);
  expect(new Set(lines.flat()).size).toBe(3);
  expect(lines.flat().every((frame) => frame.includes('referred-lines.test.ts'))).toBe(true);
});

test('each decision with one label is located, with its ordinal if there are several', async () => {
  const { places } = await explained(
    async (sim) => {
      const early = sim.choose('dice', 6);
      await sim.sleep(1);
      const late = sim.choose('dice', 6);
      sim.check(early + late < 10, 'both are high');
    },
    [5, 5].map((answer) => ({ question: choice('dice'), n: 6, answer })),
  );
  expect(places.map(({ what }) => what)).toEqual([
    '"dice" (2nd) was decided',
    'the failure was noticed',
    '"dice" was decided',
  ]);
  expect(places[2]?.frames).not.toEqual(places[0]?.frames);
});
