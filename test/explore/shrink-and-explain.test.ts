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
