// Review point P7: what clients asked and what they got is in the history of a failure, and who waits for whom in that of a deadlock.
import { describe, expect, test } from 'vitest';
import { TracedCalls } from '../../../src/conformance/workload/traced-calls.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { question, thing } from '../../../src/kernel/question.ts';
import { Draws } from '../../../src/conformance/workload/draws.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import type { Command } from '../../../src/model/command.ts';
import type { Service } from '../../../src/model/service.ts';
import { ALL_MASK, DONE_MASK } from '../../../src/model/state-mask.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import { having } from '../broken-services.ts';

async function explained(use: (service: Service) => Promise<void>, change?: (good: Service) => Service) {
  const scenario = defineScenario<unknown>({
    name: 'traced',
    description: 'a client calls a runner',
    async run(sim) {
      const runner = createSimulatedRunner(sim.world);
      const service = new TracedCalls(sim.world).service(change?.(runner) ?? runner, 'the runner', 'ann');
      await use(service);
      sim.check(false, 'over');
    },
  });
  return explain(createExecutor(scenario), [], { linesMax: 100 });
}

describe('calls of a client in the history of a failure', () => {
  test('say what was asked and what came of it, in one line', async () => {
    const { history } = await explained(async (service) => {
      const { runId } = await service.run({ argv: ['sleep 20', 'complete 3'], timeoutMs: 50 });
      await service.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: 10 });
      await service.query({ runs: [runId, 'x'], states: DONE_MASK }, { timeoutMs: 0 }).catch(() => undefined);
      await service.run(undefined as unknown as Command).catch(() => undefined);
      await service.queryNow({ runs: 5, states: ALL_MASK } as never).catch(() => undefined);
      await service.abort(runId);
      await service.queryNow({ allRuns: true, states: ALL_MASK });
      await service.status(runId);
      await service.release();
    });
    expect(history.map(({ text }) => text).filter((text) => text.includes('of the runner'))).toEqual([
      'ann gets run 0 PENDING from run(["sleep 20","complete 3"], timeout 50 ms) of the runner, called at 0 ms',
      'ann gets no run from query(DONE_MASK of run 0, for 10 ms) of the runner, called at 0 ms',
      'query(DONE_MASK of run 0, run x) of the runner, called by ann at 10 ms, fails: RUNNER_UNKNOWN_RUN',
      'run(undefined) of the runner, called by ann at 10 ms, fails: RUNNER_INVALID_ARGUMENT',
      'queryNow({"runs":5,"states":127}) of the runner, called by ann at 10 ms, fails: RUNNER_INVALID_ARGUMENT',
      'ann gets ABORTED from abort(run 0) of the runner, called at 10 ms',
      'ann gets run 0 ABORTED from queryNow(ALL_MASK of all runs) of the runner, called at 10 ms',
      'ann gets ABORTED from status(run 0) of the runner, called at 10 ms',
      'release() of the runner, called by ann at 10 ms, has returned',
    ]);
  });

  test('stand for what was drawn for them, also in the sentence', async () => {
    const scenario = defineScenario<unknown>({
      name: 'traced',
      description: 'a client calls a runner',
      async run(sim) {
        const runner = createSimulatedRunner(sim.world);
        const service = new TracedCalls(sim.world).service(runner, 'the runner', 'ann');
        const draws = new Draws(sim, 'ann').of('step 1');
        if (draws.pick('does', ['nothing', 'run', 'look']) === 'run') {
          await service.run({ argv: ['complete 0'] });
        }
        for (let at = 0; at < 6; at += 1) await service.statusAll();
        await service.release();
        sim.check((await runner.statusAll()).statuses.length === 0, 'there is a run');
      },
    });
    const log = [
      { question: question('choice', { owner: thing('ann', 'step 1'), what: 'does' }), n: 3, answer: 1 },
    ];
    const { history, sentence } = await explain(createExecutor(scenario), log);
    expect(history.filter(({ role }) => role === 'decision')).toEqual([]);
    expect(sentence).toBe('traced fails at 0 ms: there is a run.');
  });

  test('name who waits for whom in a deadlock', async () => {
    const never = (): Promise<never> => new Promise<never>(() => {});
    const { history, details } = await explained(
      async (service) => {
        await service.abort('7');
      },
      (good) => having(good, { abort: never }),
    );
    expect(details.map(({ text }) => text)).toContain(
      'ann waits for the answer to abort(run 7) from the runner since 0 ms',
    );
    expect(history.map(({ text }) => text)).toContain('ann calls abort(run 7) of the runner');
  });
});
