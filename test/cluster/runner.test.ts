import { expect, test } from 'vitest';
import { createNetwork } from '../../src/cluster/index.ts';
import { isRunnerError, messageOf } from '../../src/kernel/errors.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import type { DecisionSource } from '../../src/kernel/decisions.ts';
import type { Service } from '../../src/model/service.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { DONE_MASK } from '../../src/model/state-mask.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

async function runs(
  scenario: (sim: Simulation) => Promise<void>,
  source: DecisionSource = fifoDecisions(),
): Promise<void> {
  const { failure } = await simulate({ scenario, source });
  expect(failure?.cause ?? failure).toBeUndefined();
}

test('a runner behind a link is a service as it is itself', () =>
  runs(async (sim) => {
    const net = createNetwork(sim, { latencyMs: 5 });
    const runner: Service = net.through('runner', createSimulatedRunner(sim.world));
    const { runId } = await runner.run({ argv: ['sleep 50', 'complete 3'] });
    const { status } = await finalStatus(runner, runId);
    expect([status.state, status.exitCode, sim.now()]).toEqual(['COMPLETE', 3, 60]);
    await runner.release();
  }));

test('a runner that lives on a node goes with it', () =>
  runs(async (sim) => {
    const net = createNetwork(sim);
    const node = net.node('worker', ({ name, incarnation, world }) =>
      createSimulatedRunner(world, { name: `${name}/${incarnation}` }),
    );
    const runner: Service = net.connect<Service>('worker');
    const { runId } = await runner.run({ argv: ['sleep 1000', 'complete 0'] });
    await sim.sleep(10);
    node.restart();
    const lost = await runner.status(runId).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(isRunnerError(lost, 'RUNNER_UNKNOWN_RUN')).toBe(true);
    await runner.release();
  }));

test('what a runner refuses is refused across the link, with its code', () =>
  runs(async (sim) => {
    const net = createNetwork(sim);
    const runner: Service = net.through('runner', createSimulatedRunner(sim.world));
    const error = await runner.run({ argv: 'true' as never }).then(
      () => undefined,
      (refusal: unknown) => refusal,
    );
    expect(error).toMatchObject({ name: 'RunnerError', code: 'RUNNER_INVALID_ARGUMENT' });
    await runner.release();
    const after = await runner.run({ argv: ['complete 0'] }).then(
      () => undefined,
      (refusal: unknown) => refusal,
    );
    expect(isRunnerError(after, 'RUNNER_RELEASED')).toBe(true);
  }));

test('a signal does not cross: it is given to the call', () =>
  runs(async (sim) => {
    const net = createNetwork(sim);
    const runner: Service = net.through('runner', createSimulatedRunner(sim.world));
    const { signal } = new AbortController();
    const error = await runner.query({ states: DONE_MASK }, { timeoutMs: 10, signal }).then(
      () => undefined,
      (refusal: unknown) => refusal,
    );
    expect(messageOf(error)).toBe(
      'argument 2 of query cannot be sent: an AbortSignal at .signal; withCallOptions(stub, { signal }) cancels a call',
    );
    await runner.release();
  }));

test('a runner behind a link that loses, doubles and parts ends each run once faults have ended', async () => {
  for (let seed = 0; seed < 40; seed += 1) {
    await runs(async (sim) => {
      const faults = { lose: 8, duplicate: 8, reorder: 16, delay: 16, partition: 64, hold: 64 };
      const net = createNetwork(sim, { latencyMs: [0, 10], callTimeoutMs: 500, faults });
      const runner: Service = net.through(
        'runner',
        createSimulatedRunner(sim.world, { capacity: 10, history: 100 }),
      );
      let lost = 0;
      for (let n = 0; n < 5; n += 1) {
        await runner.run({ argv: ['sleep 5', 'complete 0'] }).catch((error: unknown) => {
          if (!isRunnerError(error, 'RUNNER_CALL_TIMED_OUT')) throw error;
          lost += 1;
        });
      }
      sim.heal();
      await sim.sleep(1_000);
      const { statuses } = await runner.statusAll();
      const ended = statuses.filter(({ state }) => state === 'COMPLETE').length;
      sim.check(
        ended === statuses.length && ended + lost >= 5,
        `${ended} of ${statuses.length} runs have ended, ${lost} calls were lost`,
      );
      await runner.release();
    }, randomDecisions(seed));
  }
});
