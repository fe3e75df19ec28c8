import { describe, expect, test } from 'vitest';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { simTest } from '../../src/vitest/sim-test.ts';

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** What the matcher says. */
async function said(claim: Promise<unknown>): Promise<string> {
  return claim.then(
    () => 'nothing',
    (error: unknown) => (error as Error).message,
  );
}

const few = { runs: 3 };

simTest(
  'toReachState waits in the time of the runner, and says where the run is instead',
  async (sim) => {
    const runner = createSimulatedRunner(sim.world, { capacity: 2 });
    const { runId } = await runner.run({ argv: ['sleep 100', 'complete 3'] });
    expect(await said(expect(runner).toReachState(runId, 'COMPLETE', { withinMs: 40 }))).toBe(
      `expected run ${runId} to reach COMPLETE within 40 ms, got RUNNING`,
    );
    await expect(runner).toReachState(runId, 'COMPLETE', { withinMs: 61 });
    expect(sim.now()).toBe(100);
    expect(await said(expect(runner).toReachState(runId, 'ABORTED'))).toBe(
      `expected run ${runId} to reach ABORTED, got COMPLETE, exit code 3`,
    );
    await expect(runner).not.toReachState(runId, 'ABORTED');
    await runner.release();
  },
  few,
);

simTest(
  'toSettleWithin takes virtual time, of a promise, a function and a runner',
  async (sim) => {
    await expect(pause(3_600_000)).toSettleWithin(3_600_001);
    await expect(() => Promise.reject(new Error('lost'))).toSettleWithin(1);
    await expect(pause(50)).not.toSettleWithin(20);
    expect(await said(expect(pause(50)).toSettleWithin(20))).toBe(
      'expected it to settle within 20 ms, and then it was still pending',
    );
    const runner = createSimulatedRunner(sim.world);
    const { runId } = await runner.run({ argv: ['sleep 100', 'complete 0'] });
    expect(await said(expect(runner).toSettleWithin(20))).toMatch(
      new RegExp(
        `expected it to settle within 20 ms, and then still on: run ${runId} \\((PENDING|RUNNING)\\)`,
      ),
    );
    await expect(runner).toSettleWithin(200);
    await runner.release();
    await pause(50);
  },
  few,
);

describe('matchers of scenarios', () => {
  test('toBeDeterministic names the first event that differs', async () => {
    await expect((sim: Simulation) => sim.sleep(sim.choose('ms', 5))).toBeDeterministic();
    let count = 0;
    const leaky = (sim: Simulation): void => sim.note(`execution ${(count += 1)}`);
    expect(await said(expect(leaky).toBeDeterministic({ runs: 1 }))).toMatch(
      /^expected the same decisions to lead to the same execution, got another: .*execution \d/,
    );
    await expect(leaky).not.toBeDeterministic();
  });

  test('toHoldInvariants explains what does not hold', async () => {
    const coin = (sim: Simulation): void =>
      sim.check(sim.pick('toss', ['heads', 'tails']) === 'heads', 'tails');
    expect(await said(expect(coin).toHoldInvariants())).toContain(
      'If "toss" had been heads instead of tails, nothing would have failed.',
    );
    await expect(coin).not.toHoldInvariants();
    await expect(coin).toHoldInvariants({ runs: 0 });
  });

  test.for([
    () => expect(7).toReachState('1', 'COMPLETE'),
    () => expect(7).toSettleWithin(5),
    () => expect(Promise.resolve()).toSettleWithin(-1),
    () => expect(7).toBeDeterministic(),
    () => expect(7).toHoldInvariants(),
  ])('what they mean nothing for is refused: %s', async (claim) => {
    await expect(claim()).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT' });
  });
});
