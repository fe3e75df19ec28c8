import { describe, expect, test } from 'vitest';
import { runCampaign } from '../../src/explore/campaign.ts';
import { ENDLESS_DECISIONS } from '../../src/explore/endless-log.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { tokenOf } from '../../src/explore/failing-execution.ts';
import { checkReplay } from '../../src/explore/replay-check.ts';
import { decodeToken } from '../../src/explore/replay-token.ts';
import { shrink } from '../../src/explore/shrink/shrinker.ts';
import { randomStrategy } from '../../src/explore/strategies/random-strategy.ts';
import { defineScenario, type ScenarioDefinition } from '../../src/simulation/scenario.ts';
import { failingWith } from './failing-executions.ts';
import { choice } from '../questions.ts';

const decisions = [
  { question: choice('first'), n: 3, answer: 2 },
  { question: choice('plain'), n: 2, answer: 0 },
  { question: choice('second'), n: 2, answer: 1 },
];

test('the findings of a campaign are plain data, whatever was thrown, and name their scenario', async () => {
  const scenario = defineScenario({
    name: 'throws',
    description: 'always fails',
    run() {
      throw Object.assign(new TypeError('broken'), { callback: () => undefined });
    },
  });
  const strategy = randomStrategy(1);
  const options = { reference: './mine.js#throws', maxExecutions: 1 };
  const { failures } = await runCampaign(createExecutor(scenario), strategy, options);
  expect(structuredClone(failures)).toEqual(failures);
  expect(failures).toMatchObject([{ scenario: './mine.js#throws', key: 'error broken', index: 0 }]);
  const named = await runCampaign(createExecutor(scenario), strategy, { maxExecutions: 1 });
  expect(named.failures).toMatchObject([{ scenario: 'throws' }]);
});

test('the token of a failure replays the smallest execution, under the key of the first', () => {
  const failing = failingWith({ decisions, kind: 'budget', firedEvents: 500, seed: '8' });
  const { message, atMs, details } = failing;
  const shrunk = {
    ...{ message, atMs, details, decisions: decisions.slice(0, 1), firedEvents: 7, traceHash: 'beef' },
    ...{ executions: 9, stoppedBy: 'minimal' as const },
  };
  expect(decodeToken(tokenOf(failing)).decisions.map(({ question }) => question.text)).toEqual([
    'first',
    'second',
  ]);
  expect(decodeToken(tokenOf({ ...failing, shrunk }))).toEqual({
    ...{ scenario: 'mine', seed: '8', failureKey: 'check broken', traceHash: 'beef', maxEvents: 500 },
    decisions: [{ question: choice('first'), occurrence: 0, n: 3, answer: 2 }],
  });
});

test('an execution that was cut off is run again with four times as many events, and has no hash', () => {
  const cutOff = failingWith({ key: 'cut off', kind: 'interrupted', firedEvents: 100, traceHash: '' });
  expect(decodeToken(tokenOf(cutOff))).toMatchObject({ maxEvents: 400, traceHash: '0'.repeat(16) });
  // A thread that had to be ended does not say how many there were.
  expect(decodeToken(tokenOf({ ...cutOff, firedEvents: 0 })).maxEvents).toBeUndefined();
});

describe('the log of an execution without an end', () => {
  const BATCH = 1_024;
  /** Chooses again and again, until the default comes that follows a log which was cut. */
  const choosing = (endsAtDefaults: boolean): ScenarioDefinition =>
    defineScenario({
      name: 'chooses',
      description: 'of a test',
      options: { maxEvents: ENDLESS_DECISIONS / BATCH + 2 },
      async run(sim) {
        for (let isOver = false; !isOver; await sim.sleep(1)) {
          let sum = 0;
          for (let n = 0; n < BATCH; n += 1) sum += sim.choose('answer', 3);
          isOver = endsAtDefaults && sum === 0;
        }
      },
    });

  test('is its beginning, with which it is repeated, and made small', async () => {
    const executor = createExecutor(choosing(false));
    const [failing] = (await runCampaign(executor, randomStrategy(1), { auditEvery: 0 })).failures;
    const { key: failureKey = '', decisions: begun = [] } = failing ?? {};
    expect([failing?.kind, begun.length]).toEqual(['budget', ENDLESS_DECISIONS]);
    const { isReproduced, gap } = await checkReplay(executor, begun, { failureKey });
    expect([isReproduced, gap]).toEqual([true, undefined]);
    const { log } = await shrink(executor, begun, failureKey, { maxExecutions: 4 });
    expect([log.length, log.some(({ answer }) => answer > 0)]).toEqual([ENDLESS_DECISIONS, false]);
  });

  test('is said to be its beginning where it is not enough', async () => {
    const executor = createExecutor(choosing(true));
    const [failing] = (await runCampaign(executor, randomStrategy(1), { auditEvery: 0 })).failures;
    const { key = '', decisions: begun = [] } = failing ?? {};
    expect(await shrink(executor, begun, key)).toMatchObject({
      flakiness: 'run again with its first decisions, and the default after them, it held',
    });
  });
});
