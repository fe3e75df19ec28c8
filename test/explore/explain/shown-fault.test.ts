import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { createChaosRunner } from '../../../src/network/chaos-runner.ts';
import { createFakeRunner } from '../../../src/runners/fake/fake-runner.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import { choice, fault } from '../../questions.ts';
import type { Decision } from '../../../src/kernel/decisions.ts';

test('attributes a fault in the trace to the decision that made it, and to no other', async () => {
  const scenario = defineScenario({
    name: 'two-faults',
    description: 'one fault leaves nothing in the trace',
    run(sim) {
      const mine = sim.world.choices.choose(fault('mine'), 2);
      const other = sim.strikes('other', 'lost', { oneIn: 2 });
      sim.check(mine === 0 || !other, 'both');
    },
  });
  const log = ['mine', 'other lost'].map((text) => ({ question: fault(text), n: 2, answer: 1 }));
  const { sentence, history } = await explain(createExecutor(scenario), log);
  const lines = ['a fault strikes "mine" (1 of 1)', 'fault "lost" strikes other'];
  expect(sentence).toContain(`both, when ${lines.join(' and ')}.`);
  expect(history.map(({ text }) => text)).toEqual([...lines, 'both']);
});

test('does not say that a fault strikes where nothing went wrong', async () => {
  const scenario = defineScenario({
    name: 'spared',
    description: 'one answer in twenty is a fault, one call comes after some events',
    async run(sim) {
      const runner = createFakeRunner(sim.world);
      const network = createChaosRunner(sim.world, runner, {
        name: 'net',
        plan: { rates: { run: { before: 0.05 } } },
      });
      sim.atSomeEvent('a call', () => runner.release());
      await network.run({ argv: ['x'], taskId: 'job-1' });
      await sim.sleep(5);
      sim.check(false, 'the end');
    },
  });
  const log = [
    { question: fault('a call'), n: 65, answer: 1 },
    { question: fault('net run job-1'), n: 20, answer: 12 },
  ];
  const { sentence, history } = await explain(createExecutor(scenario), log);
  expect(sentence).toContain(
    'when a call, right after "fake start" and "net run job-1 fault" brings no fault (12 of 0 to 19).',
  );
  expect(history.map(({ text }) => text)).toContain('"net run job-1 fault" brings no fault (12 of 0 to 19)');
});

test('shows decisions before all the faults that did not strike', async () => {
  const scenario = defineScenario({
    name: 'lucky',
    description: 'fails for the second of two, whatever else is asked',
    run(sim) {
      const which = sim.choose('which', 2);
      for (let i = 0; i < 20; i += 1) sim.strikes(`link ${i}`, 'lost');
      sim.check(which === 0, 'the second');
    },
  });
  const spared = Array.from({ length: 20 }, (_, i) => ({
    question: fault(`link ${i} lost`),
    n: 8,
    answer: 5,
  }));
  const log = [{ question: choice('which'), n: 2, answer: 1 }, ...spared];
  const { sentence, history } = await explain(createExecutor(scenario), log, { linesMax: 5 });
  expect(sentence).toContain('when "which" is 1 (of 0 to 1) and ');
  expect(history.map(({ text }) => text)).toContain('"which" is 1 (of 0 to 1)');
});

test('says which of several questions of one name it was', async () => {
  const scenario = defineScenario({
    name: 'asked-often',
    description: 'the third of twelve is lost',
    run(sim) {
      const lost = Array.from({ length: 12 }, () => sim.strikes('send', 'lost', { oneIn: 2 }));
      sim.check(!lost.includes(true), 'lost');
    },
  });
  const sentenceFor = async (index: number): Promise<string> => {
    const log = lostAt(index);
    return (await explain(createExecutor(scenario), log)).sentence;
  };
  expect(await sentenceFor(0)).toContain('when fault "lost" strikes send.');
  expect(await sentenceFor(1)).toContain('when fault "lost" strikes send (the 2nd such moment).');
  expect(await sentenceFor(2)).toContain('when fault "lost" strikes send (the 3rd such moment).');
  expect(await sentenceFor(10)).toContain('when fault "lost" strikes send (the 11th such moment).');
});

test('gives a delay that would have helped in milliseconds, even where there was none', async () => {
  const scenario = defineScenario({
    name: 'hasty',
    description: 'a call that is not delayed comes too early',
    async run(sim) {
      const runner = createChaosRunner(sim.world, createFakeRunner(sim.world), {
        name: 'net',
        maxDelayMs: 64,
      });
      await runner.run({ argv: ['x'], taskId: 'job-1' });
      sim.check(sim.now() > 0, 'too early');
      await runner.release();
    },
  });
  const { nearestPass } = await explain(createExecutor(scenario), []);
  expect(nearestPass?.text).toMatch(
    /^If "net run job-1" had been delayed by \d+ ms instead of not at all, nothing would have failed/,
  );
});

function lostAt(index: number): Decision[] {
  return Array.from({ length: index + 1 }, (_, at) => ({
    question: fault('send lost'),
    n: 2,
    answer: at === index ? 1 : 0,
  }));
}
