/**
 * Whole simulated runs: queue, invoker, sim execer, outputs in memory and store on a virtual clock inside `simulate`, with everything
 * on that a simulation has by itself: trace hashing, resource ledger, all default oracles. Each run sleeps 1 ms, completes with 0 and
 * is awaited by its scheduler; ten are in the runner at a time.
 */
import { createSimulatedRunner, finalStatus, simulate } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { interleave, median, type Cost } from './measure.ts';

const CAPACITY = 10;
const COMMAND = { argv: ['sleep 1', 'complete 0'], jobId: 'job', taskId: 'task' };
const RUNS = 20_000;
const GROWTH = 10;

async function simulateRuns(runs: number): Promise<void> {
  const verdict = await simulate({
    seed: 1,
    scenario: async (sim) => {
      const runner = createSimulatedRunner(sim.world, { capacity: CAPACITY, history: 100 });
      for (let done = 0; done < runs; done += CAPACITY) {
        const runIds: string[] = [];
        for (let i = 0; i < CAPACITY; i++) runIds.push((await runner.run(COMMAND)).runId);
        for (const runId of runIds) await finalStatus(runner, runId);
      }
      await runner.release();
    },
  });
  if (!verdict.held || verdict.runs !== runs) throw new Error(verdict.failure?.message ?? 'runs are missing');
}

/** Runs per second, and how the time grows with their number. */
export async function measureRuns(rounds: number): Promise<Figure[]> {
  await simulateRuns(RUNS);
  const costs = await interleave(
    { few: () => simulateRuns(RUNS), many: () => simulateRuns(RUNS * GROWTH) },
    rounds,
  );
  const perSecond = (of: (cost: Cost) => number): number =>
    Math.round(median(costs.many.map((cost) => (RUNS * GROWTH * 1000) / of(cost))));
  const growth = median(costs.many.map(({ cpuMs }, i) => cpuMs / (costs.few[i]?.cpuMs ?? NaN)));
  return [
    {
      name: 'simulated runs',
      value: perSecond(({ cpuMs }) => cpuMs),
      unit: '/s',
      goal: 100_000,
      goalIs: 'least',
      by: 'CPU time',
      peer: 'nobody publishes one',
      note: `${RUNS * GROWTH} runs, trace hashing and default oracles on; on one core CPU time is wall time when nothing else runs`,
      more: {
        perSecondByWallTime: perSecond(({ wallMs }) => wallMs),
        bestPerSecond: Math.round(Math.max(...costs.many.map(({ cpuMs }) => (RUNS * GROWTH * 1000) / cpuMs))),
      },
    },
    {
      name: `time for ${GROWTH} × the runs`,
      value: growth,
      unit: '×',
      goal: 12,
      goalIs: 'most',
      by: 'CPU time',
      peer: `${RUNS} runs in the same round`,
      note: `${RUNS} and ${RUNS * GROWTH} runs`,
    },
  ];
}
