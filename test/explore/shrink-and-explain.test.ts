import { describe, expect, test } from 'vitest';
import { withinEvents } from '../../src/explore/event-budget.ts';
import { createExecutor, type Executor } from '../../src/explore/executor.ts';
import { failureKey } from '../../src/explore/failure-key.ts';
import { failingExecution, tokenOf } from '../../src/explore/failing-execution.ts';
import { checkReplay } from '../../src/explore/replay-check.ts';
import { decodeToken } from '../../src/explore/replay-token.ts';
import { explainWithin, shrinkAndExplain } from '../../src/explore/shrink-and-explain.ts';
import { ExecutionInterrupted } from '../../src/kernel/decisions.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';

const EVENTS_MAX = 260_000;

/** Works for a while, and then without an end if the late answer says so. */
const endless = defineScenario({
  name: 'endless',
  description: 'one answer lets it go on without an end',
  async run(sim) {
    for (let i = 0; i < 6_000; i += 1) await sim.sleep(1, { what: `step${i % 100}` });
    if (sim.choose('late', 2) === 0) return;
    for (let i = 0; ; i += 1) {
      await sim.sleep(1, { what: `round${i.toString(2).replaceAll('0', 'a').replaceAll('1', 'b')}` });
    }
  },
});

describe('an endless failure that there is no time to run again', () => {
  test('is reported as it was found, with a token that repeats it', async () => {
    const executor = createExecutor(endless);
    const verdict = await withinEvents(executor, EVENTS_MAX).execute({ source: { decide: () => 1 } });
    const found = { scenario: 'endless', index: 0, executions: 1 };
    const failing = failingExecution(verdict, verdict.failure!, found);
    const settled = await shrinkAndExplain(executor, failing, {
      ...{ maxExecutions: 0, shrinkMs: 0, explainMs: 0 },
      mustStop: () => false,
      now: () => 0,
    });
    const { message, firedEvents, traceHash, decisions } = failing;
    expect(settled.shrunk).toMatchObject({
      message,
      firedEvents,
      traceHash,
      decisions,
      stoppedBy: 'stopped',
    });
    expect(settled.shrunk).not.toHaveProperty('wasBegunOnly');
    expect(settled.explanation?.sentence).toContain('late');
    const token = decodeToken(tokenOf({ ...failing, ...settled }));
    const { isReproduced, isSameTrace } = await checkReplay(executor, token);
    expect([isReproduced, isSameTrace]).toEqual([true, true]);
  });
});

test('an execution that is cut off while it runs again to be explained explains nothing', async () => {
  const failing = defineScenario({
    name: 'failing',
    description: 'fails',
    run: (sim) => sim.check(false, 'no'),
  });
  const executor = createExecutor(failing);
  const onTurn = (): never => {
    throw new ExecutionInterrupted('time is up');
  };
  const cut: Executor = {
    scenario: 'failing',
    execute: (request) => executor.execute({ ...request, onTurn }),
  };
  const { failure } = await executor.execute({ source: { decide: () => 0 } });
  const execution = {
    scenario: 'failing',
    key: failureKey(failure!),
    seed: undefined,
    firedEvents: 0,
    maxEvents: undefined,
  };
  const limits = { explainMs: 60_000, mustStop: () => false, now: () => 0 };
  expect(await explainWithin(cut, [], execution, limits)).toEqual({
    cutShort: { by: 'time', timeMs: 60_000 },
  });
});

describe('an execution that goes on once everything has to end', () => {
  /** A clock on which a tenth of a second passes with each look at it. */
  const clock = (): (() => number) => {
    let ms = 0;
    return () => (ms += 100);
  };

  test('is cut off: the failure is reported as it was found', async () => {
    let runs = 0;
    const failsOnce = defineScenario({
      name: 'fails-once',
      description: 'fails at once the first time, and goes on without an end from then on',
      options: { maxEvents: EVENTS_MAX },
      async run(sim) {
        runs += 1;
        sim.check(runs > 1 || sim.choose('toss', 2) === 0, 'no');
        for (;;) await sim.sleep(1);
      },
    });
    const executor = createExecutor(failsOnce);
    const verdict = await executor.execute({ source: { decide: () => 1 } });
    const failing = failingExecution(verdict, verdict.failure!, {
      scenario: 'fails-once',
      index: 0,
      executions: 1,
    });
    const limits = { shrinkMs: 60_000, explainMs: 60_000, mustStop: () => true, now: clock() };
    const { message, traceHash, decisions } = failing;
    expect(await shrinkAndExplain(executor, failing, limits)).toMatchObject({
      shrunk: { message, traceHash, decisions, stoppedBy: 'stopped' },
      cutShort: { by: 'stop' },
    });
  });

  test('is no other failure nearby, and was not tried', async () => {
    const coin = defineScenario({
      name: 'coin',
      description: 'fails at once, or goes on without an end',
      options: { maxEvents: EVENTS_MAX },
      async run(sim) {
        sim.check(sim.choose('toss', 2) === 0, 'no');
        for (;;) await sim.sleep(1);
      },
    });
    const executor = createExecutor(coin);
    const verdict = await executor.execute({ source: { decide: () => 1 } });
    const key = failureKey(verdict.failure!);
    const execution = { scenario: 'coin', key, seed: undefined, firedEvents: 0, maxEvents: undefined };
    const limits = { explainMs: 60_000, mustStop: () => true, now: clock() };
    const { explanation, cutShort } = await explainWithin(executor, verdict.decisions(), execution, limits);
    expect(explanation?.nearestSearch).toEqual({
      executions: 1,
      isComplete: false,
      stoppedBy: 'stopped',
      untried: 1,
    });
    expect(cutShort).toEqual({ by: 'stop' });
  });
});
